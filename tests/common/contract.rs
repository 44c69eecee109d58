//! Every request that a client sent to a sandbox, against the vendor's own specification of the flavour: path, method,
//! query and body; and every document in a body against the vendor's schema of documents.
//!
//! The vendor's files lie beside the checkout, in `../shared/jira`; where that folder is missing, this says so and
//! passes.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "part of tests, which fail by a panic"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use disputebot::sandbox::{Flavour, Recorded};
use serde_json::{Map, Value};

/// What servers take although the specification is silent about it: flavour, method, path, parameter.
const UNTOLD: &[(Flavour, &str, &str, &str)] = &[
    // The text of the operation explains it, its list of parameters forgets it.
    (Flavour::DataCenter, "get", "/api/2/issue/{issueIdOrKey}/transitions", "expand"),
];
/// Operations whose text says that the body is any JSON, while their schema describes what a read of it gives: flavour,
/// method, path.
const ANY_JSON: &[(Flavour, &str, &str)] = &[
    (Flavour::DataCenter, "put", "/api/2/project/{projectIdOrKey}/properties/{propertyKey}"),
    (Flavour::DataCenter, "put", "/api/2/issue/{issueIdOrKey}/properties/{propertyKey}"),
];
/// Paths of the servers that are no part of the REST interface.
const BESIDE: &[&str] = &["/_edge/tenant_info"];

/// One line for each breach, without repeats.
pub(crate) fn breaches(flavour: Flavour, requests: &[Recorded]) -> Vec<String> {
    static CLOUD: OnceLock<Option<Contract>> = OnceLock::new();
    static DATA_CENTER: OnceLock<Option<Contract>> = OnceLock::new();
    let contract = match flavour {
        Flavour::Cloud => CLOUD.get_or_init(|| Contract::read(flavour)),
        Flavour::DataCenter => DATA_CENTER.get_or_init(|| Contract::read(flavour)),
    };
    let Some(contract) = contract else { return Vec::new() };
    let mut found = BTreeSet::new();
    for request in requests {
        for breach in contract.check(request) {
            found.insert(format!("{} {}: {breach}", request.method, request.path));
        }
    }
    found.into_iter().collect()
}

/// The folder of the vendor's files.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/jira");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("requests are not judged: there is no ../shared/jira beside the checkout");
    None
}

struct Contract {
    flavour: Flavour,
    specification: Value,
    documents: jsonschema::Validator,
}

impl Contract {
    fn read(flavour: Flavour) -> Option<Self> {
        let folder = folder()?;
        let read = |name: &str| -> Value {
            let text =
                fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let name = match flavour {
            Flavour::Cloud => "openapi-cloud.json",
            Flavour::DataCenter => "openapi-dc-10.3.json",
        };
        let documents = jsonschema::draft4::new(&read("adf-full.schema.json")).expect("a sound schema");
        Some(Self { flavour, specification: read(name), documents })
    }

    fn check(&self, request: &Recorded) -> Vec<String> {
        let is_file = self.flavour == Flavour::DataCenter && request.path.contains("/secure/attachment/");
        if is_file || BESIDE.contains(&request.path.as_str()) {
            return Vec::new();
        }
        let (version, path) = match self.path(&request.path) {
            Ok(found) => found,
            Err(breach) => return vec![breach],
        };
        let method = request.method.to_ascii_lowercase();
        let Some((template, item)) = self.item(&path) else {
            return vec!["no such path".to_owned()];
        };
        let Some(operation) = item.get(method.as_str()) else {
            return vec![format!("`{template}` has no such method")];
        };
        let mut found = Vec::new();
        if self.flavour == Flavour::Cloud && operation["deprecated"] == true {
            found.push("the operation is deprecated".to_owned());
        }
        self.check_query(&method, template, item, operation, &request.query, &mut found);
        if !ANY_JSON.contains(&(self.flavour, method.as_str(), template)) {
            self.check_body(operation, &request.body, &mut found);
        }
        if version == "2" && self.flavour == Flavour::Cloud {
            // The specification is that of version 3; this version has strings where that one has documents.
            found.retain(|breach| !breach.contains("document"));
        }
        found
    }

    /// The version, and the path as the specification has it.
    fn path(&self, sent: &str) -> Result<(String, String), String> {
        let at = sent.find("/rest/api/").ok_or("not a path of REST")?;
        let rest = &sent[at + "/rest/api/".len()..];
        let (version, rest) = rest.split_once('/').ok_or("no path after the version")?;
        match (self.flavour, version) {
            (Flavour::Cloud, "2" | "3" | "latest") => Ok((version.to_owned(), format!("/rest/api/3/{rest}"))),
            (Flavour::DataCenter, "2" | "latest") => Ok((version.to_owned(), format!("/api/2/{rest}"))),
            // How a client finds out what it met.
            (Flavour::DataCenter, "3") if rest == "serverInfo" => {
                Ok((version.to_owned(), "/api/2/serverInfo".to_owned()))
            }
            _ => Err(format!("the server has no version `{version}`")),
        }
    }

    /// The path of the specification that a path belongs to: the one with the fewest placeholders.
    fn item(&self, path: &str) -> Option<(&str, &Value)> {
        let sent: Vec<&str> = path.split('/').collect();
        let is_placeholder = |segment: &str| segment.starts_with('{');
        let fits = |template: &str| {
            let segments: Vec<&str> = template.split('/').collect();
            segments.len() == sent.len()
                && segments
                    .iter()
                    .zip(&sent)
                    .all(|(segment, sent)| is_placeholder(segment) && !sent.is_empty() || segment == sent)
        };
        self.specification["paths"]
            .as_object()?
            .iter()
            .filter(|(template, _)| fits(template))
            .min_by_key(|(template, _)| template.split('/').filter(|segment| is_placeholder(segment)).count())
            .map(|(template, item)| (template.as_str(), item))
    }

    fn check_query(
        &self,
        method: &str,
        template: &str,
        item: &Value,
        operation: &Value,
        query: &str,
        found: &mut Vec<String>,
    ) {
        let lists = [&operation["parameters"], &item["parameters"]];
        let known: Vec<&Value> = lists
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .map(|parameter| self.resolved(parameter))
            .filter(|parameter| parameter["in"] == "query")
            .collect();
        let sent: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        for (name, value) in &sent {
            let Some(parameter) = known.iter().find(|parameter| parameter["name"] == name.as_str()) else {
                if !UNTOLD.contains(&(self.flavour, method, template, name)) {
                    found.push(format!("the query has no parameter `{name}`"));
                }
                continue;
            };
            let schema = self.resolved(&parameter["schema"]);
            let holds = match schema["type"].as_str() {
                Some("integer") => value.parse::<i64>().is_ok(),
                Some("boolean") => matches!(value.as_str(), "true" | "false"),
                Some("string") if schema["enum"].is_array() => schema["enum"]
                    .as_array()
                    .is_some_and(|allowed| allowed.iter().any(|one| one == value.as_str())),
                _ => true,
            };
            if !holds {
                found.push(format!("the parameter `{name}` does not take `{value}`"));
            }
        }
        for parameter in known {
            let name = parameter["name"].as_str().unwrap_or_default();
            if parameter["required"] == true && sent.iter().all(|(sent, _)| sent != name) {
                found.push(format!("the query lacks the parameter `{name}`"));
            }
        }
    }

    fn check_body(&self, operation: &Value, body: &Value, found: &mut Vec<String>) {
        let request = self.resolved(&operation["requestBody"]);
        let content = &request["content"];
        if let Some(schema) = content["multipart/form-data"].get("schema") {
            let parts = body.as_array().map_or(&[][..], Vec::as_slice);
            let right = parts.iter().all(|part| part["name"] == "file" && part["fileName"] != "");
            if parts.is_empty() || !right {
                found.push(format!("expected parts named `file` ({schema}), found {body}"));
            }
            return;
        }
        match (content["application/json"].get("schema"), body) {
            (None, Value::Null) => {}
            (None, _) => found.push("the operation takes no body".to_owned()),
            (Some(_), Value::Null) if request["required"] == true => {
                found.push("the body is missing".to_owned());
            }
            (Some(_), Value::Null) => {}
            (Some(schema), body) => {
                self.check_value(schema, body, "body", found);
                self.check_documents(body, "body", found);
            }
        }
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
            Some(pointer) => {
                self.specification.pointer(pointer).map_or(&Value::Null, |found| self.resolved(found))
            }
            None => schema,
        }
    }

