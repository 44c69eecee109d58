//! What the screens of projects demand and take, found out before the first write.
//!
//! [`Client::learn_fields`] reads the create screen of the issue type, and the edit screen of one ticket; what the
//! config names is found there and its constants are tried. Everything that Jira would refuse is known then, with
//! the setting to change: [`Ready::refusals`] stop every write, [`Ready::refused_creates`] those that open tickets.
//! What only a validator of the workflow knows shows at the first write; [`Ready::explain`] names its field.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::{
    client::Client,
    discovery::{Finding, Verdict},
    error::{Cause, JiraError},
    fields::{Candidate, Catalog, Field, Kind, Meant, People, Unfit, Wording, elements, pick},
    site::Dialect,
};
use crate::{
    plan::{self, Issue},
    ticket::{Content, is_template},
};

/// Fields that disputebot sets by itself, with what decides them.
const OWN: [(&str, &str); 7] = [
    ("project", "`jira.project`"),
    ("issuetype", "`jira.issue_type`"),
    ("summary", "`ticket.templates`"),
    ("description", "`ticket.templates`"),
    ("priority", "`ticket.priorities`"),
    ("duedate", "the earliest due date of its disputes"),
    ("labels", "disputebot"),
];
/// Fields that are never set at create, whatever a screen says.
pub(super) const NEVER: [&str; 4] = ["attachment", "issuelinks", "reporter", "comment"];
/// Most accounts that are looked up at once.
const ACCOUNTS: usize = 1_000;
/// Most pages of field metadata.
const PAGES: usize = 20;

/// What is known of the fields of a project. By default nothing, where nothing was configured either.
#[derive(Debug, Clone, Default)]
pub struct Ready {
    dialect: Option<Dialect>,
    /// The create screen.
    pub(super) catalog: Catalog,
    /// The fields that were configured and that there are, by the name in the config.
    pub(super) fields: BTreeMap<String, Field>,
    /// Those of them that rules of routing set.
    pub(super) routed_fields: BTreeSet<String>,
    /// Who gets a ticket whose assignee cannot be assigned.
    pub(super) stands_in: Option<String>,
    fixed: BTreeSet<String>,
    pub(super) people: People,
    pub(super) findings: Vec<Finding>,
    refusals: Vec<String>,
    pub(super) refused_creates: Vec<String>,
    /// Whether it is of another project than that of `jira.project`: what is wrong there stops only what would be opened
    /// there.
    is_elsewhere: bool,
    /// The same of the other projects in which tickets are or were opened, by key.
    elsewhere: BTreeMap<String, Ready>,
}

impl Ready {
    /// What is known of a project; where it is none in which tickets are opened, of that of `jira.project`.
    pub(super) fn of(&self, project: Option<&str>) -> &Self {
        project.and_then(|project| self.elsewhere.get(project)).unwrap_or(self)
    }

    /// The same of the project that an issue is in.
    pub(super) fn of_issue(&self, issue: &Issue) -> &Self {
        self.of(issue.project())
    }

