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
};

use runtime_core::shard::{Shard, Unparker, with_current};

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
    unparker: Unparker,
}

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.unparker.unpark();
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
        let main = Arc::new(MainWaker { woken: AtomicBool::new(true), unparker: self.shard.unparker() });
        let waker = Waker::from(main.clone());
        let mut cx = Context::from_waker(&waker);
        loop {
            if main.woken.swap(false, Ordering::AcqRel) {
                self.shard.count_poll();
                if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                    return output;
                }
            }
            let more = self.shard.run_tasks(self.tick_budget);
            let sleep = !more && !main.woken.load(Ordering::Acquire);
            if let Err(error) = self.shard.turn(sleep) {
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