    /// Stricter than the specification: a member that an object does not name is a breach, unless it names none.
    fn check_value(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        let schema = self.resolved(schema);
        if let Some(all) = schema["allOf"].as_array() {
            // Always one reference with a text beside it.
            for part in all {
                self.check_value(part, value, at, found);
            }
            return;
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[choice].as_array() {
                let verdicts = choices.iter().map(|choice| {
                    let mut faults = Vec::new();
                    self.check_value(choice, value, at, &mut faults);
                    faults
                });
                let best = verdicts.min_by_key(Vec::len).unwrap_or_default();
                found.extend(best);
                return;
            }
        }
        if value.is_null() {
            // Null empties a value; only a whole body must be something.
            return;
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            found.push(format!("{at} is one of {allowed:?}, found {value}"));
        }
        let holds = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            _ => true,
        };
        if !holds {
            found.push(format!("{at} is of type {}, found {value}", schema["type"]));
            return;
        }
        match value {
            Value::Object(members) => self.check_members(schema, members, at, found),
            Value::Array(entries) if schema["items"].is_object() => {
                for (position, entry) in entries.iter().enumerate() {
                    self.check_value(&schema["items"], entry, &format!("{at}[{position}]"), found);
                }
            }
            _ => {}
        }
    }

    fn check_members(&self, schema: &Value, members: &Map<String, Value>, at: &str, found: &mut Vec<String>) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if members.get(name).is_none_or(Value::is_null) {
                found.push(format!("{at} lacks `{name}`"));
            }
        }
        let Some(known) = schema["properties"].as_object() else {
            return;
        };
        for (name, member) in members {
            match known.get(name) {
                // Their form is a matter of the site: what it takes, its create metadata says.
                Some(_) if name == "fields" || name == "update" => {}
                Some(schema) => self.check_value(schema, member, &format!("{at}.{name}"), found),
                None => found.push(format!("{at} has no member `{name}`")),
            }
        }
    }

    /// Every document anywhere in a body.
    fn check_documents(&self, value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) if members.get("type").is_some_and(|kind| kind == "doc") => {
                if self.flavour == Flavour::DataCenter {
                    found.push(format!("{at} is a document, which Data Center does not know"));
                } else if let Err(fault) = self.documents.validate(value) {
                    found.push(format!("{at} is no valid document: {fault}"));
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    self.check_documents(member, &format!("{at}.{name}"), found);
                }
            }
            Value::Array(entries) => {
                for entry in entries {
                    self.check_documents(entry, at, found);
                }
            }
            _ => {}
        }
    }
}
