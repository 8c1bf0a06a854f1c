//! Setting up a runtime.

use std::{fmt, io, rc::Rc, sync::Arc, thread, time::Duration};

use runtime_core::{
    choose::Kernel,
    cpu::CpuSet,
    encode::Lowering,
    pool::PoolOptions,
    reads::CachedReads,
    ring::{RingConfig, TaskRun},
    shard::{Shard, ShardConfig},
    writes::BufferedWrites,
};

use crate::{
    cluster::Cluster,
    executor::{AroundSleep, Executor},
    handle::RuntimeFlavor,
    runtime::Runtime,
};

/// How many shards a runtime has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shards {
    /// One per CPU that the process may use.
    All,
    /// This many.
    Count(usize),
}

impl From<usize> for Shards {
    fn from(count: usize) -> Shards {
        Shards::Count(count)
    }
}

/// Options of [`Builder::build_local`]: none, as in tokio.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LocalOptions {}

/// What all shards of a runtime are made with.
#[derive(Clone)]
pub(crate) struct Config {
    sq_entries: u32,
    cq_entries: Option<u32>,
    slots: u32,
    accept_slots: u32,
    lowering: Lowering,
    task_run: TaskRun,
    tick_budget: usize,
    pub(crate) shutdown_timeout: Duration,
    shards: Shards,
    pub(crate) pin: bool,
    pub(crate) flavor: RuntimeFlavor,
    pub(crate) name: Option<String>,
    thread_name: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    pub(crate) thread_stack_size: Option<usize>,
    pub(crate) blocking_threads_max: usize,
    pub(crate) thread_keep_alive: Duration,
    pub(crate) on_thread_start: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(crate) on_thread_stop: Option<Arc<dyn Fn() + Send + Sync>>,
    around_sleep: AroundSleep,
    start_paused: bool,
    timer_slack: Duration,
    buffers: PoolOptions,
    buffered_writes: BufferedWrites,
    cached_reads: CachedReads,
    wide_sqes: bool,
    kernel: Option<Kernel>,
}

impl Config {
    /// A ring, a shard and its loop, on this thread.
    pub(crate) fn executor(&self) -> io::Result<Executor> {
        let cq_entries = self.cq_entries.unwrap_or(self.sq_entries.saturating_mul(4).min(65_536));
        let config = RingConfig { sq_entries: self.sq_entries, cq_entries, task_run: self.task_run };
        let kernel = self.kernel.map_or_else(Kernel::from_environment, Ok)?.open(config, self.wide_sqes)?;
        let limits = ShardConfig {
            slots: self.slots,
            accept_slots: self.accept_slots,
            lowering: self.lowering,
            shutdown_timeout: self.shutdown_timeout,
        };
        let shard = Shard::new(kernel, limits)?;
        shard.set_timer_slack(self.timer_slack);
        shard.set_buffers(self.buffers);
        shard.set_buffered_writes(self.buffered_writes);
        shard.set_cached_reads(self.cached_reads);
        if self.start_paused {
            shard.clock().pause();
        }
        Ok(self.executor_of(shard))
    }

    /// The loop of a shard.
    pub(crate) fn executor_of(&self, shard: Rc<Shard>) -> Executor {
        Executor::new(shard, self.tick_budget, self.around_sleep.clone())
    }

    /// Of a thread of the runtime's own.
    pub(crate) fn name_of(&self, kind: &str, number: usize) -> String {
        self.thread_name.as_ref().map_or_else(|| format!("{kind}-{number}"), |name| name())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("shards", &self.shards)
            .field("pin", &self.pin)
            .field("sq_entries", &self.sq_entries)
            .field("cq_entries", &self.cq_entries)
            .field("slots", &self.slots)
            .field("accept_slots", &self.accept_slots)
            .field("lowering", &self.lowering)
            .field("task_run", &self.task_run)
            .field("kernel", &self.kernel)
            .field("tick_budget", &self.tick_budget)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .finish_non_exhaustive()
    }
}

