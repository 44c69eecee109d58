//! The report as words of an issue or a comment: the Markdown form as a document, and the page to be attached.

use super::{Links, MailError, Screened, Weekly, headline, html, markdown, screened};
use crate::{
    state::Head,
    ticket::{
        self,
        document::{Block, Inline},
        markup,
    },
};

/// Longest summary that Jira takes, in characters.
const SUMMARY: usize = 255;

/// A report for Jira.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForJira {
    /// One line: the week and what a reader sees first.
    pub summary: String,
    /// The words.
    pub body: Vec<Block>,
    /// The whole page, to be attached; none where Jira takes none of that size.
    pub page: Option<Screened>,
    /// Name of the attached file. It never begins as those of lists of disputes do, which are replaced.
    pub file_name: String,
}

/// How much Jira takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Longest text, in characters (units of UTF-16).
    pub text: usize,
    /// Largest attachment, in bytes; 0 where it takes none.
    pub page: u64,
}

/// The report for Jira: sections that do not fit are left to the page.
pub fn for_jira(
    weekly: &Weekly,
    head: &Head,
    links: &Links,
    name: &str,
    room: Room,
) -> Result<ForJira, MailError> {
    let about = weekly.client.as_ref().map_or_else(String::new, |client| format!(" ({client})"));
    let summary =
        screened("summary", format!("Disputes in week {}{about}: {}", weekly.week, headline(weekly)))?;
    let text = screened("text", markdown::markdown(weekly, head, links)?)?;
    let page = screened("page", html::html(weekly, head, links)?)?;
    let summary: String =
        summary.as_str().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let file_name = format!("report-{name}.html");
    let page = Some(page).filter(|page| page.as_str().len() as u64 <= room.page);
    let place = match page {
        Some(_) => format!("the attached page {file_name}"),
        None => "the page in the folder of reports".to_owned(),
    };
    Ok(ForJira {
        summary: ticket::shortened(&summary, SUMMARY),
        body: within(ticket::parse_markdown(text.as_str()), &place, room.text),
        page,
        file_name,
    })
}

/// Whole sections, as many as fit, and a word on where the rest is.
fn within(mut blocks: Vec<Block>, place: &str, limit: usize) -> Vec<Block> {
    let hint = |text: String| Block::Paragraph(vec![Inline::plain(text)]);
    // After the title.
    let at = usize::from(matches!(blocks.first(), Some(Block::Heading(..))));
    blocks.insert(at, hint(format!("Charts, lists and the tickets behind each number are in {place}.")));
    let mut cut = false;
    while markup::length_of(&blocks) > limit {
        let sections = blocks.iter().skip(1).rposition(|block| matches!(block, Block::Heading(..)));
        let Some(last) = sections.map(|place| place + 1) else { break };
        blocks.truncate(last);
        cut = true;
        let rest = hint("Further sections would not fit here; the page has them.".to_owned());
        if markup::length_of(&blocks) + markup::length_of(std::slice::from_ref(&rest)) <= limit {
            blocks.push(rest);
            return blocks;
        }
    }
    if cut {
        blocks.truncate(at + 1);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_to_the_page_by_whole_sections() {
        let text = format!("# Week\n\nwords\n\n## One\n\n{0}\n\n## Two\n\n{0}\n", "x ".repeat(400));
        let blocks = ticket::parse_markdown(&text);
        let whole = within(blocks.clone(), "report.html", 32_000);
        assert_eq!(whole.len(), blocks.len() + 1, "the hint alone is added");
        let some = within(blocks.clone(), "report.html", 1_700);
        let words = ticket::document::plain_text(&some);
        assert!(
            words.contains("One") && !words.contains("Two") && words.contains("would not fit"),
            "{words}"
        );
        assert!(markup::length_of(&some) <= 1_700);
        let least = within(blocks, "report.html", 10);
        assert_eq!(ticket::document::plain_text(&least).lines().count(), 2, "title and hint");
    }
}
