//! The runtime, its builder, and the handle to it; tokio's names at tokio's path.

use std::{
    fmt,
    future::Future,
    io,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use runtime_core::{Metrics, shard, task::JoinHandle};

pub use crate::{
    builder::{Builder, LocalOptions, Shards},
    handle::{EnterGuard, Handle, Id, RuntimeFlavor, TryCurrentError},
    metrics::RuntimeMetrics,
};
use crate::{
    cluster::{Cluster, pin},
    context::{Context, ContextGuard},
    executor::Executor,
    own,
};

/// A runtime: its first shard, on the thread that built it, and the threads of the others.
///
/// Dropping it drops all tasks, cancels what is in flight, and waits for the kernel to let go of it. It stays on its
/// thread, since its ring does; what other threads need is a [`Handle`].
pub struct Runtime {
    cluster: Arc<Cluster>,
    handle: Handle,
    executor: Executor,
    threads: Vec<thread::JoinHandle<()>>,
    blocking_left: usize,
    ended: bool,
}

/// tokio's name for a runtime that stays on its thread, as every one does here.
pub type LocalRuntime = Runtime;

/// Which shard of its runtime this thread is, from 0; tokio's name for
/// [`shard::try_current`](crate::shard::try_current).
pub fn worker_index() -> Option<usize> {
    crate::shard::try_current()
}

/// Whether an error says that the runtime of a file or socket has ended. Never: they are descriptors, which serve under
/// any runtime.
pub fn is_rt_shutdown_err(_error: &io::Error) -> bool {
    false
}

/// What a shutdown found.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Shutdown {
    /// Tasks that had not ended when the time was over, on all shards. Their futures were dropped.
    pub tasks_cancelled: u64,
    /// Shards that did not end, because a task of theirs did not return from its poll: their threads were left behind.
    pub shards_left: usize,
    /// Blocking work that had begun and did not end: its threads were left behind.
    pub blocking_left: usize,
    /// The counters of all shards that ended, together. `leaked` counts SQEs that the kernel did not give back.
    pub metrics: Metrics,
}

impl Shutdown {
    /// True if every task had ended, and nothing was left behind.
    pub fn is_clean(&self) -> bool {
        let Metrics { in_flight, activations, slots, tasks, leaked, .. } = self.metrics;
        let left = in_flight + activations + slots + tasks + leaked;
        self.tasks_cancelled == 0 && self.shards_left == 0 && self.blocking_left == 0 && left == 0
    }
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

    pub(crate) fn assemble(
        cluster: Arc<Cluster>,
        executor: Executor,
        threads: Vec<thread::JoinHandle<()>>,
    ) -> io::Result<Runtime> {
        let handle = Handle::new(cluster.clone());
        let runtime = Runtime { cluster, handle, executor, threads, blocking_left: 0, ended: false };
        own::note(runtime.cluster.id, runtime.executor.shard());
        if let Some(allowed) = &runtime.cluster.cpus {
            // On failure the drop ends what has been started.
            pin(0, allowed)?;
        }
        Ok(runtime)
    }

    fn context(&self) -> ContextGuard {
        Context { handle: self.handle.clone(), shard: Some(0) }.set()
    }

