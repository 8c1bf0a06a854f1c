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
    time::{Duration, Instant},
};

use runtime_core::{
    coop,
    shard::{Peer, Shard, with_current},
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
    shut_down: bool,
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

impl Executor {
    pub(crate) fn new(shard: Rc<Shard>, tick_budget: usize) -> Executor {
        Executor { shard, tick_budget, shut_down: false }
    }

    pub(crate) fn shard(&self) -> &Shard {
        &self.shard
    }

    pub(crate) fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        assert!(
            with_current(|_| ()).is_none(),
            "block_on was called inside a runtime, where it would stop every task of the shard: await or spawn instead"
        );
        let _entered = self.shard.enter();
        let mut future = pin!(future);
        let main = Arc::new(MainWaker { woken: AtomicBool::new(true), shard: self.shard.peer() });
        let waker = Waker::from(main.clone());
        let mut cx = Context::from_waker(&waker);
        let (mut prompt, mut long_before) = (false, false);
        loop {
            let started = Instant::now();
            if main.woken.swap(false, Ordering::AcqRel) {
                self.shard.count_poll();
                coop::refill();
                let polled = future.as_mut().poll(&mut cx);
                coop::lift();
                if let Poll::Ready(output) = polled {
                    return output;
                }
            }
            let ran = self.shard.run_tasks(self.tick_budget, prompt);
            let turned = ran.and_then(|(polls, more)| {
                // Twice in a row, so that one long poll does not cost the next tick an enter per task.
                let long = started.elapsed() > LONG_POLL * (polls as u32 + 1);
                prompt = long && std::mem::replace(&mut long_before, long);
                let sleep = !more && !main.woken.load(Ordering::Acquire);
                self.shard.turn(sleep)
            });
            if let Err(error) = turned {
                panic!("the ring has become unusable: io_uring_enter: {error}");
            }
        }
    }

    pub(crate) fn shut_down(&mut self) {
        if !std::mem::replace(&mut self.shut_down, true) {
            let _entered = self.shard.enter();
            self.shard.shut_down();
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.shut_down();
    }
}
