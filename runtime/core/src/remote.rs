//! The part of a shard that other threads may touch: its inbox, its mailbox, and the ways to wake it.
//!
//! | who wakes | how | cost |
//! |---|---|---|
//! | the shard itself | its run queue | no atomic step, no system call |
//! | anyone, while the shard is awake | inbox and doorbell | two atomic steps |
//! | anyone, while it sleeps | a message to its ring, from Linux 6.13 on | one `io_uring_register(2)` |
//! | anyone, while it sleeps, on older kernels | the bell's eventfd | one `write(2)`, and one `read(2)` of the shard |

use std::{
    collections::BTreeMap,
    future::Future,
    os::fd::RawFd,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use crate::{
    activity::Activity,
    clapper::Clapper,
    doorbell::{Doorbell, Order},
    edges::EdgeKey,
    inbox::Inbox,
    key::Key,
    knock::Door,
    primitives::{
        Mutex, MutexGuard,
        atomic::{
            AtomicBool, AtomicU32,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    shard::with_current,
    task::{JoinHandle, Parcel, Runnable, Schedule},
    timer::TimerId,
    trace::{self, Place},
};

mod lent;

pub(crate) use lent::Lender;

/// Identity of a shard; never reused in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub(crate) u32);

impl ShardId {
    pub(crate) fn next() -> ShardId {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        ShardId(NEXT.fetch_add(1, Relaxed))
    }
}

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
    /// A socket that reads here have waited for was dropped elsewhere.
    EdgeDropped(EdgeKey),
    /// A task to run here.
    Adopt(Parcel),
}

#[derive(Debug, Default)]
struct Mailbox {
    letters: Vec<Message>,
    closed: bool,
}

/// Wakers keep it alive after the shard is gone.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) id: ShardId,
    pub(crate) inbox: Inbox,
    /// Rare: spawns from elsewhere, and what crosses threads in an unusual way. Bounded by the objects that do.
    mailbox: Mutex<Mailbox>,
    /// Set, under the lock, by whoever puts a letter in; cleared by the owner before it locks. So an owner that finds it
    /// clear need not lock: the ring that follows the letter brings it back.
    has_mail: AtomicBool,
    pub(crate) doorbell: Doorbell,
    /// How many CQEs end the owner's sleep. Written by the owner before it announces the sleep, whose release publishes
    /// it; read by the one sender that has to end that sleep.
    pub(crate) sleeps_for: AtomicU32,
    pub(crate) activity: Activity,
    /// The references that the shard's tasks have.
    loans: lent::Loans,
    clapper: Arc<Clapper>,
    /// `None` where the kernel takes no messages.
    door: Option<Door>,
}

impl Remote {
    pub(crate) fn new(clapper: Arc<Clapper>, ring: Option<RawFd>) -> Arc<Remote> {
        let remote = Arc::new(Remote {
            id: ShardId::next(),
            inbox: Inbox::new(),
            mailbox: Mutex::default(),
            has_mail: AtomicBool::new(false),
            doorbell: Doorbell::new(),
            sleeps_for: AtomicU32::new(1),
            activity: Activity::default(),
            loans: lent::Loans::new(),
            clapper,
            door: ring.map(Door::new),
        });
        SHARDS.write().unwrap_or_else(PoisonError::into_inner).insert(remote.id, Arc::downgrade(&remote));
        remote
    }

    /// After something was put in: wakes the owner if it sleeps.
    pub(crate) fn ring(&self) {
        if self.doorbell.ring() == Order::Ring {
            let knocked = self.door.as_ref().is_some_and(|door| door.knock(self.sleeps_for.load(Relaxed)));
            if !knocked {
                self.clapper.strike();
            }
        }
    }

    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the message back if the shard takes no more.
    fn post(&self, message: Message) -> Result<(), Message> {
        let mut mailbox = self.mailbox();
        if mailbox.closed {
            return Err(message);
        }
        mailbox.letters.push(message);
        self.has_mail.store(true, Release);
        drop(mailbox);
        self.ring();
        Ok(())
    }

    /// What has arrived, for the owner.
    pub(crate) fn take_mail(&self) -> Vec<Message> {
        if !self.has_mail.load(Acquire) {
            return Vec::new();
        }
        self.has_mail.store(false, Relaxed);
        std::mem::take(&mut self.mailbox().letters)
    }

    /// Takes no more: what comes later goes back to its sender, what is still in is returned.
    pub(crate) fn close(&self) -> Vec<Message> {
        if let Some(door) = &self.door {
            door.shut();
        }
        for task in self.inbox.close() {
            drop(task);
        }
        SHARDS.write().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        let mut mailbox = self.mailbox();
        mailbox.closed = true;
        std::mem::take(&mut mailbox.letters)
    }
}

impl Schedule for Remote {
    #[inline]
    fn schedule(&self, task: Runnable) {
        let mut task = Some(task);
        if task.as_ref().is_some_and(Runnable::is_the_owners) {
            with_current(|current| {
                if current.id == self.id {
                    current.woken_here(task.take().expect("not taken yet"));
                }
            });
        }
        if let Some(task) = task {
            // A ring too many is cheap: the doorbell knows whether anyone sleeps.
            let _pushed = self.inbox.push(task);
            self.ring();
        }
    }
}

static SHARDS: RwLock<BTreeMap<ShardId, Weak<Remote>>> = RwLock::new(BTreeMap::new());

fn find(id: ShardId) -> Option<Arc<Remote>> {
    SHARDS.read().unwrap_or_else(PoisonError::into_inner).get(&id).and_then(Weak::upgrade)
}

/// Sends a message to a shard; it is lost if the shard is gone, and with it what the message is about.
pub(crate) fn send(id: ShardId, message: Message) {
    if let Some(remote) = find(id) {
        let _gone_with_its_shard = remote.post(message);
    }
}

/// True while a shard exists.
pub(crate) fn exists(id: ShardId) -> bool {
    SHARDS.read().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
}

/// The way to a shard from any thread. It stays usable, without effect, when the shard is gone.
#[derive(Clone, Debug)]
pub struct Peer(pub(crate) Arc<Remote>);

impl Peer {
    /// Which shard.
    pub fn id(&self) -> ShardId {
        self.0.id
    }

    /// How many tasks the shard has that have not ended: exact on its own thread, elsewhere as of its last pass.
    pub fn live_tasks(&self) -> usize {
        let own = with_current(|current| (current.id == self.0.id).then(|| current.live_tasks())).flatten();
        own.unwrap_or_else(|| self.0.activity.live_tasks.load(Relaxed))
    }

    /// How often the shard has gone to sleep.
    pub fn parks(&self) -> u64 {
        self.0.activity.parks()
    }

    /// How often it has gone to sleep or woken up: odd while it sleeps.
    pub fn parks_and_unparks(&self) -> u64 {
        self.0.activity.parks_and_unparks()
    }

    /// How long it has polled tasks.
    pub fn busy(&self) -> Duration {
        self.0.activity.busy()
    }

    /// Ends the shard's sleep, or keeps it from the next one. From the shard's own thread this does nothing: it is awake.
    pub fn unpark(&self) {
        if with_current(|current| current.id == self.0.id) != Some(true) {
            self.0.ring();
        }
    }

    /// Makes a task there, from what `start` returns there. One allocation for the task, and a lock of the shard's mailbox.
    ///
    /// If the shard is gone, or goes before it has taken the task in, `start` is dropped, here or there, and the handle
    /// says that the task was cancelled.
    #[track_caller]
    pub fn spawn<F, Fut>(&self, start: F) -> JoinHandle<Fut::Output>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future + 'static,
        Fut::Output: Send + 'static,
    {
        let (id, place) = (self.0.id.0, Place::of_caller());
        let (parcel, join) = Parcel::new(move || trace::task(start(), id, place), self.0.clone());
        if let Err(refused) = self.0.post(Message::Adopt(parcel)) {
            drop(refused);
        }
        join
    }
}
