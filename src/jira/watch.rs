//! Looks at the site from time to time and tells what changed, once.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Client, Finding, Needs, Verdict, check};

/// How often a daemon looks.
const EVERY: SignedDuration = SignedDuration::from_hours(24);

/// What was found when a daemon last looked.
#[derive(Debug, Default)]
pub struct Watch {
    /// What stands before the subjects of findings; empty for the project of the clients.
    place: &'static str,
    last: Option<Timestamp>,
    told: BTreeMap<(String, String), Verdict>,
}

impl Watch {
    /// One of another project than that of the clients.
    pub fn of(place: &'static str) -> Self {
        Self { place, ..Self::default() }
    }

    /// Whether it is time to look: at the start, once a day, and after the clock was set back.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.last.is_none_or(|last| {
            let passed = now.duration_since(last);
            passed >= EVERY || passed.is_negative()
        })
    }

    /// Looks and logs what was not so when it last looked.
    pub async fn look(&mut self, client: &Client, needs: &Needs, now: Timestamp) {
        let health = check(client, needs).await;
        // Where Jira was not there, the next pass looks again.
        let is_seen = health.first().is_some_and(|finding| finding.verdict == Verdict::Good);
        self.last = is_seen.then_some(now);
        for (verdict, subject, said) in self.news(&health) {
            let subject = format!("{}{subject}", self.place);
            match verdict {
                Verdict::Good => tracing::info!(subject, said, "jira check: mended"),
                Verdict::Weak => tracing::warn!(subject, said, "jira check"),
                Verdict::Bad => tracing::error!(subject, said, "jira check: a run would fail"),
            }
        }
    }

    /// What is not as it should be and was not told yet; and, as good, what was told and is no more.
    fn news(&mut self, health: &[Finding]) -> Vec<(Verdict, String, String)> {
        let now: BTreeMap<(String, String), Verdict> = health
            .iter()
            .filter(|finding| finding.verdict != Verdict::Good)
            .map(|finding| ((finding.subject.clone(), finding.said.clone()), finding.verdict))
            .collect();
        let new = now.iter().filter(|(finding, _)| !self.told.contains_key(*finding));
        let mut news: Vec<(Verdict, String, String)> =
            new.map(|((subject, said), verdict)| (*verdict, subject.clone(), said.clone())).collect();
        // A check that ended early says nothing of what it did not come to.
        let whole = !health.iter().any(|finding| {
            finding.verdict == Verdict::Bad
                && matches!(finding.subject.as_str(), "jira.url" | "credentials" | "jira.project")
        });
        if whole {
            let gone = self.told.keys().filter(|finding| !now.contains_key(*finding));
            news.extend(gone.map(|(subject, said)| (Verdict::Good, subject.clone(), said.clone())));
            self.told = now;
        } else {
            self.told.extend(now);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_daemon_looks_at_its_start_and_once_a_day() {
        let mut watch = Watch::default();
        assert!(watch.is_due(at("2026-08-01T06:00:00Z")));
        watch.last = Some(at("2026-08-01T06:00:00Z"));
        assert!(!watch.is_due(at("2026-08-02T05:59:59Z")));
        assert!(watch.is_due(at("2026-08-02T06:00:00Z")));
        assert!(watch.is_due(at("2026-07-31T00:00:00Z")), "the clock was set back");
    }

    #[test]
    fn a_finding_is_told_once_and_once_more_when_it_is_mended() {
        let mut watch = Watch::default();
        let bad = Finding::new("required fields", Verdict::Bad, "`Team` is demanded");
        let good = Finding::new("permissions", Verdict::Good, "all");
        let told = |news: Vec<(Verdict, String, String)>| {
            news.into_iter().map(|(verdict, subject, _)| (verdict, subject)).collect::<Vec<_>>()
        };
        let both = vec![bad.clone(), good.clone()];
        assert_eq!(told(watch.news(&both)), [(Verdict::Bad, "required fields".to_owned())]);
        assert_eq!(told(watch.news(&both)), []);
        let away = vec![Finding::new("credentials", Verdict::Bad, "no")];
        assert_eq!(told(watch.news(&away)), [(Verdict::Bad, "credentials".to_owned())]);
        assert_eq!(
            told(watch.news(&[good])),
            [(Verdict::Good, "credentials".to_owned()), (Verdict::Good, "required fields".to_owned())]
        );
    }
}
