//! The clocks of this machine.

use std::sync::LazyLock;
use std::time::Instant;

use jiff::Timestamp;

use super::port::Clock;
use crate::plan::{Moment, ONE_PROCESS};

/// The clocks of this machine: the wall clock, and the time since it started, which all processes share.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The boot that this process lives in, and what it counts by.
static BOOT: LazyLock<(String, Option<Instant>)> = LazyLock::new(|| {
    // Both files are Linux's (proc(5)); the uptime counts sleep, too.
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(boot) if uptime_ms().is_some() => (boot.trim().to_owned(), None),
        // Elsewhere a process knows only its own time, so its moments mean nothing to the next one.
        _ => (format!("{ONE_PROCESS}{}", uuid::Uuid::new_v4()), Some(Instant::now())),
    }
});

impl Clock for SystemClock {
    fn moment(&self) -> Moment {
        let (boot, since) = &*BOOT;
        let up_ms = match since {
            Some(since) => u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
            None => uptime_ms().unwrap_or(0),
        };
        Moment { at: Timestamp::now(), boot: boot.clone(), up_ms, there: None }
    }
}

fn uptime_ms() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    (seconds >= 0.0).then_some((seconds * 1000.0).round() as u64)
}

/// Name of this machine, for people; empty where it has none.
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .or_else(|_| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_moments_of_this_machine_are_of_one_boot_and_in_order() {
        let first = SystemClock.moment();
        let second = SystemClock.moment();
        assert!(second.since(&first).is_some_and(|passed| !passed.is_negative()));
    }
}
