//! What threads other than a shard's own have of a runtime.

use std::{
    error::Error,
    fmt,
    future::Future,
    marker::PhantomData,
    num::NonZeroU64,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use runtime_core::{
    blocking::Pool,
    coop,
    shard::{self, Entered},
    task::JoinHandle,
};

use crate::{
    cluster::Cluster,
    context::{Context, ContextGuard},
    metrics::RuntimeMetrics,
    own,
};

/// A runtime, seen from any thread. Cheap to clone. It does not keep the runtime alive: when that has ended, what is
/// spawned is cancelled.
///
/// ```
/// let runtime = runtime::Runtime::new()?;
/// let handle = runtime.handle().clone();
/// let thread = std::thread::spawn(move || handle.spawn(async { 7 }));
/// assert_eq!(runtime.block_on(thread.join().unwrap()).unwrap(), 7);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct Handle {
    cluster: Arc<Cluster>,
}

// What it shares are a runtime's locks and atomic numbers; no panic leaves them in the middle of a change.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

/// Identity of a runtime; never reused in a process.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub struct Id(NonZeroU64);

impl Id {
    pub(crate) fn next() -> Id {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Id(NonZeroU64::new(NEXT.fetch_add(1, Relaxed)).expect("no process makes that many runtimes"))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which of tokio's schedulers was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeFlavor {
    /// [`Builder::new`](crate::Builder::new) or `new_current_thread`.
    CurrentThread,
    /// [`Builder::new_multi_thread`](crate::Builder::new_multi_thread), or several shards.
    MultiThread,
}

/// Why there is no current runtime.
#[derive(Clone, Copy, Debug)]
pub struct TryCurrentError {
    thread_exits: bool,
}

impl TryCurrentError {
    /// True outside a runtime.
    pub fn is_missing_context(&self) -> bool {
        !self.thread_exits
    }

    /// True in a destructor of a thread's local storage.
    pub fn is_thread_local_destroyed(&self) -> bool {
        self.thread_exits
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.thread_exits {
            true => "there is no runtime to be found: this thread's local storage is gone already",
            false => "this thread is in no runtime; use #[runtime::main], Runtime::block_on or Runtime::enter",
        })
    }
}

impl Error for TryCurrentError {}

impl Handle {
    pub(crate) fn new(cluster: Arc<Cluster>) -> Handle {
        Handle { cluster }
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.cluster.pool
    }

