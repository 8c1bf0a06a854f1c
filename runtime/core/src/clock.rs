//! A shard's clock: the one place where its timers, sleeps and instants read the time.
//!
//! It shows the machine's monotonic clock until a test stops it. Then it moves by [`Clock::advance`] only, and from
//! deadline to deadline: when nothing is ready and nothing is under way that ends by itself, the shard does not sleep
//! until the next timer but sets its clock to that deadline. Under way are work on other threads ([`Hold`]) and ops on
//! files. Waiting for a peer (a receive, an accept, a read from a pipe) is not: it may last for ever, as that of a server
//! beside a test's sleeps does; such ops are looked at once more, and time moves on if they have not ended.
//!
//! Three things go by the machine's clock all the same: how long shutdown waits, how long polls take (the busy core),
//! and the time limit of the last op of a chain, which is the kernel's (LINK_TIMEOUT).

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{remote::Peer, shard};

/// How far in the future a deadline lies that the clock cannot say: further than any machine will run.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

/// What the clock shows. Each excludes the others; set by [`Clock::pause`] and [`Clock::resume`].
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// The machine's time.
    Real,
    /// Always the same.
    Paused(Instant),
    /// The machine's time as if it had been `shown` at `real`: it was paused before.
    Shifted { shown: Instant, real: Instant },
}

/// The clock of one shard.
#[derive(Debug)]
pub struct Clock {
    mode: Cell<Mode>,
    shared: Arc<Shared>,
}

/// What threads that work for the shard see of its clock.
///
/// `holds` goes down before `paused` is read there; here `paused` is set before `holds` is read. So either that thread
/// rings, or this one sees that nothing holds the clock. Sequentially consistent all.
#[derive(Debug, Default)]
struct Shared {
    holds: AtomicUsize,
    paused: AtomicBool,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { mode: Cell::new(Mode::Real), shared: Arc::default() }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        match self.mode.get() {
            Mode::Real => Instant::now(),
            Mode::Paused(at) => at,
            Mode::Shifted { shown, real } => shown + real.elapsed(),
        }
    }

    /// `duration` from now; decades ahead if that cannot be said.
    pub fn after(&self, duration: Duration) -> Instant {
        add(self.now(), duration)
    }

    /// Stops it. `false`: it was stopped already.
    pub fn pause(&self) -> bool {
        let running = !self.is_paused();
        if running {
            self.mode.set(Mode::Paused(self.now()));
            self.shared.paused.store(true, Ordering::SeqCst);
        }
        running
    }

    /// Lets it go on from where it stands. `false`: it was not stopped.
    pub fn resume(&self) -> bool {
        let Mode::Paused(shown) = self.mode.get() else { return false };
        self.mode.set(Mode::Shifted { shown, real: Instant::now() });
        self.shared.paused.store(false, Ordering::SeqCst);
        true
    }

    /// Moves it, if it is stopped; else `false`. At most as far as an instant can say.
    pub fn advance(&self, by: Duration) -> bool {
        let Mode::Paused(at) = self.mode.get() else { return false };
        self.mode.set(Mode::Paused(add(at, by)));
        true
    }

    /// Moves it to a deadline, if it is stopped before that.
    pub(crate) fn skip_to(&self, deadline: Instant) {
        if let Mode::Paused(at) = self.mode.get() {
            self.mode.set(Mode::Paused(at.max(deadline)));
        }
    }

    /// The machine's time at which this clock, if it runs, shows `at`.
    pub(crate) fn machine_time(&self, at: Instant) -> Instant {
        match self.mode.get() {
            Mode::Real | Mode::Paused(_) => at,
            Mode::Shifted { shown, real } => add(real, at.saturating_duration_since(shown)),
        }
    }

    /// True while it is stopped.
    pub fn is_paused(&self) -> bool {
        matches!(self.mode.get(), Mode::Paused(_))
    }

    /// True while other threads work for the shard.
    pub(crate) fn is_held(&self) -> bool {
        self.shared.holds.load(Ordering::SeqCst) > 0
    }

    pub(crate) fn hold(&self, owner: Peer) -> Hold {
        self.shared.holds.fetch_add(1, Ordering::SeqCst);
        Hold { shared: self.shared.clone(), owner }
    }
}

/// Work on another thread that a shard waits for: while it exists, the shard's clock does not move by itself.
///
/// Made by [`Shard::hold_clock`](crate::shard::Shard::hold_clock). Drop it after the work has woken whoever waits for it,
/// else the clock can move on between the two.
#[derive(Debug)]
pub struct Hold {
    shared: Arc<Shared>,
    owner: Peer,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shared.holds.fetch_sub(1, Ordering::SeqCst);
        if self.shared.paused.load(Ordering::SeqCst) {
            self.owner.unpark();
        }
    }
}

/// The time of the current shard's clock; the machine's outside a runtime.
pub fn now() -> Instant {
    shard::with_current(|shard| shard.clock().now()).unwrap_or_else(Instant::now)
}

/// `duration` after `at`; decades after it if that cannot be said.
pub fn add(at: Instant, duration: Duration) -> Instant {
    at.checked_add(duration).unwrap_or_else(|| at + FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_clock_moves_by_hand_and_goes_on_from_there() {
        let clock = Clock::new();
        let hour = Duration::from_secs(3600);
        assert!(!clock.advance(hour) && !clock.resume());
        let before = clock.now();
        assert!(clock.pause() && !clock.pause() && clock.is_paused());
        let stopped = clock.now();
        assert!(stopped >= before && clock.now() == stopped);
        assert!(clock.advance(hour));
        assert_eq!(clock.now(), stopped + hour);
        clock.skip_to(stopped);
        assert_eq!(clock.now(), stopped + hour, "it never goes back");
        clock.skip_to(stopped + hour * 2);
        assert!(clock.resume() && !clock.resume());
        let in_an_hour = clock.machine_time(stopped + hour * 3) - Instant::now();
        assert!(in_an_hour <= hour && in_an_hour > hour / 2);
        let shown = clock.now();
        assert!(shown >= stopped + hour * 2 && shown < Instant::now() + hour * 3);
        assert!(clock.pause(), "again");
        assert!(clock.now() >= shown);
        assert!(clock.advance(Duration::MAX) && clock.after(Duration::MAX) > clock.now());
    }
}
