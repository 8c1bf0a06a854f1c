//! Stopping and moving a shard's clock, for tests.

use std::time::Duration;

use runtime_core::{clock::Clock, shard::with_current};

use crate::task::yield_now;

/// Stops this shard's clock: [`Instant::now`](super::Instant::now) gives the same from now on.
///
/// Whenever the shard then has nothing to do, the clock is set to the next timer's deadline: sleeps end at once, in
/// their order, and a test of hours takes milliseconds. "Nothing to do" means that no task is ready, no work goes on in
/// the blocking pool, and no op is in flight that ends by itself, as ops on files do. An op that waits for a peer (accept, receive, a
/// read from a pipe) does not hold the clock: what a peer on the same shard has sent arrives before time moves, what
/// comes from elsewhere may find that a time limit around it has passed.
///
/// Other shards, std's `Instant`, the limit of [`shutdown_timeout`](crate::Builder::shutdown_timeout), and the
/// `timeout` of an op that is the last of a chain (the kernel's own timer) go by the machine's clock as before.
///
/// # Panics
/// If it is stopped already, and outside a runtime.
///
/// ```
/// use runtime::time::{Duration, Instant, pause, sleep};
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// pause();
/// let start = Instant::now();
/// sleep(Duration::from_secs(3600)).await; // takes no time
/// assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// # });
/// ```
#[track_caller]
pub fn pause() {
    assert!(on_clock("pause", Clock::pause), "time::pause was called while time stood still already");
}

/// Lets this shard's clock go on from where it stands.
///
/// # Panics
/// If it is not stopped, and outside a runtime.
#[track_caller]
pub fn resume() {
    assert!(on_clock("resume", Clock::resume), "time::resume was called while time was not paused");
}

/// Moves this shard's clock, which is stopped, and yields once: timers that are due have fired when this returns, and
/// their tasks are ready; whether they have run depends on their place among those that are ready.
///
/// To let all that happens in `duration` happen in its order, as tasks that sleep several times need it, await
/// [`sleep`](super::sleep()) instead.
///
/// # Panics
/// If the clock is not stopped, and outside a runtime.
///
/// # Cancel safety
/// The clock has moved once this has been polled.
pub async fn advance(duration: Duration) {
    assert!(
        on_clock("advance", |clock| clock.advance(duration)),
        "time::advance was called while time was not paused: call time::pause first"
    );
    yield_now().await;
}

#[track_caller]
fn on_clock(name: &str, act: impl FnOnce(&Clock) -> bool) -> bool {
    with_current(|shard| act(shard.clock()))
        .unwrap_or_else(|| panic!("time::{name} was called outside a runtime; use #[runtime::test]"))
}
