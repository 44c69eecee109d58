//! What rules of routing say of tickets, tried before the first write: accounts that cannot be assigned any more,
//! values that the project does not have, and issue types with demands of their own.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, Repeat, Settings},
    discovery::{Finding, Verdict},
    error::{Cause, JiraError},
    fields::{Catalog, elements},
    ready::{Ready, missing, takes_people},
};
use crate::{
    plan::{self, ASSIGNEE, Issue},
    ticket::Content,
};

/// Everything that rules can say of a ticket, each with the setting that says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routed {
    /// Fields by name or id: setting and text of every rule that sets one.
    pub fields: BTreeMap<String, Vec<(String, String)>>,
    /// Priorities: setting and name.
    pub priorities: Vec<(String, String)>,
    /// Issue types: setting and name.
    pub issue_types: Vec<(String, String)>,
    /// Accounts that watch: setting and text.
    pub watchers: Vec<(String, String)>,
    /// Who gets a ticket whose assignee cannot be assigned.
    pub fallback_assignee: Option<String>,
    /// What rules say that send tickets to another project than that of `jira.project`, by its key.
    pub elsewhere: BTreeMap<String, Routed>,
    /// What the rules say that send tickets to other projects than this one, or to none by name where this is another one
    /// than that of `jira.project`: its tickets may follow those as well, as far as the project takes what they say.
    pub beside: Option<Box<Routed>>,
}

impl Routed {
    /// What is said of tickets in another project.
    pub(super) fn of(&self, project: &str) -> Self {
        let mut own = self.elsewhere.get(project).cloned().unwrap_or_default();
        let mut beside = Self { elsewhere: BTreeMap::new(), beside: None, ..self.clone() };
        for (_, rules) in self.elsewhere.iter().filter(|(other, _)| *other != project) {
            beside.join(rules);
        }
        own.fallback_assignee.clone_from(&self.fallback_assignee);
        own.beside = Some(Box::new(beside));
        own
    }

    /// The same with what all other rules say beside it.
    #[must_use]
    pub fn with_others(mut self) -> Self {
        let mut beside = Self::default();
        for rules in self.elsewhere.values() {
            beside.join(rules);
        }
        self.beside = (beside != Self::default()).then(|| Box::new(beside));
        self
    }

    fn join(&mut self, other: &Self) {
        for (name, texts) in &other.fields {
            self.fields.entry(name.clone()).or_default().extend(texts.iter().cloned());
        }
        self.priorities.extend(other.priorities.iter().cloned());
        self.issue_types.extend(other.issue_types.iter().cloned());
        self.watchers.extend(other.watchers.iter().cloned());
    }
}

/// The setting of the account that stands in.
pub const FALLBACK: &str = "ticket.fallback_assignee";

impl Ready {
    /// Accounts that rules name, wherever they do.
    pub(super) fn routed_people(&self, routed: &Routed) -> BTreeSet<String> {
        let of_fields = routed
            .fields
            .iter()
            .filter(|(name, _)| self.fields.get(*name).is_some_and(takes_people))
            .flat_map(|(_, texts)| texts.iter().flat_map(|(_, text)| elements(text)));
        let watchers = routed.watchers.iter().map(|(_, who)| who.clone());
        of_fields.chain(watchers).chain(routed.fallback_assignee.clone()).collect()
    }

    /// Tries every text of a rule. An account that cannot be assigned stops nothing: another one stands in for it.
    pub(super) fn try_routed(&mut self, routed: &Routed) {
        if let Some(fallback) = &routed.fallback_assignee {
            match self.people.get(fallback) {
                Some(Ok(person)) => {
                    let said = format!("stands in where an assignee cannot be assigned: {}", person.name);
                    self.findings.push(Finding::new(FALLBACK, Verdict::Good, said));
                }
                Some(Err(why)) => self.findings.push(Finding::new(
                    FALLBACK,
                    Verdict::Weak,
                    format!("`{fallback}`: {why}; nobody stands in"),
                )),
                None => {}
            }
        }
        let stands_in = self.stand_in(routed);
        for (name, texts) in &routed.fields {
            let Some(field) = self.fields.get(name).cloned() else { continue };
            for (setting, text) in texts {
                let (verdict, said) = match self.mean(&field, text) {
                    Ok(meant) => {
                        (Verdict::Good, format!("`{}` ({}) will be `{}`", field.name, field.id, meant.text))
                    }
                    Err(unfit) if name == ASSIGNEE => {
                        (Verdict::Weak, format!("not assignable: {unfit}; {}", whose(stands_in.as_deref())))
                    }
                    Err(unfit) if takes_people(&field) => (Verdict::Weak, format!("{unfit}; it is left out")),
                    Err(unfit) => (Verdict::Bad, unfit.to_string()),
                };
                self.find(setting.clone(), verdict, said);
            }
        }
        for (setting, who) in &routed.watchers {
            let (verdict, said) = match self.people.get(who) {
                Some(Ok(person)) => (Verdict::Good, format!("{} watches", person.name)),
                Some(Err(why)) => (Verdict::Weak, format!("`{who}`: {why}; left out")),
                None => continue,
            };
            self.findings.push(Finding::new(setting.clone(), verdict, said));
        }
        self.stands_in = stands_in;
    }

