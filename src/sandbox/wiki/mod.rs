//! Wiki markup, the rich text of Jira Data Center and of version 2 on Cloud: shown as HTML, and turned into a
//! document and back in the plain way that version 2 on Cloud needs.

mod document;
mod html;

pub(crate) use document::{from_document, to_document};
pub(crate) use html::html;
