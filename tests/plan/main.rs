//! The plan against an in-memory Jira: what is written, what is held, and that a second plan is empty.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy knows test functions only, not what they share"
)]

mod dialects;
mod fields;
mod life;
mod lifecycle;
mod lists;
mod merge;
mod people;
mod printed;
mod routes;
mod rulings;
mod structure;

use std::collections::{BTreeMap, BTreeSet};

use disputebot::{
    dispute::{Program, Text},
    group::{Group, GroupId, Status},
    plan::{
        self, Action, Category, Change, Closed, HoldReason, Input, Issue, Life, Link, Mark, Moment, Observed,
        Params, Plan, Reason, Resolutions, Ruling, Standing, Stray, StrayKind, Ticket, Ways, Write,
        list_topic,
    },
    ticket::{
        Content, LABEL, Markup, Typed, Weight, adf, block,
        document::{self, Block, Inline, Task},
        facts::Grain,
        list::Attached,
        markup,
    },
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

pub(crate) const A: u128 = 0xaaaa_0000_0000_0000_0000_0000_0000_0001;
pub(crate) const B: u128 = 0xbbbb_0000_0000_0000_0000_0000_0000_0002;
pub(crate) const C: u128 = 0xcccc_0000_0000_0000_0000_0000_0000_0003;

pub(crate) fn id(bits: u128) -> GroupId {
    GroupId::from_bits(bits)
}

/// Groups, what is known of their tickets, and a Jira that keeps what is written to it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) complete: bool,
    pub(crate) read: bool,
    pub(crate) params: Params,
    pub(crate) groups: BTreeMap<GroupId, Group>,
    pub(crate) standing: BTreeMap<GroupId, Standing>,
    pub(crate) tickets: BTreeMap<GroupId, Ticket>,
    pub(crate) jira: BTreeMap<String, Observed>,
    /// Key and words of each comment, in the order of writing.
    pub(crate) comments: Vec<(String, String)>,
    /// Key and account of each watcher, in the order of adding.
    pub(crate) watchers: Vec<(String, String)>,
    /// Link type, from and to.
    pub(crate) links: Vec<(String, String, String)>,
    pub(crate) strays: Vec<Stray>,
    pub(crate) markup: Markup,
    pub(crate) upload_limit: Option<u64>,
    pub(crate) text_limit: usize,
    pub(crate) rulings: Vec<Ruling>,
    pub(crate) doubt: Option<String>,
    /// The other projects, and whether Jira shows each.
    pub(crate) elsewhere: BTreeMap<String, bool>,
    /// Ways out of statuses, by name.
    pub(crate) ways: BTreeMap<String, Ways>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: "2026-08-22T06:00:00Z".parse().unwrap(),
            complete: true,
            read: true,
            params: Params {
                max_new_tickets: 50,
                min_disputes: 4,
                min_amount: Decimal::ZERO,
                amount_alone: None,
                due_within_days: Some(14),
                resolve: true,
                resolutions: Resolutions { settled: Some("Done".to_owned()), ..Resolutions::default() },
                split_link: "Relates".to_owned(),
                merge_link: "Duplicate".to_owned(),
                settle: SignedDuration::from_mins(5),
                commanders: vec!["*".to_owned()],
                manners: plan::Manners::default(),
                fixed_fields: BTreeSet::new(),
            },
            groups: BTreeMap::new(),
            standing: BTreeMap::new(),
            tickets: BTreeMap::new(),
            jira: BTreeMap::new(),
            comments: Vec::new(),
            watchers: Vec::new(),
            links: Vec::new(),
            strays: Vec::new(),
            markup: Markup::Adf,
            upload_limit: None,
            text_limit: 30_000,
            rulings: Vec::new(),
            elsewhere: BTreeMap::new(),
            doubt: None,
            ways: BTreeMap::new(),
        }
    }

    /// A world in which group `A` has a ticket that is up to date.
    pub(crate) fn with_ticket() -> Self {
        Self::with_ticket_in(Markup::Adf)
    }

    /// The same on a Jira that stores rich text in this way.
    pub(crate) fn with_ticket_in(markup: Markup) -> Self {
        let mut world = Self { markup, ..Self::new() };
        world.add(A, 5, 1000);
        world.run();
        assert!(world.plan().is_empty());
        world
    }

    /// Adds an active group with some disputes and some money.
    pub(crate) fn add(&mut self, bits: u128, disputes: usize, amount: i64) {
        let members: Vec<Text> =
            (0..disputes).map(|n| format!("D-{}-{n:03}", id(bits).short()).into()).collect();
        let group = Group {
            id: id(bits),
            program: Program::Mdrp,
            client: "Example Pharma A".into(),
            patterns: Vec::new(),
            members,
            since: self.now,
            split_from: None,
            status: Status::Active,
            pending: Vec::new(),
        };
        self.groups.insert(id(bits), group);
        let title = format!("pattern {}", id(bits).short());
        let standing = Standing {
            content: Some(Ok(content(bits, disputes))),
            title,
            weight: Weight { amount: Decimal::from(amount), disputes, ..Weight::default() },
            absent: 0,
            moved: (0, 0),
            returned: false,
            unfit: Vec::new(),
            days_left: None,
            fresh_amount: Decimal::ZERO,
        };
        self.standing.insert(id(bits), standing);
    }

    pub(crate) fn group(&mut self, bits: u128) -> &mut Group {
        self.groups.get_mut(&id(bits)).unwrap()
    }

    pub(crate) fn standing(&mut self, bits: u128) -> &mut Standing {
        self.standing.get_mut(&id(bits)).unwrap()
    }

    pub(crate) fn content(&mut self, bits: u128) -> &mut Content {
        self.standing(bits).content.as_mut().unwrap().as_mut().unwrap()
    }

    pub(crate) fn ticket(&mut self, bits: u128) -> &mut Ticket {
        self.tickets.get_mut(&id(bits)).unwrap()
    }

    /// The issue of a group as Jira has it.
    pub(crate) fn issue(&mut self, bits: u128) -> &mut Observed {
        let issue = self.tickets[&id(bits)].issue().unwrap().id.clone();
        self.jira.get_mut(&issue).unwrap()
    }

    /// Ends a group: nothing is wanted of its ticket any more.
    pub(crate) fn end(&mut self, bits: u128, status: Status) {
        let group = self.group(bits);
        group.status = status;
        group.members.clear();
        self.standing(bits).content = None;
    }

    pub(crate) fn plan(&self) -> Plan {
        let groups: Vec<Group> = self.groups.values().cloned().collect();
        let input = Input {
            now: &self.moment(),
            complete: self.complete,
            groups: &groups,
            standing: &self.standing,
            tickets: &self.tickets,
            observed: &self.jira,
            markup: self.markup,
            project: "DISP",
            elsewhere: &self.elsewhere,
            site: "https://jira.example.com",
            read: self.read,
            strays: &self.strays,
            doubt: self.doubt.as_deref(),
            ways: &self.ways,
            upload_limit: self.upload_limit,
            text_limit: self.text_limit,
            rulings: &self.rulings,
            overwritten: &BTreeMap::new(),
        };
        let plan = plan::plan(&input, &self.params);
        assert_eq!(plan, plan::plan(&input, &self.params), "the same input gives the same plan");
        plan
    }

    /// Makes a plan, applies it, and demands that nothing is left to do.
    pub(crate) fn run(&mut self) -> Plan {
        let plan = self.plan();
        self.apply(&plan);
        let again = self.plan();
        assert!(again.is_empty(), "the second plan is not empty: {:#?}", again.actions);
        plan
    }

    pub(crate) fn apply(&mut self, plan: &Plan) {
        for action in &plan.actions {
            self.write(action);
        }
    }

    /// One write, as Jira takes it and as the state records it.
    pub(crate) fn write(&mut self, action: &Action) {
        let none = Ticket::none(action.group.clone());
        let mut ticket = self.tickets.get(&action.group).cloned().unwrap_or(none);
        match &action.write {
            Write::Create { content, .. } => {
                let number = 10_001 + self.jira.len();
                let issue = Issue { id: number.to_string(), key: format!("DISP-{}", number - 10_000) };
                let nodes = self.markup.nodes(&content.block);
                let description = block::compose(self.markup, &action.group, &[], &nodes, &[]);
                let observed = Observed {
                    issue: issue.clone(),
                    summary: content.summary.clone(),
                    description: as_stored(&description),
                    labels: content.labels.iter().cloned().collect(),
                    status: "To Do".to_owned(),
                    category: Category::New,
                    priority: content.priority.clone(),
                    due: content.due,
                    assignee: None,
                    duplicate_of: Vec::new(),
                    fields: content.fields.clone(),
                    lists: Vec::new(),
                    comments: Vec::new(),
                    has_more_comments: false,
                    updated: "".into(),
                };
                self.jira.insert(issue.id.clone(), observed);
                ticket.link = Link::Bound { issue };
                ticket.written = Some(plan::written(content, self.markup));
            }
            Write::Update { issue, changes, before: _, written, mark: _, tells, unsaid: _ } => {
                assert!(!changes.is_empty(), "an update without a change");
                let observed = self.jira.get_mut(&issue.id).unwrap();
                for change in changes {
                    match change {
                        Change::Summary { from, to } => {
                            assert_eq!(*from, observed.summary);
                            observed.summary.clone_from(to);
                        }
                        Change::Description { document, .. } => observed.description = as_stored(document),
                        Change::Priority { to, .. } => observed.priority = Some(to.clone()),
                        Change::Due { to, .. } => observed.due = *to,
                        Change::Labels { add, remove } => {
                            observed.labels.extend(add.iter().cloned());
                            observed.labels.retain(|label| !remove.contains(label));
                        }
                        Change::Field { name, from, to } => {
                            let before = observed.fields.insert(name.clone(), to.clone());
                            assert_eq!(*from, before.unwrap_or_default());
                            observed.fields.retain(|_, text| !text.is_empty());
                        }
                    }
                }
                ticket.written = Some(written.clone());
                ticket.writing = None;
                ticket.told.extend(tells.iter().cloned());
            }
            Write::Comment { issue, topic, body } => {
                let observed = &self.jira[&issue.id];
                self.comments
                    .push((observed.issue.key.clone(), document::plain_text(body).trim_end().to_owned()));
                assert!(ticket.told.insert(topic.clone()), "`{topic}` is said twice");
                if action.reason != Reason::Asked {
                    Life::note_said(&mut ticket.life, self.now);
                }
            }
            Write::Introduce { topic, body } => {
                let key = ticket.issue().expect("a ticket is introduced").key.clone();
                self.comments.push((key, document::plain_text(body).trim_end().to_owned()));
                assert!(ticket.told.insert(topic.clone()), "`{topic}` is said twice");
                Life::note_said(&mut ticket.life, self.now);
            }
            Write::Transition { issue, to, topic, .. } => {
                let observed = self.jira.get_mut(&issue.id).unwrap();
                observed.category = *to;
                let done = *to == Category::Done;
                if done { "Done" } else { "To Do" }.clone_into(&mut observed.status);
                if let Some(topic) = topic {
                    assert!(ticket.told.insert(topic.clone()), "`{topic}` is done twice");
                } else {
                    ticket.closed = if done { Closed::ByUs } else { Closed::No };
                    ticket.closings += u32::from(done);
                    if !done {
                        ticket.note_reopened(self.now);
                    }
                }
            }
            Write::Unlabel { issue, label, closed } => {
                assert!(self.jira.get_mut(&issue.id).unwrap().labels.remove(label), "`{label}` is not there");
                if *closed == Closed::No {
                    ticket.note_reopened(self.now);
                }
                ticket.closed = *closed;
            }
            Write::Link { to, link_type, topic } => {
                let from = ticket.issue().expect("a link starts at a ticket").key.clone();
                let to = self.tickets[to].issue().expect("a link ends at a ticket").key.clone();
                self.links.push((link_type.clone(), from, to));
                assert!(ticket.told.insert(topic.clone()), "`{topic}` is linked twice");
            }
            Write::Watch { who, topic } => {
                let key = ticket.issue().expect("a ticket is watched").key.clone();
                self.watchers.push((key, who.clone()));
                assert!(ticket.told.insert(topic.clone()), "`{topic}` is done twice");
            }
            Write::Attach { list } => {
                let issue = ticket.issue().expect("a list is attached to a ticket").id.clone();
                let observed = self.jira.get_mut(&issue).unwrap();
                let id = format!("{issue}-{}", observed.lists.len());
                observed.lists.push(Attached { id, name: list.name.clone() });
                ticket.told.retain(|told| !told.starts_with("list-"));
                ticket.told.insert(list_topic(&list.name));
            }
            Write::Detach { issue, list, by } => {
                let lists = &mut self.jira.get_mut(&issue.id).unwrap().lists;
                assert!(lists.iter().any(|other| other.name == *by), "`{by}` is not there instead");
                lists.retain(|other| other.id != list.id);
            }
            Write::LinkDuplicate { issue, to, link_type, topic } => {
                self.links.push((link_type.clone(), issue.key.clone(), to.key.clone()));
                assert!(ticket.told.insert(topic.clone()), "`{topic}` is linked twice");
            }
        }
        self.tickets.insert(action.group.clone(), ticket);
    }

    pub(crate) fn moment(&self) -> Moment {
        let up_ms = u64::try_from(self.now.as_millisecond()).unwrap();
        Moment { at: self.now, boot: "a".to_owned(), up_ms, there: None }
    }

    /// The mark of a group on a new ticket.
    pub(crate) fn mark(&mut self, bits: u128) -> Box<Mark> {
        let markup = self.markup;
        let written = plan::written(self.content(bits), markup);
        Box::new(Mark::of(self.group(bits), Grain::Fine).with(&written))
    }

    /// Another issue with the mark of a group.
    pub(crate) fn second_ticket(&mut self, bits: u128, kind: StrayKind) -> Issue {
        let number = 10_001 + self.jira.len();
        let issue = Issue { id: number.to_string(), key: format!("DISP-{}", number - 10_000) };
        let observed = Observed { issue: issue.clone(), ..self.issue(bits).clone() };
        self.jira.insert(issue.id.clone(), observed);
        self.strays.push(Stray { issue: issue.clone(), group: id(bits), kind });
        issue
    }

    /// A person writes around our block.
    pub(crate) fn write_around(&mut self, bits: u128, above: &[Value], below: &[Value]) {
        let content = self.issue(bits).description["content"].as_array_mut().unwrap();
        *content = above.iter().chain(content.iter()).chain(below).cloned().collect();
    }

    /// What is left outside of our block.
    pub(crate) fn around(&mut self, bits: u128) -> (Vec<Value>, Vec<Value>) {
        match block::locate(&self.issue(bits).description) {
            block::Located::Block { above, below, .. } => (above, below),
            block::Located::Missing => panic!("the block is gone"),
        }
    }

    /// A person ticks the first step of the checklist, or takes the tick off.
    pub(crate) fn tick(&mut self, bits: u128, done: bool) {
        match &mut self.issue(bits).description {
            Value::String(text) => {
                let line = |sign: &str| format!("* {sign} Send");
                let (from, to) = if done { ("☐", "(/)") } else { ("☑", "☐") };
                assert!(text.contains(&line(from)), "{text}");
                *text = text.replace(&line(from), &line(to));
            }
            document => {
                let nodes = document["content"].as_array_mut().unwrap();
                let list = nodes.iter_mut().find(|node| node["type"] == "taskList").unwrap();
                list["content"][0]["attrs"]["state"] = json!(if done { "DONE" } else { "TODO" });
            }
        }
    }

    /// What is ticked on the ticket of a group.
    pub(crate) fn ticked(&mut self, bits: u128) -> Vec<bool> {
        let block::Located::Block { ours, .. } = block::locate(&self.issue(bits).description) else {
            panic!("the block is gone")
        };
        let ticks = markup::ticks(&ours);
        STEPS.iter().map(|step| ticks[*step]).collect()
    }

    pub(crate) fn description(&mut self, bits: u128) -> String {
        match &self.issue(bits).description {
            Value::String(text) => text.clone(),
            document => adf::text_of(document),
        }
    }
}