    /// Runs a future to its end on this thread, and with it the tasks that are spawned here. Tasks that have not ended go
    /// on in the next call; those of other shards go on anyway.
    ///
    /// # Panics
    /// Inside a runtime, and with the future's own panic. If the ring becomes unusable the process is aborted.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        assert_outside();
        let _running = (self.context(), self.executor.shard().run());
        self.executor.block_on(future)
    }

    /// Spawns a task on the first shard. It runs while this thread is in [`block_on`](Runtime::block_on).
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.executor.shard().spawn(future)
    }

    /// As [`spawn`](Runtime::spawn); the name it has on tokio's `LocalRuntime`.
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn(future)
    }

    /// As [`task::spawn_blocking`](crate::task::spawn_blocking()).
    pub fn spawn_blocking<F, T>(&self, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.cluster.pool.spawn(work)
    }

    /// What other threads, and other shards, need.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Makes this the runtime of its thread until the guard is dropped, so that [`spawn`](crate::spawn), sleeps and the
    /// like can be made outside [`block_on`](Runtime::block_on).
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard::of_shard(self.executor.shard().enter(), self.context())
    }

    /// The counters of the first shard now.
    pub fn counters(&self) -> Metrics {
        self.executor.shard().metrics()
    }

    /// The few numbers that tokio has under this name.
    pub fn metrics(&self) -> RuntimeMetrics {
        self.handle.metrics()
    }

    /// Ends the runtime as dropping it does, and says what it left.
    ///
    /// Gives the counters of all shards together: `in_flight` and `activations` are 0, and `leaked` counts the SQEs that
    /// did not end within the shutdown's time limit.
    pub fn shutdown(mut self) -> Metrics {
        self.end(self.cluster.config.shutdown_timeout).metrics
    }

    /// Ends the runtime without haste: no more work is taken from outside ([`Handle::spawn`] and
    /// [`spawn_on`](crate::spawn_on) from threads that are no shard of it give cancelled tasks), what is there may end
    /// within `limit`, spawning as it needs to; then the rest is cancelled as in [`shutdown`](Runtime::shutdown).
    ///
    /// A server's accept loops have to end by themselves: they can wait for [`Handle::is_draining`].
    ///
    /// ```
    /// use std::time::Duration;
    /// let runtime = runtime::Runtime::new()?;
    /// runtime.spawn(runtime::time::sleep(Duration::from_millis(1)));
    /// let found = runtime.shutdown_graceful(Duration::from_secs(1));
    /// assert!(found.is_clean(), "{found:?}");
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    /// Inside a runtime.
    pub fn shutdown_graceful(mut self, limit: Duration) -> Shutdown {
        assert_outside();
        {
            let _running = (self.context(), self.executor.shard().run());
            self.cluster.drain(&self.executor, Instant::now() + limit);
        }
        self.end(self.cluster.config.shutdown_timeout)
    }

    /// Ends the runtime, and waits no longer than this for shards that are stuck in a task's poll. tokio's name.
    pub fn shutdown_timeout(mut self, limit: Duration) {
        self.end(limit);
    }

    /// Ends the runtime without waiting for other shards; their threads end by themselves. tokio's name.
    pub fn shutdown_background(mut self) {
        self.end(Duration::ZERO);
    }

    fn end(&mut self, patience: Duration) -> Shutdown {
        if !std::mem::replace(&mut self.ended, true) {
            let deadline = Instant::now() + patience;
            let together = {
                let _entered = (self.context(), self.executor.shard().enter());
                self.cluster.stop(&self.executor, deadline)
            };
            self.blocking_left = self.cluster.stop_pool(deadline);
            let threads = std::mem::take(&mut self.threads);
            if together {
                for thread in threads {
                    let _panicked_and_aborted = thread.join();
                }
            } else {
                self.threads = threads.into_iter().filter(|thread| !thread.is_finished()).collect();
            }
            if !patience.is_zero() {
                self.say_what_is_left(patience);
            }
            if let Some(cpus) = &self.cluster.cpus {
                let _the_set_was_valid = cpus.bind_this_thread();
            }
        }
        let (metrics, tasks_cancelled) = self.cluster.totals();
        Shutdown { tasks_cancelled, shards_left: self.threads.len(), blocking_left: self.blocking_left, metrics }
    }

    fn say_what_is_left(&self, patience: Duration) {
        if !self.threads.is_empty() {
            let names: Vec<_> = self.threads.iter().map(|thread| thread.thread().name().unwrap_or("unnamed")).collect();
            eprintln!(
                "runtime: shutdown has left the threads {} behind, which did not come back from a task's poll within \
                 {patience:?}",
                names.join(", ")
            );
        }
        if self.blocking_left > 0 {
            eprintln!(
                "runtime: shutdown has left {} blocking jobs behind, which did not end within {patience:?}",
                self.blocking_left
            );
        }
    }
}

fn assert_outside() {
    assert!(
        !shard::is_running(),
        "block_on was called inside a runtime, where it would stop every task of the shard: await or spawn instead"
    );
}

// Nothing of it is left half changed by a panic of the future that it ran, nor by one of a task.
impl UnwindSafe for Runtime {}
impl RefUnwindSafe for Runtime {}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.end(self.cluster.config.shutdown_timeout);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("shards", &self.cluster.count).finish_non_exhaustive()
    }
}
