//! The plan as a person reads it, like a diff.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Action, Category, Change, Hold, HoldReason, Plan, Reason, Unsaid, Write};
use crate::ticket::document;

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// A line per write.
    Lines,
    /// The full text of every write.
    Full,
}

/// The plan as text, ending in a line that says how many writes there are.
pub fn print(plan: &Plan, detail: Detail) -> String {
    let mut text = String::new();
    if plan.is_empty() && plan.holds.is_empty() {
        let _ = writeln!(text, "everything is up to date: {} group{}", plan.kept, s(plan.kept));
        return text;
    }
    let _ = writeln!(text, "plan for {}: nothing has been changed yet\n", when(plan));
    if !plan.complete {
        let _ = writeln!(text, "  the input is incomplete: nothing is closed or shrunk in this run\n");
    }
    for action in &plan.actions {
        line(&mut text, action);
        if detail == Detail::Full {
            full(&mut text, &action.write);
        }
    }
    holds(&mut text, &plan.holds, detail);
    if plan.kept > 0 {
        let (verb, noun) = if plan.kept == 1 { ("is", "group") } else { ("are", "groups") };
        let _ = writeln!(text, "  {:<11}{} {noun} {verb} up to date", "keep", plan.kept);
    }
    let counts = plan.counts();
    let parts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let _ = writeln!(
        text,
        "\n{} write{}{}",
        plan.actions.len(),
        s(plan.actions.len()),
        if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
    );
    text
}

fn when(plan: &Plan) -> String {
    plan.at.to_string().replace('T', " ").replace('Z', " UTC")
}

fn line(text: &mut String, action: &Action) {
    let key = action.key.as_deref().unwrap_or("new");
    let what = match &action.write {
        Write::Create { content, .. } => content.summary.clone(),
        Write::Update { changes, .. } => {
            let fields: Vec<&str> = changes.iter().map(Change::field).collect();
            fields.join(", ")
        }
        Write::Comment { .. } | Write::Introduce { .. } => "comment".to_owned(),
        Write::Transition { to: Category::Done, .. } => "close".to_owned(),
        Write::Transition { .. } => "reopen".to_owned(),
        Write::Unlabel { label, .. } => format!("take off `{label}`"),
        Write::Link { to, link_type, .. } => format!("link to the ticket of {} ({link_type})", to.short()),
        Write::LinkDuplicate { to, link_type, .. } => format!("link to {} ({link_type})", to.key),
        Write::Attach { list } => format!("attach {}", list.name),
        Write::Detach { list, .. } => format!("remove {}", list.name),
        Write::Watch { who, .. } => format!("add {who}"),
    };
    let _ = writeln!(
        text,
        "  {:<11}{:<10}{:<9}{what}\n  {:<30}because {}",
        action.write.kind(),
        action.group.short(),
        key,
        "",
        reason(&action.reason)
    );
    if let Write::Update { unsaid: Some(why), .. } = &action.write {
        let _ = writeln!(text, "  {:<30}no comment: {}", "", why.words());
    }
}

impl Unsaid {
    /// Why nothing is said, in words.
    pub fn words(self) -> String {
        match self {
            Self::Small => "it grew by less than `plan.comment_growth`".to_owned(),
            Self::Said => "that it grew so much was said before".to_owned(),
            Self::Spent { limit } => {
                format!("`plan.comments_per_week` allows {limit} comment{}", s(limit))
            }
        }
    }
}

/// The reason in words.
fn reason(reason: &Reason) -> String {
    match reason {
        Reason::NewGroup => "this group has no ticket yet".to_owned(),
        Reason::Costly => "its disputes are few, but `plan.amount_alone` is in dispute".to_owned(),
        Reason::DeadlineNear { days: 0 } => "a deadline of this small group is today".to_owned(),
        Reason::DeadlineNear { days } => {
            format!(
                "a deadline of this small group is near: in {days} day{}",
                if *days == 1 { "" } else { "s" }
            )
        }
        Reason::DespiteRuling { key } => {
            format!(
                "much came since a person decided about some of its disputes on {key}; said on the ticket"
            )
        }
        Reason::SplitFrom { group } => format!("it was split from group {}", group.short()),
        Reason::CreateAgain => "the earlier create provably never reached Jira".to_owned(),
        Reason::Changed { joined: 0, left: 0 } => "its figures changed".to_owned(),
        Reason::Changed { joined, left } => format!("{joined} disputes joined, {left} left"),
        Reason::AllResolved => "all its disputes are resolved or withdrawn".to_owned(),
        Reason::MergedInto { group } => format!("its disputes belong to group {} now", group.short()),
        Reason::MergedByPerson { group, key } => {
            format!("a person merged {key}: its disputes belong to group {} now", group.short())
        }
        Reason::LinkNotFollowed { to } => {
            format!("a person linked it as a duplicate of {to}, which it cannot be merged into; said once")
        }
        Reason::Returned => "its cause came back".to_owned(),
        Reason::ReturnedLate { group } => {
            format!("the cause of group {} came back, too late to reopen its ticket", group.short())
        }
        Reason::Grew => "the group grew by much".to_owned(),
        Reason::CauseChanged => "another cause is the likely one now".to_owned(),
        Reason::PersonChanged { field } => format!("a person changed the {field}; said once"),
        Reason::Overwritten { field } => format!("a person's change of the {field} met a write; said once"),
        Reason::PersonClosed => "a person closed it while disputes are open; said once".to_owned(),
        Reason::NewsForClosed => "disputes came since a person closed it; said once".to_owned(),
        Reason::Asked => "a person gave an order in a comment".to_owned(),
        Reason::Routed => "the rules of routing say so".to_owned(),
        Reason::NotAGroup => "a person said that its disputes are no group".to_owned(),
        Reason::Duplicate { of } => format!("it is a second ticket for what {of} is about"),
    }
}

