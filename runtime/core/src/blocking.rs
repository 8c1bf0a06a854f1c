//! Threads for work that blocks: a bounded pool that grows when all are busy and shrinks when they idle.
//!
//! A job is a task like any other (`task.rs`), one allocation, sent as a parcel: so a job that nobody has begun can be
//! aborted, and a panic comes back as an error.

use std::{
    cell::RefCell,
    collections::VecDeque,
    fmt,
    sync::{Arc, PoisonError},
    time::Duration,
};

use crate::{
    clock::Hold,
    primitives::{
        Condvar, Instant, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering::Relaxed},
        thread, thread_local,
    },
    shard,
    spin::Spin,
    task::{JoinHandle, Parcel, Ran, Runnable, Schedule},
};

/// Runs the body it is given, once.
pub type Around = Box<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// Limits of a pool, and what its threads do besides.
pub struct PoolConfig {
    /// Most threads at once; at least 1. Jobs beyond that wait, in order, as many as there is memory for.
    pub threads_max: usize,
    /// How long a thread without work stays.
    pub keep_alive: Duration,
    /// Names threads, which are numbered.
    pub name: Arc<dyn Fn(usize) -> String + Send + Sync>,
    /// In bytes; std's default if `None`.
    pub stack_size: Option<usize>,
    /// Runs a thread's body, and what has to stand around it.
    pub around: Around,
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PoolConfig { threads_max, keep_alive, .. } = self;
        f.debug_struct("PoolConfig")
            .field("threads_max", threads_max)
            .field("keep_alive", keep_alive)
            .finish_non_exhaustive()
    }
}

/// A pool of threads for work that blocks.
pub struct Pool {
    config: PoolConfig,
    state: Mutex<State>,
    /// Jobs that no thread has taken; for threads that look without the lock.
    waiting: AtomicUsize,
    work: Condvar,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Serve jobs.
    threads: usize,
    /// The same, and those that have ceased to serve but are still in what the runtime does around it.
    alive: usize,
    /// Started ever; for their names.
    started: usize,
    /// In a job.
    busy: usize,
    /// Look for work, or wait for it, and nobody has promised them any.
    spinning: Idle,
    asleep: Idle,
    closed: bool,
}

/// A job, and what keeps the clock of the shard that asked for it from running ahead meanwhile.
type Job = (Parcel, Option<Hold>);

/// Threads without work. Whoever brings work takes one of them off the count and leaves a promise, so that two jobs do not
/// count on the same thread; the thread takes up the promise, or takes itself off.
#[derive(Default)]
struct Idle {
    free: usize,
    promised: usize,
}

impl Idle {
    fn enter(&mut self) {
        self.free += 1;
    }

    /// True if one of them will take what was brought.
    fn claim(&mut self) -> bool {
        let any = self.free > 0;
        self.free -= any as usize;
        self.promised += any as usize;
        any
    }

    /// True if there was a promise.
    fn leave(&mut self) -> bool {
        let promised = self.promised > 0;
        self.promised -= promised as usize;
        self.free -= !promised as usize;
        promised
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Pool>>> = const { RefCell::new(None) };
}

/// The pool of this thread's runtime; `None` outside one.
pub fn current() -> Option<Arc<Pool>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Runs `work` on a thread of this runtime's pool.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn spawn<F, T>(work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let pool = CURRENT.with(|current| current.borrow().as_ref().map(|pool| pool.spawn(work)));
    pool.expect("spawn_blocking was called outside a runtime; use #[runtime::main], or Handle::spawn_blocking")
}

/// Restores what was before, when dropped.
#[derive(Debug)]
pub struct PoolGuard {
    previous: Option<Arc<Pool>>,
}

impl Drop for PoolGuard {
    fn drop(&mut self) {
        let previous = self.previous.take();
        // The last owner of a pool may be here; dropped outside the borrow.
        let _ended = CURRENT.try_with(|current| current.replace(previous));
    }
}

/// A job runs to its end in one poll; there is nothing to schedule.
struct Nowhere;

impl Schedule for Nowhere {
    fn schedule(&self, _: Runnable) {}
}

impl Pool {
    /// An empty pool.
    pub fn new(config: PoolConfig) -> Pool {
        assert!(config.threads_max > 0, "a pool of 0 threads could run nothing; max_blocking_threads is at least 1");
        let (work, ended) = (Condvar::new(), Condvar::new());
        Pool { config, state: Mutex::default(), waiting: AtomicUsize::new(0), work, ended }
    }

    /// Makes this the pool of the calling thread, until the guard is dropped.
    pub fn enter(self: &Arc<Pool>) -> PoolGuard {
        PoolGuard { previous: CURRENT.with(|current| current.replace(Some(self.clone()))) }
    }

