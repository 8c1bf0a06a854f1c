//! A shard: one thread's ring, tasks and timers, and the way to it from elsewhere.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    io,
    rc::Rc,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

mod current;
mod shutdown;
mod timers;

pub(crate) use crate::remote::{Message, exists, send};
pub use crate::remote::{Peer, ShardId};
use crate::{
    bell::Bell,
    clapper::Clapper,
    clock::Clock,
    coop,
    counters::{Counters, Metrics},
    doorbell::Sleep,
    driver::Driver,
    edges::Edges,
    encode::Lowering,
    features::{Features, open_files_limit},
    fixed::FixedPools,
    kernel::Kernel,
    key::Key,
    lower::Builder,
    pool::{PoolOptions, Pools},
    reads::Reads,
    remote::{Lender, Remote},
    slot::SlotTable,
    spin::Spin,
    task::{self, JoinHandle, Ran, Runnable, TaskRef},
    trace::{self, Place},
    writes::Writes,
};
pub use current::{Entered, is_running, not_running, with_current};

/// Limits and defaults of a shard.
#[derive(Clone, Copy, Debug)]
pub struct ShardConfig {
    /// Direct descriptor slots; cut to RLIMIT_NOFILE.
    pub slots: u32,
    /// Those beside them that the kernel fills with accepted connections.
    pub accept_slots: u32,
    /// How plans are lowered that do not say.
    pub lowering: Lowering,
    /// How long shutdown waits for ops that do not end when cancelled.
    pub shutdown_timeout: Duration,
}

/// One thread's ring, tasks and timers.
pub struct Shard {
    pub(crate) id: ShardId,
    pub(crate) driver: RefCell<Driver>,
    pub(crate) slots: Rc<SlotTable>,
    pub(crate) counters: Rc<Counters>,
    /// Goes after the driver: the ring uses their memory.
    pub(crate) pools: Pools,
    /// Likewise.
    pub(crate) fixed: FixedPools,
    pub(crate) edges: Edges,
    clock: Rc<Clock>,
    pub(crate) reads: Reads,
    pub(crate) writes: Writes,
    pub(crate) lowering: Lowering,
    /// Taken while a plan is lowered.
    pub(crate) builder: Cell<Option<Box<Builder>>>,
    run_queue: RefCell<VecDeque<Runnable>>,
    /// Tasks that were woken while they ran; they join the run queue behind all that is woken until the next round.
    yielded: RefCell<VecDeque<Runnable>>,
    tasks: RefCell<slab::Slab<TaskRef>>,
    /// How many of them nobody but the runtime has spawned.
    own_tasks: Rc<Cell<usize>>,
    remote: Arc<Remote>,
    lender: Lender,
    shutdown_timeout: Duration,
    features: Features,
    closed: Cell<bool>,
    spin: Spin,
}

impl Shard {
    /// A shard on `kernel`, to be entered on this thread.
    ///
    /// # Errors
    /// Those of `eventfd(2)`, and of the registration of slots.
    pub fn new(mut kernel: Box<dyn Kernel>, config: ShardConfig) -> io::Result<Rc<Shard>> {
        let room = |limit: u64| limit.saturating_sub(config.accept_slots.into()).min(1 << 15) as u32;
        let count = open_files_limit().map_or(config.slots, |limit| config.slots.min(room(limit)));
        let explain = |what: &str, count: u32, lower: &str, error: io::Error| {
            let text = format!("io_uring_register of {count} direct descriptor slots{what}: {error}; lower {lower}");
            io::Error::new(error.kind(), text)
        };
        let all = count.saturating_add(config.accept_slots);
        if all > 0 {
            let lower = if config.accept_slots > 0 { "`accept_slots` or raise RLIMIT_NOFILE" } else { "`slots`" };
            kernel.register_slots(all).map_err(|error| explain("", all, lower, error))?;
        }
        if config.accept_slots > 0 {
            let (from, slots) = (count, config.accept_slots);
            let told = kernel.register_chosen_slots(from, slots);
            told.map_err(|error| explain(" for accepted connections", slots, "`accept_slots` to 0", error))?;
        }
        let clapper = Arc::new(Clapper::new()?);
        let remote = Remote::new(clapper.clone(), kernel.message_fd());
        let id = remote.id;
        let slots = Rc::new(SlotTable::new(id, count, config.accept_slots));
        let counters = Rc::new(Counters::default());
        counters.enters.add(kernel.setup_enters() as u64);
        let features = kernel.features().clone();
        let clock = Rc::new(Clock::new());
        let driver = Driver::new(kernel, slots.clone(), counters.clone(), Bell::new(clapper), clock.clone());
        Ok(Rc::new(Shard {
            id,
            driver: RefCell::new(driver),
            slots,
            counters,
            pools: Pools::default(),
            edges: Edges::new(),
            fixed: FixedPools::default(),
            clock,
            reads: Reads::default(),
            writes: Writes::default(),
            lowering: config.lowering,
            builder: Cell::default(),
            run_queue: RefCell::default(),
            yielded: RefCell::default(),
            tasks: RefCell::default(),
            own_tasks: Rc::default(),
            lender: Lender::new(remote.clone()),
            remote,
            shutdown_timeout: config.shutdown_timeout,
            features,
            closed: Cell::new(false),
            spin: Spin::default(),
        }))
    }

