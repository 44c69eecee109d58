//! What the headers of an answer say about how fast Jira may be asked. Pure: the time is handed in.
//!
//! Jira Cloud and Data Center have families of their own, and a gateway in front of either may add or take away what
//! it likes, so nothing here is trusted to be there, well formed or reasonable.

use std::time::Duration;

use jiff::{Timestamp, civil, tz::TimeZone};

/// What an answer says about limits.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Told {
    /// What time it was there.
    pub(super) at: Option<Timestamp>,
    /// How long to wait.
    pub(super) wait: Option<Duration>,
    /// Whose limit was met.
    pub(super) reason: Option<String>,
    /// Whether less than a fifth of a limit is left.
    pub(super) near_limit: bool,
    /// How many calls of this kind are left now.
    pub(super) left: Option<f64>,
    /// The token bucket of Data Center.
    pub(super) tokens: Option<Tokens>,
}

/// A bucket of tokens as Data Center describes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tokens {
    /// Most that it holds.
    pub(super) limit: f64,
    /// What is in it.
    pub(super) left: f64,
    /// How often it is filled.
    pub(super) every: Duration,
    /// With how many.
    pub(super) fill: f64,
}

impl Told {
    /// Reads the headers. `now` is this machine's clock; where the answer has a date, waits for an instant are
    /// measured from that, so that the difference of the two clocks does not count.
    pub(super) fn read<'a>(get: impl Fn(&str) -> Option<&'a str>, now: Timestamp) -> Self {
        let at = get("date").and_then(http_date);
        let until = |instant: Timestamp| {
            instant.duration_since(at.unwrap_or(now)).try_into().unwrap_or(Duration::ZERO)
        };
        let structured =
            ["ratelimit", "beta-ratelimit"].into_iter().find_map(|name| Structured::read(get(name)?));
        let number = |name: &str| get(name).and_then(finite);
        let tokens = || {
            let tokens = Tokens {
                limit: number("x-ratelimit-limit")?,
                left: number("x-ratelimit-remaining")?,
                every: Duration::try_from_secs_f64(number("x-ratelimit-interval-seconds")?).ok()?,
                fill: number("x-ratelimit-fillrate")?,
            };
            // A bucket that is never filled would end all work.
            (tokens.limit >= 1.0 && tokens.fill > 0.0 && !tokens.every.is_zero()).then_some(tokens)
        };
        let retry_after = get("retry-after").and_then(|text| match text.trim().parse::<u32>() {
            Ok(seconds) => Some(Duration::from_secs(u64::from(seconds))),
            Err(_) => http_date(text).map(until),
        });
        let reset = || get("x-ratelimit-reset").and_then(instant).map(until);
        Self {
            at,
            wait: retry_after
                .or_else(reset)
                .or_else(|| Some(Duration::from_secs(structured.as_ref()?.reset_s?))),
            reason: get("ratelimit-reason")
                .map(|reason| reason.trim().to_ascii_lowercase())
                .or_else(|| structured.as_ref().map(|structured| structured.policy.clone()))
                .filter(|reason| !reason.is_empty() && reason.len() <= 80),
            near_limit: get("x-ratelimit-nearlimit").is_some_and(|text| text.trim() == "true"),
            left: number("x-ratelimit-remaining"),
            tokens: tokens(),
        }
    }
}

/// The header that is to replace all others: `"policy";r=0;t=7`.
struct Structured {
    policy: String,
    reset_s: Option<u64>,
}

impl Structured {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(',').next()?.split(';').map(str::trim);
        let policy = parts.next()?.trim_matches('"').to_ascii_lowercase();
        let reset_s = parts.find_map(|part| part.strip_prefix("t=")?.trim().parse::<u32>().ok());
        Some(Self { policy, reset_s: reset_s.map(u64::from) })
    }
}

fn finite(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

/// An instant in one of the three forms of an HTTP date (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    const FORMS: [&str; 3] =
        ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let read = |form| civil::DateTime::strptime(form, text.trim()).ok();
    TimeZone::UTC.to_timestamp(FORMS.into_iter().find_map(read)?).ok()
}