    /// Runs `work` on one of the threads. Any thread may ask.
    ///
    /// One allocation, one lock; a futex wake if a thread sleeps, a new thread if all are busy and there may be more.
    ///
    /// The handle says that the job was cancelled if it was aborted before it began, if the pool is closed, or if the
    /// system refuses the pool's first thread.
    pub fn spawn<F, T>(self: &Arc<Pool>, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (job, handle) = Parcel::new(move || std::future::ready(work()), Nowhere);
        let clock = shard::with_current(|shard| shard.hold_clock());
        let refused = self.submit((job, clock));
        // Dropped outside the lock: that is user code.
        drop(refused);
        handle
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back what cannot be run.
    fn submit(self: &Arc<Pool>, job: Job) -> Vec<Job> {
        let mut state = self.lock();
        if state.closed {
            return vec![job];
        }
        state.jobs.push_back(job);
        self.waiting.fetch_add(1, Relaxed);
        if state.spinning.claim() {
            return Vec::new();
        }
        if state.asleep.claim() {
            self.work.notify_one();
            return Vec::new();
        }
        if state.threads < self.config.threads_max {
            let number = state.started;
            if let Err(error) = self.start(number) {
                return self.not_started(state, &error);
            }
            state.threads += 1;
            state.alive += 1;
            state.started += 1;
        }
        Vec::new()
    }

    fn start(self: &Arc<Pool>, number: usize) -> std::io::Result<()> {
        let mut thread = thread::Builder::new().name((self.config.name)(number));
        if let Some(size) = self.config.stack_size {
            thread = thread.stack_size(size);
        }
        let pool = self.clone();
        thread
            .spawn(move || {
                let alive = Alive(pool);
                (alive.0.config.around)(&mut || alive.0.serve());
            })
            .map(drop)
    }

    /// With other threads there the jobs wait for them.
    #[cold]
    fn not_started(&self, mut state: MutexGuard<'_, State>, error: &std::io::Error) -> Vec<Job> {
        if state.threads > 0 {
            return Vec::new();
        }
        eprintln!("runtime: no thread for blocking work can be started, so it is cancelled: {error}");
        self.waiting.store(0, Relaxed);
        state.jobs.drain(..).collect()
    }

    /// A thread of the pool.
    fn serve(self: &Arc<Pool>) {
        let entered = self.enter();
        let spin = Spin::default();
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                self.waiting.fetch_sub(1, Relaxed);
                state.busy += 1;
                drop(state);
                run(job);
                state = self.lock();
                state.busy -= 1;
                if state.busy == 0 {
                    self.ended.notify_all();
                }
                continue;
            }
            if state.closed {
                break;
            }
            if spin.pays() {
                state.spinning.enter();
                drop(state);
                spin.until(|| self.waiting.load(Relaxed) > 0, || false, None);
                state = self.lock();
                let _looks_itself = state.spinning.leave();
                if !state.jobs.is_empty() || state.closed {
                    continue;
                }
            }
            spin.sleeps();
            state.asleep.enter();
            let (woken, promised) = self.sleep(state);
            state = woken;
            spin.slept(promised);
            if !promised && !state.closed && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        drop(state);
        drop(entered);
    }

    /// Until there is work for this thread, the pool closes, or it has slept for long. True if work was promised.
    fn sleep<'a>(&'a self, mut state: MutexGuard<'a, State>) -> (MutexGuard<'a, State>, bool) {
        let until = Instant::now() + self.config.keep_alive;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.asleep.promised > 0 || state.closed || left.is_zero() {
                let promised = state.asleep.leave();
                return (state, promised);
            }
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// For models, when time has passed.
    #[cfg(all(test, loom))]
    pub(crate) fn wake_all_sleepers(&self) {
        drop(self.lock());
        self.work.notify_all();
    }

    /// True if no job waits or runs.
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.busy == 0 && state.jobs.is_empty()
    }

    /// Threads that there are now.
    pub fn threads(&self) -> usize {
        self.lock().threads
    }

    /// Waits until no job waits or runs. False if that has not come by the deadline.
    pub fn wait_idle(&self, deadline: Instant) -> bool {
        let busy = |state: &mut State| state.busy > 0 || !state.jobs.is_empty();
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.ended.wait_timeout_while(self.lock(), left, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Takes no more jobs and drops those that wait; running ones have until the deadline to end. Gives how many did not:
    /// their threads go on, and end with them.
    pub fn close(&self, deadline: Instant) -> usize {
        let mut state = self.lock();
        state.closed = true;
        let dropped: Vec<Job> = state.jobs.drain(..).collect();
        self.waiting.store(0, Relaxed);
        self.work.notify_all();
        drop(state);
        drop(dropped);
        let left = deadline.saturating_duration_since(Instant::now());
        let ended = self.ended.wait_timeout_while(self.lock(), left, |state| state.alive > 0);
        let (state, _) = ended.unwrap_or_else(PoisonError::into_inner);
        state.busy
    }
}

/// A thread of the pool, until nothing of the runtime's is left to do on it.
struct Alive(Arc<Pool>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.lock().alive -= 1;
        self.0.ended.notify_all();
    }
}

fn run((job, clock): Job) {
    let (runnable, task) = job.adopt();
    let mut task = Some(task);
    let ran = runnable.run(|_| task.take().expect("asked for once"));
    debug_assert!(matches!(ran, Ran::Complete), "a job ends in one poll");
    // The task that waits for the job has been woken.
    drop(clock);
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Pool")
            .field("threads", &state.threads)
            .field("busy", &state.busy)
            .field("waiting", &state.jobs.len())
            .field("closed", &state.closed)
            .finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