    /// The account that stands in, where it can be assigned itself.
    fn stand_in(&self, routed: &Routed) -> Option<String> {
        let fallback = routed.fallback_assignee.as_ref()?;
        self.people.get(fallback)?.as_ref().ok()?;
        Some(fallback.clone())
    }

    /// Names what the create screen of another issue type lacks or demands.
    pub(super) fn try_issue_type(
        &mut self,
        setting: &str,
        screen: Result<Catalog, String>,
        settings: &Settings,
    ) {
        let screen = match screen {
            Ok(screen) if screen.is_empty() => return,
            Ok(screen) => screen,
            Err(said) => return self.find(setting.to_owned(), Verdict::Bad, said),
        };
        let lacks = self.fields.values().filter(|field| screen.by_id(&field.id).is_none()).map(|field| {
            format!("the create screen of the type has no `{}`, which the config sets", field.name)
        });
        let is_usual = |id: &str| self.catalog.by_id(id).is_some_and(super::fields::Field::is_demanded);
        let demands = screen
            .iter()
            .filter(|field| field.is_demanded() && !is_usual(&field.id) && !self.is_set(field))
            .map(|field| format!("the type demands `{}`, which nothing sets", field.name));
        let own = missing(&screen, settings.has_priorities()).into_iter().map(|field| {
            format!(
                "the create screen of the type has no `{field}`, which tickets have; add it to the screen"
            )
        });
        // What tickets have is told alone, as with the type of the project: not each ticket has all of it.
        let refused: Vec<String> = lacks.chain(demands).collect();
        self.refused_creates.extend(refused.iter().map(|said| format!("`{setting}`: {said}")));
        let findings = own.chain(refused).map(|said| Finding::new(setting, Verdict::Bad, said));
        self.findings.extend(findings);
    }

    /// Puts the account that stands in in the place of an assignee that cannot be assigned, and leaves out watchers
    /// that are not there; both are told.
    pub(super) fn settle_people(&self, content: &mut Content, told: &mut Vec<plan::Unfit>) {
        content.watchers.retain(|who| match self.people.get(who) {
            Some(Err(why)) => {
                told.push(plan::Unfit { what: format!("the watcher `{who}`: {why}"), demanded: false });
                false
            }
            _ => true,
        });
        if !content.routed.contains(ASSIGNEE) {
            return;
        }
        let (Some(field), Some(text)) = (self.fields.get(ASSIGNEE), content.fields.get_mut(ASSIGNEE)) else {
            return;
        };
        let Err(unfit) = self.mean(field, text) else { return };
        let what = format!("{unfit}; {}", whose(self.stands_in.as_deref()));
        told.push(plan::Unfit { what, demanded: false });
        match &self.stands_in {
            Some(other) => text.clone_from(other),
            None => drop(content.fields.remove(ASSIGNEE)),
        }
    }

    /// Fields that the screen demands and that only some rules set.
    pub(super) fn unrouted(&self, content: &Content) -> impl Iterator<Item = plan::Unfit> {
        self.routed_fields
            .iter()
            .filter(|name| !content.fields.contains_key(*name))
            .filter_map(|name| self.fields.get(name).filter(|field| field.is_demanded()))
            .map(|field| plan::Unfit {
                what: format!("`{}` is demanded, and no rule of routing that fits sets it", field.name),
                demanded: true,
            })
    }
}

fn whose(stands_in: Option<&str>) -> String {
    stands_in.map_or_else(
        || format!("its tickets stay with whom Jira gives them to; set `{FALLBACK}`"),
        |other| format!("its tickets go to `{other}`"),
    )
}

impl Client {
    /// Makes an account watch an issue. Idempotent.
    pub async fn add_watcher(&self, issue: &Issue, who: &str) -> Result<(), JiraError> {
        let path = format!("/issue/{}/watchers", issue.id);
        let ready = self.ready();
        let Some(Ok(person)) = ready.of_issue(issue).people.get(who) else {
            let (call, said) = (format!("POST {path}"), format!("`{who}` is no account that was looked up"));
            return Err(JiraError { call, cause: Cause::Refused(400), said });
        };
        self.send(Method::POST, &path, &json!(person.id), Repeat::Safe).await.map(drop)
    }

    /// Changes an issue without a mail to those who watch it, where the account may do that: Cloud ignores the wish of
    /// others, Data Center refuses the change, which is then made as usual, and so are all later ones.
    pub(super) async fn put_quietly(
        &self,
        path: &str,
        body: &Value,
        repeat: Repeat,
    ) -> Result<(), JiraError> {
        if self.may_be_quiet() {
            match self.put(path, &[("notifyUsers", "false")], body, repeat).await {
                Err(error) if error.cause == Cause::Forbidden => {}
                answer => return answer,
            }
            // Where the change itself is forbidden nothing is learned about the wish.
            self.put(path, &[], body, repeat).await?;
            self.be_loud();
            return Ok(());
        }
        self.put(path, &[], body, repeat).await
    }
}