/// An instant as ISO 8601, with or without seconds, or as seconds since 1970.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    text.parse().ok().or_else(|| {
        let minutes = civil::DateTime::strptime("%Y-%m-%dT%H:%MZ", text).ok()?;
        TimeZone::UTC.to_timestamp(minutes).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(headers: &[(&str, &str)]) -> Told {
        let now = "2026-08-22T06:00:00Z".parse().unwrap();
        let get = |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        Told::read(get, now)
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_each_form_of_a_date() {
        for (text, wait_s) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sat, 22 Aug 2026 06:01:30 GMT", Some(90)),
            ("Saturday, 22-Aug-26 06:01:30 GMT", Some(90)),
            ("Sat Aug 22 06:01:30 2026", Some(90)),
            ("Sun, 02 Aug 2026 06:01:30 GMT", Some(0)),
            ("-7", None),
            ("99999999999", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(told(&[("retry-after", text)]).wait, wait_s.map(Duration::from_secs), "{text}");
        }
        let second =
            told(&[("retry-after", "Sun Aug  2 06:00:00 2026"), ("date", "Sun, 02 Aug 2026 05:59:00 GMT")]);
        assert_eq!(second.wait, Some(Duration::from_mins(1)), "a day of one digit");
    }

    #[test]
    fn an_instant_is_measured_from_the_date_of_the_answer_so_that_clocks_need_not_agree() {
        let behind =
            [("date", "Sat, 22 Aug 2026 04:00:00 GMT"), ("retry-after", "Sat, 22 Aug 2026 04:00:05 GMT")];
        assert_eq!(told(&behind).wait, Some(Duration::from_secs(5)));
        let ahead =
            [("date", "Sat, 22 Aug 2026 09:00:00 GMT"), ("x-ratelimit-reset", "2026-08-22T09:00:08Z")];
        assert_eq!(told(&ahead).wait, Some(Duration::from_secs(8)));
    }

    #[test]
    fn a_reset_and_the_structured_header_stand_in_where_retry_after_is_missing() {
        for (headers, wait_s) in [
            (&[("x-ratelimit-reset", "2026-08-22T07:00:00Z")][..], 3_600),
            (&[("x-ratelimit-reset", "2026-08-22T07:00Z")], 3_600),
            (&[("x-ratelimit-reset", "1787379000")], 600),
            (&[("beta-ratelimit", "\"jira-burst-based\";r=0;t=7")], 7),
            (&[("ratelimit", "\"jira-burst-based\";r=0;t=8"), ("beta-ratelimit", "\"x\";r=0;t=7")], 8),
            (&[("retry-after", "3"), ("x-ratelimit-reset", "2026-08-22T07:00:00Z")], 3),
        ] {
            assert_eq!(told(headers).wait, Some(Duration::from_secs(wait_s)), "{headers:?}");
        }
        let beta = told(&[("beta-ratelimit", "\"jira-burst-based\";r=0;t=7")]);
        assert_eq!(beta.reason.as_deref(), Some("jira-burst-based"));
        let both = told(&[("beta-ratelimit", "\"a\";t=7"), ("ratelimit-reason", "jira-quota-tenant-based")]);
        assert_eq!(both.reason.as_deref(), Some("jira-quota-tenant-based"));
    }

    #[test]
    fn the_bucket_of_data_center_is_read_whole_or_not_at_all() {
        let whole = [
            ("x-ratelimit-limit", "50"),
            ("x-ratelimit-remaining", "7"),
            ("x-ratelimit-interval-seconds", "2"),
            ("x-ratelimit-fillrate", "10"),
        ];
        let tokens = Tokens { limit: 50.0, left: 7.0, every: Duration::from_secs(2), fill: 10.0 };
        assert_eq!(told(&whole).tokens, Some(tokens));
        for missing in 0..4 {
            let mut headers = whole.to_vec();
            headers.remove(missing);
            assert_eq!(told(&headers).tokens, None);
            for nonsense in ["", "many", "NaN", "-1"] {
                let mut headers = whole.to_vec();
                headers[missing].1 = nonsense;
                assert_eq!(told(&headers).tokens, None, "{headers:?}");
            }
        }
    }
}
