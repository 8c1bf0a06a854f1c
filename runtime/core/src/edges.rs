//! Which sockets have become readable: one epoll per shard, edge-triggered, for reads into borrowed buffers.
//!
//! A poll op per wait costs an SQE, a CQE and its task work, and a read that finds nothing before it: a third of a small
//! echo. Here a socket is registered at the first read that finds nothing, once per shard that reads it, and from then on
//! what arrives is one entry in a list of the kernel's, taken by one system call for all sockets.
//!
//! ```text
//! may be readable ──a read finds nothing, or less than it has room for──► waits ──the kernel has news──► may be readable
//! ```
//!
//! An entry that says "may be readable" costs a read that finds nothing, no more. One that says "waits" must be true, or the
//! reader sleeps for ever. It is, because news are taken in by [`Shard::turn`] only, on the thread that reads: what arrives
//! after the read that found nothing is news still to be taken. A read that got less than it asked for tells the same of
//! a TCP socket, unless the peer has ended, an error is pending, or there is urgent data, at which reads stop: those are kept
//! in `abnormal`.
//!
//! While the shard sleeps, a poll op on the epoll wakes it.

use std::{
    cell::{Cell, RefCell},
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
    sync::Arc,
    task::Waker,
};

use io_uring::{opcode, types};

use crate::{
    driver::Driver,
    key::Tag,
    shard::{self, Message, Shard, ShardId},
    sqe::Sqe,
};

/// News taken in at once.
const NEWS_MAX: usize = 256;
const EVENTS: i32 = libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLET;
const ABNORMAL: i32 = libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLHUP | libc::EPOLLERR;

/// One shard's.
#[derive(Debug)]
pub(crate) struct Edges {
    /// `None` if there was no descriptor for it: waits are poll ops then.
    epoll: Option<Arc<OwnedFd>>,
    entries: RefCell<slab::Slab<Entry>>,
    /// Of the next entry.
    generation: Cell<u32>,
    /// Entries that somebody waits for.
    waiting: Cell<usize>,
    /// Kept between passes for its memory.
    woken: RefCell<Vec<Waker>>,
}

#[derive(Debug)]
struct Entry {
    generation: u32,
    readable: bool,
    abnormal: bool,
    waker: Option<Waker>,
}

/// Names an entry in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EdgeKey {
    index: u32,
    generation: u32,
}

impl EdgeKey {
    fn of(data: u64) -> EdgeKey {
        EdgeKey { index: data as u32, generation: (data >> 32) as u32 }
    }

    fn data(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }
}

/// A socket's registration with a shard, to be dropped before the socket is closed.
#[derive(Debug)]
pub(crate) struct Edge {
    epoll: Arc<OwnedFd>,
    shard: ShardId,
    fd: RawFd,
    key: EdgeKey,
}

impl Edge {
    /// Its key, on the shard that it belongs to.
    pub(crate) fn on(&self, shard: &Shard) -> Option<EdgeKey> {
        (self.shard == shard.id).then_some(self.key)
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // The descriptor may have duplicates, by which the registration would outlive it.
        let _ = control(&self.epoll, libc::EPOLL_CTL_DEL, self.fd, 0);
        let here = shard::with_current(|shard| {
            shard.id == self.shard && {
                drop(shard.edges.remove(self.key));
                true
            }
        });
        if here != Some(true) {
            shard::send(self.shard, Message::EdgeDropped(self.key));
        }
    }
}

impl Edges {
    pub(crate) fn new() -> Edges {
        // SAFETY: no memory is passed. Test: any read of a socket that waits.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        // SAFETY: a new descriptor without another owner. Test: as above.
        let epoll = (epoll >= 0).then(|| Arc::new(unsafe { OwnedFd::from_raw_fd(epoll) }));
        let (entries, woken) = (RefCell::default(), RefCell::default());
        Edges { epoll, entries, generation: Cell::new(0), waiting: Cell::new(0), woken }
    }

    /// Registers a socket at which a read has found nothing: it waits, unless there is news by now.
    pub(crate) fn add(&self, shard: &Shard, fd: RawFd) -> io::Result<Edge> {
        let epoll = self.epoll.clone().ok_or(io::ErrorKind::Unsupported)?;
        let generation = self.generation.replace(self.generation.get().wrapping_add(1));
        let entry = Entry { generation, readable: false, abnormal: false, waker: None };
        let index = self.entries.borrow_mut().insert(entry) as u32;
        let key = EdgeKey { index, generation };
        if let Err(error) = control(&epoll, libc::EPOLL_CTL_ADD, fd, key.data()) {
            drop(self.remove(key));
            return Err(error);
        }
        Ok(Edge { epoll, shard: shard.id, fd, key })
    }