fn full(text: &mut String, write: &Write) {
    let mut indented = |mark: &str, body: &str| {
        for line in body.lines() {
            let _ = writeln!(text, "      {mark} {line}");
        }
    };
    match write {
        Write::Create { content, .. } => {
            indented("+", &format!("summary   {}", content.summary));
            indented("+", &format!("labels    {}", content.labels.join(" ")));
            if let Some(priority) = &content.priority {
                indented("+", &format!("priority  {priority}"));
            }
            if let Some(key) = &content.project {
                indented("+", &format!("project   {key}"));
            }
            if let Some(name) = &content.issue_type {
                indented("+", &format!("type      {name}"));
            }
            if let Some(due) = content.due {
                indented("+", &format!("due       {due}"));
            }
            for (name, text) in content.fields.iter().filter(|(_, text)| !text.is_empty()) {
                indented("+", &format!("{name}  {text}"));
            }
            indented("+", &document::plain_text(&content.block));
        }
        Write::Update { changes, .. } => {
            for change in changes {
                match change {
                    Change::Summary { from, to } => {
                        indented("-", &format!("summary   {from}"));
                        indented("+", &format!("summary   {to}"));
                    }
                    Change::Description { from, to, .. } => {
                        for (mark, body, other) in [("-", from, to), ("+", to, from)] {
                            let gone = |line: &&str| !other.lines().any(|same| same == *line);
                            indented(mark, &body.lines().filter(gone).collect::<Vec<_>>().join("\n"));
                        }
                    }
                    Change::Priority { from, to } => {
                        indented("-", &format!("priority  {}", from.as_deref().unwrap_or("none")));
                        indented("+", &format!("priority  {to}"));
                    }
                    Change::Due { from, to } => {
                        let date = |due: &Option<jiff::civil::Date>| {
                            due.map_or("none".to_owned(), |d| d.to_string())
                        };
                        indented("-", &format!("due       {}", date(from)));
                        indented("+", &format!("due       {}", date(to)));
                    }
                    Change::Labels { add, remove } => {
                        for (mark, labels) in [("-", remove), ("+", add)] {
                            if !labels.is_empty() {
                                indented(mark, &format!("labels    {}", labels.join(" ")));
                            }
                        }
                    }
                    Change::Field { name, from, to } => {
                        let shown =
                            |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
                        indented("-", &format!("{name}  {}", shown(from)));
                        indented("+", &format!("{name}  {}", shown(to)));
                    }
                }
            }
        }
        Write::Comment { body, .. } | Write::Introduce { body, .. } => {
            indented("+", &document::plain_text(body));
        }
        Write::Attach { list } => indented("+", list.text.trim_start_matches('\u{feff}')),
        Write::Transition { .. }
        | Write::Unlabel { .. }
        | Write::Link { .. }
        | Write::LinkDuplicate { .. }
        | Write::Watch { .. }
        | Write::Detach { .. } => {}
    }
}

/// Holds of one kind beyond the first few are counted, unless everything is asked for.
fn holds(text: &mut String, holds: &[Hold], detail: Detail) {
    const SHOWN: usize = 5;
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    for hold in holds {
        let count = seen.entry(hold.reason.kind()).or_default();
        *count += 1;
        if *count <= SHOWN || detail == Detail::Full {
            let key = hold.key.as_deref().unwrap_or("-");
            let _ =
                writeln!(text, "  {:<11}{:<10}{:<9}{}", "hold", hold.group.short(), key, hold.reason.words());
        }
    }
    if detail == Detail::Lines {
        for (kind, count) in seen {
            if count > SHOWN {
                let _ = writeln!(text, "  {:<30}and {} more held: {kind}", "", count - SHOWN);
            }
        }
    }
}

impl Change {
    /// Name of the field.
    pub fn field(&self) -> &str {
        match self {
            Self::Summary { .. } => "summary",
            Self::Description { .. } => "description",
            Self::Priority { .. } => "priority",
            Self::Due { .. } => "due date",
            Self::Labels { .. } => "labels",
            Self::Field { name, .. } => name,
        }
    }
}