    /// The runtime that this thread is in.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn current() -> Handle {
        match Handle::try_current() {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// The runtime that this thread is in.
    ///
    /// # Errors
    /// Outside a runtime.
    pub fn try_current() -> Result<Handle, TryCurrentError> {
        Context::with(|context| context.handle.clone()).ok_or(TryCurrentError { thread_exits: Context::is_gone() })
    }

    /// Spawns a task: on the shard that this thread runs, if it is one of the runtime's; from elsewhere on the shards in
    /// turn. Shard 0 runs it when its thread is in `block_on`.
    ///
    /// From elsewhere it costs a lock of the shard's mailbox beside the task's allocation, and it is refused once the
    /// runtime is shutting down: the handle says then that it was cancelled.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match self.shard_here() {
            Some(_) => crate::spawn(future),
            None => self.spawn_on(self.cluster.next_shard(), move || future),
        }
    }

    /// As [`runtime::spawn_on`](crate::spawn_on), for any thread.
    ///
    /// # Panics
    /// For a shard that the runtime does not have.
    #[track_caller]
    pub fn spawn_on<F, Fut>(&self, shard: usize, start: F) -> JoinHandle<Fut::Output>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future + 'static,
        Fut::Output: Send + 'static,
    {
        let (here, peer) = (self.shard_here(), self.cluster.peer(shard));
        if here == Some(shard) {
            return crate::spawn(async move { start().await });
        }
        let in_transit = self.cluster.in_transit();
        // An own shard may send work to another one to the end: what drains may need it.
        let refused = here.is_none() && self.cluster.is_draining();
        let task = peer.spawn(move || {
            drop(in_transit);
            start()
        });
        if refused {
            task.abort();
        }
        task
    }

    /// As [`task::spawn_blocking`](crate::task::spawn_blocking()), for any thread.
    pub fn spawn_blocking<F, T>(&self, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.cluster.pool.spawn(work)
    }

    /// How many shards the runtime has.
    pub fn shards(&self) -> usize {
        self.cluster.count
    }

    /// True once the runtime shuts down, gracefully or not.
    pub fn is_draining(&self) -> bool {
        self.cluster.is_draining()
    }

    /// Runs a future to its end on this thread.
    ///
    /// On the thread that built the runtime, and in [`block_in_place`](crate::task::block_in_place), that is
    /// [`Runtime::block_on`](crate::Runtime::block_on): the shard runs meanwhile. Any other thread gets a ring of its own
    /// for that time, which costs about 100 µs; tasks that the future spawns are dropped with it.
    ///
    /// # Panics
    /// In a task, where it would stop all others; with the future's own panic; and if no ring can be made.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        assert!(
            !shard::is_running(),
            "Handle::block_on was called inside a runtime, where it would stop every task of the shard: await instead"
        );
        if let Some(shard) = own::find(self.cluster.id) {
            let executor = self.cluster.config.executor_of(shard);
            let index = self.shard_here().unwrap_or(0);
            let _running = (Context { handle: self.clone(), shard: Some(index) }.set(), executor.shard().run());
            let output = executor.block_on(future);
            // The loop has used up the budget of the poll, if any, in which it ran.
            coop::refill();
            return output;
        }
        let executor = match self.cluster.config.executor() {
            Ok(executor) => executor,
            Err(error) => panic!("Handle::block_on cannot set up this thread's ring: {error}"),
        };
        let _running = (Context { handle: self.clone(), shard: None }.set(), executor.shard().run());
        let guest = Guest(executor);
        guest.0.block_on(future)
    }

    /// Makes this the runtime of its thread until the guard is dropped, so that [`Handle::current`] and
    /// [`spawn_on`](crate::spawn_on) find it.
    ///
    /// On the thread that built the runtime this is [`Runtime::enter`](crate::Runtime::enter). Elsewhere
    /// [`spawn`](crate::spawn) finds no shard that its task could stay on, and panics: use [`Handle::spawn`].
    pub fn enter(&self) -> EnterGuard<'_> {
        if let Some(shard) = own::find(self.cluster.id) {
            let index = self.shard_here().unwrap_or(0);
            return EnterGuard::of_shard(shard.enter(), Context { handle: self.clone(), shard: Some(index) }.set());
        }
        let shard = self.shard_here();
        let context = Context { handle: self.clone(), shard }.set();
        EnterGuard { _shard: None, _context: context, runtime: PhantomData }
    }

    /// Which of tokio's schedulers was asked for.
    pub fn runtime_flavor(&self) -> RuntimeFlavor {
        if self.cluster.count > 1 { RuntimeFlavor::MultiThread } else { self.cluster.config.flavor }
    }

    /// Which runtime it is.
    pub fn id(&self) -> Id {
        self.cluster.id
    }

    /// The name from [`Builder::name`](crate::Builder::name).
    pub fn name(&self) -> Option<&str> {
        self.cluster.config.name.as_deref()
    }

    /// The few numbers that tokio has under this name.
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::new(self.cluster.clone())
    }

    /// The shard of this runtime that the calling thread is.
    fn shard_here(&self) -> Option<usize> {
        Context::with(|context| context.shard.filter(|_| Arc::ptr_eq(&context.handle.cluster, &self.cluster))).flatten()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("shards", &self.cluster.count).finish_non_exhaustive()
    }
}

/// A thread's own shard for the time of one [`Handle::block_on`].
struct Guest(crate::executor::Executor);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.shard().shut_down();
    }
}

/// Leaves the runtime again when dropped. Guards are to be dropped in the reverse order of their making.
#[must_use = "the runtime is left again when the guard is dropped"]
#[derive(Debug)]
pub struct EnterGuard<'a> {
    _shard: Option<Entered>,
    _context: ContextGuard,
    runtime: PhantomData<&'a Handle>,
}

impl EnterGuard<'_> {
    pub(crate) fn of_shard(shard: Entered, context: ContextGuard) -> Self {
        EnterGuard { _shard: Some(shard), _context: context, runtime: PhantomData }
    }
}
