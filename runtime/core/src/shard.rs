//! A shard: one thread's ring, tasks and timers, and the way to it from elsewhere.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::Future,
    io,
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicU32, Ordering},
    },
    task::Waker,
    time::{Duration, Instant},
};

use crate::{
    bell::{Bell, Clapper},
    coop,
    counters::{Counters, Metrics},
    doorbell::{Doorbell, Order, Sleep},
    driver::Driver,
    encode::Lowering,
    features::{Features, open_files_limit},
    inbox::Inbox,
    kernel::Kernel,
    key::Key,
    lower::Builder,
    slot::SlotTable,
    task::{self, JoinHandle, Ran, Runnable, Schedule, TaskRef},
    timer::{Due, TimerId},
};

/// Identity of a shard; never reused in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(u32);

/// What other threads ask of a shard.
#[derive(Debug)]
pub(crate) enum Message {
    /// The future of this activation was dropped elsewhere.
    Abandon(Key),
    /// `cancel()` was called elsewhere.
    Cancel(Key),
    /// The last owner of a slot is gone.
    SlotDropped { index: u32, open: bool },
    /// A sleep was dropped elsewhere.
    ClearTimer(TimerId),
}

/// The part of a shard that other threads may touch. Wakers keep it alive after the shard is gone.
#[derive(Debug)]
pub(crate) struct Remote {
    id: ShardId,
    inbox: Inbox,
    /// Rare: only what crosses threads in an unusual way. Bounded by the objects that do.
    messages: Mutex<Vec<Message>>,
    doorbell: Doorbell,
    clapper: Arc<Clapper>,
}

impl Remote {
    pub(crate) fn ring(&self) {
        if self.doorbell.ring() == Order::Ring {
            self.clapper.strike();
        }
    }
}

impl Schedule for Remote {
    fn schedule(&self, task: Runnable) {
        let mut task = Some(task);
        with_current(|current| {
            if current.id == self.id {
                current.counters.wakes.add(1);
                current.run_queue.borrow_mut().extend(task.take());
            }
        });
        if let Some(task) = task {
            // A ring too many is cheap: the doorbell knows whether anyone sleeps.
            let _pushed = self.inbox.push(task);
            self.ring();
        }
    }
}

static SHARDS: RwLock<BTreeMap<ShardId, Weak<Remote>>> = RwLock::new(BTreeMap::new());

/// Sends a message to a shard; it is lost if the shard is gone, and with it what the message is about.
pub(crate) fn send(id: ShardId, message: Message) {
    let remote = SHARDS.read().unwrap_or_else(PoisonError::into_inner).get(&id).and_then(Weak::upgrade);
    if let Some(remote) = remote {
        remote.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        remote.ring();
    }
}

/// True while a shard exists.
pub(crate) fn exists(id: ShardId) -> bool {
    SHARDS.read().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Shard>>> = const { RefCell::new(None) };
}

/// Calls `f` with the shard that this thread is running; `None` if it runs none, or is exiting.
pub fn with_current<R>(f: impl FnOnce(&Shard) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.borrow().as_deref().map(f)).ok().flatten()
}

/// Marks a shard as the one its thread runs, until dropped.
#[derive(Debug)]
pub struct Entered {
    previous: Option<Rc<Shard>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(self.previous.take()));
    }
}

/// Limits and defaults of a shard.
#[derive(Clone, Copy, Debug)]
pub struct ShardConfig {
    /// Direct descriptor slots; cut to RLIMIT_NOFILE.
    pub slots: u32,
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
    pub(crate) lowering: Lowering,
    /// Taken while a plan is lowered.
    pub(crate) builder: Cell<Option<Box<Builder>>>,
    run_queue: RefCell<VecDeque<Runnable>>,
    /// Tasks that were woken while they ran; they join the run queue behind all that is woken until the next round.
    yielded: RefCell<VecDeque<Runnable>>,
    tasks: RefCell<slab::Slab<TaskRef>>,
    remote: Arc<Remote>,
    shutdown_timeout: Duration,
    features: Features,
    closed: Cell<bool>,
}