/// Limits and choices of a runtime. Every limit has a default.
///
/// ```
/// let runtime = runtime::Builder::new().sq_entries(64).build()?;
/// assert_eq!(runtime.block_on(async { 7 }), 7);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    config: Config,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// The defaults: one shard.
    pub fn new() -> Builder {
        Builder {
            config: Config {
                sq_entries: 256,
                cq_entries: None,
                slots: 1024,
                accept_slots: 0,
                lowering: Lowering::Auto,
                task_run: TaskRun::default(),
                tick_budget: 128,
                shutdown_timeout: Duration::from_secs(10),
                shards: Shards::Count(1),
                pin: false,
                flavor: RuntimeFlavor::CurrentThread,
                name: None,
                thread_name: None,
                thread_stack_size: None,
                blocking_threads_max: 512,
                thread_keep_alive: Duration::from_secs(10),
                on_thread_start: None,
                on_thread_stop: None,
                around_sleep: AroundSleep::default(),
                start_paused: false,
                timer_slack: Duration::from_micros(500),
                buffers: PoolOptions::new(),
                buffered_writes: BufferedWrites::Auto,
                cached_reads: CachedReads::Auto,
                wide_sqes: false,
                kernel: None,
            },
        }
    }

    /// As [`new`](Builder::new); tokio's name.
    pub fn new_current_thread() -> Builder {
        Builder::new()
    }

    /// As [`new`](Builder::new) but for the handle's [`runtime_flavor`](crate::runtime::Handle::runtime_flavor); tokio's name. More than one shard only by [`shards`](Builder::shards) or
    /// [`worker_threads`](Builder::worker_threads): a task stays where it was spawned, so more threads are of no use to a
    /// program that does not say what they are for.
    pub fn new_multi_thread() -> Builder {
        let mut builder = Builder::new();
        builder.config.flavor = RuntimeFlavor::MultiThread;
        builder
    }

    // ---------------------------------------------------------------- shards

    /// How many shards: threads that each have a ring, tasks and timers of their own. The first one is the thread that
    /// builds the runtime, and runs while that is in [`block_on`](Runtime::block_on). At least 1; default 1.
    ///
    /// ```
    /// use runtime::{Builder, Shards};
    /// let runtime = Builder::new().shards(2).build()?;
    /// let second = runtime.block_on(async { runtime::spawn_on(1, || async { runtime::shard::current() }).await });
    /// assert_eq!(second.unwrap(), 1);
    /// # let _ = Builder::new().shards(Shards::All);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shards(&mut self, shards: impl Into<Shards>) -> &mut Builder {
        self.config.shards = shards.into();
        self
    }

    /// As [`shards`](Builder::shards); tokio's name.
    ///
    /// # Panics
    /// For 0, as tokio's does.
    pub fn worker_threads(&mut self, count: usize) -> &mut Builder {
        assert!(count > 0, "worker_threads must be at least 1");
        self.shards(count)
    }

    /// Binds each shard to a CPU of its own, in the order of those that the process may use, from the first one again if
    /// there are more shards. The building thread is bound, too, for as long as the runtime lives. Default: not.
    pub fn pin(&mut self, pin: bool) -> &mut Builder {
        self.config.pin = pin;
        self
    }

    /// The runtime's name, for whoever asks its [`Handle`](crate::Handle::name). Default: none.
    ///
    /// # Panics
    /// If the name is empty.
    #[track_caller]
    pub fn name(&mut self, name: impl Into<String>) -> &mut Builder {
        let name = name.into();
        assert!(!name.is_empty(), "a runtime's name is not empty; leave `name` out for one without");
        self.config.name = Some(name);
        self
    }

    /// The name of the runtime's own threads. Default: `shard-1`, `blocking-0` and so on.
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Builder {
        let name = name.into();
        self.thread_name_fn(move || name.clone())
    }

    /// Makes the names of the runtime's own threads. tokio's closure, which is not told the thread's number.
    pub fn thread_name_fn<F: Fn() -> String + Send + Sync + 'static>(&mut self, name: F) -> &mut Builder {
        self.config.thread_name = Some(Arc::new(name));
        self
    }

    /// Stack size of the shards' threads, in bytes. Default: std's, 2 MiB.
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Builder {
        self.config.thread_stack_size = Some(bytes);
        self
    }

    /// Called by each of the runtime's own threads when it begins.
    pub fn on_thread_start<F: Fn() + Send + Sync + 'static>(&mut self, hook: F) -> &mut Builder {
        self.config.on_thread_start = Some(Arc::new(hook));
        self
    }

    /// Called by each of the runtime's own threads when it ends.
    pub fn on_thread_stop<F: Fn() + Send + Sync + 'static>(&mut self, hook: F) -> &mut Builder {
        self.config.on_thread_stop = Some(Arc::new(hook));
        self
    }

    /// Called by each shard when it has nothing to do and is about to sleep; it may find something to do after all.
    pub fn on_thread_park<F: Fn() + Send + Sync + 'static>(&mut self, hook: F) -> &mut Builder {
        self.config.around_sleep.park = Some(Arc::new(hook));
        self
    }

    /// Called by each shard after its sleep.
    pub fn on_thread_unpark<F: Fn() + Send + Sync + 'static>(&mut self, hook: F) -> &mut Builder {
        self.config.around_sleep.unpark = Some(Arc::new(hook));
        self
    }

    /// Most threads for blocking work at once, which are started as they are needed; at least 1. More jobs wait, in order.
    /// Default 512, as tokio's.
    ///
    /// # Panics
    /// For 0, as tokio's does.
    pub fn max_blocking_threads(&mut self, threads: usize) -> &mut Builder {
        assert!(threads > 0, "max_blocking_threads must be at least 1");
        self.config.blocking_threads_max = threads;
        self
    }

    /// How long a thread for blocking work stays without any. Default 10 s.
    pub fn thread_keep_alive(&mut self, duration: Duration) -> &mut Builder {
        self.config.thread_keep_alive = duration;
        self
    }

    // ---------------------------------------------------------------- each shard

    /// By which interface of the kernel I/O is done. What is said here counts; else the environment variable
    /// `RUNTIME_KERNEL` does, which may be `auto`, `io_uring` or `emulated`. Default: [`Kernel::Auto`].
    ///
    /// ```
    /// use runtime::{Builder, Kernel};
    /// let runtime = Builder::new().kernel(Kernel::Emulated).build()?;
    /// let metrics = runtime.block_on(async { runtime::metrics() });
    /// assert_eq!(metrics.kernel.to_string(), "emulated (epoll and threads)");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn kernel(&mut self, kernel: Kernel) -> &mut Builder {
        self.config.kernel = Some(kernel);
        self
    }

    /// Submission queue entries: how many SQEs go to the kernel at once, and the longest chain. 1 to 32768, rounded up
    /// to a power of two. Default 256.
    pub fn sq_entries(&mut self, entries: u32) -> &mut Builder {
        self.config.sq_entries = entries;
        self
    }

    /// Completion queue entries, at least the submission queue's. Default: four times those. What does not fit stays in
    /// the kernel, and is fetched at the price of an enter.
    pub fn cq_entries(&mut self, entries: u32) -> &mut Builder {
        self.config.cq_entries = Some(entries);
        self
    }

    /// SQEs of 128 bytes instead of 64 (IORING_SETUP_SQE128), which the ops of [`fuse`](crate::fuse) need. The submission
    /// queue then takes twice the memory, and so does each SQE that is written. The emulated kernel has none. Default false.
    pub fn wide_sqes(&mut self, wide: bool) -> &mut Builder {
        self.config.wide_sqes = wide;
        self
    }

    /// Direct descriptor slots: how many files and connections plans can have open at once without an ordinary
    /// descriptor. More get an ordinary one. Cut to RLIMIT_NOFILE. Default 1024.
    pub fn slots(&mut self, slots: u32) -> &mut Builder {
        self.config.slots = slots;
        self
    }

    /// Slots beside those, which the kernel fills with connections: for `incoming_slots` of listeners, on each shard. With
    /// `slots` they come to RLIMIT_NOFILE at most, by cutting those. Default 0. Linux 6.0.
    pub fn accept_slots(&mut self, slots: u32) -> &mut Builder {
        self.config.accept_slots = slots;
        self
    }

    /// How plans are lowered that do not say. Default [`Lowering::Auto`].
    pub fn lowering(&mut self, lowering: Lowering) -> &mut Builder {
        self.config.lowering = lowering;
        self
    }

    /// When the kernel runs completion work. Default [`TaskRun::Interrupt`]; [`TaskRun::Defer`] saves
    /// up to 5 % where no task computes for long.
    pub fn task_run(&mut self, task_run: TaskRun) -> &mut Builder {
        self.config.task_run = task_run;
        self
    }

    /// How many ready tasks are polled before the ring is looked at again. Default 128, at least 1.
    pub fn tick_budget(&mut self, tasks: usize) -> &mut Builder {
        self.config.tick_budget = tasks.max(1);
        self
    }

    /// As [`tick_budget`](Builder::tick_budget); tokio's name.
    pub fn event_interval(&mut self, tasks: u32) -> &mut Builder {
        self.tick_budget(tasks as usize)
    }

    /// How long dropping the runtime waits for ops that do not end when they are cancelled, before it leaks their memory,
    /// for shards that are stuck in a task's poll, and for blocking work that has begun, before it leaves them behind. It
    /// says so then. Default 10 s.
    pub fn shutdown_timeout(&mut self, limit: Duration) -> &mut Builder {
        self.config.shutdown_timeout = limit;
        self
    }

    /// What each shard's own pool of buffers is made with ([`BufferPool::of_shard`](crate::net::BufferPool::of_shard)).
    /// Default: 256 buffers of 4 KiB. It takes no memory before its first use.
    pub fn buffer_pool(&mut self, options: PoolOptions) -> &mut Builder {
        self.config.buffers = options;
        self
    }

    // ---------------------------------------------------------------- time

    /// How buffered writes to regular files are done: those of ops that are awaited on their own. Default:
    /// [`BufferedWrites::Auto`]. On ext4 and tmpfs the ring hands each buffered write to a kernel thread, which costs five
    /// to ten times what the write on the spot does; that one may block the shard, which a guard keeps rare.
    pub fn buffered_writes(&mut self, writes: BufferedWrites) -> &mut Builder {
        self.config.buffered_writes = writes;
        self
    }

    /// How reads of cached pages of regular files are done: those of ops that are awaited on their own. Default:
    /// [`CachedReads::Auto`], which costs three quarters of what the ring does. [`CachedReads::Ring`] copies nothing on
    /// the shard's own thread before it submits, and makes the count of SQEs and enters independent of the page cache.
    ///
    /// ```
    /// use runtime::{Builder, CachedReads};
    /// let runtime = Builder::new().cached_reads(CachedReads::Ring).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn cached_reads(&mut self, reads: CachedReads) -> &mut Builder {
        self.config.cached_reads = reads;
        self
    }

    /// How much later than due timers may fire where many fall due close to each other (4 or more within this time), so
    /// that they share one wake of the thread; a wake costs up to 20 µs of CPU. Fewer are woken for exactly, each at its
    /// deadline, to the nanosecond. Zero: always exactly. Default 500 µs.
    pub fn timer_slack(&mut self, slack: Duration) -> &mut Builder {
        self.config.timer_slack = slack;
        self
    }

    /// Whether the clock of each shard stands still from the start, as if [`time::pause`](crate::time::pause()) had been
    /// called there. For tests. Default false.
    pub fn start_paused(&mut self, start_paused: bool) -> &mut Builder {
        self.config.start_paused = start_paused;
        self
    }

    // ---------------------------------------------------------------- tokio's switches

    /// Nothing: I/O and time are always there. tokio's name.
    pub fn enable_all(&mut self) -> &mut Builder {
        self
    }

    /// Nothing: I/O is always there. tokio's name.
    pub fn enable_io(&mut self) -> &mut Builder {
        self
    }

    /// Nothing: time is always there. tokio's name.
    pub fn enable_time(&mut self) -> &mut Builder {
        self
    }

    /// Nothing: there is no queue that all shards share. tokio's name.
    ///
    /// # Panics
    /// For 0, as tokio's does.
    #[track_caller]
    pub fn global_queue_interval(&mut self, tasks: u32) -> &mut Builder {
        assert!(tasks > 0, "global_queue_interval must be at least 1");
        self
    }

    /// Nothing: [`cq_entries`](Builder::cq_entries) is the size of what the kernel has to tell. tokio's name.
    pub fn max_io_events_per_tick(&mut self, _events: usize) -> &mut Builder {
        self
    }

    /// Nothing, as [`max_io_events_per_tick`](Builder::max_io_events_per_tick). tokio's name.
    pub fn max_io_events_per_busy_tick(&mut self, _events: usize) -> &mut Builder {
        self
    }

    /// As [`build`](Builder::build): every runtime stays on its thread and runs tasks that do. tokio's name.
    ///
    /// # Errors
    /// As for [`build`](Builder::build).
    pub fn build_local(&mut self, _options: LocalOptions) -> io::Result<Runtime> {
        self.build()
    }

    /// Sets the runtime up; its first shard is this thread, where the [`Runtime`] stays.
    ///
    /// # Errors
    /// With [`Kernel::IoUring`], the cause and the remedy where io_uring is missing, refused (seccomp,
    /// `kernel.io_uring_disabled`), short of locked memory, or older than Linux 6.1. For sizes that the kernel refuses, for 0
    /// shards, for threads that cannot be started or pinned, for a `RUNTIME_KERNEL` that means nothing. What had been started
    /// has ended then.
    pub fn build(&mut self) -> io::Result<Runtime> {
        let count = match self.config.shards {
            Shards::All => thread::available_parallelism()?.get(),
            Shards::Count(0) => {
                let text = "a runtime of 0 shards could run nothing: ask for 1 or more, or for Shards::All";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            Shards::Count(count) => count,
        };
        let cpus = if self.config.pin { Some(CpuSet::of_this_thread()?) } else { None };
        let cluster = Cluster::new(self.config.clone(), count, cpus);
        let executor = self.config.executor()?;
        let threads = cluster.start(executor.shard().peer())?;
        Runtime::assemble(cluster, executor, threads)
    }
}
