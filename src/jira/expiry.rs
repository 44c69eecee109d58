//! When the token ends. Jira does not tell, so it is configured, and told in time. Pure.

use jiff::civil::Date;

/// From how many days before it is told.
const DAYS_BEFORE: i32 = 30;

/// What to say about a token that ends on a day; nothing while that is far off.
pub fn notice(ends: Date, today: Date) -> Option<String> {
    told(ends, today, |days| match days {
        2.. => format!("ends on {ends}, in {days} days"),
        1 => format!("ends tomorrow, on {ends}"),
        0 => format!("ends today, on {ends}"),
        _ => format!("ended on {ends}"),
    })
}

/// The same without the day, which stands beside it in a log.
pub fn words(ends: Date, today: Date) -> Option<String> {
    told(ends, today, |days| match days {
        2.. => format!("ends in {days} days"),
        1 => "ends tomorrow".to_owned(),
        0 => "ends today".to_owned(),
        -1 => "ended yesterday".to_owned(),
        _ => format!("ended {} days ago", -days),
    })
}

/// `when` says it by the days that are left.
fn told(ends: Date, today: Date, when: impl Fn(i32) -> String) -> Option<String> {
    let days = (ends - today).get_days();
    let say = || {
        format!("the token of Jira {}; make a new one, and set `jira.token_expires` to its day", when(days))
    };
    (days <= DAYS_BEFORE).then(say)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_told_from_thirty_days_before() {
        let ends: Date = "2027-03-15".parse().unwrap();
        let said = |today: &str| notice(ends, today.parse().unwrap()).map(|said| said[18..40].to_owned());
        assert_eq!(said("2026-03-15"), None);
        assert_eq!(said("2027-02-12"), None);
        assert_eq!(said("2027-02-13").as_deref(), Some("ends on 2027-03-15, in"));
        assert_eq!(said("2027-03-14").as_deref(), Some("ends tomorrow, on 2027"));
        assert_eq!(said("2027-03-15").as_deref(), Some("ends today, on 2027-03"));
        assert_eq!(said("2027-03-16").as_deref(), Some("ended on 2027-03-15; m"));
        assert_eq!(said("2028-03-16").as_deref(), Some("ended on 2027-03-15; m"));
        let in_a_log = |today: &str| words(ends, today.parse().unwrap()).map(|said| said[18..32].to_owned());
        assert_eq!(in_a_log("2027-02-12"), None);
        assert_eq!(in_a_log("2027-02-13").as_deref(), Some("ends in 30 day"));
        assert_eq!(in_a_log("2027-03-14").as_deref(), Some("ends tomorrow;"));
        assert_eq!(in_a_log("2027-03-15").as_deref(), Some("ends today; ma"));
        assert_eq!(in_a_log("2027-03-16").as_deref(), Some("ended yesterda"));
        assert_eq!(in_a_log("2027-03-17").as_deref(), Some("ended 2 days a"));
    }
}