    /// What is known of each project.
    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.elsewhere.values())
    }

    /// What stops every write: settings that can never be written.
    pub fn refusals(&self) -> &[String] {
        &self.refusals
    }

    /// What stops every new ticket: demands that no setting meets.
    pub fn refused_creates(&self) -> &[String] {
        &self.refused_creates
    }

    /// All that was looked at.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Configured fields that can only be set when a ticket is opened, in the project of `jira.project`.
    pub fn fixed(&self) -> &BTreeSet<String> {
        &self.fixed
    }

    /// What is wrong with another project stops what would be opened there.
    fn of_elsewhere(mut self) -> Self {
        if self.catalog.is_empty() {
            let bad = self.findings.iter().find(|finding| finding.verdict == Verdict::Bad);
            self.refused_creates.extend(bad.map(|finding| finding.said.clone()));
        }
        self.refused_creates.append(&mut self.refusals);
        self
    }

    /// Makes the texts of a content those that Jira shows, none longer than `limit` characters (units of UTF-16), and
    /// takes out what it would not take. `issue` is the ticket; where there is none, one is to be opened.
    pub fn settle(&self, content: &mut Content, issue: Option<&Issue>, limit: usize) -> Vec<plan::Unfit> {
        let project = issue.map_or(content.project.as_deref(), Issue::project).unwrap_or_default().to_owned();
        let there = self.of(Some(&project));
        let mut refused = there.settle_here(content, limit);
        if there.is_elsewhere && issue.is_some() {
            content.fields.retain(|name, _| !there.fixed.contains(name));
        }
        if there.is_elsewhere && issue.is_none() {
            let words = there.refused_creates.iter().map(|said| format!("{said}, in project {project}"));
            refused.extend(words.map(|what| plan::Unfit { what, demanded: true }));
        }
        refused
    }

    fn settle_here(&self, content: &mut Content, limit: usize) -> Vec<plan::Unfit> {
        let mut refused: Vec<plan::Unfit> = self.unrouted(content).collect();
        self.settle_people(content, &mut refused);
        // That of a rule for another project.
        if let Some(name) = content.priority.take_if(|name| !self.has_priority(name)) {
            let what = format!("the project has no priority `{name}`; it is left out");
            refused.push(plan::Unfit { what, demanded: false });
        }
        content.fields.retain(|name, text| {
            // A field that there is not was told by name already.
            let Some(field) = self.fields.get(name) else { return false };
            match self.mean(field, &field.within(text, limit)) {
                Ok(Meant { text: meant, .. }) if meant.is_empty() && field.is_demanded() => {
                    let what = format!("`{}` is demanded, but its text is empty", field.name);
                    refused.push(plan::Unfit { what, demanded: true });
                    false
                }
                Ok(meant) => {
                    *text = meant.text;
                    true
                }
                Err(unfit) => {
                    refused.push(plan::Unfit { what: unfit.to_string(), demanded: field.is_demanded() });
                    false
                }
            }
        });
        if content.due.is_none() && self.catalog.by_id("duedate").is_some_and(Field::is_demanded) {
            let what = "a due date is demanded, but its disputes have none".to_owned();
            refused.push(plan::Unfit { what, demanded: true });
        }
        refused
    }

    /// Texts of some contents that name accounts which were not looked up, by the project that they are to be assigned
    /// in; the empty one is that of `jira.project`.
    pub fn unknown_people<'a>(
        &self,
        contents: impl Iterator<Item = (&'a Content, Option<&'a Issue>)>,
    ) -> BTreeMap<String, BTreeSet<String>> {
        let mut by_project: BTreeMap<&str, Vec<&Content>> = BTreeMap::new();
        for (content, issue) in contents {
            let project = issue.map_or(content.project.as_deref(), Issue::project).unwrap_or_default();
            let project = if self.elsewhere.contains_key(project) { project } else { "" };
            by_project.entry(project).or_default().push(content);
        }
        let unknown = by_project.into_iter().map(|(project, contents)| {
            (project.to_owned(), self.of(Some(project)).unknown_here(contents.into_iter()))
        });
        unknown.filter(|(_, people)| !people.is_empty()).collect()
    }

    fn unknown_here<'a>(&self, contents: impl Iterator<Item = &'a Content>) -> BTreeSet<String> {
        let is_person = |name: &&String| self.fields.get(*name).is_some_and(takes_people);
        let names: Vec<&String> = self.fields.keys().filter(is_person).collect();
        contents
            .flat_map(|content| {
                let of_fields = names.iter().filter_map(|name| content.fields.get(*name));
                of_fields.flat_map(|text| elements(text)).chain(content.watchers.iter().cloned())
            })
            .filter(|text| self.people.get(text).is_none())
            .collect()
    }

    /// Whether a field of an id is configured.
    pub(super) fn sets(&self, id: &str) -> bool {
        self.fields.values().any(|field| field.id == id)
    }

    /// Ids of the configured fields of all projects.
    pub(super) fn ids(&self) -> BTreeSet<&str> {
        self.all().flat_map(|ready| ready.fields.values()).map(|field| field.id.as_str()).collect()
    }

    /// Id and JSON of a field's text.
    pub(super) fn encode(&self, name: &str, text: &str) -> Result<(&str, Value), String> {
        let field = self.fields.get(name).ok_or_else(|| format!("there is no field `{name}`"))?;
        let meant = self.mean(field, text).map_err(|unfit| unfit.to_string())?;
        Ok((&field.id, meant.value))
    }

    /// A priority as Jira takes it from everybody: its name is what the language of the account makes of it.
    pub(super) fn priority(&self, name: &str) -> Value {
        let allowed = self.catalog.by_id("priority").map_or(&[][..], |field| &field.allowed);
        match allowed.iter().find(|one| one.name == name && !one.id.is_empty()) {
            Some(found) => serde_json::json!({ "id": found.id }),
            None => serde_json::json!({ "name": name }),
        }
    }

    /// Texts of the configured fields that have a value, by name.
    pub(super) fn show(&self, shown: &Value) -> BTreeMap<String, String> {
        let wording = self.wording();
        let texts =
            self.fields.iter().map(|(name, field)| (name.clone(), field.show(&shown[&field.id], wording)));
        texts.filter(|(_, text)| !text.is_empty()).collect()
    }

    /// A refusal with the names of its fields in place of their ids, and with the setting to change.
    pub(super) fn explain(&self, error: JiraError) -> JiraError {
        if !matches!(error.cause, Cause::Refused(_)) {
            return error;
        }
        let setting =
            if error.call.ends_with("/transitions") { "jira.transition_fields" } else { "jira.fields" };
        let names: Vec<String> = self
            .catalog
            .iter()
            .filter(|field| error.said.contains(&format!("`{}`:", field.id)))
            .filter(|field| !OWN.iter().any(|(own, _)| *own == field.id))
            .map(|field| format!("`{setting}.\"{}\"`", field.name))
            .collect();
        let mut said = self.catalog.named(&error.said);
        if !names.is_empty() {
            said.push_str(&format!("; set {}", names.join(" and ")));
        }
        JiraError { said, ..error }
    }

    /// Whether the scheme of the project has a priority, as far as it tells.
    fn has_priority(&self, name: &str) -> bool {
        let allowed = self.catalog.by_id("priority").map_or(&[][..], |field| &field.allowed);
        allowed.is_empty() || allowed.iter().any(|one| one.name == *name)
    }

    fn wording(&self) -> Wording<'_> {
        Wording { dialect: self.dialect.unwrap_or(Dialect::Cloud), people: &self.people }
    }

    pub(super) fn mean(&self, field: &Field, text: &str) -> Result<Meant, Unfit> {
        field.mean(text, self.wording())
    }

    pub(super) fn find(&mut self, subject: String, verdict: Verdict, said: String) {
        if verdict == Verdict::Bad {
            self.refusals.push(format!("`{subject}`: {said}"));
        }
        self.findings.push(Finding::new(subject, verdict, said));
    }

    /// Finds the configured fields on the screens.
    fn resolve(&mut self, configured: &BTreeMap<String, String>, editable: Option<&Catalog>) {
        for (name, subject) in configured {
            let subject = subject.clone();
            let field = match self.catalog.find(name) {
                Ok(field) => field.clone(),
                Err(unknown) => {
                    let said = format!("{unknown}; it must be on the create screen of the issue type");
                    self.find(subject, Verdict::Bad, said);
                    continue;
                }
            };
            if let Some((_, by)) = OWN.iter().find(|(own, _)| *own == field.id) {
                self.find(subject, Verdict::Bad, format!("`{}` is set by {by}", field.name));
                continue;
            }
            if let Kind::Other(_) = field.kind {
                let said = format!("`{}` takes {}", field.name, field.kind.words());
                self.find(subject, Verdict::Bad, said);
                continue;
            }
            if let Some((other, _)) = self.fields.iter().find(|(_, other)| other.id == field.id) {
                let said = format!("it is the same field as `{}`", configured.get(other).unwrap_or(other));
                self.find(subject, Verdict::Bad, said);
                continue;
            }
            if editable.is_some_and(|screen| screen.by_id(&field.id).is_none()) {
                self.fixed.insert(name.clone());
            }
            self.fields.insert(name.clone(), field);
        }
    }

    /// Tries the constants, and says what of a template can be said.
    fn try_texts(&mut self, configured: &BTreeMap<String, String>) {
        for (name, text) in configured {
            let Some(field) = self.fields.get(name) else { continue };
            let place = format!("`{}` ({})", field.name, field.id);
            let (verdict, said) = if is_template(text) {
                (
                    Verdict::Good,
                    format!("{place} takes {}; its text is made for each ticket", field.kind.words()),
                )
            } else {
                match self.mean(field, text) {
                    Ok(meant) if meant.text.is_empty() && field.is_demanded() => {
                        (Verdict::Bad, format!("{place} is demanded, but its text is empty"))
                    }
                    Ok(meant) => (Verdict::Good, format!("{place} will be `{}`", meant.text)),
                    Err(unfit) if self.is_elsewhere && !field.is_demanded() => {
                        (Verdict::Weak, format!("{unfit}; it is left out"))
                    }
                    Err(unfit) => (Verdict::Bad, unfit.to_string()),
                }
            };
            self.find(setting(name), verdict, said);
            if self.fixed.contains(name) {
                let said = format!("{place} is not on the edit screen: it is set at create and never after");
                self.findings.push(Finding::new(setting(name), Verdict::Weak, said));
            }
        }
    }

    /// Whether the scheme of the project has some priorities. The list of the site has those of other projects, too.
    fn try_priorities<'a>(&mut self, configured: impl Iterator<Item = &'a (String, String)>) {
        let Some(field) = self.catalog.by_id("priority").filter(|field| !field.allowed.is_empty()) else {
            return;
        };
        let allowed: Vec<String> = field.allowed.iter().map(|one| one.name.clone()).collect();
        for (setting, name) in configured {
            let (verdict, said) = if allowed.contains(name) {
                (Verdict::Good, format!("`{name}` exists"))
            } else {
                let there = allowed.join(", ");
                (Verdict::Bad, format!("the project has no priority `{name}`; it has: {there}"))
            };
            self.find(setting.clone(), verdict, said);
        }
    }

    /// Whether a new ticket has a value for a field.
    pub(super) fn is_set(&self, field: &Field) -> bool {
        self.sets(&field.id)
            || OWN.iter().any(|(own, _)| *own == field.id)
            || NEVER.contains(&field.id.as_str())
    }

    /// Names the fields that the create screen demands and that nothing sets.
    fn demands(&mut self, has_priority: bool) {
        let is_set = |field: &Field| self.is_set(field) && (has_priority || field.id != "priority");
        let lacking: Vec<Field> =
            self.catalog.iter().filter(|field| field.is_demanded() && !is_set(field)).cloned().collect();
        for field in lacking {
            let allowed: Vec<String> = field.allowed.iter().map(|one| one.name.clone()).collect();
            let takes = match (&field.kind, allowed.is_empty()) {
                (kind, true) => kind.words(),
                (kind, false) => format!("{} ({})", kind.words(), super::fields::quoted(&allowed)),
            };
            let name = &field.name;
            let said = match &field.kind {
                _ if field.id == "priority" => "`Priority` is demanded; set `ticket.priorities`".to_owned(),
                Kind::Other(_) => format!(
                    "`{name}` is demanded and takes {takes}; make it optional in Jira, or give it a default"
                ),
                _ => format!("`{name}` is demanded and nothing sets it; set `{}` to {takes}", setting(name)),
            };
            self.refused_creates.push(said.clone());
            self.findings.push(Finding::new("required fields", Verdict::Bad, said));
        }
    }
}

