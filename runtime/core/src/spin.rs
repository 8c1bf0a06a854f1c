//! Whether a shard stays awake a moment before it sleeps.
//!
//! Where two shards answer each other, a sleep costs the halt of a core and the interrupt that ends it, tens of
//! microseconds on many machines, for an answer that takes less than one. So a shard that was rung out of short sleeps
//! looks at its doorbell for a while first. It must not do so for nothing: a shard that nobody rings never spins, and each
//! spin that ends without a ring doubles the number of sleeps until the next try. That is also how it gives way where the
//! cores are busy: who is to answer may be waiting for this very core.

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
/// Sleeps that rings have cut short, in a row, before the first try.
const CREDIT_MIN: u8 = 2;
/// The most sleeps between two tries: so that in vain they cost little beside the sleeps.
const PAUSE_MAX: u16 = 128;

/// What a shard's sleeps have taught.
#[derive(Debug, Default)]
pub(crate) struct Spin {
    credit: Cell<u8>,
    /// How many sleeps are to come before the next try, and how many those were the last time.
    left: Cell<u16>,
    pause: Cell<u16>,
    /// When the sleep began.
    since: Cell<Option<Instant>>,
}

impl Spin {
    /// True if a ring is to be expected soon.
    pub(crate) fn pays(&self) -> bool {
        self.credit.get() >= CREDIT_MIN && self.left.get() == 0
    }

    /// Looks until there is a ring, other news, a timer is due, or it has been long enough. True if something came.
    pub(crate) fn until(&self, rung: impl Fn() -> bool, news: impl Fn() -> bool, deadline: Option<Instant>) -> bool {
        let end = Instant::now() + SPIN_MAX;
        let end = deadline.map_or(end, |deadline| deadline.min(end));
        loop {
            for _ in 0..LOOKS {
                if rung() {
                    self.pause.set(self.pause.get() / 2);
                    return true;
                }
                hint::spin_loop();
            }
            if news() {
                return true;
            }
            if Instant::now() >= end {
                self.pause.set((self.pause.get() * 2 + 1).min(PAUSE_MAX));
                self.left.set(self.pause.get());
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
        self.left.set(self.left.get().saturating_sub(1));
        if rung && since.is_some_and(|since| since.elapsed() < SLEEP_SHORT) {
            self.credit.set((self.credit.get() + 1).min(CREDIT_MIN));
        } else {
            self.credit.set(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short_sleeps(spin: &Spin, sleeps: u16, rung: bool) {
        for _ in 0..sleeps {
            spin.sleeps();
            spin.slept(rung);
        }
    }

    fn spins_in_vain(spin: &Spin) {
        // Over at once, and in vain.
        assert!(!spin.until(|| false, || false, Some(Instant::now())));
    }

    #[test]
    fn a_shard_spins_after_short_sleeps_and_stops_when_nobody_rings() {
        let spin = Spin::default();
        assert!(!spin.pays());
        short_sleeps(&spin, u16::from(CREDIT_MIN), false);
        assert!(!spin.pays(), "only rings count");
        short_sleeps(&spin, u16::from(CREDIT_MIN), true);
        assert!(spin.pays());
        assert!(spin.until(|| true, || false, None));
        assert!(spin.until(|| false, || true, None), "news end it, too");
        assert!(spin.pays());
        let start = Instant::now();
        assert!(!spin.until(|| false, || false, None) && start.elapsed() >= SPIN_MAX);
        assert!(!spin.pays());
    }

    #[test]
    fn spins_in_vain_become_rare_and_rings_bring_them_back() {
        let spin = Spin::default();
        short_sleeps(&spin, u16::from(CREDIT_MIN), true);
        let mut sleeps = 0;
        while sleeps < PAUSE_MAX {
            assert!(spin.pays());
            spins_in_vain(&spin);
            let before = sleeps;
            sleeps = 0;
            while !spin.pays() {
                short_sleeps(&spin, 1, true);
                sleeps += 1;
            }
            assert!(sleeps > before || sleeps == PAUSE_MAX);
        }
        for _ in 0..u16::BITS {
            assert!(spin.until(|| true, || false, None));
        }
        spins_in_vain(&spin);
        short_sleeps(&spin, 1, true);
        assert!(spin.pays(), "as at first");
    }
}
