//! `disputebot check`: would a run work? Writes nothing.

use super::{CliError, Common, Exit, Ui, ui};
use crate::{
    apply::{self, Clock as _, SystemClock},
    config::{Needs, Settings},
    deliver::{InJira, Target},
    jira::{self, Finding, Verdict},
    plan::Issue,
    run::Progress,
    source::{self, Completeness, Previous},
    state::Known,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Prints every setting with its value and where it comes from
    #[arg(long)]
    settings: bool,
    /// Prints the findings as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    if arguments.settings {
        let rows: Vec<Vec<String>> = common
            .layers(&[])?
            .show()
            .into_iter()
            .map(|shown| vec![shown.key, shown.value, shown.origin.to_string()])
            .collect();
        ui.data(&ui::table(&["KEY", "VALUE", "SET BY"], &rows, &[]))?;
        return Ok(Exit::Done);
    }
    let settings = common.settings(Needs { source: true, jira: true }, &[], ui)?;
    let mut findings = vec![templates(&settings)];
    findings.extend(sources(&settings, ui));
    findings.extend(reference(&settings, ui));
    findings.extend(token(&settings));
    let client = super::plan::client_of(&settings)?;
    // Without a state there is no ticket yet, and what is wrong with one is not told here.
    let known = Known::read(&settings.state).unwrap_or_default();
    apply::pause::resume(&client, &known, &SystemClock);
    let needs = needs(&settings, known.examples());
    let project = super::internal::beside(&settings, &client);
    // Nor is there one for staff before the first pass.
    let of_staff = super::internal::known(&settings).unwrap_or_default();
    findings.extend(super::runtime()?.block_on(async {
        let mut findings = jira::check(&client, &needs).await;
        if let Some(project) = project {
            let tickets = of_staff.examples();
            let needs = jira::Needs { tickets, reports: Vec::new(), ..needs };
            let named =
                |finding: Finding| Finding { subject: format!("internal: {}", finding.subject), ..finding };
            findings.extend(jira::check(&project, &needs).await.into_iter().map(named));
        }
        findings
    }));
    ui.clear();
    let bad: Vec<&Finding> = findings.iter().filter(|finding| finding.verdict == Verdict::Bad).collect();
    if arguments.json {
        ui.json(&findings)?;
    } else {
        let rows: Vec<Vec<String>> = findings
            .iter()
            .map(|finding| {
                let mark = match finding.verdict {
                    Verdict::Good => "ok",
                    Verdict::Weak => "weak",
                    Verdict::Bad => "FAIL",
                };
                vec![mark.to_owned(), finding.subject.clone(), finding.said.clone()]
            })
            .collect();
        ui.data(&ui::table(&["", "LOOKED AT", "FOUND"], &rows, &[]))?;
        ui.say(&match bad.len() {
            0 => "a run would work; nothing was written".to_owned(),
            1 => "1 thing would make a run fail; nothing was written".to_owned(),
            many => format!("{many} things would make a run fail; nothing was written"),
        });
    }
    let of_source = |finding: &&&Finding| finding.subject.starts_with("source");
    Ok(if bad.is_empty() {
        Exit::Done
    } else if bad.iter().any(|finding| is_of_config(finding)) {
        Exit::Config
    } else if bad.iter().filter(of_source).count() == bad.len() {
        Exit::Input
    } else {
        Exit::Jira
    })
}

/// Whether the config can mend it.
fn is_of_config(finding: &Finding) -> bool {
    ["ticket", "route", "jira.fields", "required fields"]
        .iter()
        .any(|start| finding.subject.starts_with(start))
}

/// What is to be said of the end of the token, where it is near.
pub(super) fn token_notice(settings: &Settings) -> Option<String> {
    let today = SystemClock.moment().at.to_zoned_datetime(settings.run.zone.clone()).date();
    jira::expiry::notice(settings.token_expires?, today)
}

fn token(settings: &Settings) -> Option<Finding> {
    token_notice(settings).map(|notice| Finding::new("jira.token_expires", Verdict::Weak, notice))
}