/// A document as Jira gives it back: with identities and defaults of its own.
fn as_stored(document: &Value) -> Value {
    let mut stored = document.clone();
    if let Value::String(text) = &mut stored {
        *text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        return stored;
    }
    for (number, node) in stored["content"].as_array_mut().unwrap().iter_mut().enumerate() {
        match node["type"].as_str() {
            Some("paragraph") if node.get("attrs").is_none() => {
                node["attrs"] = json!({ "localId": format!("local-{number}") });
            }
            Some("orderedList") => node["attrs"] = json!({ "order": 1 }),
            _ => {}
        }
    }
    stored
}

/// The checklist of every ticket.
pub(crate) const STEPS: [&str; 2] = ["Send the claims (all of them).", "Pay what is owed."];

pub(crate) fn content(bits: u128, disputes: usize) -> Content {
    Content {
        summary: format!("{} · {disputes} disputes", id(bits).short()),
        block: vec![
            Block::Paragraph(vec![Inline::plain(format!("{disputes} open disputes share one cause."))]),
            Block::List {
                ordered: true,
                entries: vec![vec![Block::Paragraph(vec![Inline::plain("Ask the state for the claims.")])]],
            },
            Block::Tasks(STEPS.map(|step| Task { done: false, content: vec![Inline::plain(step)] }).to_vec()),
        ],
        labels: vec![LABEL.to_owned(), id(bits).label()],
        priority: Some("Medium".to_owned()),
        due: Some("2026-09-01".parse().unwrap()),
        fields: BTreeMap::new(),
        project: None,
        issue_type: None,
        watchers: Vec::new(),
        routed: BTreeSet::new(),
        cause: String::new(),
        course: None,
        list: None,
        grain: Grain::Fine,
        typed: Typed::default(),
    }
}

pub(crate) fn paragraph(text: &str) -> Value {
    json!({ "type": "paragraph", "attrs": { "localId": "theirs" }, "content": [{ "type": "text", "text": text }] })
}

/// Writes as `kind key`, in the order of applying.
pub(crate) fn writes(plan: &Plan) -> Vec<String> {
    let name = |action: &Action| match &action.write {
        Write::Update { changes, .. } => changes.iter().map(Change::field).collect::<Vec<_>>().join("+"),
        Write::Unlabel { label, .. } => format!("-{label}"),
        Write::Transition { to: Category::Done, .. } => "close".to_owned(),
        Write::Transition { .. } => "reopen".to_owned(),
        other => other.kind().to_owned(),
    };
    plan.actions
        .iter()
        .map(|action| format!("{} {}", name(action), action.key.as_deref().unwrap_or("new")))
        .collect()
}

pub(crate) fn holds(plan: &Plan) -> Vec<&HoldReason> {
    plan.holds.iter().map(|hold| &hold.reason).collect()
}

pub(crate) fn labels(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
