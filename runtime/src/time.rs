//! Time: sleeps, time limits, intervals, and a clock that tests can stop.
//!
//! A shard keeps its deadlines in one heap and sleeps until the first of them, to the nanosecond; no timer costs an SQE.
//! Nothing ends before its time. How much later it ends depends on the shard's other work, and where many timers fall due
//! close to each other on [`Builder::timer_slack`](crate::Builder::timer_slack): they share a wake.
//!
//! | | cost |
//! |---|---|
//! | setting a timer and clearing it before its time, as a [`timeout()`] around fast I/O does | 20 ns, no allocation |
//! | letting one of 100,000 fire | 100 ns, and its share of a wake |
//! | memory of a timer | 48 bytes, for as many as there have been at once |
//!
//! Each shard has its own clock. [`pause`] stops it, [`advance`] moves it, and while it is stopped a shard that has
//! nothing to do does not wait for its next timer but sets the clock to it.

pub mod error;
mod instant;
mod interval;
mod pause;
mod sleep;
mod timeout;

pub use std::time::Duration;

pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use pause::{advance, pause, resume};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Timeout, timeout, timeout_at};