/// Fields that every ticket has and that a screen lacks.
pub(super) fn missing(screen: &Catalog, has_priorities: bool) -> Vec<&'static str> {
    ["summary", "description", "labels", "priority", "duedate"]
        .into_iter()
        .filter(|wanted| screen.by_id(wanted).is_none() && (has_priorities || *wanted != "priority"))
        .collect()
}

/// The setting of a field, as it stands in a message.
fn setting(name: &str) -> String {
    format!("jira.fields.\"{name}\"")
}

pub(super) fn takes_people(field: &Field) -> bool {
    matches!(field.kind, Kind::Person | Kind::People)
}

impl Client {
    /// Finds out what the fields of the projects demand and take; `tickets` are ours, one of each project that has any, and
    /// `elsewhere` the projects besides the first one, and whether Jira shows each.
    pub async fn learn_fields(
        &self,
        tickets: &[Issue],
        elsewhere: &BTreeMap<String, bool>,
    ) -> Result<Arc<Ready>, JiraError> {
        let mut ready = self.learn(self.example(tickets)).await?;
        for (project, _) in elsewhere.iter().filter(|(_, is_shown)| **is_shown) {
            let Some(shown) = self.project(project).await? else { continue };
            // Issues have the key that it has now.
            let key = shown["key"].as_str().unwrap_or(project);
            let there = tickets.iter().find(|issue| issue.project() == Some(key));
            let found = self.within(project).learn(there).await?.of_elsewhere();
            ready.elsewhere.insert(key.to_owned(), found.clone());
            ready.elsewhere.insert(project.clone(), found);
        }
        Ok(self.set_ready(ready))
    }

