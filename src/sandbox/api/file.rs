//! Attachments.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::call::{Answer, Call, Outcome, Part};
use crate::sandbox::dialect::Flavour;
use crate::sandbox::pages::{download, find_attachment};
use crate::sandbox::rights::Permission;
use crate::sandbox::site::FILES_PER_UPLOAD;
use crate::sandbox::view;
use crate::sandbox::world::{Attachment, FieldChange, Issue, World};

pub(super) fn settings(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::ok(json!({ "enabled": world.takes_files, "uploadLimit": world.upload_limit })))
}

/// A file of the same name is added beside the one that is there.
pub(super) fn attach(world: &mut World, call: &Call) -> Outcome {
    if !call.waives_forgery_check {
        return Err(Answer::message(StatusCode::FORBIDDEN, "XSRF check failed"));
    }
    if call.content_type != "multipart/form-data" {
        return Err(Answer::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, &call.segments.join("/")));
    }
    if !world.takes_files {
        return Err(Answer::not_found("Attachments are disabled."));
    }
    let issue = world.issue_for(call.account(), call.segment(1), Permission::Attach)?.id;
    let files: Vec<&Part> = call.parts.iter().filter(|part| part.name == "file").collect();
    if files.is_empty() || files.iter().any(|file| file.file_name.is_empty()) {
        return Err(Answer::refusal("The request has no part named 'file' with a file name."));
    }
    if files.len() > FILES_PER_UPLOAD || files.iter().any(|file| file.bytes.len() > world.upload_limit) {
        return Err(Answer::message(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("At most {FILES_PER_UPLOAD} files of {} bytes each can be attached.", world.upload_limit),
        ));
    }

    let created = world.now();
    let mut added = Vec::new();
    for file in files {
        let attachment = Attachment {
            id: world.next_id(),
            author: call.account().to_owned(),
            created,
            name: file.file_name.clone(),
            media_type: file.media_type.clone(),
            bytes: file.bytes.clone(),
        };
        added.push(view::attachment(world, &attachment));
        let change =
            FieldChange::new("Attachment", None, Some((attachment.id.to_string(), attachment.name.clone())));
        if let Some(issue) = world.issues.get_mut(issue) {
            issue.attachments.push(attachment);
        }
        world.write_down(issue, call.account(), vec![change]);
    }
    Ok(Answer::ok(Value::Array(added)))
}

/// What is known of a file.
pub(super) fn read(world: &mut World, call: &Call) -> Outcome {
    let (_, attachment) = find(world, call, call.segment(1))?;
    let mut body = view::attachment(world, attachment);
    if world.site.flavour == Flavour::Cloud {
        // Here alone the id is a number.
        body["id"] = json!(attachment.id);
    }
    Ok(Answer::ok(body))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let (issue, attachment) = find(world, call, call.segment(1))?;
    let is_own = attachment.author == call.account();
    let may = |permission| world.may(call.account(), issue.project, permission);
    if !is_own || may(Permission::DeleteOwnAttachments).is_err() {
        may(Permission::DeleteAllAttachments)?;
    }
    let (issue, id) = (issue.id, attachment.id);
    let change = FieldChange::new("Attachment", Some((id.to_string(), attachment.name.clone())), None);
    if let Some(issue) = world.issues.get_mut(issue) {
        issue.attachments.retain(|attachment| attachment.id != id);
    }
    world.write_down(issue, call.account(), vec![change]);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn content(world: &mut World, call: &Call) -> Outcome {
    find(world, call, call.segment(2)).map(|(_, attachment)| download(attachment))
}

/// The content at the address that Data Center gives, outside of REST.
pub(super) fn secure_content(world: &mut World, call: &Call) -> Outcome {
    find(world, call, call.segment(1)).map(|(_, attachment)| download(attachment))
}

fn find<'a>(world: &'a World, call: &Call, wanted: &str) -> Result<(&'a Issue, &'a Attachment), Answer> {
    find_attachment(world, wanted)
        .filter(|(issue, _)| world.sees(call.account(), issue))
        .ok_or_else(|| Answer::not_found(format!("The attachment with id '{wanted}' does not exist.")))
}
