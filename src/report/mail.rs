//! The report as a mail and as words for a chat: the sentences and the tables that fit a small window. Charts need
//! the page, which goes with the mail.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Links, Private, Screened, Week, Weekly, html, screened};
use crate::state::Head;

/// A mail, apart from whom it is to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Subject.
    pub subject: String,
    /// The body as plain text.
    pub text: Screened,
    /// The same as HTML that mail programs show: no style sheet is needed.
    pub html: Screened,
    /// Pictures that the HTML shows by their names.
    pub pictures: Vec<Picture>,
    /// The whole page, to be attached.
    pub page: Screened,
    /// Name of the attached file.
    pub file_name: String,
}

/// A picture within a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// By which the HTML refers to it (`cid:`).
    pub name: &'static str,
    /// PNG.
    pub bytes: Vec<u8>,
}

/// Why there is no mail.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A template is wrong.
    #[error("the mail could not be made")]
    Template(#[from] minijinja::Error),
    /// It looks private.
    #[error(transparent)]
    Private(#[from] Private),
}

/// The mail of a week.
pub fn mail(weekly: &Weekly, head: &Head, links: &Links) -> Result<Mail, MailError> {
    let page = html::page(weekly, head, links);
    let about = weekly.client.as_ref().map_or_else(String::new, |client| format!(" ({client})"));
    let subject = screened("subject", format!("Disputes in week {}{about}: {}", weekly.week, page.headline))?;
    Ok(Mail {
        // A line end would begin another header.
        subject: subject.as_str().replace(|letter: char| letter.is_control(), " "),
        text: screened("mail", html::render("mail.txt", &page)?)?,
        html: screened("mail", html::render("mail.html", &page)?)?,
        pictures: html::pictures(&page)?.into_iter().map(|(name, bytes)| Picture { name, bytes }).collect(),
        page: screened("page", html::html(weekly, head, links)?)?,
        file_name: format!("disputes-{}.html", weekly.week),
    })
}

/// The part of a message id that is the same whenever the report of a week is sent to a recipient.
pub fn message_id(week: Week, client: Option<&str>, recipient: &str) -> String {
    let mut hasher = Sha256::new();
    for part in [client.unwrap_or_default(), recipient] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    format!("{week}.{}", hex::encode(&hasher.finalize()[..8]))
}

/// The five sentences as a message of a chat.
pub fn chat(weekly: &Weekly, form: ChatForm) -> Result<Value, Private> {
    let title = format!("Disputes in week {}", weekly.week);
    let text = screened("chat message", format!("{title}\n{}", weekly.story.join("\n")))?;
    Ok(match form {
        ChatForm::Slack => {
            // Slack reads these three as its own marks.
            let inert = text.as_str().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            json!({ "text": inert })
        }
        ChatForm::Teams => {
            let block = |text: &str, heading: bool| {
                let size = if heading { "Medium" } else { "Default" };
                json!({ "type": "TextBlock", "text": super::markdown::escape(text), "wrap": true, "size": size })
            };
            let mut body = vec![block(&title, true)];
            body.extend(weekly.story.iter().map(|sentence| block(sentence, false)));
            json!({ "type": "message", "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": { "type": "AdaptiveCard", "version": "1.4", "body": body },
            }] })
        }
    })
}

/// What a chat understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatForm {
    /// Slack's incoming webhooks.
    Slack,
    /// Workflows of Microsoft Teams.
    Teams,
}
