//! A point in time.

use std::{
    fmt,
    ops::{Add, AddAssign, Sub, SubAssign},
    time::Duration,
};

use runtime_core::clock;

/// A point on the monotonic clock: [`std::time::Instant`] under a type of the runtime's own.
///
/// Inside a runtime [`Instant::now`] is the time of the shard's clock, which tests can [`pause`](super::pause()).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(std::time::Instant);

impl Instant {
    /// Now.
    pub fn now() -> Instant {
        Instant(clock::now())
    }

    /// Takes over a point in time of std.
    pub fn from_std(instant: std::time::Instant) -> Instant {
        Instant(instant)
    }

    /// As std has it.
    pub fn into_std(self) -> std::time::Instant {
        self.0
    }

    /// Time since `earlier`; zero if that is later.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// Time since `earlier`, if it is not later.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_duration_since(earlier.0)
    }

    /// Time since `earlier`; zero if that is later.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// Time since this point; zero if it is still to come.
    pub fn elapsed(&self) -> Duration {
        Instant::now() - *self
    }

    /// This point and `duration`, if the clock can say it.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_add(duration).map(Instant)
    }

    /// This point less `duration`, if the clock can say it.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_sub(duration).map(Instant)
    }

    /// `duration` from now; decades ahead if the clock cannot say it.
    pub(super) fn after(duration: Duration) -> Instant {
        Instant::now().plus(duration)
    }

    /// `duration` after this point; decades after it if the clock cannot say it.
    pub(super) fn plus(self, duration: Duration) -> Instant {
        Instant(clock::add(self.0, duration))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Instant {
        Instant(self.0 + duration)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        self.0 += duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0 - duration)
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        self.0 -= duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(instant: std::time::Instant) -> Instant {
        Instant(instant)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> std::time::Instant {
        instant.0
    }
}
