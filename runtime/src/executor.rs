//! The loop of a shard: poll what is ready, submit, sleep, take in what has completed.

use std::{
    fmt,
    future::Future,
    pin::pin,
    rc::Rc,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use runtime_core::{main_task, shard::Shard};

/// Polls that take longer on the average are of tasks that compute; in the next tick, I/O does not wait for them (the
/// busy core).
const LONG_POLL: Duration = Duration::from_micros(50);

/// The user's hooks, called by the loop of a shard.
#[derive(Clone, Default)]
pub(crate) struct AroundSleep {
    pub(crate) park: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(crate) unpark: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for AroundSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AroundSleep").finish_non_exhaustive()
    }
}

/// Runs one shard on its thread.
#[derive(Debug)]
pub(crate) struct Executor {
    shard: Rc<Shard>,
    /// Ready tasks polled per pass.
    tick_budget: usize,
    around_sleep: AroundSleep,
}

/// How long the polls of the last ticks took.
#[derive(Default)]
pub(crate) struct Pace {
    prompt: bool,
    long_before: bool,
}

impl Pace {
    fn note(&mut self, took: Duration, polls: usize) {
        // Twice in a row, so that one long poll does not cost the next tick an enter per task.
        let long = took > LONG_POLL * (polls as u32 + 1);
        self.prompt = long && std::mem::replace(&mut self.long_before, long);
    }
}

/// The loop has no caller who could handle its panic, and other shards would wait for this one for ever.
struct Fatal;

impl Drop for Fatal {
    fn drop(&mut self) {
        if thread::panicking() {
            let thread = thread::current();
            eprintln!(
                "runtime: the shard of thread '{}' has panicked outside a task (see above): its I/O cannot go on, \
                 so the process is aborted",
                thread.name().unwrap_or("unnamed")
            );
            std::process::abort();
        }
    }
}

impl Executor {
    pub(crate) fn new(shard: Rc<Shard>, tick_budget: usize, around_sleep: AroundSleep) -> Executor {
        Executor { shard, tick_budget, around_sleep }
    }

    pub(crate) fn shard(&self) -> &Rc<Shard> {
        &self.shard
    }

    /// Runs a future to its end, and tasks beside it. The thread has entered the shard to run it.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut pace = Pace::default();
        let ended = main_task::run(&self.shard, pin!(future), |ended| {
            // The last round submits what the future has queued last, and does not sleep.
            while !ended() {
                self.tick(&mut pace, ended);
            }
        });
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// One round: tasks, then I/O; then sleeps unless there is more to do.
    pub(crate) fn tick(&self, pace: &mut Pace, more: impl FnOnce() -> bool) {
        let started = Instant::now();
        let fatal = Fatal;
        let ran = self.shard.run_tasks(self.tick_budget, pace.prompt);
        let (polls, left) = ran.unwrap_or_else(|error| unusable(&error));
        let took = started.elapsed();
        pace.note(took, polls);
        self.shard.note_worked(took);
        let sleep = !left && !more();
        let hook = |hook: &Option<Arc<dyn Fn() + Send + Sync>>| hook.iter().filter(|_| sleep).for_each(|hook| hook());
        hook(&self.around_sleep.park);
        if let Err(error) = self.shard.turn(sleep) {
            unusable(&error);
        }
        hook(&self.around_sleep.unpark);
        std::mem::forget(fatal);
    }
}

fn unusable(error: &std::io::Error) -> ! {
    panic!("the ring has become unusable: io_uring_enter: {error}")
}
