//! disputebot groups disputed US drug-discount invoice lines by root cause and keeps exactly one Jira
//! ticket per root cause.
#![forbid(unsafe_code)]

pub mod apply;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod daemon;
pub mod dispute;
pub mod evaluate;
pub mod generate;
pub mod group;
pub mod jira;
pub mod plan;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod schedule;
pub mod source;
pub mod state;
pub mod ticket;
