//! Setting up a runtime.

use std::{io, time::Duration};

use runtime_core::{
    Metrics,
    encode::Lowering,
    ring::{Ring, RingConfig, TaskRun},
    shard::{Shard, ShardConfig},
};

use crate::executor::Executor;

/// Limits and choices of a runtime. Every limit has a default.
///
/// ```
/// let mut runtime = runtime::Builder::new().sq_entries(64).build()?;
/// assert_eq!(runtime.block_on(async { 7 }), 7);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    sq_entries: u32,
    cq_entries: Option<u32>,
    slots: u32,
    lowering: Lowering,
    task_run: TaskRun,
    tick_budget: usize,
    shutdown_timeout: Duration,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// The defaults.
    pub fn new() -> Builder {
        Builder {
            sq_entries: 256,
            cq_entries: None,
            slots: 1024,
            lowering: Lowering::Auto,
            task_run: TaskRun::default(),
            tick_budget: 128,
            shutdown_timeout: Duration::from_secs(10),
        }
    }

    /// Submission queue entries: how many SQEs go to the kernel at once, and the longest chain. 1 to 32768, rounded up
    /// to a power of two. Default 256.
    pub fn sq_entries(mut self, entries: u32) -> Builder {
        self.sq_entries = entries;
        self
    }

    /// Completion queue entries, at least the submission queue's. Default: four times those. What does not fit stays in
    /// the kernel, and is fetched at the price of an enter.
    pub fn cq_entries(mut self, entries: u32) -> Builder {
        self.cq_entries = Some(entries);
        self
    }

    /// Direct descriptor slots: how many files and connections plans can have open at once without an ordinary
    /// descriptor. More get an ordinary one. Cut to RLIMIT_NOFILE. Default 1024.
    pub fn slots(mut self, slots: u32) -> Builder {
        self.slots = slots;
        self
    }

    /// How plans are lowered that do not say. Default [`Lowering::Auto`].
    pub fn lowering(mut self, lowering: Lowering) -> Builder {
        self.lowering = lowering;
        self
    }

    /// When the kernel runs completion work. Default [`TaskRun::Interrupt`]; [`TaskRun::Defer`] saves
    /// up to 5 % where no task computes for long.
    pub fn task_run(mut self, task_run: TaskRun) -> Builder {
        self.task_run = task_run;
        self
    }

    /// How many ready tasks are polled before the ring is looked at again. Default 128, at least 1.
    pub fn tick_budget(mut self, tasks: usize) -> Builder {
        self.tick_budget = tasks.max(1);
        self
    }

    /// How long dropping the runtime waits for ops that do not end when they are cancelled, before it leaks their memory
    /// and says so. Default 10 s.
    pub fn shutdown_timeout(mut self, limit: Duration) -> Builder {
        self.shutdown_timeout = limit;
        self
    }

    /// Sets the runtime up on this thread, where it stays.
    ///
    /// # Errors
    /// The cause and the remedy where io_uring is missing, refused (seccomp, `kernel.io_uring_disabled`), short of
    /// locked memory, or older than Linux 6.1, and for sizes that the kernel refuses.
    pub fn build(self) -> io::Result<Runtime> {
        let cq_entries = self.cq_entries.unwrap_or(self.sq_entries.saturating_mul(4).min(65_536));
        let config = RingConfig { sq_entries: self.sq_entries, cq_entries, task_run: self.task_run };
        let ring = Ring::new(config)?;
        let config = ShardConfig {
            slots: self.slots,
            lowering: self.lowering,
            shutdown_timeout: self.shutdown_timeout,
            family: None,
        };
        let shard = Shard::new(Box::new(ring), config)?;
        Ok(Runtime { executor: Executor::new(shard, self.tick_budget) })
    }
}

/// A runtime: one shard, on the thread that built it.
///
/// Dropping it drops all tasks, cancels what is in flight, and waits for the kernel to let go of it.
#[derive(Debug)]
pub struct Runtime {
    executor: Executor,
}

impl Runtime {
    /// A runtime with the defaults.
    ///
    /// # Errors
    /// As for [`Builder::build`].
    pub fn new() -> io::Result<Runtime> {
        Builder::new().build()
    }

    /// A builder with the defaults.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Runs a future to its end on this thread, and with it the tasks that are spawned. Tasks that have not ended go on
    /// in the next call.
    ///
    /// # Panics
    /// Inside a runtime; if the ring becomes unusable; and with the future's own panic.
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        self.executor.block_on(future)
    }

    /// The counters now.
    pub fn metrics(&self) -> Metrics {
        self.executor.shard().metrics()
    }

    /// Ends the runtime as dropping it does, and says what it left.
    ///
    /// Gives the counters at the end: `in_flight` and `activations` are 0, and `leaked` counts the SQEs that did not end
    /// within the shutdown's time limit.
    pub fn shutdown(mut self) -> Metrics {
        self.executor.shut_down();
        self.metrics()
    }
}
