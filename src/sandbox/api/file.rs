//! Attachments.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::call::{Answer, Call, Outcome, Part};
use crate::sandbox::pages::{download, find_attachment};
use crate::sandbox::rights::Permission;
use crate::sandbox::site::{FILES_PER_UPLOAD, UPLOAD_LIMIT_BYTES};
use crate::sandbox::view;
use crate::sandbox::world::{Attachment, FieldChange, World};

pub(super) fn settings(_world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::ok(json!({ "enabled": true, "uploadLimit": UPLOAD_LIMIT_BYTES })))
}

/// A file of the same name is added beside the one that is there.
pub(super) fn attach(world: &mut World, call: &Call) -> Outcome {
    if !call.waives_forgery_check {
        return Err(Answer::message(StatusCode::FORBIDDEN, "XSRF check failed"));
    }
    if call.content_type != "multipart/form-data" {
        return Err(Answer::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, &call.segments.join("/")));
    }
    let issue = world.issue_for(call.account(), call.segment(1), Permission::Attach)?.id;
    let files: Vec<&Part> = call.parts.iter().filter(|part| part.name == "file").collect();
    if files.is_empty() || files.iter().any(|file| file.file_name.is_empty()) {
        return Err(Answer::refusal("The request has no part named 'file' with a file name."));
    }
    if files.len() > FILES_PER_UPLOAD || files.iter().any(|file| file.bytes.len() > UPLOAD_LIMIT_BYTES) {
        return Err(Answer::message(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("At most {FILES_PER_UPLOAD} files of {UPLOAD_LIMIT_BYTES} bytes each can be attached."),
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

pub(super) fn content(world: &mut World, call: &Call) -> Outcome {
    let wanted = call.segment(2);
    find_attachment(world, wanted)
        .filter(|(issue, _)| world.sees(call.account(), issue))
        .map(|(_, attachment)| download(attachment))
        .ok_or_else(|| Answer::not_found(format!("The attachment with id '{wanted}' does not exist.")))
}
