//! The loop of a shard: poll what is ready, submit, sleep, take in what has completed.

use std::{
    future::Future,
    pin::pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use runtime_core::{
    coop,
    shard::{Peer, Shard},
};

/// Polls that take longer on the average are of tasks that compute; in the next tick, I/O does not wait for them (the
/// busy core).
const LONG_POLL: Duration = Duration::from_micros(50);

/// Runs one shard on its thread.
#[derive(Debug)]
pub(crate) struct Executor {
    shard: Rc<Shard>,
    /// Ready tasks polled per pass.
    tick_budget: usize,
}

/// Wakes the future that `block_on` runs.
struct MainWaker {
    /// Set by any thread that wakes, then the shard is unparked; the loop takes it after it was unparked. So a wake is
    /// either seen before the loop sleeps, or ends the sleep.
    woken: AtomicBool,
    shard: Peer,
}

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.shard.unpark();
        }
    }
}

/// How long the polls of the last ticks took.
#[derive(Default)]
pub(crate) struct Pace {
    prompt: bool,
    long_before: bool,
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
    pub(crate) fn new(shard: Rc<Shard>, tick_budget: usize) -> Executor {
        Executor { shard, tick_budget }
    }

    pub(crate) fn shard(&self) -> &Rc<Shard> {
        &self.shard
    }

    /// Runs a future to its end, and tasks beside it. The thread has entered the shard to run it.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let main = Arc::new(MainWaker { woken: AtomicBool::new(true), shard: self.shard.peer() });
        let waker = Waker::from(main.clone());
        let mut cx = Context::from_waker(&waker);
        let mut pace = Pace::default();
        loop {
            let started = Instant::now();
            if main.woken.swap(false, Ordering::AcqRel) {
                self.shard.count_poll();
                coop::refill();
                let polled = future.as_mut().poll(&mut cx);
                coop::lift();
                if let Poll::Ready(output) = polled {
                    // What it has queued last, a message to another shard perhaps, does not wait for the next call.
                    self.pass(false);
                    return output;
                }
            }
            self.tick(started, &mut pace, || main.woken.load(Ordering::Acquire));
        }
    }

    /// One round: tasks, then I/O; then sleeps unless there is more to do.
    pub(crate) fn tick(&self, started: Instant, pace: &mut Pace, more: impl FnOnce() -> bool) {
        let fatal = Fatal;
        let (polls, left) = match self.shard.run_tasks(self.tick_budget, pace.prompt) {
            Ok(ran) => ran,
            Err(error) => unusable(&error),
        };
        // Twice in a row, so that one long poll does not cost the next tick an enter per task.
        let long = started.elapsed() > LONG_POLL * (polls as u32 + 1);
        pace.prompt = long && std::mem::replace(&mut pace.long_before, long);
        self.pass(!left && !more());
        std::mem::forget(fatal);
    }

    /// Submits and takes in, and sleeps if it may.
    pub(crate) fn pass(&self, sleep: bool) {
        let fatal = Fatal;
        if let Err(error) = self.shard.turn(sleep) {
            unusable(&error);
        }
        std::mem::forget(fatal);
    }
}

fn unusable(error: &std::io::Error) -> ! {
    panic!("the ring has become unusable: io_uring_enter: {error}")
}
