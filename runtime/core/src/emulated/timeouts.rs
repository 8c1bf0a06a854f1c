//! Deadlines of TIMEOUT, LINK_TIMEOUT and of ops that are tried again.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Names an entry.
pub(super) type Deadline = (Instant, u64);

/// The deadlines, in order. Most are taken back before they are due, so an entry can be taken out.
#[derive(Debug, Default)]
pub(super) struct Timeouts {
    entries: BTreeMap<Deadline, u32>,
    serial: u64,
}

impl Timeouts {
    pub(super) fn set(&mut self, after: Duration, request: u32) -> Deadline {
        self.serial += 1;
        let now = Instant::now();
        // A deadline beyond what the clock can say is never met.
        let at = now.checked_add(after).unwrap_or_else(|| now + Duration::from_secs(1 << 32));
        self.entries.insert((at, self.serial), request);
        (at, self.serial)
    }

    pub(super) fn clear(&mut self, deadline: Deadline) {
        self.entries.remove(&deadline);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes out one that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<u32> {
        let first = self.entries.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
