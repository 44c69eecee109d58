//! Commands that people write into comments: `/disputebot snooze 14d`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cluster::Attribute;

/// What a command begins with.
pub const PREFIX: &str = "/disputebot";

/// Fields that are given to people or taken back, by the name that people use.
pub const FIELDS: [&str; 4] = ["summary", "description", "priority", "due date"];

/// What a person orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum Command {
    /// How it stands.
    Status,
    /// Why these disputes are one group.
    Explain,
    /// Quiet for some days.
    Snooze {
        /// Days, 1 to 366.
        days: i32,
    },
    /// Quiet until further notice.
    Mute,
    /// Not quiet any more.
    Unmute,
    /// The group's disputes belong to the group of another ticket.
    Merge {
        /// Key of the other ticket.
        key: String,
    },
    /// Disputes that differ in an attribute do not belong together.
    Split {
        /// Name of the attribute.
        attribute: String,
    },
    /// disputebot writes a field again that a person changed.
    Take {
        /// The field.
        field: String,
    },
    /// disputebot leaves a field to people.
    Release {
        /// The field.
        field: String,
    },
    /// These disputes have nothing to do with each other.
    NotAGroup,
    /// What can be ordered.
    Help,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => f.write_str("status"),
            Self::Explain => f.write_str("explain"),
            Self::Snooze { days } => write!(f, "snooze {days}d"),
            Self::Mute => f.write_str("mute"),
            Self::Unmute => f.write_str("unmute"),
            Self::Merge { key } => write!(f, "merge {key}"),
            Self::Split { attribute } => write!(f, "split by {}", attribute.replace('_', " ")),
            Self::Take { field } => write!(f, "take {field}"),
            Self::Release { field } => write!(f, "release {field}"),
            Self::NotAGroup => f.write_str("not-a-group"),
            Self::Help => f.write_str("help"),
        }
    }
}

/// The first line of a comment that begins with [`PREFIX`], short and without what does not show; none where there is
/// none.
pub fn line(comment: &str) -> Option<String> {
    Some(format!("{PREFIX} {}", shown(rest(comment)?)).trim_end().to_owned())
}

/// What follows [`PREFIX`] on the first line that begins with it.
fn rest(comment: &str) -> Option<&str> {
    comment.lines().map(str::trim).find_map(|line| {
        let (word, rest) = line.split_at_checked(PREFIX.len())?;
        if !word.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest.trim())
    })
}

/// The command in a comment: on the line that begins with [`PREFIX`]. None where there is none, an error in words where
/// it cannot be read or is not the only one.
pub fn parse(comment: &str) -> Option<Result<Command, String>> {
    let line = rest(comment)?;
    let orders = comment.lines().filter(|line| rest(line).is_some()).count();
    if orders > 1 {
        return Some(Err(format!(
            "this comment holds {orders} orders, and none of them was carried out; give each in a comment of its own"
        )));
    }
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let word = word.to_lowercase();
    let alone = |command: Command| {
        if rest.is_empty() { Ok(command) } else { Err(format!("`{word}` takes nothing after it")) }
    };
    Some(match word.as_str() {
        "status" => alone(Command::Status),
        "explain" => alone(Command::Explain),
        "mute" => alone(Command::Mute),
        "unmute" => alone(Command::Unmute),
        "not-a-group" => alone(Command::NotAGroup),
        "not" if rest.eq_ignore_ascii_case("a group") => Ok(Command::NotAGroup),
        "help" | "" => alone(Command::Help),
        "snooze" => days(rest).map(|days| Command::Snooze { days }),
        "merge" => key(rest).map(|key| Command::Merge { key }),
        "split" => attribute(rest).map(|attribute| Command::Split { attribute: attribute.name().to_owned() }),
        "take" => field(rest).map(|field| Command::Take { field }),
        "release" => field(rest).map(|field| Command::Release { field }),
        _ => Err(format!("there is no order `{}`", shown(&word))),
    })
}

/// `14d`, `2w`, `3 days`.
fn days(text: &str) -> Result<i32, String> {
    let wanted = || format!("expected a time such as `14d` or `2w`, found `{}`", shown(text));
    let end = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    let number: i32 = text[..end].parse().map_err(|_| wanted())?;
    let days = match text[end..].trim().to_lowercase().as_str() {
        "d" | "day" | "days" => number,
        "w" | "week" | "weeks" => number.saturating_mul(7),
        _ => return Err(wanted()),
    };
    if (1..=366).contains(&days) {
        Ok(days)
    } else {
        Err(format!("expected 1 to 366 days, found `{}`; `mute` has no end", shown(text)))
    }
}

fn key(text: &str) -> Result<String, String> {
    // A link, as both flavours write it, or its address.
    let text = text.strip_prefix('[').and_then(|link| link.strip_suffix(']')).unwrap_or(text);
    let text = text.split(['|', '?', '#']).next().unwrap_or_default().trim();
    let key = text.rsplit('/').next().unwrap_or_default().to_uppercase();
    let is_key = key.rsplit_once('-').is_some_and(|(project, number)| {
        !project.is_empty()
            && project.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
            && !number.is_empty()
            && number.chars().all(|sign| sign.is_ascii_digit())
    });
    if is_key { Ok(key) } else { Err(format!("expected the key of a ticket, found `{}`", shown(text))) }
}

fn attribute(text: &str) -> Result<Attribute, String> {
    let wanted = text.strip_prefix("by ").unwrap_or(text).trim().to_lowercase();
    let all = Attribute::ALL;
    let found = all.iter().find(|attribute| {
        attribute.name() == wanted.replace(' ', "_") || attribute.label().0.to_lowercase() == wanted
    });
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|attribute| attribute.name()).collect();
        format!("expected `split by` one of {}, found `{}`", names.join(", "), shown(text))
    })
}

