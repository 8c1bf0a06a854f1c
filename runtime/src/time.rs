//! Time: sleeps, time limits, intervals. A shard keeps its deadlines in one ordered map and sleeps until the first of
//! them; no timer costs an SQE.

mod instant;
mod interval;
mod sleep;
mod timeout;

pub use std::time::Duration;

pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
