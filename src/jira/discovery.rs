//! What the account can do in the project, found out before the first write.

use serde_json::Value;

use super::{Client, Dialect, JiraError};

/// Permissions that disputebot needs, with what for.
const PERMISSIONS: [(&str, &str); 8] = [
    ("BROWSE_PROJECTS", "to read its tickets"),
    ("CREATE_ISSUES", "to open tickets"),
    ("EDIT_ISSUES", "to update tickets and labels"),
    ("ADD_COMMENTS", "to say what changed"),
    ("TRANSITION_ISSUES", "to close and reopen tickets"),
    ("RESOLVE_ISSUES", "to set the resolution"),
    ("LINK_ISSUES", "to link split and merged tickets"),
    ("SCHEDULE_ISSUES", "to set due dates"),
];

/// Fields that disputebot fills by itself at create.
const FILLED: [&str; 9] = [
    "project",
    "issuetype",
    "summary",
    "description",
    "labels",
    "priority",
    "duedate",
    "reporter",
    "attachment",
];

/// How one finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Works, with less than there could be.
    Weak,
    /// A run would fail.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found, and what to do where that is not good.
    pub said: String,
}

impl Finding {
    /// A finding.
    pub fn new(subject: impl Into<String>, verdict: Verdict, said: impl Into<String>) -> Self {
        Self { subject: subject.into(), verdict, said: said.into() }
    }
}

/// All findings about a Jira site.
pub type Health = Vec<Finding>;

/// What the plan needs from the project, to be checked.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Link types that will be used.
    pub link_types: Vec<String>,
    /// Priorities that will be set.
    pub priorities: Vec<String>,
    /// Resolution that will be set.
    pub resolution: Option<String>,
    /// Whether the project will be claimed in a property of it.
    pub lease: bool,
}

/// Looks at credentials, project, issue type, fields, permissions, link types and priorities. Writes
/// nothing.
pub async fn check(client: &Client, needs: &Needs) -> Health {
    let mut health = Health::new();
    let site = client.settings.url.to_string();
    let dialect = match client.site().await {
        Ok(found) => {
            let said = format!("{site} is {} {}", found.dialect.name(), found.version);
            health.push(Finding::new("jira.url", Verdict::Good, said));
            found.dialect
        }
        Err(error) => {
            health.push(failed("jira.url", &error));
            return health;
        }
    };
    match client.sign_in().await {
        Ok(me) => {
            let name = if me.name.is_empty() { "an account without a name" } else { &me.name };
            health.push(Finding::new("credentials", Verdict::Good, format!("accepted as {name}")));
        }
        Err(error) => {
            health.push(failed("credentials", &error));
            return health;
        }
    }
    let project = client.settings.project.clone();
    match client.get(&format!("/project/{project}"), &[]).await {
        Ok(found) => {
            let name = found["name"].as_str().unwrap_or_default();
            health.push(Finding::new("jira.project", Verdict::Good, format!("{project} is “{name}”")));
        }
        Err(error) => {
            health.push(failed("jira.project", &error));
            return health;
        }
    }
    permissions(client, &mut health).await;
    if needs.lease {
        lease(client, &mut health).await;
    }
    issue_type(client, &mut health).await;
    // Data Center shows its lists as plain arrays.
    let (priorities, resolutions) = match dialect {
        Dialect::Cloud => (("/priority/search", "values"), ("/resolution/search", "values")),
        Dialect::DataCenter => (("/priority", ""), ("/resolution", "")),
    };
    let wanted: Vec<String> = needs.resolution.iter().cloned().collect();
    names(client, &mut health, ("/issueLinkType", "issueLinkTypes"), "link type", &needs.link_types).await;
    names(client, &mut health, priorities, "priority", &needs.priorities).await;
    names(client, &mut health, resolutions, "resolution", &wanted).await;
    health
}

fn failed(subject: &str, error: &JiraError) -> Finding {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    Finding::new(subject, Verdict::Bad, format!("{error}{hint}"))
}

async fn permissions(client: &Client, health: &mut Health) {
    let wanted: Vec<&str> = PERMISSIONS.iter().map(|(name, _)| *name).collect();
    let wanted = wanted.join(",");
    let query = [("permissions", wanted.as_str()), ("projectKey", client.settings.project.as_str())];
    match client.get("/mypermissions", &query).await {
        Ok(answer) => {
            let missing: Vec<String> = PERMISSIONS
                .iter()
                .filter(|(name, _)| answer["permissions"][*name]["havePermission"] != true)
                .map(|(name, purpose)| format!("{name} ({purpose})"))
                .collect();
            health.push(if missing.is_empty() {
                Finding::new("permissions", Verdict::Good, "all that disputebot needs")
            } else {
                Finding::new("permissions", Verdict::Bad, format!("missing: {}", missing.join(", ")))
            });
        }
        Err(error) => health.push(failed("permissions", &error)),
    }
}

