//! Which keys exist, of what type, and what a mistyped name was probably meant to be.
//!
//! Nothing is declared twice: the keys, their types and their defaults are those of the built-in
//! `config/default.toml`. An empty table there is open: any name is allowed beneath it, with a text as value.
//! What is declared beneath `[source]` is also allowed beneath `[sources.NAME]`, for any name, and so with `[route]`
//! and `[routes.NAME]`.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use strsim::{jaro_winkler, normalized_damerau_levenshtein};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::value::{Value, toml_key};

/// The commented defaults; also the reference of all keys.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// What every environment variable of ours begins with.
pub(crate) const VARIABLE_PREFIX: &str = "DISPUTEBOT_";

/// The variable that names the config file.
pub(crate) const CONFIG_VARIABLE: &str = "DISPUTEBOT_CONFIG";

/// Variables that are not the value of a key: the config file, and the filter of the log.
const OTHER_VARIABLES: [&str; 2] = [CONFIG_VARIABLE, "DISPUTEBOT_LOG"];

/// Keys whose value comes from the environment, or from the file that the key `…_file` names; nowhere else.
pub(crate) const SECRETS: [&str; 6] = [
    "source.secret",
    "jira.token",
    "webhook.secret",
    "report.mail.password",
    "report.chat.url",
    "dashboard.token",
];

/// The table of tables, one for each source.
pub(crate) const SOURCES: &str = "sources";

/// The table whose keys each of them has.
pub(crate) const SOURCE: &str = "source";

/// The table of tables, one for each rule of routing.
pub(crate) const ROUTES: &str = "routes";

/// The table whose keys each of them has.
pub(crate) const ROUTE: &str = "route";

/// Tables of tables, each with the table that declares their keys.
pub(crate) const FAMILIES: [(&str, &str); 2] = [(SOURCES, SOURCE), (ROUTES, ROUTE)];

/// The names in each table of tables, in the order in which they were first met.
pub(crate) type Names = BTreeMap<&'static str, Vec<String>>;

/// All known keys, in the order of the reference.
pub(crate) struct Schema {
    pub(crate) keys: Vec<Key>,
    /// Place of each key by its name.
    places: HashMap<String, usize>,
}

/// One known key.
pub(crate) struct Key {
    /// Full name, for example `jira.project`.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) default: Value,
}

/// The type of a key, as its default shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text, or anything that is written as one: a duration, an amount, an optional number.
    Text,
    Flag,
    Whole,
    Ratio,
    List,
    /// An open table of texts.
    Map,
}

/// What a name in a layer stands for.
pub(crate) enum Meaning<'a> {
    Key(&'a Key),
    Table,
    Secret,
    Unknown,
}

/// The name under which a key is declared: `source.paths` for `sources.orders.paths`.
pub(crate) fn declared(name: &str) -> Cow<'_, str> {
    let of_family = FAMILIES.iter().find_map(|(tables, table)| {
        let rest = name.strip_prefix(tables)?.strip_prefix('.')?;
        Some(match rest.split_once('.') {
            Some((_, key)) => Cow::Owned(format!("{table}.{key}")),
            None => Cow::Borrowed(*table),
        })
    });
    of_family.unwrap_or(Cow::Borrowed(name))
}

/// The table of tables and the name in it that a key such as `sources.orders.paths` belongs to.
pub(crate) fn place_of(key: &str) -> Option<(&'static str, &str)> {
    FAMILIES.iter().find_map(|(tables, _)| {
        let rest = key.strip_prefix(tables)?.strip_prefix('.')?;
        Some((*tables, rest.split_once('.').map_or(rest, |(name, _)| name)))
    })
}

/// Whether a source or a rule can have this name: it stands in keys, in variables and in messages.
pub(crate) fn is_table_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(is_part)
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the text is a constant; a test reads every key of it")]
    let defaults = DeTable::parse(DEFAULTS).expect("the built-in defaults are TOML");
    let mut keys = Vec::new();
    collect_keys(defaults.get_ref(), "", &mut keys);
    let places = keys.iter().enumerate().map(|(place, key)| (key.name.clone(), place)).collect();
    Schema { keys, places }
});

