//! disputebot groups disputed US drug-discount invoice lines by root cause and keeps exactly one Jira
//! ticket per root cause.
#![forbid(unsafe_code)]

pub mod dispute;
pub mod sandbox;