impl Shard {
    /// A shard on `kernel`, to be entered on this thread.
    ///
    /// # Errors
    /// Those of `eventfd(2)`, and of the registration of slots.
    pub fn new(mut kernel: Box<dyn Kernel>, config: ShardConfig) -> io::Result<Rc<Shard>> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = ShardId(NEXT.fetch_add(1, Ordering::Relaxed));
        let count = open_files_limit().map_or(config.slots, |limit| config.slots.min(limit.min(1 << 15) as u32));
        if count > 0 {
            kernel.register_slots(count).map_err(|error| {
                let text = format!("io_uring_register of {count} direct descriptor slots: {error}; lower `slots`");
                io::Error::new(error.kind(), text)
            })?;
        }
        let slots = Rc::new(SlotTable::new(id, count));
        let clapper = Arc::new(Clapper::new()?);
        let counters = Rc::new(Counters::default());
        counters.enters.add(kernel.setup_enters() as u64);
        let remote = Arc::new(Remote {
            id,
            inbox: Inbox::new(),
            messages: Mutex::default(),
            doorbell: Doorbell::new(),
            clapper: clapper.clone(),
        });
        SHARDS.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::downgrade(&remote));
        let features = kernel.features().clone();
        let driver = Driver::new(kernel, slots.clone(), counters.clone(), Bell::new(clapper));
        Ok(Rc::new(Shard {
            id,
            driver: RefCell::new(driver),
            slots,
            counters,
            lowering: config.lowering,
            builder: Cell::default(),
            run_queue: RefCell::default(),
            yielded: RefCell::default(),
            tasks: RefCell::default(),
            remote,
            shutdown_timeout: config.shutdown_timeout,
            features,
            closed: Cell::new(false),
        }))
    }

    /// Makes this the shard of its thread, in place of the one that may be.
    pub fn enter(self: &Rc<Shard>) -> Entered {
        CURRENT.with(|current| Entered { previous: current.replace(Some(self.clone())) })
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
            ..self.counters.snapshot()
        }
    }

    /// Notes a poll of the future that `block_on` runs.
    pub fn count_poll(&self) {
        self.counters.task_polls.add(1);
    }

    /// What wakes this shard's thread from any other.
    pub fn unparker(&self) -> Unparker {
        Unparker(self.remote.clone())
    }

    // ---------------------------------------------------------------- tasks

    /// Spawns a task on this shard.
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        self.counters.spawned.add(1);
        let (runnable, task, join) = task::spawn(future, self.remote.clone());
        if self.closed.get() {
            // The runtime is being dropped: nothing runs any more. Dropping the task completes it as cancelled.
            drop((task, runnable));
            return join;
        }
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.vacant_entry();
        task.set_index(entry.key());
        entry.insert(task);
        self.run_queue.borrow_mut().push_back(runnable);
        join
    }

    /// Runs up to `budget` of the tasks that are ready now: those that were woken, in that order, then those that have
    /// yielded. So what waits for I/O comes before what merely goes on, and in each round all have their turn. Gives how
    /// many ran, and whether some are left.
    ///
    /// `prompt`: what a task has queued is submitted before the next one runs, at the price of an enter each. For shards
    /// on which tasks compute for long: else I/O that the one asks for starts when all others have had their turn.
    ///
    /// # Errors
    /// As for [`Shard::turn`].
    pub fn run_tasks(&self, budget: usize, prompt: bool) -> io::Result<(usize, bool)> {
        self.run_queue.borrow_mut().append(&mut self.yielded.borrow_mut());
        let mut ran = 0;
        let ready = self.run_queue.borrow().len();
        for _ in 0..ready.min(budget) {
            if prompt && self.driver.borrow().kernel.queued() > 0 {
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

    /// One pass: submits, takes in what has completed or was sent from elsewhere, wakes. With `block`, sleeps until
    /// there is something to do.
    ///
    /// # Errors
    /// Only those after which the ring is unusable.
    pub fn turn(&self, block: bool) -> io::Result<()> {
        let news = self.take_in();
        let mut sleep = block && !news && self.driver.borrow_mut().arm_bell();
        if sleep {
            sleep = self.remote.doorbell.announce_sleep() == Sleep::Now;
        }
        let turned = self.driver.borrow_mut().turn(sleep, None);
        if sleep && self.remote.doorbell.awake() || block && !sleep {
            self.take_in();
        }
        self.settle();
        turned
    }

    /// Takes in what other threads have sent.
    fn take_in(&self) -> bool {
        let mut any = false;
        for task in self.remote.inbox.drain() {
            any = true;
            self.counters.wakes.add(1);
            self.run_queue.borrow_mut().push_back(task);
        }
        let messages = std::mem::take(&mut *self.remote.messages.lock().unwrap_or_else(PoisonError::into_inner));
        for message in messages {
            any = true;
            match message {
                Message::Abandon(key) => self.abandon(key),
                Message::Cancel(key) => self.driver.borrow_mut().cancel(key),
                Message::SlotDropped { index, open } => self.slots.give_back(index, open),
                Message::ClearTimer(id) => drop(self.clear_timer(id)),
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
            let mut wakes = std::mem::take(&mut driver.wakes);
            drop(driver);
            if wakes.is_empty() {
                return;
            }
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

    // ---------------------------------------------------------------- timers

    /// Wakes `waker` at `deadline`.
    pub(crate) fn set_timer(&self, deadline: Instant, waker: &Waker) -> TimerId {
        let waker = waker.clone();
        self.driver.borrow_mut().timers.set(deadline, Due::Wake(waker))
    }

    /// Replaces a timer's waker. False if the timer has fired.
    pub(crate) fn update_timer(&self, id: TimerId, waker: &Waker) -> bool {
        let same = match self.driver.borrow_mut().timers.waker(id) {
            None => return false,
            Some(old) => old.will_wake(waker),
        };
        if !same {
            let mut waker = waker.clone();
            if let Some(old) = self.driver.borrow_mut().timers.waker(id) {
                std::mem::swap(old, &mut waker);
            }
        }
        true
    }

    /// Forgets a timer; returns its waker, which must not be dropped under a borrow.
    pub(crate) fn clear_timer(&self, id: TimerId) -> Option<Due> {
        self.driver.borrow_mut().timers.clear(id)
    }

    // ---------------------------------------------------------------- shutdown

    /// Ends the shard: drops all tasks, cancels what is in flight and waits for its CQEs, for `shutdown_timeout` at most.
    /// Returns how many SQEs had to be left to the kernel; their memory is leaked, and stderr says so.
    ///
    /// The shard must be entered, so that what is dropped here finds it.
    pub fn shut_down(&self) -> u64 {
        self.closed.set(true);
        let tasks: Vec<TaskRef> = self.tasks.borrow_mut().drain().collect();
        drop(tasks);
        self.run_queue.borrow_mut().clear();
        self.yielded.borrow_mut().clear();
        let deadline = Instant::now() + self.shutdown_timeout;
        loop {
            self.take_in();
            self.run_queue.borrow_mut().clear();
            self.driver.borrow_mut().cancel_all();
            self.settle();
            if self.driver.borrow().is_idle() || Instant::now() >= deadline {
                break;
            }
            // A ring that cannot be entered any more will bring no CQE.
            if self.driver.borrow_mut().turn(true, Some(deadline)).is_err() {
                break;
            }
        }
        for task in self.remote.inbox.close() {
            drop(task);
        }
        SHARDS.write().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        let left = self.driver.borrow_mut().retire();
        self.counters.leaked.add(left);
        if left > 0 {
            eprintln!(
                "runtime: shutdown gave up on {left} ops that did not end within {:?} of their cancel; \
                 their buffers are leaked, since the kernel may still use them",
                self.shutdown_timeout
            );
        }
        left
    }
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("id", &self.id).field("driver", &self.driver).finish()
    }
}

/// Wakes a shard's thread.
#[derive(Clone, Debug)]
pub struct Unparker(Arc<Remote>);

impl Unparker {
    /// Ends the shard's sleep, or keeps it from the next one. From the shard's own thread this does nothing: it is awake.
    pub fn unpark(&self) {
        if with_current(|current| current.id == self.0.id) != Some(true) {
            self.0.ring();
        }
    }
}
