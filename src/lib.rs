//! disputebot groups disputed US drug-discount invoice lines by root cause and keeps exactly one Jira
//! ticket per root cause.
#![forbid(unsafe_code)]

pub mod apply;
pub mod cluster;
pub mod config;
pub mod dispute;
pub mod schedule;
pub mod state;