/// What a run will need of Jira.
pub(super) fn needs(settings: &Settings, tickets: Vec<Issue>) -> jira::Needs {
    jira::Needs {
        link_types: vec![
            ("jira.link_type_split", settings.run.plan.split_link.clone()),
            ("jira.link_type_merge", settings.run.plan.merge_link.clone()),
        ],
        resolutions: settings.run.plan.resolutions.named(),
        lease: settings.run.apply.lease,
        tickets,
        reports: settings.delivery.jira.iter().map(destination).collect(),
    }
}

/// Where reports go in Jira, with the setting that says so.
fn destination(place: &InJira) -> (String, jira::Destination) {
    let setting = match (&place.client, &place.target) {
        (Some(client), _) => format!("report.jira.clients.{client}"),
        (None, Target::Comment { .. }) => "report.jira.issue".to_owned(),
        (None, Target::Issue { .. }) => "report.jira.issue_type".to_owned(),
    };
    let destination = match &place.target {
        Target::Comment { key } => jira::Destination::Issue(key.clone()),
        Target::Issue { project, issue_type } => {
            jira::Destination::Project { project: project.clone(), issue_type: issue_type.clone() }
        }
    };
    (setting, destination)
}

fn templates(settings: &Settings) -> Finding {
    match settings.compile() {
        Ok(_) => {
            let said = match settings.templates.len() {
                0 => "the built-in ones".to_owned(),
                count => format!("{count} of your own"),
            };
            Finding::new("ticket.templates", Verdict::Good, said)
        }
        Err(error) => Finding::new("ticket.templates", Verdict::Bad, error.to_string()),
    }
}

fn sources(settings: &Settings, ui: &mut Ui) -> Vec<Finding> {
    let batch = source::load(&settings.run.sources, &settings.tables, &Previous::default(), &mut |seen| {
        ui.progress(Progress::Reading(seen));
    });
    let counts = batch.counts;
    let verdict = if counts.rows == 0 {
        Verdict::Bad
    } else if counts.rejected > 0 {
        Verdict::Weak
    } else {
        Verdict::Good
    };
    let said = format!(
        "{} rows: {} open, {} settled, {} rejected",
        counts.rows, counts.open, counts.not_open, counts.rejected
    );
    let mut findings = vec![Finding::new("source.paths", verdict, said)];
    findings.extend(
        batch
            .rejects
            .iter()
            .take(3)
            .map(|reject| Finding::new("source reject", Verdict::Weak, reject.to_string())),
    );
    if let Completeness::Incomplete(reasons) = &batch.completeness {
        let verdict = if counts.rows == 0 { Verdict::Bad } else { Verdict::Weak };
        findings.extend(
            reasons.iter().map(|reason| Finding::new("source incomplete", verdict, reason.to_string())),
        );
    }
    findings
}

/// What there is of all disputes ever seen, where the config names them.
fn reference(settings: &Settings, ui: &mut Ui) -> Option<Finding> {
    let source = settings.run.reference.as_ref()?;
    let (mut disputes, mut seen) = (0u64, |seen: source::Progress<'_>| ui.progress(Progress::Reading(seen)));
    let survey = source::each(source, &settings.tables, &mut seen, &mut |_| disputes += 1);
    let (subject, rejected) = ("source of cluster.reference", survey.rejects.len());
    if !survey.reasons.is_empty() {
        let reasons: Vec<String> = survey.reasons.iter().map(ToString::to_string).collect();
        return Some(Finding::new(subject, Verdict::Bad, reasons.join("; ")));
    }
    let first = survey.rejects.first().map(|reject| format!(", such as {reject}")).unwrap_or_default();
    let verdict = if rejected > 0 { Verdict::Weak } else { Verdict::Good };
    Some(Finding::new(
        subject,
        verdict,
        format!(
            "{disputes} disputes, {rejected} row{} rejected{first}",
            if rejected == 1 { "" } else { "s" }
        ),
    ))
}
