//! What a person sees: progress bars on a terminal, talk on stderr, data on stdout.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use comfy_table::{CellAlignment, ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressStyle};

use crate::run::Progress;

/// The person's side of a command.
#[derive(Debug)]
pub(crate) struct Ui {
    quiet: bool,
    bar: Option<(&'static str, ProgressBar)>,
}

impl Ui {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, bar: None }
    }

    /// Talk; not shown with `--quiet`.
    pub(crate) fn say(&mut self, text: &str) {
        if !self.quiet {
            self.clear();
            self.stderr(text);
        }
    }

    /// Something that went on in a worse way.
    pub(crate) fn warn(&mut self, text: &str) {
        self.clear();
        let style = anstyle::AnsiColor::Yellow.on_default().effects(anstyle::Effects::BOLD);
        self.stderr(&format!("{style}warning{style:#}: {text}"));
    }

    /// The error that ends the command; its text begins with `error:`.
    pub(crate) fn error(&mut self, text: &str) {
        let style = anstyle::AnsiColor::Red.on_default().effects(anstyle::Effects::BOLD);
        let shown: Cow<'_, str> = text
            .strip_prefix("error:")
            .map_or(Cow::Borrowed(text), |rest| Cow::Owned(format!("{style}error{style:#}:{rest}")));
        self.stderr(&shown);
    }

    /// Data. A reader that has gone away is not an error of ours.
    pub(crate) fn data(&mut self, text: &str) -> io::Result<()> {
        self.clear();
        let mut out = anstream::stdout().lock();
        let written = out
            .write_all(text.as_bytes())
            .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") });
        match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// A value as JSON.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
        self.data(&text)
    }

    /// Shows how far a pass is, on a terminal only.
    pub(crate) fn progress(&mut self, progress: Progress<'_>) {
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        match progress {
            Progress::Reading(source) => {
                let bar = self.bar("reading", source.bytes_total);
                bar.set_position(source.bytes);
                bar.set_message(format!("{} rows", source.rows));
            }
            Progress::Grouping(disputes) => {
                self.bar("grouping", 0).set_message(format!("{disputes} disputes"));
            }
            Progress::Observing(tickets) => {
                self.bar("asking Jira", 0).set_message(format!("{tickets} tickets"));
            }
            Progress::Applying(done, total) => {
                self.bar("writing", total as u64).set_position(done as u64);
            }
        }
    }

    /// Takes the progress bar off the screen.
    pub(crate) fn clear(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn bar(&mut self, stage: &'static str, length: u64) -> &ProgressBar {
        if self.bar.as_ref().is_none_or(|(current, _)| *current != stage) {
            self.clear();
            let bar = if length == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(length) };
            let template = if length == 0 {
                "{spinner} {prefix} {msg}"
            } else {
                "{prefix:12} {bar:30} {percent:>3} % {msg}"
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_prefix(stage);
            bar.enable_steady_tick(Duration::from_millis(120));
            self.bar = Some((stage, bar));
        }
        let (_, bar) = self.bar.get_or_insert_with(|| (stage, ProgressBar::hidden()));
        if length > 0 {
            bar.set_length(length);
        }
        bar
    }

    #[expect(clippy::unused_self, reason = "stderr belongs to the person's side")]
    fn stderr(&self, text: &str) {
        // Where nobody can read, there is nobody to tell.
        drop(writeln!(anstream::stderr(), "{text}"));
    }
}

/// A table without lines, as wide as it needs to be; columns named in `right` are numbers.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    for row in rows {
        table.add_row(row.clone());
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}

/// A text that fits a column: longer ones end in `…`.
pub(crate) fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).collect::<String>() + "…"
}