impl Schema {
    /// The keys of the built-in defaults.
    pub(crate) fn built_in() -> &'static Self {
        &SCHEMA
    }

    /// The declaration of a key.
    pub(crate) fn key(&self, name: &str) -> Option<&Key> {
        self.places.get(&*declared(name)).map(|place| &self.keys[*place])
    }

    /// The declarations of the keys that each table of a family has.
    pub(crate) fn of_table(&self, table: &'static str) -> impl Iterator<Item = (&Key, &str)> {
        self.keys.iter().filter_map(move |key| Some((key, key.name.strip_prefix(table)?.strip_prefix('.')?)))
    }

    pub(crate) fn meaning(&self, name: &str) -> Meaning<'_> {
        let declared = declared(name);
        if let Some(key) = self.key(name) {
            Meaning::Key(key)
        } else if FAMILIES.iter().any(|(tables, _)| name == *tables)
            || self.tables().any(|table| table == declared)
        {
            Meaning::Table
        } else if SECRETS.contains(&&*declared) {
            Meaning::Secret
        } else {
            Meaning::Unknown
        }
    }

    /// Splits `source.columns.ndc` into the open table and the name of the entry.
    pub(crate) fn entry<'n>(&self, name: &'n str) -> Option<(&'n str, &'n str)> {
        let declared = declared(name);
        self.keys.iter().filter(|key| key.kind == Kind::Map).find_map(|key| {
            let entry = declared.strip_prefix(key.name.as_str())?.strip_prefix('.')?;
            let (table, entry) = name.split_at(name.len() - entry.len());
            let quoted = entry.strip_prefix(['"', '\'']).and_then(|rest| rest.strip_suffix(['"', '\'']));
            Some((table.strip_suffix('.')?, quoted.unwrap_or(entry)))
        })
    }

    /// The key that a variable sets, or the secret; `names` are those that exist.
    pub(crate) fn of_variable(&self, variable: &str, names: &Names) -> Option<String> {
        let of_families = FAMILIES.iter().flat_map(|(tables, table)| {
            names.get(tables).into_iter().flatten().flat_map(move |name| {
                let keys = self.settable().filter_map(move |key| key.strip_prefix(table)?.strip_prefix('.'));
                keys.map(move |key| format!("{tables}.{name}.{key}"))
            })
        });
        self.settable().map(ToOwned::to_owned).chain(of_families).find(|name| variable_of(name) == variable)
    }

    /// The known key, secret or table that looks most like `unknown`, if one looks like it at all.
    pub(crate) fn closest_key(&self, unknown: &str) -> Option<String> {
        let wanted = declared(unknown);
        let closest = closest(self.settable().chain(self.tables()), |known| key_likeness(&wanted, known))?;
        Some(of_same_source(closest, unknown))
    }

    /// The known table, open ones included, that looks most like `unknown`.
    pub(crate) fn closest_table(&self, unknown: &str) -> Option<String> {
        let wanted = folded(&declared(unknown));
        let maps = self.keys.iter().filter(|key| key.kind == Kind::Map).map(|key| key.name.as_str());
        let tables = maps.chain(self.tables()).chain(FAMILIES.iter().map(|(tables, _)| *tables));
        let closest = closest(tables, |known| above(0.8, jaro_winkler(&wanted, known)))?;
        Some(of_same_source(closest, unknown))
    }

    /// The known variable that looks most like `unknown`.
    pub(crate) fn closest_variable(&self, unknown: &str) -> Option<String> {
        let known: Vec<_> =
            self.settable().map(variable_of).chain(OTHER_VARIABLES.iter().map(ToString::to_string)).collect();
        let tail = |variable: &str| variable.trim_start_matches(VARIABLE_PREFIX).to_owned();
        let wanted = tail(unknown);
        closest(known.iter().map(String::as_str), |known| {
            above(0.7, normalized_damerau_levenshtein(&wanted, &tail(known)))
        })
        .map(ToOwned::to_owned)
    }

    /// The variable of the open table that `variable` seems to name an entry of.
    pub(crate) fn map_of_variable(&self, variable: &str) -> Option<String> {
        let maps = self.keys.iter().filter(|key| key.kind == Kind::Map);
        maps.map(|key| variable_of(&key.name))
            .find(|map| variable.strip_prefix(map.as_str()).is_some_and(|rest| rest.starts_with('_')))
    }

    /// Every name that a variable can set: the keys and the secrets.
    fn settable(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.name.as_str()).chain(SECRETS)
    }

    fn tables(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().flat_map(|key| key.name.match_indices('.').map(|(dot, _)| &key.name[..dot]))
    }
}

