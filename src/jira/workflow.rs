//! The way of an issue from the status that it has to the category where it should be. Pure.
//!
//! Jira shows only the transitions that start from an issue's status now; what lies behind them is seen when
//! the issue is there. [`Atlas`] keeps what was seen, so that the next issue of the same workflow does not
//! go where nothing is found; [`Walk`] picks one step after the other. Only categories count as where a
//! status is; the name of a status tells nothing but whether it is the same one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::fields::{Catalog, Wording};
use crate::plan::Category;

/// Most steps of one walk.
pub const STEPS: usize = 8;

/// A way from one status to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Name of the target status.
    pub to: String,
    /// Category of the target status.
    pub category: Category,
    /// What its screen is filled with.
    pub fields: Map<String, Value>,
    /// What its screen demands and cannot be filled with, in words: it cannot be taken.
    pub lacks: Vec<String>,
}

/// What the screens of transitions are filled with.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a> {
    /// The resolution, where a screen has one.
    pub resolution: Option<&'a str>,
    /// Other fields: name and text.
    pub fields: &'a BTreeMap<String, String>,
    /// Ids of fields that have a value already: it stays.
    pub filled: &'a BTreeSet<String>,
    /// The form of values.
    pub wording: Wording<'a>,
}

impl Transition {
    /// Reads a transition as Jira lists it with its fields; none where it is not open, leads nowhere else, or to
    /// a category that is not known.
    pub fn read(value: &Value, fill: Fill<'_>) -> Option<Self> {
        if value["isAvailable"] == false || value["looped"] == true {
            return None;
        }
        let mut transition = Self {
            id: value["id"].as_str()?.to_owned(),
            name: value["name"].as_str().unwrap_or_default().to_owned(),
            to: value["to"]["name"].as_str().unwrap_or_default().to_owned(),
            category: category(&value["to"]["statusCategory"]["key"])?,
            fields: Map::new(),
            lacks: Vec::new(),
        };
        for field in Catalog::read(value).iter() {
            let own = fill.fields.iter().find(|(name, _)| is_called(name, &field.name, &field.id));
            let text = match (own, field.id.as_str()) {
                (Some((_, text)), _) => Some(text.as_str()),
                (None, "resolution") => fill.resolution,
                (None, _) => None,
            };
            if fill.filled.contains(&field.id) {
                continue;
            }
            match text.map(|text| field.mean(text, fill.wording)) {
                Some(Ok(meant)) if !meant.text.is_empty() => {
                    transition.fields.insert(field.id.clone(), meant.value);
                }
                Some(Err(unfit)) if field.is_demanded() => transition.lacks.push(unfit.to_string()),
                Some(_) | None if field.is_demanded() => {
                    transition.lacks.push(format!("it demands `{}`", field.name));
                }
                Some(_) | None => {}
            }
        }
        Some(transition)
    }

    fn is_open(&self) -> bool {
        self.lacks.is_empty()
    }
}

/// Whether a name in the config stands for a field.
pub(super) fn is_called(name: &str, field: &str, id: &str) -> bool {
    name == id || name.trim().to_lowercase() == field.trim().to_lowercase()
}

/// Category of a status by its key, which is the same in every language.
pub fn category(key: &Value) -> Option<Category> {
    match key.as_str()? {
        "new" | "undefined" => Some(Category::New),
        "indeterminate" => Some(Category::InProgress),
        "done" => Some(Category::Done),
        _ => None,
    }
}

/// Whether an issue of a category is where it should be: done, or open in any way.
pub fn is_there(category: Category, goal: Category) -> bool {
    (category == Category::Done) == (goal == Category::Done)
}

/// The best of the transitions that lead to the goal at once: to the very category first, then one whose screen
/// takes something of what was configured, such as the resolution, then the order in which Jira lists them.
pub fn direct(ways: &[Transition], goal: Category) -> Option<&Transition> {
    ways.iter()
        .filter(|way| way.is_open() && is_there(way.category, goal))
        // The first of equals: a minimum is.
        .min_by_key(|way| (way.category != goal, way.fields.is_empty()))
}