/// Project properties can be set only by who administers the project.
async fn lease(client: &Client, health: &mut Health) {
    const NAME: &str = "ADMINISTER_PROJECTS";
    let query = [("permissions", NAME), ("projectKey", client.settings.project.as_str())];
    match client.get("/mypermissions", &query).await {
        Ok(answer) if answer["permissions"][NAME]["havePermission"] == true => {
            health.push(Finding::new("jira.lease", Verdict::Good, "the account may claim the project"));
        }
        Ok(_) => {
            let said = format!(
                "missing: {NAME} (to note in the project that disputebot works there, so that a second one is noticed); \
                 or set `jira.lease = false` where exactly one works there"
            );
            health.push(Finding::new("jira.lease", Verdict::Bad, said));
        }
        Err(error) => health.push(failed("jira.lease", &error)),
    }
}

async fn issue_type(client: &Client, health: &mut Health) {
    let path = format!("/issue/createmeta/{}/issuetypes", client.settings.project);
    let types = match client.get(&path, &[("maxResults", "200")]).await {
        // Data Center says `values`.
        Ok(answer) => {
            let types = answer["issueTypes"].as_array().or(answer["values"].as_array());
            types.cloned().unwrap_or_default()
        }
        Err(error) => return health.push(failed("jira.issue_type", &error)),
    };
    let name = &client.settings.issue_type;
    let Some(found) = types.iter().find(|issue_type| issue_type["name"] == name.as_str()) else {
        let known: Vec<&str> = types.iter().filter_map(|issue_type| issue_type["name"].as_str()).collect();
        let said = format!("the project has no issue type `{name}`; it has: {}", known.join(", "));
        return health.push(Finding::new("jira.issue_type", Verdict::Bad, said));
    };
    health.push(Finding::new("jira.issue_type", Verdict::Good, format!("`{name}` exists")));
    let path = format!("{path}/{}", found["id"].as_str().unwrap_or_default());
    let fields = match client.get(&path, &[("maxResults", "200")]).await {
        Ok(answer) => {
            let fields = answer["fields"].as_array().or(answer["values"].as_array());
            fields.cloned().unwrap_or_default()
        }
        Err(error) => return health.push(failed("fields", &error)),
    };
    let id =
        |field: &Value| field["fieldId"].as_str().or(field["key"].as_str()).unwrap_or_default().to_owned();
    let unfilled: Vec<String> = fields
        .iter()
        .filter(|field| field["required"] == true && field["hasDefaultValue"] != true)
        .filter(|field| !FILLED.contains(&id(field).as_str()))
        .map(|field| format!("`{}`", field["name"].as_str().unwrap_or_default()))
        .collect();
    if !unfilled.is_empty() {
        let said = format!(
            "required, and disputebot does not fill them: {}; make them optional",
            unfilled.join(", ")
        );
        health.push(Finding::new("required fields", Verdict::Bad, said));
    }
    let missing: Vec<&str> = ["summary", "description", "labels", "priority", "duedate"]
        .into_iter()
        .filter(|wanted| !fields.iter().any(|field| id(field) == *wanted))
        .collect();
    health.push(
        if missing.contains(&"labels") || missing.contains(&"description") || missing.contains(&"summary") {
            let said =
                format!("not on the create screen: {}; the mark of a ticket needs them", missing.join(", "));
            Finding::new("create screen", Verdict::Bad, said)
        } else if missing.is_empty() {
            Finding::new("create screen", Verdict::Good, "has every field that disputebot writes")
        } else {
            let said = format!("not on it, so creating would be refused: {}", missing.join(", "));
            Finding::new("create screen", Verdict::Bad, said)
        },
    );
}

/// Whether some names are in a list of Jira, whose place is a path and a member, or the answer itself.
async fn names(
    client: &Client,
    health: &mut Health,
    (path, list): (&str, &str),
    kind: &str,
    wanted: &[String],
) {
    if wanted.is_empty() {
        return;
    }
    match client.get(path, &[]).await {
        Ok(answer) => {
            let entries = if list.is_empty() { &answer } else { &answer[list] };
            let known: Vec<&str> =
                entries.as_array().into_iter().flatten().filter_map(|entry| entry["name"].as_str()).collect();
            for name in wanted {
                health.push(if known.contains(&name.as_str()) {
                    Finding::new(kind, Verdict::Good, format!("`{name}` exists"))
                } else {
                    let said = format!("there is no {kind} `{name}`; there are: {}", known.join(", "));
                    Finding::new(kind, Verdict::Bad, said)
                });
            }
        }
        Err(error) => health.push(failed(kind, &error)),
    }
}