/// `source.paths` as `sources.orders.paths`, where the other key is one of that source.
fn of_same_source(key: &str, other: &str) -> String {
    let of_same = place_of(other).and_then(|(tables, name)| {
        let (_, table) = FAMILIES.iter().find(|(of, _)| *of == tables)?;
        let key = key.strip_prefix(table)?.strip_prefix('.')?;
        Some(format!("{tables}.{name}.{key}"))
    });
    of_same.unwrap_or_else(|| key.to_owned())
}

/// The environment variable of a key: `jira.max_attempts` is `DISPUTEBOT_JIRA_MAX_ATTEMPTS`.
pub fn variable_of(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.to_ascii_uppercase().replace(['.', '-'], "_"))
}

/// Whether a variable has a meaning of its own, apart from the keys.
pub(crate) fn is_other_variable(variable: &str) -> bool {
    OTHER_VARIABLES.contains(&variable)
}

/// Whether a variable is one that Kubernetes and Docker set in every container beside a service whose name begins
/// with `disputebot`. Refusing these would stop the daemon for a name that nobody wrote.
pub(crate) fn is_service_link(variable: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let names_a_port = variable.split_once("_PORT_").is_some_and(|(_, port)| {
        port.split_once('_').is_some_and(|(number, protocol)| {
            number.bytes().all(|byte| byte.is_ascii_digit())
                && ["TCP", "UDP", "SCTP"].iter().any(|known| protocol.starts_with(known))
        })
    });
    variable.ends_with("_SERVICE_HOST")
        || variable.contains("_SERVICE_PORT")
        || (variable.ends_with("_PORT") && is_address)
        || names_a_port
}

/// The names of a table in the order of the document.
pub(crate) fn in_document_order<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(Spanned<&'t str>, &'t Spanned<DeValue<'i>>)> {
    let mut rows: Vec<_> = table
        .iter()
        .map(|(name, value)| (Spanned::new(name.span(), name.get_ref().as_ref()), value))
        .collect();
    rows.sort_by_key(|(name, _)| name.span().start);
    rows
}

/// Joins the name of a table and a name in it, quoted where TOML asks for it.
pub(crate) fn joined(table: &str, name: &str) -> String {
    if table.is_empty() { toml_key(name).into_owned() } else { format!("{table}.{}", toml_key(name)) }
}

fn collect_keys(table: &DeTable<'_>, prefix: &str, keys: &mut Vec<Key>) {
    for (name, value) in in_document_order(table) {
        let name = joined(prefix, name.get_ref());
        let kind = match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => {
                collect_keys(inner, &name, keys);
                continue;
            }
            DeValue::Table(_) => Kind::Map,
            DeValue::Array(_) => Kind::List,
            DeValue::Boolean(_) => Kind::Flag,
            DeValue::Integer(_) => Kind::Whole,
            DeValue::Float(_) => Kind::Ratio,
            DeValue::String(_) | DeValue::Datetime(_) => Kind::Text,
        };
        keys.push(Key { name, kind, default: Value::from_toml(value.get_ref(), DEFAULTS) });
    }
}

/// The candidate with the highest likeness; the first of equals.
fn closest<'a>(
    candidates: impl Iterator<Item = &'a str>,
    likeness: impl Fn(&str) -> Option<f64>,
) -> Option<&'a str> {
    let mut best: Option<(&str, f64)> = None;
    for candidate in candidates {
        if let Some(likeness) = likeness(candidate)
            && best.is_none_or(|(_, highest)| likeness > highest)
        {
            best = Some((candidate, likeness));
        }
    }
    best.map(|(candidate, _)| candidate)
}

