//! The log, and the gate before it.
//!
//! Every line, whoever wrote it and in whatever form, goes through one writer. What looks like a value of a dispute is
//! taken out of it there: numbers and days that only input has, and everything that only a patient has. Times of the log,
//! ids and digests of ours, names of files and counts stay, and so do names and mail addresses, which are those of the
//! people who work here: values of the input are quoted by their form where they look so ([`Field::quoted`]), and a
//! dispute is printed without its private columns.
//!
//! [`Field::quoted`]: crate::dispute::Field::quoted

use std::{borrow::Cow, io};

use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::{CliError, Exit};
use crate::{
    config::Settings,
    dispute::{Find, Shape, finds, plain, unseen},
};

pub(super) fn start(settings: &Settings) -> Result<(), CliError> {
    let level = std::env::var("DISPUTEBOT_LOG").unwrap_or_else(|_| settings.log.level.clone());
    let filter = EnvFilter::try_new(&level).map_err(|error| {
        CliError::new(Exit::Config, format!("`DISPUTEBOT_LOG` is not a log filter: {error}"))
    })?;
    let log = lines(settings.log.json, io::stderr).with_filter(filter);
    Registry::default().with(log).try_init().map_err(|error| CliError::new(Exit::Bug, error))
}

/// Lines to a writer, past the gate.
fn lines<W>(json: bool, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // Colours would stand between the signs of a value.
    let log = fmt::layer().with_ansi(false).with_target(false).with_writer(Gate(writer));
    if json { log.json().flatten_event(true).boxed() } else { log.compact().boxed() }
}

/// Writes lines as far as they may leave.
struct Gate<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Gate<W> {
    type Writer = Gate<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Gate(self.0.make_writer())
    }
}

impl<W: io::Write> io::Write for Gate<W> {
    /// An event comes whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        self.0.write_all(one_line(&open_line(text)).as_bytes())?;
        self.0.write_all(b"\n")?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A line in which nothing begins another one, another colour or another direction.
fn one_line(text: &str) -> Cow<'_, str> {
    if unseen(text).is_none() {
        return Cow::Borrowed(text);
    }
    let inert = |sign: char| -> String {
        let is_unseen = unseen(sign.encode_utf8(&mut [0; 4])).is_some();
        // In the form that JSON has, too; none of them needs more than four digits.
        if is_unseen { format!("\\u{:04x}", u32::from(sign)) } else { sign.into() }
    };
    Cow::Owned(text.chars().map(inert).collect())
}

/// A text for the operator with what looks private taken out.
pub(super) fn open_line(text: &str) -> Cow<'_, str> {
    let plain = plain(text);
    let mut private: Vec<Find> = finds(&plain).into_iter().filter(|find| is_private(find, &plain)).collect();
    if private.is_empty() {
        return Cow::Borrowed(text);
    }
    private.sort_by_key(|find| find.range.start);
    let (mut open, mut done) = (String::with_capacity(plain.len()), 0);
    for Find { shape, range } in private {
        if range.start >= done {
            open.push_str(&plain[done..range.start]);
            open.push_str("(withheld: ");
            open.push_str(shape.as_str());
            open.push(')');
        }
        done = done.max(range.end);
    }
    open.push_str(&plain[done..]);
    Cow::Owned(open)
}

/// Whether what was found in a line can be of a dispute. Times, counts and days of our own are written as such, and names of
/// files have days in them.
fn is_private(find: &Find, line: &str) -> bool {
    let is_end = |sign: char| sign.is_whitespace() || matches!(sign, '"' | '`' | '=' | '(' | ')' | ',');
    match find.shape {
        Shape::Mail | Shape::Name => false,
        Shape::Date | Shape::LongNumber => {
            let (before, after) = (&line[..find.range.start], &line[find.range.end..]);
            let start = before.rfind(is_end).map_or(0, |at| at + 1);
            let end = after.find(is_end).map_or(line.len(), |at| find.range.end + at);
            // A day may be written with slashes and dots by itself.
            let rest = [&before[start..], &after[..end - find.range.end]].concat();
            let has_ending =
                rest.split('.').skip(1).any(|end| end.starts_with(|sign: char| sign.is_ascii_alphabetic()));
            let is_path = rest.contains('/') || has_ending;
            let name = before[..start].trim_end_matches(['=', ' ', '"', ':']);
            let is_count = ["_ms", "_bytes", "_seconds", "_day"].iter().any(|unit| name.ends_with(unit))
                || before.ends_with("\":") && after.starts_with([',', '}']);
            !is_path && !is_count
        }
        _ => true,
    }
}

#[cfg(test)]
#[path = "../../tests/shared/baits.rs"]
mod baits;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::{
        baits::{Baits, hidden},
        *,
    };

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool, log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = Registry::default().with(lines(json, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, log);
        let bytes = kept.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_value_of_a_dispute_is_logged_whatever_field_it_is_given_in() {
        let values = ["123-45-6789", "1EG4-TE5-MK73", "555-010-1234", "1950-03-21", "987654321", "born 1950"];
        for json in [false, true] {
            for value in values {
                let line = logged(json, || {
                    tracing::info!(group.id = 7, claim = value, error = %format!("no row `{value}`"), "failed for {value}");
                    tracing::debug!(dispute = ?Some(value), "a row of {}", value);
                });
                assert!(!line.contains(value) && line.contains("withheld"), "{value}: {line}");
                assert_eq!(line.lines().count(), 2, "{line}");
                if json {
                    for line in line.lines() {
                        serde_json::from_str::<serde_json::Value>(line).unwrap();
                    }
                }
            }
        }
    }

    #[test]
    fn ten_thousand_hostile_texts_stay_within_their_lines() {
        let own = [
            "a\nlevel=ERROR b",
            "a\r\nb",
            "\u{1b}[31mred",
            "\u{202e}x",
            "\"},{\"a\":\"",
            "\u{0}\u{85}\u{2028}",
        ];
        let mut baits = Baits::new();
        let texts: Vec<String> =
            own.map(str::to_owned).into_iter().chain((0..5_000).map(|_| baits.next())).collect();
        for (json, text) in
            [false, true].into_iter().flat_map(|json| texts.iter().map(move |text| (json, text)))
        {
            let line = logged(json, || tracing::info!(error = %text, said = text, "it said {text}"));
            assert_eq!(line.matches('\n').count(), 1, "SEED={}: {line}", baits.seed);
            assert_eq!((unseen(line.trim_end_matches('\n')), hidden(&line)), (None, None), "{line:?}");
            if json {
                serde_json::from_str::<serde_json::Value>(&line).unwrap();
            }
        }
    }

    #[test]
    fn what_operators_look_for_stays_in_the_log() {
        for json in [false, true] {
            let log = || {
                tracing::info!(
                    run.id = "0190f7c2-0000-7000-8000-123456789abc",
                    group.id = "0123456789abcdef00000000000000a7",
                    elapsed_ms = 1_234_567_890_u64,
                    file = "/in/2026-11-26/disputes-20261126.csv",
                    until = %"2026-11-27T06:00:00Z",
                    ends_day = %"2026-12-31",
                    to = "lead@example.com",
                    week = "2026-W47",
                    "run finished"
                );
            };
            let line = logged(json, log);
            assert!(!line.contains("withheld"), "{line}");
            assert!(line.contains("1234567890") && line.contains("disputes-20261126.csv"), "{line}");
            assert!(line.contains("2026-12-31"), "{line}");
        }
    }
}