    /// Of some tickets, one of each project, that of the client's own project, or else one that people have moved.
    pub(super) fn example<'i>(&self, tickets: &'i [Issue]) -> Option<&'i Issue> {
        let own = Some(self.settings.project.as_str());
        let elsewhere = &self.settings.routed.elsewhere;
        let is_elsewhere = |issue: &&Issue| issue.project().is_some_and(|key| elsewhere.contains_key(key));
        let moved = || tickets.iter().find(|issue| !is_elsewhere(issue));
        tickets.iter().find(|issue| issue.project() == own).or_else(moved)
    }

    /// The same of the client's own project alone.
    pub(super) async fn learn(&self, ticket: Option<&Issue>) -> Result<Ready, JiraError> {
        let (configured, routed) = (&self.settings.fields, &self.settings.routed);
        // Beside the rules of the project: what it does not take of those is left out.
        let beside = routed.beside.as_deref();
        let is_elsewhere = self.is_elsewhere;
        let mut ready = Ready { dialect: Some(self.dialect().await?), is_elsewhere, ..Ready::default() };
        // Without a screen nothing can be said of its fields. What tickets there are can be cared for all the same.
        let own = &self.settings.project;
        match self.create_screen(own, &self.settings.issue_type).await? {
            Ok(catalog) if catalog.is_empty() => {
                let said = "Jira shows no create screen: the account lacks the permission CREATE_ISSUES";
                ready.findings.push(Finding::new("create screen", Verdict::Bad, said));
            }
            Ok(catalog) => ready.catalog = catalog,
            Err(said) => ready.findings.push(Finding::new("jira.issue_type", Verdict::Bad, said)),
        }
        let fields_of_rules = || routed.fields.iter().chain(beside.iter().flat_map(|it| &it.fields));
        let editable = match ticket {
            Some(ticket) if !configured.is_empty() || fields_of_rules().next().is_some() => {
                self.edit_screen(ticket).await?
            }
            _ => None,
        };
        if !ready.catalog.is_empty() {
            let is_there = |name: &&String| !is_elsewhere || ready.catalog.find(name).is_ok();
            let mut subjects: BTreeMap<String, String> =
                configured.keys().filter(is_there).map(|name| (name.clone(), setting(name))).collect();
            for (name, texts) in fields_of_rules() {
                if !routed.fields.contains_key(name) && ready.catalog.find(name).is_err() {
                    continue;
                }
                let by = texts.first().map_or_else(|| setting(name), |(by, _)| by.clone());
                subjects.entry(name.clone()).or_insert(by);
            }
            ready.resolve(&subjects, editable.as_ref());
            ready.routed_fields.extend(fields_of_rules().map(|(name, _)| name.clone()));
        }
        let mut texts: BTreeSet<String> = configured
            .iter()
            .filter(|(name, text)| !is_template(text) && ready.fields.get(*name).is_some_and(takes_people))
            .flat_map(|(_, text)| elements(text))
            .collect();
        texts.extend(ready.routed_people(routed));
        texts.extend(beside.into_iter().flat_map(|beside| ready.routed_people(beside)));
        ready.people = self.people(texts).await?;
        ready.try_texts(configured);
        ready.try_routed(routed);
        ready.try_priorities(self.settings.priorities.iter().chain(&routed.priorities));
        ready.demands(self.settings.has_priorities());
        for (setting, name) in routed.issue_types.iter().filter(|(_, name)| *name != self.settings.issue_type)
        {
            ready.try_issue_type(setting, self.create_screen(own, name).await?, &self.settings);
        }
        Ok(ready)
    }

    /// The same as is known, with the accounts that some texts name, by project as [`Ready::unknown_people`] has them.
    pub async fn look_up(&self, people: BTreeMap<String, BTreeSet<String>>) -> Result<Arc<Ready>, JiraError> {
        let mut ready = Ready::clone(&self.ready());
        for (project, texts) in people {
            match ready.elsewhere.get_mut(&project) {
                Some(there) => there.people.extend(self.within(&project).people(texts).await?),
                None => ready.people.extend(self.people(texts).await?),
            }
        }
        Ok(self.set_ready(ready))
    }

    /// The create screen of an issue type of a project, or why there is none.
    pub(super) async fn create_screen(
        &self,
        project: &str,
        name: &str,
    ) -> Result<Result<Catalog, String>, JiraError> {
        let path = format!("/issue/createmeta/{project}/issuetypes");
        let types = self.all_pages(&path, &[], &["issueTypes", "values"]).await?;
        let is_named = |found: &&Value| found["name"] == name || found["untranslatedName"] == name;
        let Some(found) = types.iter().find(is_named) else {
            let known: Vec<&str> = types.iter().filter_map(|found| found["name"].as_str()).collect();
            return Ok(Err(match known.len() {
                0 => format!(
                    "the project shows no issue type at all, so not `{name}` either: the account may lack the \
                     permission CREATE_ISSUES"
                ),
                _ => format!("the project has no issue type `{name}`; it has: {}", known.join(", ")),
            }));
        };
        let path = format!("{path}/{}", found["id"].as_str().unwrap_or_default());
        let fields = self.all_pages(&path, &[], &["fields", "values"]).await?;
        Ok(Ok(Catalog::read(&serde_json::json!({ "fields": fields }))))
    }

    /// The edit screen of an issue; none where it cannot be seen or edited.
    pub(super) async fn edit_screen(&self, issue: &Issue) -> Result<Option<Catalog>, JiraError> {
        match self.get(&format!("/issue/{}/editmeta", issue.id), &[]).await {
            Ok(answer) => Ok(Some(Catalog::read(&answer)).filter(|catalog| !catalog.is_empty())),
            Err(error) if matches!(error.cause, Cause::NotFound | Cause::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A list of metadata, whose member has one of some names, over all pages.
    pub(super) async fn all_pages(
        &self,
        path: &str,
        query: &[(&str, &str)],
        names: &[&str],
    ) -> Result<Vec<Value>, JiraError> {
        let mut all = Vec::new();
        for _ in 0..PAGES {
            let start = all.len().to_string();
            let page = [("startAt", start.as_str()), ("maxResults", "200")];
            let answer = self.get(path, &[query, &page[..]].concat()).await?;
            let page = names.iter().find_map(|name| answer[*name].as_array()).map_or(&[][..], Vec::as_slice);
            all.extend_from_slice(page);
            if page.is_empty() || all.len() as u64 >= answer["total"].as_u64().unwrap_or(0) {
                break;
            }
        }
        Ok(all)
    }

    /// Who some texts name, of those who can be assigned in the project.
    pub(super) async fn people(&self, texts: BTreeSet<String>) -> Result<People, JiraError> {
        let mut people = People::default();
        let asks_by_name = self.dialect().await? == Dialect::DataCenter;
        for text in texts.into_iter().take(ACCOUNTS) {
            let looks_like_id = text.contains(':')
                || (text.len() == 24 && text.chars().all(|character| character.is_ascii_hexdigit()));
            let parameter = match (asks_by_name, looks_like_id) {
                (true, _) => "username",
                (false, true) => "accountId",
                (false, false) => "query",
            };
            let query = [
                ("project", self.settings.project.as_str()),
                (parameter, text.as_str()),
                ("maxResults", "50"),
            ];
            let answer = self.get("/user/assignable/search", &query).await?;
            let found: Vec<Candidate> =
                answer.as_array().into_iter().flatten().filter_map(Candidate::read).collect();
            people.insert(&text, pick(&text, &found));
        }
        Ok(people)
    }
}