/// How much an unknown key looks like a known one: in the same table the last part decides, in another table
/// either the last part is equal or the whole is nearly so. The bounds are set by the examples in the tests.
fn key_likeness(unknown: &str, known: &str) -> Option<f64> {
    let unknown = folded(unknown);
    let (unknown_table, unknown_leaf) = unknown.rsplit_once('.').unwrap_or(("", &unknown));
    let (known_table, known_leaf) = known.rsplit_once('.').unwrap_or(("", known));
    let whole = normalized_damerau_levenshtein(&unknown, known);
    if unknown_table == known_table {
        above(0.75, jaro_winkler(unknown_leaf, known_leaf))
    } else if unknown_leaf == known_leaf {
        Some(0.5 + whole / 2.0)
    } else {
        above(0.7, whole)
    }
}

fn above(bound: f64, likeness: f64) -> Option<f64> {
    (likeness >= bound).then_some(likeness)
}

fn folded(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_share_an_environment_variable() {
        let schema = Schema::built_in();
        let mut owners: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for name in schema.settable().chain(OTHER_VARIABLES) {
            let variable =
                if name.starts_with(VARIABLE_PREFIX) { name.to_owned() } else { variable_of(name) };
            owners.entry(variable).or_default().push(name);
        }
        owners.retain(|_, names| names.len() > 1);
        assert_eq!(owners, BTreeMap::new());
        assert_eq!(variable_of("jira.max_attempts"), "DISPUTEBOT_JIRA_MAX_ATTEMPTS");
    }

    #[test]
    fn no_table_has_the_variable_of_a_key() {
        let schema = Schema::built_in();
        let clash: Vec<_> = schema
            .tables()
            .filter(|table| schema.of_variable(&variable_of(table), &Names::new()).is_some())
            .collect();
        assert_eq!(clash, Vec::<&str>::new());
    }

    #[test]
    fn the_reference_has_the_keys_of_every_table() {
        let listed: Vec<_> =
            Schema::built_in().keys.iter().map(|key| format!("{} {:?}", key.name, key.kind)).collect();
        insta::assert_snapshot!(listed.join("\n"), @"
        source.paths List
        source.layout Text
        source.max_drop Ratio
        source.append_only Flag
        source.max_reject_rate Ratio
        source.open_statuses List
        source.overpunch_decimals Text
        source.endpoint Text
        source.region Text
        source.database Text
        source.table Text
        source.query Text
        source.tls Text
        source.ca_file Text
        source.timeout Text
        source.user Text
        source.secret_file Text
        source.empty List
        source.columns Map
        source.positions Map
        source.constants Map
        source.derived Map
        source.formats Map
        source.values.manufacturer Map
        source.values.state Map
        source.values.payer Map
        source.values.unit_type Map
        source.values.reason_codes Map
        source.values.transaction Map
        source.values.program Map
        source.values.status Map
        source.values.delivery_system Map
        tables.dir Text
        cluster.engine Text
        cluster.min_group Whole
        cluster.reference List
        cluster.embedding Text
        group.confirm_runs Whole
        plan.max_new_tickets Whole
        plan.min_disputes Whole
        plan.min_amount Text
        plan.amount_alone Text
        plan.due_within_days Whole
        plan.resolve Flag
        plan.reopen_within Text
        plan.reclose_after Text
        plan.max_reopens Whole
        plan.comment_growth Ratio
        plan.comment_amount Text
        plan.comments_per_week Whole
        ticket.templates Text
        ticket.max_members_listed Whole
        ticket.attach_members Flag
        ticket.small_group Whole
        ticket.commanders List
        ticket.priorities List
        ticket.priority_high_loss Text
        ticket.priority_highest_loss Text
        ticket.priority_high_age_days Whole
        ticket.priority_high_amount Text
        ticket.priority_highest_amount Text
        ticket.fallback_assignee Text
        route.programs List
        route.causes List
        route.clients List
        route.states List
        route.entity_types List
        route.min_amount Text
        route.due_within_days Text
        route.project Text
        route.issue_type Text
        route.components List
        route.assignee Text
        route.priority Text
        route.security_level Text
        route.watchers List
        route.parent Text
        route.fields Map
        jira.url Text
        jira.cloud_id Text
        jira.gateway_url Text
        jira.project Text
        jira.left_projects List
        jira.issue_type Text
        jira.former_accounts List
        jira.user Text
        jira.token_file Text
        jira.token_expires Text
        jira.timeout Text
        jira.longest_wait Text
        jira.create_settle Text
        jira.hold_after Text
        jira.lease Flag
        jira.takeover_after Text
        jira.resolution Text
        jira.resolution_merged Text
        jira.resolution_no_group Text
        jira.link_type_split Text
        jira.link_type_merge Text
        jira.ca_file Text
        jira.fields Map
        jira.transition_fields Map
        internal.project Text
        internal.issue_type Text
        internal.min_clients Whole
        state.dir Text
        report.dir Text
        report.zone Text
        report.clients Map
        report.mail.server Text
        report.mail.user Text
        report.mail.password_file Text
        report.mail.from Text
        report.mail.to List
        report.chat.form Text
        report.chat.url_file Text
        report.jira.issue Text
        report.jira.issue_type Text
        report.jira.project Text
        report.jira.clients Map
        dashboard.listen Text
        dashboard.token_file Text
        dashboard.user_header Text
        dashboard.proxies List
        schedule.run Text
        schedule.report Text
        schedule.zone Text
        webhook.listen Text
        webhook.secret_file Text
        webhook.min_interval Text
        log.format Text
        log.level Text
        ");
    }

    #[test]
    fn every_key_has_a_comment_with_its_default_and_when_to_change_it() {
        let mut comment = String::new();
        let mut table = "";
        let mut told = Vec::new();
        let mut silent = Vec::new();
        for line in DEFAULTS.lines() {
            if let Some(text) = line.strip_prefix('#') {
                comment.push_str(text);
                continue;
            }
            let header = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            table = header.unwrap_or(table);
            let (name, default) = match (header, line.split_once(" = ")) {
                (Some(header), _) => (header.to_owned(), "empty"),
                (None, Some((name, value))) => (joined(table, name), value),
                (None, None) => {
                    comment.clear();
                    continue;
                }
            };
            let is_key = Schema::built_in().key(&name).is_some();
            let complete = comment.contains(&format!("Default: {default}")) && comment.contains("Change it ");
            if is_key {
                told.push(name.clone());
            }
            if comment.len() < 10 || (is_key && !complete) {
                silent.push(name);
            }
            comment.clear();
        }
        assert_eq!(silent, Vec::<String>::new());
        let known: Vec<_> = Schema::built_in().keys.iter().map(|key| key.name.clone()).collect();
        assert_eq!(told, known);
    }

    #[test]
    fn a_mistyped_key_is_recognised_and_a_strange_one_is_not() {
        let guesses: Vec<_> = [
            "cluster.min_point",
            "clutser.min_group",
            "max_new_tickets",
            "plan.max-new-tickets",
            "jira.URL",
            "jira.tokn",
            "jira.project_key",
            "jira.issuetype",
            "schedule.every",
            "source.file",
            "ticket.priority_high",
            "sources.max_drop",
            "weather",
            "log.colour",
        ]
        .iter()
        .map(|unknown| {
            format!("{unknown} -> {}", Schema::built_in().closest_key(unknown).as_deref().unwrap_or("?"))
        })
        .collect();
        insta::assert_snapshot!(guesses.join("\n"), @"
        cluster.min_point -> cluster.min_group
        clutser.min_group -> cluster.min_group
        max_new_tickets -> plan.max_new_tickets
        plan.max-new-tickets -> plan.max_new_tickets
        jira.URL -> jira.url
        jira.tokn -> jira.token
        jira.project_key -> jira.project
        jira.issuetype -> jira.issue_type
        schedule.every -> ?
        source.file -> ?
        ticket.priority_high -> ticket.priority_high_loss
        sources.max_drop -> source
        weather -> ?
        log.colour -> ?
        ");
    }
}
