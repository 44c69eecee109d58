//! Words that several parts of a report share.

use rust_decimal::Decimal;

use crate::{
    dispute::{Field, Program},
    group::GroupId,
    plan::{HoldReason, Reason, Ruling, RulingKind},
    state::MoveKind,
    ticket::{self, facts},
};

/// What becomes of groups, in the order of the flow, and what it is called.
pub(super) const MOVES: [(MoveKind, &str); 5] = [
    (MoveKind::Found, "new"),
    (MoveKind::Split, "split off"),
    (MoveKind::Returned, "reopened"),
    (MoveKind::Resolved, "resolved"),
    (MoveKind::Merged, "merged"),
];

/// Name of a program where there is little room.
pub(super) fn short_program(program: &str) -> String {
    match Program::from_name(program) {
        Some(Program::Mdrp) => "Medicaid",
        Some(Program::P340b) => "340B",
        Some(Program::PartDMdp) => "Part D",
        Some(Program::Cgdp) => "Coverage gap",
        Some(Program::Mfp) => "Maximum fair price",
        Some(Program::Tricare) => "TRICARE",
        Some(Program::Commercial) => "Commercial",
        None => program,
    }
    .to_owned()
}

/// Whether there is one open group more after it.
pub(super) fn adds(kind: MoveKind) -> bool {
    match kind {
        MoveKind::Found | MoveKind::Split | MoveKind::Returned => true,
        MoveKind::Resolved | MoveKind::Merged => false,
    }
}

/// A foreign text, where it may be shown: one line, and nothing in it that nobody sees.
pub(super) fn open(text: &str) -> String {
    if ticket::screen(text).is_some() { WITHHELD.to_owned() } else { ticket::flatten(text) }
}

/// Words of people or of Jira, of which nothing is known.
pub fn foreign(text: &str) -> String {
    if ticket::screen_foreign(text).is_some() { WITHHELD.to_owned() } else { ticket::flatten(text) }
}

/// Why something was held: words of ours, which have days and numbers, or such that repeat others.
pub fn held(kind: &str, text: &str) -> String {
    if HoldReason::is_told_in_own_words(kind) { open(text) } else { foreign(text) }
}

/// The name of a client. Firms are called after people.
pub(super) fn client(text: &str) -> String {
    if Field::Manufacturer.misfit(text).is_some() { WITHHELD.to_owned() } else { ticket::flatten(text) }
}

/// A code or a kind of the input, where it looks like one.
pub(super) fn open_code(text: &str) -> String {
    if Field::ReasonCodes.misfit(text).is_some() { WITHHELD.to_owned() } else { ticket::flatten(text) }
}

const WITHHELD: &str = "(withheld: it looks private)";

/// `1 ticket`, `1,200 tickets`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", facts::thousands(number), if number == 1 { one } else { many })
}

/// `$410,000`: two significant digits; `$0` for nothing.
pub(super) fn dollars(amount: Decimal) -> String {
    let text = facts::money_text(amount);
    text.strip_prefix("about ").map_or_else(|| "$0".to_owned(), str::to_owned)
}

/// `about $410,000`.
pub(super) fn about(amount: Decimal) -> String {
    if amount.is_zero() { "$0".to_owned() } else { facts::money_text(amount) }
}

