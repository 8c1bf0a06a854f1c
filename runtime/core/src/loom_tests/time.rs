//! Time, which stands still until a model lets it pass.

use std::{cell::Cell, ops::Add, time::Duration};

std::thread_local!(static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) });

/// A point in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Instant {
        Instant(NOW.get())
    }

    pub(crate) fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, after: Duration) -> Instant {
        Instant(self.0 + after)
    }
}

/// Time passes. The model then notifies those whose wait is over; and before that, it takes the lock that they wait with
/// and releases it, since one who has just looked at the clock holds it still.
pub(super) fn pass(by: Duration) {
    NOW.set(NOW.get() + by);
}
