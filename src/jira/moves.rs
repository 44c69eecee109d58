//! Transitions of an issue: which there are, and taking one.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, Repeat},
    error::JiraError,
    fields::{Catalog, Kind, Wording},
    workflow::{Fill, Transition, is_called},
};
use crate::plan::Issue;

impl Client {
    /// With what the config fills the screens of transitions, by field.
    pub fn filling(&self) -> &BTreeMap<String, String> {
        &self.settings.transition_fields
    }

    /// Ways out of the issue's status for this account, with what their screens are filled with.
    pub async fn transitions(
        &self,
        issue: &Issue,
        resolution: Option<&str>,
    ) -> Result<Vec<Transition>, JiraError> {
        let dialect = self.dialect().await?;
        let path = format!("/issue/{}/transitions", issue.id);
        let answer = self.get(&path, &[("expand", "transitions.fields")]).await?;
        let listed = answer["transitions"].as_array().map_or(&[][..], Vec::as_slice);
        let fields = &self.settings.transition_fields;
        let screens: Vec<Catalog> = listed.iter().map(Catalog::read).collect();
        let configured = |id: &str, name: &str| {
            fields.iter().find(|(own, _)| is_called(own, name, id)).map(|(_, text)| text)
        };
        let mut asked = BTreeSet::new();
        let mut accounts = BTreeSet::new();
        for field in screens.iter().flat_map(Catalog::iter) {
            let text = configured(&field.id, &field.name);
            if field.id != "resolution" && (text.is_some() || field.is_demanded()) {
                asked.insert(field.id.as_str());
            }
            if let (Kind::Person | Kind::People, Some(text)) = (&field.kind, text) {
                accounts.extend(super::fields::elements(text));
            }
        }
        let filled = if asked.is_empty() { BTreeSet::new() } else { self.filled(issue, &asked).await? };
        let people = self.people(accounts).await?;
        let wording = Wording { dialect, people: &people };
        let fill = Fill { resolution, fields, filled: &filled, wording };
        Ok(listed.iter().filter_map(|transition| Transition::read(transition, fill)).collect())
    }

    /// Which of some fields of an issue have a value.
    async fn filled(&self, issue: &Issue, ids: &BTreeSet<&str>) -> Result<BTreeSet<String>, JiraError> {
        let fields = ids.iter().copied().collect::<Vec<_>>().join(",");
        let answer = self.get(&format!("/issue/{}", issue.id), &[("fields", fields.as_str())]).await?;
        let has_value = |value: &Value| match value {
            Value::Null => false,
            Value::Array(values) => !values.is_empty(),
            Value::String(text) => !text.is_empty(),
            _ => true,
        };
        Ok(ids.iter().filter(|id| has_value(&answer["fields"][**id])).map(|id| (*id).to_owned()).collect())
    }

    /// Moves an issue. Whether it is there already must be seen before a repeat.
    pub async fn transition(&self, issue: &Issue, transition: &Transition) -> Result<(), JiraError> {
        let mut body = json!({ "transition": { "id": transition.id } });
        if !transition.fields.is_empty() {
            body["fields"] = json!(transition.fields);
        }
        let path = format!("/issue/{}/transitions", issue.id);
        let answer = self.send(Method::POST, &path, &body, Repeat::Never).await;
        answer.map(drop).map_err(|error| self.ready().of_issue(issue).explain(error))
    }
}