/// `41 %`, which no line breaks in two; a part that is not nothing is never shown as nothing.
pub fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let share = part as f64 / whole as f64 * 100.0;
    match share.round() {
        rounded if rounded < 1.0 && part > 0 => "under 1\u{a0}%".to_owned(),
        rounded if rounded > 99.0 && part < whole => "over 99\u{a0}%".to_owned(),
        rounded => format!("{rounded:.0}\u{a0}%"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The sum of both kinds of money in words; the two are never added.
pub(super) fn both(exposed: Decimal, recoverable: Decimal) -> String {
    let parts: Vec<String> = [(exposed, "exposed"), (recoverable, "recoverable")]
        .into_iter()
        .filter(|(amount, _)| !amount.is_zero())
        .map(|(amount, kind)| format!("{} {kind}", about(amount)))
        .collect();
    if parts.is_empty() { "no amount given".to_owned() } else { list(&parts) }
}

/// `24 November`.
pub(super) fn day(day: jiff::civil::Date) -> String {
    day.strftime("%-d %B").to_string()
}

/// Who a ticket is assigned to, in words; `key` is empty where there is none.
pub fn owner(key: &str, assignee: Option<&str>) -> String {
    match (key, assignee) {
        ("", _) => "no ticket yet".to_owned(),
        (_, None) => "unassigned".to_owned(),
        (_, Some(name)) => foreign(name),
    }
}

/// The middle of ascending numbers.
pub(super) fn median(sorted: &[i64]) -> Option<i64> {
    sorted.get(sorted.len() / 2).copied()
}

/// `DISP-9` comes before `DISP-10`.
pub fn natural(key: &str) -> (String, u64) {
    let (name, number) = key.rsplit_once('-').unwrap_or((key, ""));
    (name.to_owned(), number.parse().unwrap_or(0))
}

/// What a person decided, in words; `key` names a group by its ticket.
pub fn ruling(ruling: &Ruling, key: &dyn Fn(&GroupId) -> String) -> String {
    let disputes = count(ruling.members.len(), "dispute", "disputes");
    match &ruling.kind {
        RulingKind::Closed => format!("a person closed it with {disputes} open"),
        RulingKind::NotAGroup => format!("a person said that its {disputes} are no group"),
        RulingKind::Together { with } => {
            format!("a person said that {} has the cause of {}", ruling.key, key(with))
        }
        RulingKind::Apart { attribute } => {
            format!("a person split it by {}", open(&attribute.replace('_', " ")))
        }
    }
}

/// Why something was written, in words.
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::NewGroup => "a group without a ticket".to_owned(),
        Reason::Costly => "a small group of much money".to_owned(),
        Reason::DeadlineNear { .. } => "a small group with a deadline near".to_owned(),
        Reason::DespiteRuling { key } => format!("much came since a person decided on {key}"),
        Reason::SplitFrom { group } => format!("split from the group {}", group.short()),
        Reason::CreateAgain => "an earlier create never arrived".to_owned(),
        Reason::Changed { joined: 0, left: 0 } => "its figures changed".to_owned(),
        Reason::Changed { joined, left } => {
            format!("{} joined and {} left", count(*joined, "dispute", "disputes"), facts::thousands(*left))
        }
        Reason::AllResolved => "all its disputes are settled".to_owned(),
        Reason::MergedInto { group } => format!("merged into the group {}", group.short()),
        Reason::MergedByPerson { group, .. } => {
            format!("merged into the group {} by a person", group.short())
        }
        Reason::LinkNotFollowed { to } => {
            format!("a person linked it as a duplicate of {to}, which it cannot be merged into; said once")
        }
        Reason::Returned => "its cause came back".to_owned(),
        Reason::ReturnedLate { group } => format!("the cause of the group {} came back", group.short()),
        Reason::Grew => "the group grew by much".to_owned(),
        Reason::CauseChanged => "another cause is the likely one now".to_owned(),
        Reason::PersonChanged { field } => format!("a person changed the {field}; said once"),
        Reason::Overwritten { field } => format!("a person's change of the {field} met a write; said once"),
        Reason::PersonClosed => "a person closed it; said once".to_owned(),
        Reason::NewsForClosed => "more came since a person closed it; said once".to_owned(),
        Reason::Routed => "the rules of routing say so".to_owned(),
        Reason::Asked => "a person gave an order in a comment".to_owned(),
        Reason::NotAGroup => "a person said that its disputes are no group".to_owned(),
        Reason::Duplicate { of } => format!("a second ticket; {of} is the group's own"),
    }
}

/// Why a group changed: what became of it, else why its ticket was written, else what can be seen.
pub(super) fn why(moved: Option<MoveKind>, reason: Option<&Reason>, before: usize, after: usize) -> String {
    match (moved, reason) {
        (Some(MoveKind::Found), _) => "a new root cause".to_owned(),
        (Some(MoveKind::Split), _) => "split off another group".to_owned(),
        (Some(MoveKind::Returned), _) => "its cause came back".to_owned(),
        (Some(MoveKind::Resolved), _) => "all its disputes are settled".to_owned(),
        (Some(MoveKind::Merged), _) => "merged into another group".to_owned(),
        (None, Some(Reason::Changed { joined, left })) if *joined > 0 && *left > 0 => {
            format!("in its last change {joined} joined and {left} left")
        }
        (None, _) if after > before => "disputes joined".to_owned(),
        (None, _) => "disputes were settled or left".to_owned(),
    }
}

/// What stands between the tags of a page, outside of style sheets.
pub(super) fn between_tags(page: &str) -> String {
    let mut words = String::with_capacity(page.len() / 2);
    let mut rest = page;
    while let Some((before, after)) = rest.split_once('<') {
        words.push_str(before);
        words.push('\n');
        let end = if after.starts_with("style") { "</style>" } else { ">" };
        rest = after.split_once(end).map_or("", |(_, after)| after);
    }
    words.push_str(rest);
    words.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_never_rounded_to_nothing_or_to_all() {
        assert_eq!(percent(0, 0), "–");
        assert_eq!(percent(0, 7), "0\u{a0}%");
        assert_eq!(percent(1, 1000), "under 1\u{a0}%");
        assert_eq!(percent(999, 1000), "over 99\u{a0}%");
        assert_eq!(percent(7, 7), "100\u{a0}%");
    }

    #[test]
    fn keys_are_sorted_as_people_count() {
        let mut keys = vec!["DISP-10", "DISP-9", "A-11"];
        keys.sort_by_key(|key| natural(key));
        assert_eq!(keys, ["A-11", "DISP-9", "DISP-10"]);
    }

    #[test]
    fn private_words_are_found_between_tags_and_coordinates_are_not() {
        let page =
            "<svg><path d=\"M 555 010 1234\"/><title>call 555-010-1234</title></svg><style>a{}</style>";
        assert!(ticket::screen(&between_tags(page)).is_some());
        assert_eq!(ticket::screen(&between_tags("<path d=\"M 555 010 1234\"/>")), None);
        assert_eq!(open("call 555-010-1234"), "(withheld: it looks private)");
    }
}
