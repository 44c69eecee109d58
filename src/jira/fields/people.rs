//! Accounts as texts name them.

use std::collections::BTreeMap;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Account id on Cloud, user name on Data Center.
    pub id: String,
    /// The name that people see.
    pub name: String,
}

/// Accounts that were looked up, by the text that names them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    asked: BTreeMap<String, Result<Person, String>>,
}

impl People {
    /// Remembers what a text stands for, or why it stands for nobody.
    pub fn insert(&mut self, text: &str, found: Result<Person, String>) {
        self.asked.insert(text.trim().to_lowercase(), found);
    }

    /// Remembers more.
    pub fn extend(&mut self, more: Self) {
        self.asked.extend(more.asked);
    }

    /// What a text stands for, also one that [`People::text`] gave; none where that was never looked up.
    pub fn get(&self, text: &str) -> Option<&Result<Person, String>> {
        let given = |found: &&Result<Person, String>| {
            found.as_ref().is_ok_and(|person| self.text(&person.id, &person.name) == text.trim())
        };
        self.asked.get(&text.trim().to_lowercase()).or_else(|| self.asked.values().find(given))
    }

    /// How an account is written: by its name, with its id where another one of that name was looked up. So two
    /// accounts of one name are never taken for each other, and who is in no setting any more is still who was
    /// written.
    pub fn text(&self, id: &str, name: &str) -> String {
        let known: Vec<&Person> =
            self.asked.values().flatten().filter(|person| person.id == id || person.name == name).collect();
        match known.iter().find(|person| person.id == id) {
            Some(person) if known.iter().all(|person| person.id == id) => person.name.clone(),
            None if known.is_empty() => name.to_owned(),
            _ => format!("{name} ({id})"),
        }
    }
}

/// Picks the account that a text means among those that a search gave, or says why none.
///
/// Cloud mostly hides mail addresses, so that the only answer to one counts.
pub(in crate::jira) fn pick(text: &str, found: &[Candidate]) -> Result<Person, String> {
    let folded = text.trim().to_lowercase();
    let exact: Vec<&Candidate> =
        found.iter().filter(|one| one.names.iter().any(|name| name.to_lowercase() == folded)).collect();
    let one = match (&exact[..], found) {
        ([one], _) => one,
        ([], [one]) => one,
        ([], []) => return Err("no account that can be assigned in the project".to_owned()),
        (_, several) => {
            let names: Vec<String> =
                several.iter().map(|one| format!("{} ({})", one.person.name, one.person.id)).collect();
            return Err(format!("several accounts: {}", super::quoted(&names)));
        }
    };
    if one.active { Ok(one.person.clone()) } else { Err("an account that is deactivated".to_owned()) }
}

/// An account that a search gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jira) struct Candidate {
    pub(in crate::jira) person: Person,
    /// What it may be called: id, user name, mail address, display name.
    pub(in crate::jira) names: Vec<String>,
    pub(in crate::jira) active: bool,
}

impl Candidate {
    /// Reads an account of either dialect.
    pub(in crate::jira) fn read(user: &serde_json::Value) -> Option<Self> {
        let member = |name: &str| user[name].as_str().map(str::to_owned);
        let id = member("accountId").or_else(|| member("name"))?;
        let name = member("displayName").unwrap_or_else(|| id.clone());
        let names =
            ["accountId", "name", "key", "emailAddress", "displayName"].into_iter().filter_map(member);
        Some(Self { names: names.collect(), active: user["active"] != false, person: Person { id, name } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: &str, name: &str, active: bool) -> Candidate {
        let person = Person { id: id.to_owned(), name: name.to_owned() };
        Candidate { person, names: vec![id.to_owned(), name.to_owned()], active }
    }

    #[test]
    fn an_account_is_found_by_its_name_or_as_the_only_answer() {
        let (one, other) = (candidate("1", "Example Analyst", true), candidate("2", "Example Lead", true));
        let both = [one.clone(), other.clone()];
        assert_eq!(pick("example lead", &both), Ok(other.person.clone()));
        assert_eq!(pick("analyst@example.com", std::slice::from_ref(&one)), Ok(one.person.clone()));
        assert_eq!(
            pick("example", &both),
            Err("several accounts: `Example Analyst (1)`, `Example Lead (2)`".to_owned())
        );
        assert_eq!(
            pick("Example Gone", &[candidate("3", "Example Gone", false)]),
            Err("an account that is deactivated".to_owned())
        );
        assert!(pick("nobody", &[]).is_err());
    }

    #[test]
    fn two_accounts_of_one_name_are_told_apart() {
        let mut people = People::default();
        assert_eq!(people.text("1", "Example Analyst"), "Example Analyst", "nobody else has that name here");
        people.insert("analyst", Ok(Person { id: "1".into(), name: "Example Analyst".into() }));
        assert_eq!(people.text("1", "Example Analyst"), "Example Analyst");
        assert_eq!(people.text("2", "Example Analyst"), "Example Analyst (2)");
        people.insert("other", Ok(Person { id: "2".into(), name: "Example Analyst".into() }));
        assert_eq!(people.text("1", "Example Analyst"), "Example Analyst (1)");
    }
}
