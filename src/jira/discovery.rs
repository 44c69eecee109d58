//! What the account can do in the project, found out before the first write.

use serde_json::Value;

use super::{Cause, Client, Destination, Dialect, JiraError, Ready, fields::quoted, ready, workflow};
use crate::plan::{Category, Issue};

/// Permissions that disputebot needs, with what for.
const PERMISSIONS: [(&str, &str); 10] = [
    ("BROWSE_PROJECTS", "to read its tickets"),
    ("CREATE_ISSUES", "to open tickets"),
    ("EDIT_ISSUES", "to update tickets and labels"),
    ("ADD_COMMENTS", "to say what changed"),
    ("TRANSITION_ISSUES", "to close and reopen tickets"),
    ("RESOLVE_ISSUES", "to set the resolution"),
    ("LINK_ISSUES", "to link split and merged tickets"),
    ("SCHEDULE_ISSUES", "to set due dates"),
    ("CREATE_ATTACHMENTS", "to attach lists of disputes"),
    ("DELETE_OWN_ATTACHMENTS", "to replace them by newer ones"),
];

/// Permissions that only some settings need: the field that needs it, its name, and what for.
const OTHER_PERMISSIONS: [(&str, &str, &str); 4] = [
    ("assignee", "ASSIGN_ISSUES", "to set the assignee"),
    ("reporter", "MODIFY_REPORTER", "to set the reporter"),
    ("security", "SET_ISSUE_SECURITY", "to set the security level"),
    ("watches", "MANAGE_WATCHERS", "to add watchers"),
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
    /// Link types that will be used, each with the setting that names it.
    pub link_types: Vec<(&'static str, String)>,
    /// Resolutions that will be set, each with the setting that names it.
    pub resolutions: Vec<(&'static str, String)>,
    /// Whether the project will be claimed in a property of it.
    pub lease: bool,
    /// Some of our tickets, one of each project that has any: what can be done to them is looked at.
    pub tickets: Vec<Issue>,
    /// Where reports will go, each with the setting that says so.
    pub reports: Vec<(String, Destination)>,
}

/// Looks at credentials, project, permissions, issue type, the fields of its screens, what is configured for them,
/// link types, priorities, resolutions, attachments and the workflow: of `jira.project`, and of each other project that
/// rules of routing send tickets to. Writes nothing.
pub async fn check(client: &Client, needs: &Needs) -> Health {
    const OF_SITE: [&str; 5] = ["jira.url", "credentials", "link type", "resolution", "attachments"];
    let elsewhere = client.elsewhere();
    let mut health = check_one(client, needs, client.example(&needs.tickets)).await;
    let is_bad = |finding: &Finding| finding.verdict == Verdict::Bad;
    if health.iter().any(|finding| is_bad(finding) && OF_SITE[..2].contains(&finding.subject.as_str())) {
        return health;
    }
    // The claim is on the first project alone.
    let needs = Needs { reports: Vec::new(), lease: false, ..needs.clone() };
    for project in &elsewhere {
        let ticket = needs.tickets.iter().find(|ticket| ticket.project() == Some(project));
        let found = check_one(&client.within(project), &needs, ticket).await.into_iter();
        health.extend(found.filter(|it| !OF_SITE.contains(&it.subject.as_str())).map(|finding| {
            // A rule that names the project is its own.
            let of_rule = finding.subject.starts_with("route");
            let subject = if of_rule { finding.subject } else { format!("{} in {project}", finding.subject) };
            Finding { subject, ..finding }
        }));
    }
    health
}

/// The same of the client's own project alone.
async fn check_one(client: &Client, needs: &Needs, ticket: Option<&Issue>) -> Health {
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
            health.push(Finding::new(
                "credentials",
                Verdict::Good,
                format!("accepted as {name}, account `{}`", me.id),
            ));
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
    match client.learn(ticket).await {
        Ok(ready) => {
            permissions(client, &ready, &mut health).await;
            create_screen(client, &ready, &mut health);
            security_levels(&ready, &mut health);
            health.extend_from_slice(ready.findings());
        }
        Err(error) => health.push(failed("fields", &error)),
    }
    if needs.lease {
        lease(client, &mut health).await;
    }
    // Data Center shows its list as a plain array.
    let resolutions = match dialect {
        Dialect::Cloud => ("/resolution/search", "values"),
        Dialect::DataCenter => ("/resolution", ""),
    };
    let link_types = ("/issueLinkType", "issueLinkTypes");
    names(client, &mut health, link_types, "link type", &needs.link_types).await;
    names(client, &mut health, resolutions, "resolution", &needs.resolutions).await;
    attachments(client, &mut health).await;
    transition_fields(client, &mut health).await;
    for (setting, destination) in &needs.reports {
        health.push(match report(client, destination).await {
            Ok(Ok(said)) => Finding::new(setting, Verdict::Good, said),
            Ok(Err(said)) => Finding::new(setting, Verdict::Bad, said),
            Err(error) => failed(setting, &error),
        });
    }
    if let Some(ticket) = ticket {
        edit_screen(client, ticket, &mut health).await;
        workflow(client, ticket, needs, &mut health).await;
    } else {
        let said = "Jira shows them on a ticket only, and there is none yet: `check` looks at them after the first run";
        health.push(Finding::new("edit screen and workflow", Verdict::Good, said));
    }
    health
}

fn failed(subject: &str, error: &JiraError) -> Finding {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    Finding::new(subject, Verdict::Bad, format!("{error}{hint}"))
}

async fn permissions(client: &Client, ready: &Ready, health: &mut Health) {
    let has_watchers = !client.settings.routed.watchers.is_empty();
    // Without the permission the field is on no screen, and so not found.
    let asked = || client.settings.fields.keys().chain(client.settings.routed.fields.keys());
    let asks = |field: &str| asked().any(|name| name.eq_ignore_ascii_case(field));
    let more = OTHER_PERMISSIONS
        .iter()
        .filter(|(field, ..)| ready.sets(field) || asks(field) || *field == "watches" && has_watchers);
    let wanted: Vec<(&str, &str)> =
        PERMISSIONS.iter().copied().chain(more.map(|(_, name, purpose)| (*name, *purpose))).collect();
    let names = wanted.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",");
    match permissions_of(client, &names).await {
        Ok(answer) => {
            let missing: Vec<String> = wanted
                .iter()
                .filter(|(name, _)| answer["permissions"][*name]["havePermission"] != true)
                .map(|(name, purpose)| format!("{name} ({purpose})"))
                .collect();
            health.push(if missing.is_empty() {
                Finding::new("permissions", Verdict::Good, "all that disputebot needs")
            } else {
                let said = format!(
                    "missing: {}; give them to the account in the permission scheme of {}",
                    missing.join(", "),
                    client.settings.project
                );
                Finding::new("permissions", Verdict::Bad, said)
            });
        }
        Err(error) => health.push(failed("permissions", &error)),
    }
}

/// What the account may do in the project. Cloud wants to be told which permissions are meant, Data Center shows all.
async fn permissions_of(client: &Client, names: &str) -> Result<Value, JiraError> {
    permissions_on(client, names, ("projectKey", &client.settings.project)).await
}

/// The same on a project or an issue.
async fn permissions_on(client: &Client, names: &str, on: (&str, &str)) -> Result<Value, JiraError> {
    match client.dialect().await? {
        Dialect::Cloud => client.get("/mypermissions", &[("permissions", names), on]).await,
        Dialect::DataCenter => client.get("/mypermissions", &[on]).await,
    }
}

/// Whether reports can go where they are to go, in words.
async fn report(client: &Client, destination: &Destination) -> Result<Result<String, String>, JiraError> {
    const FIELDS: [&str; 3] = ["summary", "description", "labels"];
    let (place, wanted, subject) = match destination {
        Destination::Issue(key) => {
            if client.issue(key).await?.is_none() {
                return Ok(Err(format!("{key} is not there, or the account may not see it")));
            }
            (key, "ADD_COMMENTS", "issueKey")
        }
        Destination::Project { project, issue_type } => {
            let screen = match client.create_screen(project, issue_type).await {
                Ok(Ok(screen)) => screen,
                Ok(Err(said)) => return Ok(Err(said)),
                Err(error) if error.cause == Cause::NotFound => {
                    return Ok(Err(format!("there is no project {project}, or the account may not see it")));
                }
                Err(error) => return Err(error),
            };
            let lacking = FIELDS.into_iter().filter(|field| screen.by_id(field).is_none());
            let lacking = lacking.map(|field| format!("its create screen has no `{field}`"));
            let is_set = |id: &str| {
                ["project", "issuetype"].contains(&id) || FIELDS.contains(&id) || ready::NEVER.contains(&id)
            };
            let demanded = screen.iter().filter(|field| field.is_demanded() && !is_set(&field.id));
            let demanded = demanded.map(|field| format!("it demands `{}`, which nothing sets", field.name));
            let wrong: Vec<String> = lacking.chain(demanded).collect();
            if !screen.is_empty() && !wrong.is_empty() {
                return Ok(Err(format!("{project}, `{issue_type}`: {}", wrong.join("; "))));
            }
            (project, "CREATE_ISSUES", "projectKey")
        }
    };
    let wanted = [wanted, "CREATE_ATTACHMENTS"];
    let granted = permissions_on(client, &wanted.join(","), (subject, place)).await?;
    let missing: Vec<&str> =
        wanted.into_iter().filter(|name| granted["permissions"][*name]["havePermission"] != true).collect();
    Ok(if missing.is_empty() {
        Ok(format!("the account may put reports on {place}"))
    } else {
        Err(format!("the account lacks {} on {place}", missing.join(" and ")))
    })
}

/// Project properties can be set only by who administers the project.
async fn lease(client: &Client, health: &mut Health) {
    const NAME: &str = "ADMINISTER_PROJECTS";
    match permissions_of(client, NAME).await {
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

fn create_screen(client: &Client, ready: &Ready, health: &mut Health) {
    if ready.catalog.is_empty() {
        return;
    }
    let name = &client.settings.issue_type;
    health.push(Finding::new("jira.issue_type", Verdict::Good, format!("`{name}` exists")));
    let missing = ready::missing(&ready.catalog, client.settings.has_priorities());
    health.push(if missing.is_empty() {
        Finding::new("create screen", Verdict::Good, "has every field that disputebot writes")
    } else {
        let said = missing.join(", ");
        let said = format!("not on it, so creating would be refused: {said}; add them to the screen");
        Finding::new("create screen", Verdict::Bad, said)
    });
}

/// The levels that the account may set; of use only where one is configured.
fn security_levels(ready: &Ready, health: &mut Health) {
    let Some(field) = ready.catalog.by_id("security").filter(|_| ready.sets("security")) else { return };
    let levels: Vec<String> = field.allowed.iter().map(|level| level.name.clone()).collect();
    let said = format!(
        "the account may set: {}; it must be in the one that is set, or it loses sight of its own tickets",
        quoted(&levels)
    );
    health.push(Finding::new("security levels", Verdict::Good, said));
}

async fn edit_screen(client: &Client, ticket: &Issue, health: &mut Health) {
    let key = &ticket.key;
    match client.edit_screen(ticket).await {
        Ok(None) => {
            let said = format!("{key} is not there any more, or the account may not edit it");
            health.push(Finding::new("edit screen", Verdict::Weak, said));
        }
        Ok(Some(screen)) => {
            let missing = ready::missing(&screen, client.settings.has_priorities());
            health.push(if missing.is_empty() {
                Finding::new("edit screen", Verdict::Good, format!("{key} can be kept up to date"))
            } else {
                let said = missing.join(", ");
                let said = format!(
                    "not on that of {key}, so updates would be refused: {said}; add them to the screen"
                );
                Finding::new("edit screen", Verdict::Bad, said)
            });
        }
        Err(error) => health.push(failed("edit screen", &error)),
    }
}

async fn attachments(client: &Client, health: &mut Health) {
    match client.get("/attachment/meta", &[]).await {
        Ok(answer) if answer["enabled"] == false => {
            let said = "switched off on this site, so no list of disputes can be attached; an administrator of Jira \
                        switches them on";
            health.push(Finding::new("attachments", Verdict::Weak, said));
        }
        Ok(answer) => {
            let limit = answer["uploadLimit"].as_u64().unwrap_or(0);
            let said = format!("up to {:.1} MiB each", limit as f64 / f64::from(1 << 20));
            health.push(Finding::new("attachments", Verdict::Good, said));
        }
        Err(error) => {
            let said = format!("their limit could not be read: {error}");
            health.push(Finding::new("attachments", Verdict::Weak, said));
        }
    }
}

/// Whether Jira has the fields that the screens of transitions are filled with: the screens show themselves on a ticket
/// only, and each on the way to it.
async fn transition_fields(client: &Client, health: &mut Health) {
    let wanted = client.filling();
    if wanted.is_empty() {
        return;
    }
    let known = match client.get("/field", &[]).await {
        Ok(known) => known,
        Err(error) => return health.push(failed("jira.transition_fields", &error)),
    };
    let known = known.as_array().map_or(&[][..], Vec::as_slice);
    let is_called = |name: &str, field: &Value| {
        let [own, id] = ["name", "id"].map(|member| field[member].as_str().unwrap_or_default());
        workflow::is_called(name, own, id)
    };
    let is_missing = |name: &&String| !known.iter().any(|field| is_called(name, field));
    let missing: Vec<String> = wanted.keys().filter(is_missing).cloned().collect();
    health.push(if missing.is_empty() {
        Finding::new("jira.transition_fields", Verdict::Good, "Jira has each of these fields")
    } else {
        let said = format!("Jira has no field {}, so nothing fills it on the way to done", quoted(&missing));
        Finding::new("jira.transition_fields", Verdict::Bad, said)
    });
}

/// Whether the ticket can be closed, or reopened where it is closed, from where it is now.
async fn workflow(client: &Client, ticket: &Issue, needs: &Needs, health: &mut Health) {
    let found = match client.read(std::slice::from_ref(&ticket.id)).await {
        Ok(mut found) => found.remove(&ticket.id),
        Err(error) => return health.push(failed("workflow", &error)),
    };
    // That it is gone was told already.
    let Some(observed) = found else { return };
    let resolution = needs.resolutions.first().map(|(_, name)| name.as_str());
    let ways = match client.transitions(ticket, resolution).await {
        Ok(ways) => ways,
        Err(error) => return health.push(failed("workflow", &error)),
    };
    let (goal, verb) = match observed.category {
        Category::Done => (Category::New, "reopened"),
        Category::New | Category::InProgress => (Category::Done, "closed"),
    };
    health.push(if let Some(way) = workflow::direct(&ways, goal) {
        let said = format!("{} can be {verb} from `{}` to `{}`", ticket.key, observed.status, way.to);
        Finding::new("workflow", Verdict::Good, said)
    } else {
            let why = workflow::why_not(&ways, goal);
            let said = format!(
                "{} cannot be {verb} from `{}` in one step: {why}; where several steps do not lead there either, a label \
                 stands in its place",
                ticket.key, observed.status
            );
            Finding::new("workflow", Verdict::Weak, said)
    });
}

/// Whether some names are in a list of Jira, whose place is a path and a member, or the answer itself.
async fn names(
    client: &Client,
    health: &mut Health,
    (path, list): (&str, &str),
    kind: &'static str,
    wanted: &[(&str, String)],
) {
    if wanted.is_empty() {
        return;
    }
    let entries = if path.ends_with("/search") {
        client.all_pages(path, &[], &[list]).await
    } else {
        client.get(path, &[]).await.map(|answer| {
            let entries = if list.is_empty() { &answer } else { &answer[list] };
            entries.as_array().cloned().unwrap_or_default()
        })
    };
    match entries {
        Ok(entries) => {
            let known: Vec<&str> = entries.iter().filter_map(|entry| entry["name"].as_str()).collect();
            for (setting, name) in wanted {
                health.push(if known.contains(&name.as_str()) {
                    Finding::new(kind, Verdict::Good, format!("`{name}` exists"))
                } else {
                    let said =
                        format!("there is no {kind} `{name}`; there are: {} (`{setting}`)", known.join(", "));
                    Finding::new(kind, Verdict::Bad, said)
                });
            }
        }
        Err(error) => health.push(failed(kind, &error)),
    }
}