    /// Takes an entry out; gives its waker, to be dropped where user code may run.
    pub(crate) fn remove(&self, key: EdgeKey) -> Option<Waker> {
        let mut entries = self.entries.borrow_mut();
        entries.get(key.index as usize).filter(|entry| entry.generation == key.generation)?;
        let waker = entries.remove(key.index as usize).waker;
        self.waiting.set(self.waiting.get() - usize::from(waker.is_some()));
        waker
    }

    /// False: a read would find nothing.
    pub(crate) fn may_be_readable(&self, key: EdgeKey) -> bool {
        self.with(key, |entry| entry.readable)
    }

    /// A read has found nothing.
    pub(crate) fn found_nothing(&self, key: EdgeKey) {
        self.with(key, |entry| entry.readable = false);
    }

    /// A read has taken less than it had room for, of a socket of which this tells that nothing is left.
    pub(crate) fn found_less(&self, key: EdgeKey) {
        self.with(key, |entry| entry.readable = entry.abnormal);
    }

    /// Has `waker` woken by news. Called without a borrow, as it clones.
    pub(crate) fn wait(&self, key: EdgeKey, waker: &Waker) {
        if self.with(key, |entry| entry.waker.as_ref().is_some_and(|old| old.will_wake(waker))) {
            return;
        }
        let waker = waker.clone();
        let old = self.with(key, |entry| entry.waker.replace(waker));
        self.waiting.set(self.waiting.get() + usize::from(old.is_none()));
        drop(old);
    }

    fn with<R>(&self, key: EdgeKey, f: impl FnOnce(&mut Entry) -> R) -> R {
        let mut entries = self.entries.borrow_mut();
        let entry = &mut entries[key.index as usize];
        assert_eq!(entry.generation, key.generation, "an entry that is in use was taken out");
        f(entry)
    }

    /// Takes in news; wakes.
    fn take_in(&self) {
        let Some(epoll) = &self.epoll else { return };
        let mut news = [libc::epoll_event { events: 0, u64: 0 }; NEWS_MAX];
        // SAFETY: the kernel writes at most as many events as the local array holds, during the call. Test: net_tcp.
        let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), news.as_mut_ptr(), NEWS_MAX as i32, 0) };
        // Interrupted by a signal, it is called again in the next pass.
        let news = &news[..usize::try_from(count).unwrap_or(0)];
        let mut woken = self.woken.take();
        let mut entries = self.entries.borrow_mut();
        for event in news {
            let (key, events) = (EdgeKey::of(event.u64), event.events as i32);
            let entry = entries.get_mut(key.index as usize).filter(|entry| entry.generation == key.generation);
            let Some(entry) = entry else { continue };
            entry.readable = true;
            entry.abnormal |= events & ABNORMAL != 0;
            woken.extend(entry.waker.take());
        }
        drop(entries);
        self.waiting.set(self.waiting.get() - woken.len());
        woken.drain(..).for_each(Waker::wake);
        self.woken.replace(woken);
    }
}

impl Shard {
    /// Takes in what has become readable. While a poll op watches the epoll, there is no news before its CQE.
    pub(crate) fn take_in_edges(&self) {
        if self.edges.waiting.get() > 0 && !self.driver.borrow().edges_armed {
            self.edges.take_in();
        }
    }

    /// Makes sure that news end the sleep to come. False if there is no room for that now.
    pub(crate) fn arm_edges(&self) -> bool {
        match &self.edges.epoll {
            Some(epoll) if self.edges.waiting.get() > 0 => self.driver.borrow_mut().arm_edges(epoll.as_raw_fd()),
            _ => true,
        }
    }
}

impl Driver {
    fn arm_edges(&mut self, epoll: RawFd) -> bool {
        if !self.edges_armed && self.room_now(1) {
            let poll = opcode::PollAdd::new(types::Fd(epoll), libc::POLLIN as u32).build();
            self.push_own(Sqe { user_data: Tag::Edges.user_data(), ..poll.into() });
            self.edges_armed = true;
        }
        self.edges_armed
    }
}

fn control(epoll: &OwnedFd, operation: i32, fd: RawFd, data: u64) -> io::Result<()> {
    let mut event = libc::epoll_event { events: EVENTS as u32, u64: data };
    // SAFETY: the event is a local, read during the call. Test: net_tcp.
    let done = unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &raw mut event) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
