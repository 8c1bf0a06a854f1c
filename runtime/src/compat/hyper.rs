//! What hyper asks of a runtime beside streams: tasks and time.

use std::{future::Future, pin::Pin, time};

use hyper::rt;

use crate::time::{Duration, Instant, Sleep, sleep, sleep_until};

/// Spawns what hyper wants to run beside a connection, on the shard that hyper runs on. The futures need not be `Send`.
///
/// # Panics
/// Outside a runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperExecutor;

impl<F> rt::Executor<F> for HyperExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        // hyper waits for none of its tasks.
        drop(crate::spawn(future));
    }
}

/// The time limits of hyper, by the shard's timers and its clock: one allocation each, since hyper boxes them, and no SQE.
/// Stopped by [`pause`](crate::time::pause) as all time.
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperTimer;

impl rt::Timer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(sleep(duration))
    }

    fn sleep_until(&self, deadline: time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(sleep_until(Instant::from_std(deadline)))
    }

    fn now(&self) -> time::Instant {
        Instant::now().into_std()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, new_deadline: time::Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(sleep) => sleep.reset(Instant::from_std(new_deadline)),
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}

impl rt::Sleep for Sleep {}
