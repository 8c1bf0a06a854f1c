//! The shards of one runtime: their threads, and how they start and end together.
//!
//! Shard 0 is the thread that built the runtime, the others have threads of their own. They end in step: all drop their
//! tasks, then each drains its ring and closes it. So what one shard's tasks hold of another's is given back while that one
//! still listens.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use runtime_core::{
    Metrics,
    blocking::{Pool, PoolConfig},
    cpu::CpuSet,
    shard::Peer,
};

use crate::{
    builder::Config,
    context::Context,
    executor::{Executor, Pace},
    handle::{Handle, Id},
    own,
};

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) config: Config,
    pub(crate) id: Id,
    pub(crate) count: usize,
    /// What the shards share out, if they are to be pinned.
    pub(crate) cpus: Option<CpuSet>,
    /// In the shards' order; set before any of them runs a task.
    peers: OnceLock<Box<[Peer]>>,
    /// No more work is taken from outside.
    draining: AtomicBool,
    /// Shards leave their loops.
    stopping: AtomicBool,
    ending: Rendezvous,
    quiet: Quiet,
    /// What the shards have counted in all, once they have ended.
    counted: Mutex<Metrics>,
    /// Threads for work that blocks.
    pub(crate) pool: Arc<Pool>,
    /// Whose turn it is to get a task from a thread that is no shard.
    turn: AtomicUsize,
}

impl Cluster {
    pub(crate) fn new(config: Config, count: usize, cpus: Option<CpuSet>) -> Arc<Cluster> {
        Arc::new_cyclic(|cluster| Cluster {
            pool: Arc::new(pool(&config, cluster.clone())),
            config,
            id: Id::next(),
            cpus,
            count,
            peers: OnceLock::new(),
            draining: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            ending: Rendezvous { shards: count, arrived: Mutex::default(), changed: Condvar::new() },
            quiet: Quiet { idle: (0..count).map(|_| AtomicBool::new(false)).collect(), ..Quiet::default() },
            counted: Mutex::default(),
            turn: AtomicUsize::new(0),
        })
    }

    /// The way to a shard. Panics for a number that the runtime does not have.
    pub(crate) fn peer(&self, shard: usize) -> &Peer {
        let peers = self.peers.get().expect("the shards have been started");
        peers.get(shard).unwrap_or_else(|| {
            panic!("there is no shard {shard}: this runtime has {} of them, from 0; see Builder::shards", self.count)
        })
    }

    /// The next shard for work that comes from outside.
    pub(crate) fn next_shard(&self) -> usize {
        self.turn.fetch_add(1, SeqCst) % self.count
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(SeqCst)
    }

    /// Notes a task that is on its way from one shard to another.
    pub(crate) fn in_transit(self: &Arc<Cluster>) -> InTransit {
        self.quiet.sent.fetch_add(1, SeqCst);
        self.quiet.in_transit.fetch_add(1, SeqCst);
        InTransit(self.clone())
    }

    /// Starts shards 1 and up; `first` is the way to shard 0.
    ///
    /// # Errors
    /// Of the first thread, ring or pinning that fails; what was started has ended then.
    pub(crate) fn start(self: &Arc<Cluster>, first: Peer) -> io::Result<Vec<thread::JoinHandle<()>>> {
        let (started, starts) = mpsc::channel();
        let mut threads = Vec::new();
        let mut error = None;
        for index in 1..self.count {
            let (cluster, started) = (self.clone(), started.clone());
            let named = thread::Builder::new().name(self.config.name_of("shard", index));
            let named = match self.config.thread_stack_size {
                Some(size) => named.stack_size(size),
                None => named,
            };
            match named.spawn(move || cluster.serve(index, &started)) {
                Ok(thread) => threads.push(thread),
                Err(refused) => {
                    error = Some(io::Error::new(refused.kind(), format!("the thread of shard {index}: {refused}")));
                    break;
                }
            }
        }
        drop(started);
        let mut peers = vec![None; self.count];
        peers[0] = Some(first);
        for (index, result) in starts.iter().take(threads.len()) {
            match result {
                Ok(peer) => peers[index] = Some(peer),
                Err(refused) => error = error.or(Some(refused)),
            }
        }
        match error {
            None => {
                let peers = peers.into_iter().map(|peer| peer.expect("every shard has reported")).collect();
                self.peers.set(peers).expect("a runtime is started once");
                self.ending.notify();
                Ok(threads)
            }
            Some(error) => {
                self.stopping.store(true, SeqCst);
                self.ending.notify();
                for thread in threads {
                    let _panicked_and_aborted = thread.join();
                }
                Err(error)
            }
        }
    }

