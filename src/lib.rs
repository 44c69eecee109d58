//! disputebot groups disputed US drug-discount invoice lines by root cause and keeps exactly one Jira
//! ticket per root cause.
//!
//! # One pass
//!
//! ```text
//!  CSV, NDJSON, databases                                       people in Jira
//!      |                                                              |
//!   source ---> dispute ---> cluster ---> group ---> plan ---> apply ---> jira
//!    edge        pure          pure        pure      pure  \    edge       edge
//!                                           ^         ^     \
//!                                           |         |      `-> report -> deliver: page, mail, chat, Jira
//!                                           +- known -+- observed
//!                                                |
//!                                          state: journal + sled (edge, at the side)
//! ```
//!
//! [`run::pass`] is the whole of it, top to bottom: find out what became of what an earlier run left open
//! ([`apply::recover`]), read the disputes ([`source`]), find the causes they share ([`cluster`]), carry the
//! groups' identity over from the last run ([`group`]), say what each ticket should hold ([`ticket`]), compare
//! that with what was last written and with what Jira shows ([`plan`]), and write the difference
//! ([`apply::reconcile`], [`jira`]). Everything that must survive a crash goes through
//! [`state`] before it counts. Where staff wants it, [`run::internal`] does the same for causes that several clients
//! share: groups of groups, in a project and a state of their own. [`daemon`] is a loop around the pass, [`cli`] the
//! commands around both.
//!
//! # Rooms
//!
//! | room | kind | what it is for |
//! | --- | --- | --- |
//! | [`dispute`] | pure | what a dispute is: NDC, NPI, 340B id, quarter, units, exact money, programs, reason codes, tables of the field |
//! | [`cluster`] | pure | columns, seeds, profiles that rows fit or not, linfa over the groups, rules; the only user of linfa |
//! | [`group`] | pure | identity across runs: keep, split, merge, resolve, return |
//! | [`ticket`] | pure | facts, templates, one document model, Atlassian's document format, privacy gate |
//! | [`plan`] | pure | wanted, last written and shown: every write with its full text and reason, every non-action with its reason |
//! | [`report`] | pure | history to weekly figures to a page, a text and a mail |
//! | [`jql`] | pure | queries of Jira, from parts that are each quoted |
//! | [`schedule`] | pure | cron expression, zone and last occurrence to what is due |
//! | [`generate`], [`evaluate`] | pure | synthetic disputes with their truth; scores of a grouping |
//! | [`source`] | edge | files and databases to disputes, with rejects and completeness |
//! | [`jira`] | edge | typed client of Jira Cloud and Data Center |
//! | [`state`] | edge | hash-chained journal, sled, and what follows from them |
//! | [`apply`], [`run`], [`daemon`] | edge | the ticket protocol over traits for Jira, state and clock; one pass; the loop |
//! | [`deliver`] | edge | reports to a folder, mail, chat and Jira, once each |
//! | [`web`] | edge | the dashboard: pages over the journal, decisions about held tickets, metrics; webhooks, which only make the daemon look earlier |
//! | [`sandbox`] | edge | a local Jira; shares nothing with the rest |
//! | [`config`], [`cli`] | edge | layered settings with origins; commands |
//!
//! Pure rooms have no IO, clock, randomness, async or logging. Uses point to the left in the picture; who may
//! use whom is a test (`tests/architecture.rs`).
//!
//! # What holds it together
//!
//! * **Accounted for.** Every input row ends in exactly one place: in a group, ungrouped, not open, repeated,
//!   superseded, netted against other lines of its claim, or rejected with line and column. [`state::Rows`] is asserted to add up.
//! * **One group, one ticket.** A group's id is recorded before the first call. A create is journaled and
//!   synced before it is sent, and sent once; while its fate is unknown, nothing is sent again.
//!   [`apply::recover`] finds out by reading issue after issue, past the search index.
//! * **Three copies.** The journal is the truth, sled a view of it, and each ticket carries a
//!   [`plan::Mark`] by which its group is known again. Where one copy may lack something, [`state::Doubt`]
//!   keeps everything from being created until all projects in which it opened tickets were read from end to end, so late
//!   that nothing of before can come any more. A claim on the first of them ([`apply::claim`]) keeps a second disputebot
//!   out and anchors the head of the journal.
//! * **People win.** Fields are compared three ways; what a person changed, closed or muted stays so. Orders in
//!   comments ([`plan::Command`]) are carried out and answered once; what is
//!   decided about disputes ([`plan::Ruling`]) is kept by the disputes and guides the grouping.
//! * **Jira is asked as it wishes.** Each call waits for the limits that it falls under; what Jira asks for is kept
//!   over restarts ([`apply::pause`]). Webhooks only make the daemon look sooner.
//! * **Absence is not proof.** Incomplete input changes no known group, an issue that is not shown is not
//!   created again, and an empty search by an unknown caller is an error.
//! * **Nothing private leaves.** Notes, service dates, claim references and unit rebate amounts have no way
//!   into a text. What a value of another column may look like goes with its column ([`dispute::Field::misfit`]), and what
//!   a finished text may look like with the values that were put into it ([`ticket::Typed`]): a ticket, a comment or a
//!   report that holds anything else that looks private is refused; of a list, a page and a line of the log the value
//!   alone is withheld, since the rest is of use.
//! * **The journal is the truth.** sled is a view of it that can be made anew; read-only commands read the
//!   journal alone and so work beside a running daemon.
#![forbid(unsafe_code)]

pub mod apply;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod daemon;
pub mod deliver;
pub mod dispute;
pub mod evaluate;
pub mod generate;
pub mod group;
pub mod jira;
pub mod jql;
pub mod plan;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod schedule;
pub mod source;
pub mod state;
pub mod ticket;
pub mod web;