    /// What the kernel offers.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The counters now.
    pub fn metrics(&self) -> Metrics {
        let driver = self.driver.borrow();
        Metrics {
            in_flight: driver.in_flight,
            activations: driver.slab.len() as u64,
            slots: self.slots.in_use() as u64,
            tasks: self.live_tasks() as u64,
            kernel: driver.kernel.interface(),
            ..self.counters.snapshot()
        }
    }

    /// The way here from any thread.
    pub fn peer(&self) -> Peer {
        Peer(self.remote.clone())
    }

    /// What the shard's own pool of buffers is made with, at its first use.
    pub fn set_buffers(&self, options: PoolOptions) {
        self.pools.own_options.set(options);
    }

    /// How reads of cached pages are done.
    pub fn set_cached_reads(&self, reads: crate::reads::CachedReads) {
        self.reads.set(reads);
    }

    /// How buffered writes to files are done.
    pub fn set_buffered_writes(&self, writes: crate::writes::BufferedWrites) {
        self.writes.set(writes);
    }

    // ---------------------------------------------------------------- tasks

    /// Spawns a task on this shard.
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        self.spawn_at(future, Place::of_caller())
    }

    /// As [`spawn`](Shard::spawn), for a caller's caller.
    pub fn spawn_at<F: Future + 'static>(&self, future: F, place: Place) -> JoinHandle<F::Output> {
        self.counters.spawned.add(1);
        let future = trace::task(future, self.id.0, place);
        let (runnable, task, join) = task::spawn(future, self.lender.lend());
        self.admit(runnable, task);
        join
    }

    /// The task of `block_on`, and its index in the list of tasks. Neither counted as spawned nor as live.
    pub(crate) fn spawn_main<F: Future<Output = ()> + 'static>(&self, future: F) -> (JoinHandle<()>, usize) {
        let owned = Owned::new(self.own_tasks.clone());
        let (runnable, task, join) = task::spawn(owned.beside(future), self.lender.lend());
        let index = self.tasks.borrow().vacant_key();
        self.admit(runnable, task);
        (join, index)
    }

    /// Takes a live task off the list; dropping it shuts it down.
    pub(crate) fn unlist(&self, index: usize) -> Option<TaskRef> {
        self.tasks.borrow_mut().try_remove(index)
    }

    #[inline]
    fn admit(&self, runnable: Runnable, task: TaskRef) {
        if self.closed.get() {
            // The runtime is being dropped: nothing runs any more. Dropping the task completes it as cancelled.
            drop((task, runnable));
            return;
        }
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.vacant_entry();
        task.set_index(entry.key());
        entry.insert(task);
        self.run_queue.borrow_mut().push_back(runnable);
    }

    /// Spawns a task of the runtime's own, which a shutdown does not wait for and metrics do not count.
    pub fn spawn_own(&self, future: impl Future<Output = ()> + 'static) {
        let owned = Owned::new(self.own_tasks.clone());
        let (runnable, task, join) = task::spawn(owned.beside(future), self.lender.lend());
        drop(join);
        self.admit(runnable, task);
    }

    /// Tasks that have not ended, but for the runtime's own.
    pub fn live_tasks(&self) -> usize {
        // A task that is ending leaves the two counts one after the other.
        self.tasks.borrow().len().saturating_sub(self.own_tasks.get())
    }

    /// A task of this shard was woken on its own thread.
    #[inline]
    pub(crate) fn woken_here(&self, task: Runnable) {
        self.counters.wakes.add(1);
        self.run_queue.borrow_mut().push_back(task);
    }

    /// Runs up to `budget` polls of ready tasks: those that were woken, in that order, then those that have yielded, then
    /// those that are woken meanwhile, since two tasks that talk to each other should not pay for a pass per word. So what
    /// waits for I/O comes before what merely goes on, and who yields now has its next turn in the next round. Gives how
    /// many ran, and whether some are left.
    ///
    /// `prompt`: what a task has queued is submitted before the next one runs, at the price of an enter each. For shards
    /// on which tasks compute for long: else I/O that the one asks for starts when all others have had their turn. Syncs
    /// that others may share wait for that nevertheless.
    ///
    /// # Errors
    /// As for [`Shard::turn`].
    pub fn run_tasks(&self, budget: usize, prompt: bool) -> io::Result<(usize, bool)> {
        self.run_queue.borrow_mut().append(&mut self.yielded.borrow_mut());
        let mut ran = 0;
        while ran < budget && !self.run_queue.borrow().is_empty() {
            if prompt && self.driver.borrow().has_queued() {
                self.driver.borrow_mut().hold_syncs();
                self.turn(false)?;
            }
            let Some(task) = self.run_queue.borrow_mut().pop_front() else { break };
            self.counters.task_polls.add(1);
            ran += 1;
            coop::refill();
            match task.run(|index| self.tasks.borrow_mut().remove(index)) {
                Ran::Pending | Ran::Complete => {}
                Ran::Again(task) => self.yielded.borrow_mut().push_back(task),
            }
        }
        coop::lift();
        Ok((ran, !self.run_queue.borrow().is_empty() || !self.yielded.borrow().is_empty()))
    }

    /// Counts time that [`run_tasks`](Shard::run_tasks) has taken.
    pub fn note_worked(&self, time: Duration) {
        self.remote.activity.worked(time);
    }

    /// One pass: submits, takes in what has completed or was sent from elsewhere, wakes. With `block`, sleeps until
    /// there is something to do.
    ///
    /// # Errors
    /// Only those after which the ring is unusable.
    pub fn turn(&self, block: bool) -> io::Result<()> {
        let activity = &self.remote.activity;
        activity.live_tasks.store(self.live_tasks(), Relaxed);
        let news = self.take_in();
        let want = if block && !news { self.lie_down()? } else { None };
        if want.is_some() {
            activity.sleeps();
        }
        let turned = self.driver.borrow_mut().turn(want, None);
        let rung = want.is_some() && self.remote.doorbell.awake();
        if want.is_some() {
            activity.wakes();
            self.spin.slept(rung);
        }
        if rung || block && want.is_none() {
            self.take_in();
        }
        self.settle();
        self.take_in_edges();
        turned
    }

    /// Gets ready to sleep; gives how many CQEs end the sleep. `None`: there is something to do first.
    fn lie_down(&self) -> io::Result<Option<u32>> {
        if !self.arm_edges() {
            return Ok(None);
        }
        // A stopped clock has no deadline to spin for, and moves in the sleep.
        if self.spin.pays() && !self.clock.is_paused() {
            // What is queued must not wait for the spin's end (I5).
            self.driver.borrow_mut().turn(None, None)?;
            let deadline = self.driver.borrow().timers.next_deadline().map(|next| self.clock.machine_time(next));
            let news = || {
                let driver = self.driver.borrow();
                !driver.wakes.is_empty() || !driver.corpses.is_empty() || driver.kernel.has_news()
            };
            if self.spin.until(|| self.remote.doorbell.is_rung(), news, deadline) {
                let _taken_in_by_the_caller = self.remote.doorbell.awake();
                return Ok(None);
            }
        }
        let want = self.driver.borrow_mut().arm_bell();
        if want == 0 {
            return Ok(None);
        }
        self.remote.sleeps_for.store(want, Relaxed);
        if self.remote.doorbell.announce_sleep() == Sleep::NotYet {
            return Ok(None);
        }
        self.spin.sleeps();
        Ok(Some(want))
    }

    /// Takes in what other threads have sent.
    fn take_in(&self) -> bool {
        let mut any = false;
        for task in self.remote.inbox.drain() {
            any = true;
            self.counters.wakes.add(1);
            self.run_queue.borrow_mut().push_back(task);
        }
        for message in self.remote.take_mail() {
            any = true;
            match message {
                Message::Abandon(key) => self.abandon(key),
                Message::Cancel(key) => self.driver.borrow_mut().cancel(key),
                Message::SlotDropped { index, open } => self.slots.give_back(index, open),
                Message::ClearTimer(id) => drop(self.clear_timer(id)),
                Message::EdgeDropped(key) => drop(self.edges.remove(key)),
                Message::Adopt(parcel) => {
                    self.counters.spawned.add(1);
                    let (runnable, task) = parcel.adopt();
                    self.admit(runnable, task);
                }
            }
        }
        any
    }

    /// Runs the user code that the driver could not: wakes, and drops of what nobody takes.
    pub(crate) fn settle(&self) {
        loop {
            let mut driver = self.driver.borrow_mut();
            if let Some(key) = driver.corpses.pop() {
                let corpse = driver.slab.corpse(key);
                drop(driver);
                // A panic in a drop of the user's has printed itself; the shard goes on without that plan.
                let table = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| corpse.discard()));
                let mut driver = self.driver.borrow_mut();
                driver.slab.release(key);
                if let Ok(Some(table)) = table {
                    driver.recycle(table);
                }
                continue;
            }
            if driver.wakes.is_empty() {
                // Before it is taken: its memory stays for the next pass.
                return;
            }
            let mut wakes = std::mem::take(&mut driver.wakes);
            drop(driver);
            for waker in wakes.drain(..) {
                waker.wake();
            }
            let mut driver = self.driver.borrow_mut();
            if driver.wakes.is_empty() {
                // Keep the larger of the two allocations.
                driver.wakes = wakes;
            }
        }
    }

    /// The future of an activation is gone.
    pub(crate) fn abandon(&self, key: Key) {
        let waker = self.driver.borrow_mut().abandon(key);
        drop(waker);
        self.settle();
    }
}

/// One of the runtime's own tasks, counted until it ends or is dropped.
struct Owned(Rc<Cell<usize>>);

impl Owned {
    fn new(count: Rc<Cell<usize>>) -> Owned {
        count.set(count.get() + 1);
        Owned(count)
    }

    async fn beside(self, future: impl Future<Output = ()>) {
        future.await;
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("id", &self.id).field("driver", &self.driver).finish()
    }
}