impl HoldReason {
    /// A word or two for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cap { .. } => "over the limit of new tickets",
            Self::Small { .. } => "too small",
            Self::Incomplete { .. } => "input incomplete",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::PersonChanged { .. } => "changed by a person",
            Self::Touched { .. } => "touched by a person",
            Self::PersonClosed => "closed by a person",
            Self::Ruled { .. } => "decided by a person",
            Self::Quiet { .. } => "quiet",
            Self::Ignored => "ignored",
            Self::PersonWorking { .. } => "worked on by a person",
            Self::NotVisible => "not visible",
            Self::NotRead => "not read",
            Self::OutcomeUnknown { .. } => "outcome unknown",
            Self::Undecided { .. } => "waits for a person",
            Self::Doubt { .. } => "in doubt",
            Self::MergedByPerson { .. } => "merged by a person",
            Self::Cloned { .. } => "copied by a person",
            Self::Refused { .. } => "refused by Jira",
            Self::Private { .. } => "private",
            Self::Flapping { .. } => "comes and goes",
            Self::Spent { .. } => "said enough",
            Self::ResolveOff => "closing is off",
            Self::Unfit { .. } => "a value that Jira does not take",
            Self::NoWay { .. } => "no transition leads there",
        }
    }

    /// Whether the words of a hold of a kind are disputebot's own, with its own days and numbers in them. Those of the
    /// others repeat what people, Jira or the config say; so may those of a kind that this build does not know.
    pub fn is_told_in_own_words(kind: &str) -> bool {
        let own = [
            "over the limit of new tickets",
            "too small",
            "input incomplete",
            "unconfirmed",
            "changed by a person",
            "closed by a person",
            "decided by a person",
            "quiet",
            "ignored",
            "not visible",
            "not read",
            "outcome unknown",
            "merged by a person",
            "copied by a person",
            "private",
            "comes and goes",
            "said enough",
            "closing is off",
        ];
        own.contains(&kind)
    }

    /// The reason in words.
    pub fn words(&self) -> String {
        match self {
            Self::Cap { limit } => format!("the limit of {limit} new tickets per run is reached; next run"),
            Self::Small { disputes } => {
                format!(
                    "{disputes} disputes are too few, or their money too little, for a ticket, and no deadline is near"
                )
            }
            Self::Incomplete { absent: 0 } => "would close, but the input is incomplete".to_owned(),
            Self::Incomplete { absent } => {
                format!("would shrink by {absent} disputes, but the input is incomplete")
            }
            Self::Unconfirmed { what } => format!("{what}; waits for the next input"),
            Self::PersonChanged { field } => format!("a person changed the {field}; it is theirs"),
            Self::Touched { field, wanted } => {
                format!("the rules would set the {field} to “{wanted}”, but people have its ticket in hand")
            }
            Self::PersonClosed => "a person closed it; it stays closed".to_owned(),
            Self::Ruled { key, fresh } => {
                let s = if *fresh == 1 { "" } else { "s" };
                format!("a person decided about its disputes on {key}; {fresh} dispute{s} came since")
            }
            Self::Quiet { until: Some(end) } => {
                format!("a person ordered quiet until {}", end.strftime("%Y-%m-%d %H:%M UTC"))
            }
            Self::Quiet { until: None } => "a person muted it".to_owned(),
            Self::Ignored => "a person set the label `disputebot-ignore`".to_owned(),
            Self::PersonWorking { status } => {
                format!("a person works on it (status {status}); it stays open")
            }
            Self::NotVisible => {
                "Jira does not show it: hidden, archived or deleted; it is not created again".to_owned()
            }
            Self::NotRead => "Jira was not read".to_owned(),
            Self::OutcomeUnknown { until } => {
                format!("the answer to a write was lost; decided after {until}")
            }
            Self::Undecided { reason } => format!(
                "nobody can tell whether its create was done ({reason}); `disputebot ticket bind` or `ticket create` \
                 decides"
            ),
            Self::Doubt { reason } => {
                format!("{reason}; nothing is created before Jira was read from end to end")
            }
            Self::MergedByPerson { into } => format!("a person closed it as a duplicate of {into}"),
            Self::Cloned { copy } => format!("a person copied it to {copy}; the copy is theirs"),
            Self::Refused { reason } => format!("Jira refused it: {reason}"),
            Self::Private { what } => format!("not sent: {what}"),
            Self::Flapping { times, until } => format!(
                "would close, but its cause comes and goes: reopened {times} time{} in 30 days; not before {}",
                s(*times),
                until.strftime("%Y-%m-%d")
            ),
            Self::Spent { topic, limit } => {
                format!("not said (`{topic}`): `plan.comments_per_week` allows {limit} comment{}", s(*limit))
            }
            Self::ResolveOff => "would close, but `plan.resolve` is off".to_owned(),
            Self::Unfit { what } => format!("not set: {what}"),
            Self::NoWay { label, why } => format!("it has the label `{label}` instead: {why}"),
        }
    }
}

fn s(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