    /// A shard's thread.
    fn serve(self: Arc<Cluster>, index: usize, started: &mpsc::Sender<(usize, io::Result<Peer>)>) {
        let pinned = self.cpus.as_ref().map_or(Ok(()), |allowed| pin(index, allowed));
        let executor = match pinned.and_then(|()| self.config.executor()) {
            Ok(executor) => executor,
            Err(error) => {
                let _builder_is_there = started.send((index, Err(error)));
                return;
            }
        };
        let _builder_is_there = started.send((index, Ok(executor.shard().peer())));
        self.ending.wait_until(|| self.peers.get().is_some() || self.stopping.load(SeqCst));
        if self.peers.get().is_none() {
            return;
        }
        let context = Context { handle: Handle::new(self.clone()), shard: Some(index) }.set();
        own::note(self.id, executor.shard());
        let entered = executor.shard().run();
        if let Some(hook) = &self.config.on_thread_start {
            hook();
        }
        let mut pace = Pace::default();
        while !self.stopping.load(SeqCst) {
            self.note_idle(index, &executor);
            executor.tick(&mut pace, || {
                self.note_idle(index, &executor);
                self.stopping.load(SeqCst)
            });
        }
        self.end(&executor, None);
        if let Some(hook) = &self.config.on_thread_stop {
            hook();
        }
        drop((entered, context));
    }

    /// While draining: says whether this shard has tasks left.
    fn note_idle(&self, index: usize, executor: &Executor) {
        if self.is_draining() {
            let idle = executor.shard().live_tasks() == 0;
            let before = self.quiet.idle[index].swap(idle, SeqCst);
            if idle && !before {
                self.peer(0).unpark();
            }
        }
    }

    /// Runs shard 0, whose thread this is, until no shard has a task left, or until the deadline.
    pub(crate) fn drain(&self, executor: &Executor, deadline: Instant) {
        self.draining.store(true, SeqCst);
        for index in 1..self.count {
            self.peer(index).unpark();
        }
        // Its going off ends the shard's sleep; who looks is the loop.
        let _alarm = runtime_core::alarm::Alarm::set(deadline, std::task::Waker::noop());
        let mut pace = Pace::default();
        loop {
            let over = || {
                self.note_idle(0, executor);
                self.quiet.is_reached() || Instant::now() >= deadline
            };
            if over() {
                // Nothing but the pool can be at work now, and from there no more comes.
                self.pool.wait_idle(deadline);
                return;
            }
            executor.tick(&mut pace, over);
        }
    }

    /// Ends the pool. Gives how many jobs did not end in time.
    pub(crate) fn stop_pool(&self, deadline: Instant) -> usize {
        self.pool.close(deadline)
    }

    /// Shard 0 has the others end. False if they have not by the deadline: they go on by themselves.
    pub(crate) fn stop(&self, executor: &Executor, deadline: Instant) -> bool {
        self.draining.store(true, SeqCst);
        self.stopping.store(true, SeqCst);
        for index in 1..self.count {
            self.peer(index).unpark();
        }
        self.end(executor, Some(deadline))
    }

    /// The step that all shards take together, and what follows it.
    fn end(&self, executor: &Executor, deadline: Option<Instant>) -> bool {
        let shard = executor.shard();
        self.counted().tasks += shard.live_tasks() as u64;
        shard.drop_tasks();
        let together = self.ending.arrive(deadline);
        shard.drain();
        let mut counted = self.counted();
        let cancelled = counted.tasks;
        *counted = *counted + shard.metrics();
        counted.tasks = cancelled;
        together
    }

