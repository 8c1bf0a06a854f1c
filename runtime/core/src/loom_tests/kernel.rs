//! A kernel that can do what a sleep takes: NOPs, a poll of the clapper, messages to the ring, and waiting for CQEs.
//!
//! CQEs are seen by the owner when it enters to wait, as with deferred task work.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    io,
    os::fd::RawFd,
    sync::Arc,
    time::Duration,
};

use io_uring::opcode;
use loom::sync::{Condvar, Mutex};

use crate::{
    clapper::Poll,
    features::Features,
    kernel::{Cqe, Kernel},
    key::Tag,
    sqe::{IO_LINK, Sqe},
};

std::thread_local! {
    /// What is open in this model; its threads are one of the system's.
    static OPEN: RefCell<Open> = const { RefCell::new(Open { last: 0, rings: BTreeMap::new(), polls: BTreeMap::new() }) };
}

struct Open {
    last: RawFd,
    rings: BTreeMap<RawFd, Arc<Ring>>,
    polls: BTreeMap<RawFd, Arc<Poll>>,
}

impl Open {
    fn next(&mut self) -> RawFd {
        self.last += 1;
        self.last
    }
}

pub(super) fn open_ring() -> (RawFd, Arc<Ring>) {
    let ring = Arc::<Ring>::default();
    let fd = OPEN.with_borrow_mut(|open| {
        let fd = open.next();
        open.rings.insert(fd, ring.clone());
        fd
    });
    (fd, ring)
}

/// As `close(2)`: from now on the number may be another file's.
pub(super) fn close_ring(fd: RawFd) {
    let ring = OPEN.with_borrow_mut(|open| open.rings.remove(&fd)).expect("a ring is closed once");
    ring.0.lock().unwrap().closed = true;
}

pub(crate) fn open_poll(poll: Arc<Poll>) -> RawFd {
    OPEN.with_borrow_mut(|open| {
        let fd = open.next();
        open.polls.insert(fd, poll);
        fd
    })
}

pub(crate) fn close_poll(fd: RawFd) {
    OPEN.with_borrow_mut(|open| open.polls.remove(&fd));
}

/// What ends a sleep besides other threads' rings, as the CQE of an op; nothing if the ring is closed.
pub(super) fn complete(ring: &Ring) {
    ring.post_if_open(vec![Tag::Knocked.user_data()]);
}

/// A message to a ring.
pub(crate) fn knock(fd: RawFd) -> bool {
    let ring = OPEN.with_borrow(|open| open.rings.get(&fd).cloned());
    ring.expect("a message to a ring that is closed").post(vec![Tag::Knocked.user_data()]);
    true
}

/// A completion queue.
#[derive(Debug, Default)]
pub(crate) struct Ring(Mutex<State>, Condvar);

#[derive(Debug, Default)]
struct State {
    cqes: VecDeque<Cqe>,
    closed: bool,
}

impl Ring {
    fn post(&self, user_data: Vec<u64>) {
        assert!(self.post_if_open(user_data), "a message to a ring that is closed");
    }

    /// As an op that a close would have cancelled.
    pub(crate) fn post_if_open(&self, user_data: Vec<u64>) -> bool {
        let mut state = self.0.lock().unwrap();
        let open = !state.closed;
        if open {
            state.cqes.extend(user_data.into_iter().map(|user_data| Cqe { user_data, res: 0, flags: 0 }));
            self.1.notify_all();
        }
        open
    }
}

pub(super) struct LoomKernel {
    fd: RawFd,
    pub(super) ring: Arc<Ring>,
    features: Features,
    takes_messages: bool,
    queued: Vec<Sqe>,
    /// Taken out of the ring by an enter.
    arrived: Vec<Cqe>,
}

impl LoomKernel {
    pub(super) fn new(takes_messages: bool) -> LoomKernel {
        let (fd, ring) = open_ring();
        let features = Features::default();
        LoomKernel { fd, ring, features, takes_messages, queued: Vec::new(), arrived: Vec::new() }
    }
}

impl Drop for LoomKernel {
    fn drop(&mut self) {
        close_ring(self.fd);
    }
}

impl Kernel for LoomKernel {
    fn features(&self) -> &Features {
        &self.features
    }

    fn sq_entries(&self) -> u32 {
        8
    }

    fn cq_entries(&self) -> u32 {
        16
    }

    fn queued(&self) -> u32 {
        self.queued.len() as u32
    }

    unsafe fn push(&mut self, sqe: &Sqe) {
        self.queued.push(*sqe);
    }

    fn enter(&mut self, want: u32, _timeout: Option<Duration>) -> io::Result<u32> {
        let queued = std::mem::take(&mut self.queued);
        for chain in queued.split_inclusive(|sqe| sqe.flags & IO_LINK == 0) {
            let user_data = chain.iter().map(|sqe| sqe.user_data).collect();
            match chain[0].opcode {
                opcode::PollAdd::CODE => {
                    let poll = OPEN.with_borrow(|open| open.polls[&chain[0].fd].clone());
                    poll.arm(&self.ring, user_data);
                }
                opcode::Nop::CODE => self.ring.post(user_data),
                other => panic!("opcode {other} is not of this model"),
            }
        }
        if want > 0 {
            let mut state = self.ring.0.lock().unwrap();
            while state.cqes.len() < want as usize {
                state = self.ring.1.wait(state).unwrap();
            }
            self.arrived.extend(state.cqes.drain(..));
        }
        Ok(queued.len() as u32)
    }

    fn needs_enter(&self) -> bool {
        false
    }

    fn has_news(&self) -> bool {
        false
    }

    fn message_fd(&self) -> Option<RawFd> {
        self.takes_messages.then_some(self.fd)
    }

    fn reap(&mut self, into: &mut Vec<Cqe>) {
        into.append(&mut self.arrived);
    }

    fn register_slots(&mut self, _count: u32) -> io::Result<()> {
        Ok(())
    }
}