fn field(text: &str) -> Result<String, String> {
    let wanted = text.to_lowercase().replace(['_', '-'], " ");
    if wanted.is_empty() {
        return Err(format!("expected a field: {}, or one of your own", FIELDS.join(", ")));
    }
    let own = FIELDS.iter().find(|field| **field == wanted || field.replace(' ', "") == wanted);
    Ok(own.map_or_else(|| text.to_owned(), |field| (*field).to_owned()))
}

/// Foreign text, short and on one line.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().filter(|sign| !sign.is_control()).take(40).collect();
    if text.chars().count() > 40 {
        short.push('…');
    }
    short
}

/// What can be ordered, a line each.
pub(super) fn help() -> Vec<(&'static str, &'static str)> {
    vec![
        ("status", "how it stands"),
        ("explain", "why these disputes are one group"),
        ("snooze 14d", "quiet on this ticket for some days; `2w` works as well"),
        ("mute", "quiet on this ticket, and about what leaves it by a split, until `unmute`"),
        ("unmute", "not quiet any more, also before a snooze ends"),
        ("merge KEY", "these disputes belong to the cause of that ticket"),
        ("split by ATTRIBUTE", "disputes that differ in it are different causes: `split by state`"),
        ("take FIELD", "disputebot writes a field again that somebody changed: `take summary`"),
        ("release FIELD", "disputebot leaves a field to you"),
        ("not-a-group", "these disputes have nothing to do with each other"),
        ("help", "this list"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_from_the_one_line_that_begins_with_it() {
        for (text, command) in [
            ("/disputebot status", Command::Status),
            ("Thanks!\n  /disputebot   Snooze 2w\nmore", Command::Snooze { days: 14 }),
            ("/disputebot snooze 3 days", Command::Snooze { days: 3 }),
            ("/disputebot merge disp-12", Command::Merge { key: "DISP-12".to_owned() }),
            (
                "/disputebot merge https://jira.example.com/browse/DISP-12",
                Command::Merge { key: "DISP-12".to_owned() },
            ),
            ("Thanks!\n/DisputeBot mute", Command::Mute),
            ("/disputebot not a group", Command::NotAGroup),
            (
                "/disputebot merge [DISP-7|https://jira.example.com/browse/DISP-7|smart-link]",
                Command::Merge { key: "DISP-7".to_owned() },
            ),
            (
                "/disputebot merge [https://jira.example.com/browse/DISP-7]",
                Command::Merge { key: "DISP-7".to_owned() },
            ),
            (
                "/disputebot merge https://jira.example.com/browse/DISP-7?focusedId=1",
                Command::Merge { key: "DISP-7".to_owned() },
            ),
            ("/disputebot split by state", Command::Split { attribute: "state".to_owned() }),
            ("/disputebot split by reason codes", Command::Split { attribute: "reason_codes".to_owned() }),
            ("/disputebot take due-date", Command::Take { field: "due date".to_owned() }),
            ("/disputebot release Amount exposed", Command::Release { field: "Amount exposed".to_owned() }),
            ("/disputebot not-a-group", Command::NotAGroup),
            ("/disputebot", Command::Help),
        ] {
            assert_eq!(parse(text), Some(Ok(command)), "{text}");
        }
        for none in ["", "say /disputebot status", "/disputebots mute", "disputebot mute"] {
            assert_eq!(parse(none), None, "{none}");
        }
        let two = parse("/disputebot take summary\nand\n/disputebot take priority").unwrap().unwrap_err();
        assert!(two.contains("2 orders") && two.contains("a comment of its own"), "{two}");
    }

    #[test]
    fn every_order_can_be_found_in_the_help_and_every_line_of_the_help_is_an_order() {
        let order = |line: &str| {
            line.replace("KEY", "DISP-1").replace("ATTRIBUTE", "state").replace("FIELD", "summary")
        };
        let told: Vec<Command> = help()
            .into_iter()
            .map(|(line, _)| parse(&format!("{PREFIX} {}", order(line))).unwrap().unwrap())
            .collect();
        let word = |command: &Command| command.to_string().split(' ').next().unwrap_or_default().to_owned();
        let words: Vec<String> = told.iter().map(word).collect();
        let all = "status explain snooze mute unmute merge split take release not-a-group help";
        assert_eq!(words.join(" "), all);
    }

    #[test]
    fn an_order_is_repeated_on_one_line_without_what_does_not_show() {
        assert_eq!(line("hello\n /disputebot dance\u{7}\tnow \nmore").unwrap(), "/disputebot dancenow");
        assert_eq!(line("/disputebot").unwrap(), "/disputebot");
        assert_eq!(line("nothing"), None);
        assert_eq!(line(&format!("/disputebot {}", "x".repeat(99))).unwrap().chars().count(), 12 + 41);
    }

    #[test]
    fn what_cannot_be_read_says_what_was_expected() {
        let told = |text: &str| parse(text).unwrap().unwrap_err();
        assert_eq!(told("/disputebot snooze"), "expected a time such as `14d` or `2w`, found ``");
        assert_eq!(
            told("/disputebot snooze 900d"),
            "expected 1 to 366 days, found `900d`; `mute` has no end"
        );
        assert_eq!(told("/disputebot merge 12"), "expected the key of a ticket, found `12`");
        assert_eq!(told("/disputebot mute now"), "`mute` takes nothing after it");
        assert_eq!(told("/disputebot dance"), "there is no order `dance`");
        assert!(told("/disputebot split by colour").starts_with("expected `split by` one of ndc, product"));
    }
}