    fn counted(&self) -> MutexGuard<'_, Metrics> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sum of what the shards that have ended counted, and how many tasks they had to drop.
    pub(crate) fn totals(&self) -> (Metrics, u64) {
        let mut counted = *self.counted();
        let cancelled = std::mem::take(&mut counted.tasks);
        (counted, cancelled)
    }
}

/// The pool's threads are in the runtime's context, and are no shards.
fn pool(config: &Config, cluster: Weak<Cluster>) -> Pool {
    let (start, stop) = (config.on_thread_start.clone(), config.on_thread_stop.clone());
    let around = move |body: &mut dyn FnMut()| {
        let context = cluster.upgrade().map(|cluster| Context { handle: Handle::new(cluster), shard: None }.set());
        start.iter().for_each(|hook| hook());
        body();
        stop.iter().for_each(|hook| hook());
        drop(context);
    };
    let config_of_names = config.clone();
    Pool::new(PoolConfig {
        threads_max: config.blocking_threads_max,
        keep_alive: config.thread_keep_alive,
        name: Arc::new(move |number| config_of_names.name_of("blocking", number)),
        stack_size: config.thread_stack_size,
        around: Box::new(around),
    })
}

/// Where the shards wait for each other.
#[derive(Debug)]
struct Rendezvous {
    shards: usize,
    /// How many have dropped their tasks.
    arrived: Mutex<usize>,
    changed: Condvar,
}

impl Rendezvous {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that a `wait_until` asks for has changed.
    fn notify(&self) {
        let _ordered_after_the_waiters_look = self.lock();
        self.changed.notify_all();
    }

    fn wait_until(&self, condition: impl Fn() -> bool) {
        let mut arrived = self.lock();
        while !condition() {
            arrived = self.changed.wait(arrived).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until all have come. False if they have not by the deadline.
    fn arrive(&self, deadline: Option<Instant>) -> bool {
        let mut arrived = self.lock();
        *arrived += 1;
        self.changed.notify_all();
        while *arrived < self.shards {
            arrived = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(arrived).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return false,
                Some(left) => self.changed.wait_timeout(arrived, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        true
    }
}

/// Whether all shards are without tasks, at one moment.
#[derive(Debug, Default)]
struct Quiet {
    /// Of each shard, while draining.
    idle: Box<[AtomicBool]>,
    /// Tasks that have been sent to another shard, ever. A task is sent before its sender can be idle.
    sent: AtomicU64,
    /// Those of them that have not begun there. One begins only when its shard has said that it is not idle.
    in_transit: AtomicU64,
}

impl Quiet {
    /// All were idle and nothing was under way while we looked, since nothing was sent meanwhile.
    fn is_reached(&self) -> bool {
        let sent = self.sent.load(SeqCst);
        self.idle.iter().all(|idle| idle.load(SeqCst))
            && self.in_transit.load(SeqCst) == 0
            && self.idle.iter().all(|idle| idle.load(SeqCst))
            && self.sent.load(SeqCst) == sent
    }
}

/// A task between two shards; dropped when it begins, or is refused.
#[derive(Debug)]
pub(crate) struct InTransit(Arc<Cluster>);

impl Drop for InTransit {
    fn drop(&mut self) {
        self.0.quiet.in_transit.fetch_sub(1, SeqCst);
    }
}

/// Binds this thread to the CPU of its shard: the shards share out, in order, the CPUs that the process may use.
///
/// # Errors
/// Those of `sched_setaffinity(2)`, with the CPU's number.
pub(crate) fn pin(index: usize, allowed: &CpuSet) -> io::Result<()> {
    let cpus = allowed.iter().count().max(1);
    let cpu = allowed.iter().nth(index % cpus).expect("a thread is allowed a CPU");
    CpuSet::one(cpu).bind_this_thread().map_err(|error| {
        io::Error::new(error.kind(), format!("cannot pin shard {index} to CPU {cpu}: {error}; do without `pin`"))
    })
}