/// What the ways out of a status say, as few characters: another text where other ways are open, or where screens are
/// filled otherwise, since a screen further on may be the one that was in the way.
pub fn digest(ways: &[Transition], filling: &BTreeMap<String, String>) -> String {
    let mut told: Vec<String> =
        ways.iter().map(|way| format!("{} {} {:?}", way.id, way.to, way.lacks)).collect();
    told.sort();
    told.extend(filling.iter().map(|(field, value)| format!("{field}={value}")));
    format!("{:08x}", crc32fast::hash(told.join("\n").as_bytes()))
}

/// Why nothing leads to the goal, for people.
pub fn why_not(ways: &[Transition], goal: Category) -> String {
    let lacking: Vec<String> = ways
        .iter()
        .filter(|way| is_there(way.category, goal) && !way.is_open())
        .map(|way| format!("`{}` leads to `{}`, but {}", way.name, way.to, way.lacks.join(" and ")))
        .collect();
    if !lacking.is_empty() {
        return format!("{}; `jira.transition_fields` fills screens", lacking.join("; "));
    }
    let names: BTreeSet<String> = ways.iter().map(|way| format!("`{}`", way.to)).collect();
    match names.len() {
        0 => "Jira offers no transition at all: the workflow has none from here, or the account lacks the permission \
              TRANSITION_ISSUES"
            .to_owned(),
        _ => format!("the workflow leads only to {}", names.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

/// What was seen of a workflow: the ways out of each status where an issue was looked at.
#[derive(Debug, Clone, Default)]
pub struct Atlas {
    seen: BTreeMap<String, Vec<Transition>>,
}

impl Atlas {
    /// Remembers the ways out of a status, as they are now.
    pub fn learn(&mut self, status: &str, ways: &[Transition]) {
        self.seen.insert(status.to_owned(), ways.to_vec());
    }

    /// First step of the shortest way from a status that is known to another one.
    fn towards(
        &self,
        from: &str,
        is_end: impl Fn(&str, Option<Category>) -> bool,
        tried: &BTreeSet<(String, String)>,
        goal: Category,
    ) -> Option<&Transition> {
        let mut queue: VecDeque<(&str, Option<&Transition>)> = VecDeque::from([(from, None)]);
        let mut met: BTreeSet<&str> = BTreeSet::from([from]);
        while let Some((at, first)) = queue.pop_front() {
            let mut ways: Vec<&Transition> = self
                .seen
                .get(at)
                .into_iter()
                .flatten()
                .filter(|way| way.is_open() && !tried.contains(&(at.to_owned(), way.id.clone())))
                .collect();
            // On the way to done what is in progress lies nearer than what is not begun; Jira's order decides the rest.
            ways.sort_by_key(|way| match (goal, way.category) {
                (Category::Done, Category::New) => 1,
                _ => 0,
            });
            for way in ways {
                let step = first.unwrap_or(way);
                if is_end(&way.to, Some(way.category)) {
                    return Some(step);
                }
                if met.insert(&way.to) {
                    queue.push_back((&way.to, Some(step)));
                }
            }
        }
        None
    }
}

/// One issue on its way.
#[derive(Debug, Clone)]
pub struct Walk {
    goal: Category,
    /// Where it began.
    start: String,
    /// Transitions that were taken, with the status they began at.
    tried: BTreeSet<(String, String)>,
    /// Steps that may still be taken.
    left: usize,
}

impl Walk {
    /// A walk from a status.
    pub fn new(start: &str, goal: Category) -> Self {
        Self { goal, start: start.to_owned(), tried: BTreeSet::new(), left: STEPS }
    }

    /// Where it began.
    pub fn start(&self) -> &str {
        &self.start
    }

    /// The next step from a status, whose ways the atlas knows: along the shortest known way to the goal, else to
    /// the nearest status that was never looked at. None where neither is left: there is no way.
    pub fn step(&mut self, at: &str, atlas: &Atlas) -> Option<Transition> {
        self.left = self.left.checked_sub(1)?;
        let here = atlas.seen.get(at).map_or(&[][..], Vec::as_slice);
        let goal = self.goal;
        let found = direct(here, goal)
            .or_else(|| {
                let reaches = |_: &str, category: Option<Category>| {
                    category.is_some_and(|category| is_there(category, goal))
                };
                atlas.towards(at, reaches, &self.tried, goal)
            })
            .or_else(|| {
                let unseen = |status: &str, _: Option<Category>| !atlas.seen.contains_key(status);
                atlas.towards(at, unseen, &self.tried, goal)
            })
            .cloned()?;
        self.tried.insert((at.to_owned(), found.id.clone()));
        Some(found)
    }

    /// The next step back to where the walk began, after it came to no end.
    pub fn back(&mut self, at: &str, atlas: &Atlas) -> Option<Transition> {
        if at == self.start {
            return None;
        }
        let start = self.start.clone();
        let found = atlas.towards(at, |status, _| status == start, &BTreeSet::new(), self.goal).cloned()?;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jira::{Dialect, fields::People};

    /// Statuses with their category and their ways: id, target, whether it can be taken.
    type Shape = &'static [(&'static str, Category, &'static [(&'static str, &'static str, bool)])];

    use Category::{Done, InProgress, New};

    fn ways(shape: Shape, at: &str) -> Vec<Transition> {
        let (.., ways) = shape.iter().find(|(status, ..)| *status == at).unwrap();
        ways.iter()
            .map(|(id, to, open)| Transition {
                id: (*id).to_owned(),
                name: "移動".to_owned(),
                to: (*to).to_owned(),
                category: shape.iter().find(|(status, ..)| status == to).unwrap().1,
                fields: Map::new(),
                lacks: if *open { Vec::new() } else { vec!["it demands `X`".to_owned()] },
            })
            .collect()
    }

    /// Statuses in the order in which an issue goes through them, the way back included.
    fn walked(shape: Shape, start: &str, goal: Category, atlas: &mut Atlas) -> Vec<String> {
        let mut walk = Walk::new(start, goal);
        let mut path = vec![start.to_owned()];
        let mut returning = false;
        for _ in 0..2 * STEPS {
            let at = path[path.len() - 1].clone();
            let category = shape.iter().find(|(status, ..)| *status == at).unwrap().1;
            if is_there(category, goal) {
                break;
            }
            atlas.learn(&at, &ways(shape, &at));
            let step = if returning { walk.back(&at, atlas) } else { walk.step(&at, atlas) };
            match step {
                Some(step) => path.push(step.to),
                None if returning => break,
                None => returning = true,
            }
        }
        path
    }

    const GERMAN: Shape = &[
        ("Zu erledigen", New, &[("31", "In Arbeit", true), ("21", "Fertig", true)]),
        ("In Arbeit", InProgress, &[("21", "Fertig", true)]),
        ("Fertig", Done, &[("11", "Zu erledigen", true)]),
    ];
    const TWO_STEPS: Shape = &[
        ("Offen", New, &[("71", "In Prüfung", true)]),
        ("In Prüfung", InProgress, &[("81", "Offen", true), ("91", "Geschlossen", true)]),
        ("Geschlossen", Done, &[("101", "In Prüfung", true)]),
    ];
    const DEAD_END: Shape = &[
        ("Eingang", New, &[("111", "Wartet", true)]),
        ("Wartet", InProgress, &[("121", "Eingang", true)]),
        ("Abgelegt", Done, &[("131", "Eingang", true)]),
    ];
    const ONE_WAY: Shape = &[("a", New, &[("1", "b", true)]), ("b", InProgress, &[]), ("c", Done, &[])];
    const SCREENS: Shape = &[
        ("a", New, &[("1", "done", false), ("2", "b", true), ("3", "c", true)]),
        ("b", New, &[("4", "a", true)]),
        ("c", InProgress, &[("5", "done", true)]),
        ("done", Done, &[]),
    ];
    const CHAIN: Shape = &[
        ("0", New, &[("1", "1", true)]),
        ("1", InProgress, &[("1", "2", true)]),
        ("2", InProgress, &[("1", "3", true)]),
        ("3", InProgress, &[("1", "4", true)]),
        ("4", InProgress, &[("1", "5", true)]),
        ("5", InProgress, &[("1", "6", true)]),
        ("6", InProgress, &[("1", "7", true)]),
        ("7", InProgress, &[("1", "8", true)]),
        ("8", InProgress, &[("1", "9", true)]),
        ("9", Done, &[]),
    ];
    const ARCHIVE: Shape = &[
        ("open", InProgress, &[("1", "done", true)]),
        ("done", Done, &[("2", "archived", true)]),
        ("archived", Done, &[("3", "restored", true)]),
        ("restored", Done, &[("4", "open", true)]),
    ];
    const RING: Shape = &[
        ("a", New, &[("1", "b", true), ("2", "a", true)]),
        ("b", InProgress, &[("3", "c", true)]),
        ("c", InProgress, &[("4", "a", true), ("5", "b", true)]),
    ];

    #[test]
    fn an_issue_gets_there_over_any_workflow_and_stays_where_it_was_where_there_is_no_way() {
        let zoo: [(Shape, &str, Category, &str); 13] = [
            (GERMAN, "Zu erledigen", Done, "Zu erledigen Fertig"),
            (GERMAN, "Fertig", New, "Fertig Zu erledigen"),
            (TWO_STEPS, "Offen", Done, "Offen In Prüfung Geschlossen"),
            (TWO_STEPS, "Geschlossen", New, "Geschlossen In Prüfung"),
            (DEAD_END, "Eingang", Done, "Eingang Wartet Eingang"),
            (DEAD_END, "Wartet", Done, "Wartet Eingang Wartet"),
            (ONE_WAY, "a", Done, "a b"),
            (ONE_WAY, "b", Done, "b"),
            (SCREENS, "a", Done, "a c done"),
            (SCREENS, "done", New, "done"),
            (CHAIN, "1", Done, "1 2 3 4 5 6 7 8 9"),
            (ARCHIVE, "done", New, "done archived restored open"),
            (RING, "a", Done, "a b c a"),
        ];
        for (shape, start, goal, path) in zoo {
            assert_eq!(
                walked(shape, start, goal, &mut Atlas::default()).join(" "),
                path,
                "{start} to {goal:?}"
            );
        }
    }

    #[test]
    fn a_walk_ends_after_eight_steps() {
        assert_eq!(walked(CHAIN, "0", Done, &mut Atlas::default()).len(), STEPS + 1);
    }

    #[test]
    fn the_second_issue_of_a_workflow_goes_nowhere_in_vain() {
        let mut atlas = Atlas::default();
        assert_eq!(walked(DEAD_END, "Eingang", Done, &mut atlas).len(), 3);
        assert_eq!(walked(DEAD_END, "Eingang", Done, &mut atlas), ["Eingang"]);
        assert_eq!(walked(SCREENS, "b", Done, &mut atlas), ["b", "a", "c", "done"]);
    }

    #[test]
    fn the_choice_among_direct_ways_is_by_category_then_by_what_their_screens_take() {
        let way = |id: &str, category, filled: bool| Transition {
            id: id.to_owned(),
            name: String::new(),
            to: id.to_owned(),
            category,
            fields: if filled { Map::from_iter([("resolution".to_owned(), json!(1))]) } else { Map::new() },
            lacks: Vec::new(),
        };
        let chosen = |ways: &[Transition], goal| direct(ways, goal).map(|way| way.id.clone());
        let ways = [way("rejected", Done, false), way("resolved", Done, true), way("closed", Done, true)];
        assert_eq!(chosen(&ways, Done).as_deref(), Some("resolved"));
        let ways = [way("working", InProgress, true), way("to do", New, false)];
        assert_eq!(chosen(&ways, New).as_deref(), Some("to do"));
        assert_eq!(chosen(&ways, Done), None);
    }

    fn listed(more: &Value) -> Value {
        let mut value = json!({
            "id": "5", "name": "完了する", "isAvailable": true,
            "to": { "name": "完了", "statusCategory": { "key": "done" } },
            "fields": {
                "resolution": { "name": "解決状況", "required": true, "schema": { "type": "resolution" },
                    "allowedValues": [{ "id": "10000", "name": "Done" }] },
                "customfield_7": { "name": "Root cause", "required": true, "schema": { "type": "option" },
                    "allowedValues": [{ "id": "1", "value": "Pricing" }] },
                "customfield_8": { "name": "Note", "required": true, "hasDefaultValue": true, "schema": { "type": "string" } },
            },
        });
        for (name, given) in more.as_object().unwrap() {
            value[name] = given.clone();
        }
        value
    }

    fn read(
        value: &Value,
        resolution: Option<&str>,
        fields: &[(&str, &str)],
        filled: &[&str],
    ) -> Option<Transition> {
        let people = People::default();
        let fields = fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let filled = filled.iter().map(|id| (*id).to_owned()).collect();
        let wording = Wording { dialect: Dialect::Cloud, people: &people };
        Transition::read(value, Fill { resolution, fields: &fields, filled: &filled, wording })
    }

    #[test]
    fn a_screen_is_filled_from_the_config_and_says_what_it_lacks() {
        let all = read(&listed(&json!({})), Some("Done"), &[("root CAUSE", "pricing")], &[]).unwrap();
        assert_eq!(
            json!(all.fields),
            json!({ "resolution": { "id": "10000" }, "customfield_7": { "id": "1" } })
        );
        assert_eq!(all.lacks, Vec::<String>::new());
        let none = read(&listed(&json!({})), Some("Fixed"), &[], &[]).unwrap();
        assert_eq!(
            none.lacks,
            [
                "it demands `Root cause`",
                "`解決状況` takes one of its values, but found `Fixed` (allowed: `Done`)",
            ]
        );
        assert_eq!(direct(std::slice::from_ref(&none), Done), None);
        assert!(why_not(&[none], Done).contains("`jira.transition_fields`"));
        let kept = read(&listed(&json!({})), Some("Done"), &[("Root cause", "Pricing")], &["customfield_7"])
            .unwrap();
        assert_eq!(
            json!(kept.fields),
            json!({ "resolution": { "id": "10000" } }),
            "what people filled in stays"
        );
    }

    #[test]
    fn a_resolution_is_sent_only_where_the_screen_has_it() {
        let bare =
            read(&listed(&json!({ "fields": {} })), Some("Done"), &[("Root cause", "Pricing")], &[]).unwrap();
        assert_eq!((bare.fields, bare.lacks), (Map::new(), Vec::new()));
    }

    #[test]
    fn transitions_that_are_not_open_are_left_out() {
        assert_eq!(read(&listed(&json!({ "isAvailable": false })), None, &[], &[]), None);
        assert_eq!(read(&listed(&json!({ "looped": true })), None, &[], &[]), None);
        let unknown = json!({ "name": "?", "statusCategory": { "key": "completed" } });
        assert_eq!(read(&listed(&json!({ "to": unknown })), None, &[], &[]), None);
    }

    #[test]
    fn other_ways_have_another_digest_in_whatever_order_they_come() {
        let mut seen = ways(SCREENS, "a");
        let mut filling = BTreeMap::new();
        let before = digest(&seen, &filling);
        seen.reverse();
        assert_eq!(digest(&seen, &filling), before);
        filling.insert("Root cause".to_owned(), "Data".to_owned());
        assert_ne!(digest(&seen, &filling), before, "a screen further on may be filled by it");
        filling.clear();
        for way in &mut seen {
            way.lacks.clear();
        }
        assert_ne!(digest(&seen, &filling), before);
    }
}
