//! Whether a shard stays awake a moment before it sleeps.
//!
//! Where two shards answer each other, a sleep costs the halt of a core and the interrupt that ends it, tens of
//! microseconds on many machines, for an answer that takes less than one. So a shard that was rung out of short sleeps
//! looks at its doorbell for a while first. It must not do so for nothing: each spin that ends without a ring halves
//! the readiness to try again, and a shard that nobody rings never spins.

use std::{
    cell::Cell,
    hint,
    time::{Duration, Instant},
};

/// The longest spin. It has to outlast the wake of the other side, which may have gone to sleep as well.
const SPIN_MAX: Duration = Duration::from_micros(100);
/// A ring that ends a shorter sleep would have been worth a spin.
const SLEEP_SHORT: Duration = Duration::from_micros(200);
/// Looks at the doorbell between two looks at the clock.
const LOOKS: u32 = 32;
const CREDIT_MAX: u8 = 8;
const CREDIT_MIN: u8 = 2;

/// What a shard's sleeps have taught.
#[derive(Debug, Default)]
pub(crate) struct Spin {
    credit: Cell<u8>,
    /// When the sleep began.
    since: Cell<Option<Instant>>,
}

impl Spin {
    /// True if a ring is to be expected soon.
    pub(crate) fn pays(&self) -> bool {
        self.credit.get() >= CREDIT_MIN
    }

    /// Looks until there is a ring, other news, a timer is due, or it has been long enough. True if something came.
    pub(crate) fn until(&self, rung: impl Fn() -> bool, news: impl Fn() -> bool, deadline: Option<Instant>) -> bool {
        let end = Instant::now() + SPIN_MAX;
        let end = deadline.map_or(end, |deadline| deadline.min(end));
        loop {
            for _ in 0..LOOKS {
                if rung() {
                    self.reward();
                    return true;
                }
                hint::spin_loop();
            }
            if news() {
                return true;
            }
            if Instant::now() >= end {
                self.credit.set(self.credit.get() / 2);
                return false;
            }
        }
    }

    /// A sleep begins.
    pub(crate) fn sleeps(&self) {
        self.since.set(Some(Instant::now()));
    }

    /// A sleep has ended, by a ring or otherwise.
    pub(crate) fn slept(&self, rung: bool) {
        let since = self.since.take();
        if rung && since.is_some_and(|since| since.elapsed() < SLEEP_SHORT) {
            self.reward();
        }
    }

    fn reward(&self) {
        self.credit.set((self.credit.get() + 1).min(CREDIT_MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_spins_after_short_sleeps_and_stops_when_nobody_rings() {
        let spin = Spin::default();
        assert!(!spin.pays());
        for _ in 0..CREDIT_MIN {
            spin.sleeps();
            spin.slept(false);
        }
        assert!(!spin.pays(), "only rings count");
        for _ in 0..CREDIT_MIN {
            spin.sleeps();
            spin.slept(true);
        }
        assert!(spin.pays());
        assert!(spin.until(|| true, || false, None));
        let start = Instant::now();
        assert!(!spin.until(|| false, || false, None) && start.elapsed() >= SPIN_MAX);
        assert!(!spin.pays());
        assert!(spin.until(|| false, || true, None), "news end it, too");
        assert!(!spin.until(|| false, || false, Some(start)), "a timer that is due ends it at once");
    }
}
