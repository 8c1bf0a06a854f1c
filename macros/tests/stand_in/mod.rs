//! What the attributes need of the crate `runtime`, which depends on this one and so cannot be used here: the same
//! names and signatures, no ring. The builder notes what was called on it.

#![allow(dead_code, missing_debug_implementations, missing_docs)]

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

thread_local! {
    static BUILT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The setters called on this thread's latest runtime, in order.
pub fn built() -> String {
    BUILT.with_borrow(Clone::clone)
}

/// A number of entries that no kernel gives: `build` fails.
pub const TOO_MANY: u32 = 4_000_000_000;

#[derive(Debug)]
pub enum Lowering {
    Auto,
    Chain,
    Staged,
    Groups,
    Gate,
}

#[derive(Debug)]
pub enum TaskRun {
    Defer,
    Coop,
    Interrupt,
}

#[derive(Debug)]
pub enum Shards {
    All,
    Count(usize),
}

impl From<usize> for Shards {
    fn from(count: usize) -> Self {
        Shards::Count(count)
    }
}

pub struct Builder {
    calls: Vec<String>,
    too_many: bool,
}

impl Builder {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Builder { calls: Vec::new(), too_many: false }
    }

    pub fn sq_entries(mut self, entries: u32) -> Self {
        self.too_many = entries == TOO_MANY;
        self.call(format!("sq_entries({entries})"))
    }

    pub fn cq_entries(self, entries: u32) -> Self {
        self.call(format!("cq_entries({entries})"))
    }

    pub fn slots(self, slots: u32) -> Self {
        self.call(format!("slots({slots})"))
    }

    pub fn lowering(self, lowering: Lowering) -> Self {
        self.call(format!("lowering({lowering:?})"))
    }

    pub fn task_run(self, mode: TaskRun) -> Self {
        self.call(format!("task_run({mode:?})"))
    }

    pub fn shards(self, shards: impl Into<Shards>) -> Self {
        self.call(format!("shards({:?})", shards.into()))
    }

    pub fn worker_threads(self, count: usize) -> Self {
        self.call(format!("worker_threads({count})"))
    }

    pub fn pin(self, pin: bool) -> Self {
        self.call(format!("pin({pin})"))
    }

    pub fn start_paused(self, paused: bool) -> Self {
        self.call(format!("start_paused({paused})"))
    }

    pub fn build(self) -> io::Result<Runtime> {
        if self.too_many {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the ring is too large"));
        }
        BUILT.set(self.calls.join(" "));
        Ok(Runtime { polls: 0 })
    }

    fn call(mut self, call: String) -> Self {
        self.calls.push(call);
        self
    }
}

pub struct Runtime {
    polls: usize,
}

impl Runtime {
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            self.polls += 1;
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
        }
    }
}

/// Pending once, so that a body really is polled.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await
}
