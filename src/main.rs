//! The `disputebot` binary.

fn main() {}
