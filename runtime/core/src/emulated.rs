//! The emulated kernel: io_uring's rules carried out by plain system calls, for machines on which io_uring is refused.
//!
//! SQEs are taken in [`enter`](Kernel::enter), on the shard's own thread. Each op is tried at once (`sockets`, `rw`, `open`);
//! what would wait for a peer goes to an epoll (`poller`), what may block for long to threads (`pool`, `files`), and is taken
//! in by a later enter. Chains, hard links, time limits, cancels with their three answers, ops with many results, slots and
//! rings of buffers are as `io_uring` has them, so that nothing above the seam has to know.
//!
//! ```text
//! taken ──its turn──► tried ──done──────────────────────► CQE, and what is linked behind it is tried or severed
//!                      ▲ │ ├─would wait─► poller ─ready─┐
//!                      │ └─may block──► pool ──────────┼─► CQE
//!                      └────────────────────────────────┘
//! ```
//!
//! **Who owns the memory.** As for a ring: whoever pushes an SQE keeps what it points to until its CQE. The poller touches none
//! of it; a thread of the pool does until it hands its job back, and a cancel does not end such a job.
//!
//! What differs from the real kernel is told where a user chooses: [`Kernel`](crate::choose::Kernel).

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasherDefault, Hasher},
    io,
    time::{Duration, Instant},
};

use slab::Slab;

use crate::{
    choose::Interface,
    clapper::Clapper,
    features::{Features, SetupError, open_files_limit},
    kernel::{Cqe, Kernel},
    ring::RingConfig,
    sqe::Sqe,
};

mod buffers;
mod cancel;
mod files;
mod issue;
mod multishot;
mod open;
mod poller;
mod pool;
mod request;
mod rw;
mod slots;
mod sockets;
mod submit;
#[cfg(test)]
mod tests;
mod timeouts;

use buffers::Buffers;
use poller::{Fired, Limit, Poller};
use pool::Pool;
use request::{NONE, Request, State};
use slots::Slots;
use timeouts::Timeouts;

/// The most SQEs that a submission queue holds, as for a ring.
const SQ_ENTRIES_MAX: u32 = 32_768;

/// A kernel made of system calls. It belongs to one thread.
#[derive(Debug)]
pub struct Emulated {
    features: Features,
    sq_entries: u32,
    cq_entries: u32,
    queue: Vec<Sqe>,
    cqes: Vec<Cqe>,
    /// What has been taken and has not ended, but for ops that end as they are taken.
    requests: Slab<Request>,
    /// Those that a cancel finds, by their user_data.
    known: HashMap<u64, u32, BuildHasherDefault<Mix>>,
    /// Those whose turn it is.
    ready: VecDeque<u32>,
    poller: Poller,
    pool: Pool,
    timeouts: Timeouts,
    slots: Slots,
    buffers: Buffers,
    /// There has been a TIMEOUT, which ends waits if it fires in one.
    has_timeouts: bool,
    /// Kept for their memory.
    fired: Vec<Fired>,
    chain: Vec<Request>,
}

/// A user_data is a key already; its bits only have to be spread.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

impl Emulated {
    /// A kernel of these sizes; `task_run` means nothing here.
    ///
    /// # Errors
    /// For sizes that io_uring refuses; those of `epoll_create1(2)` and `eventfd(2)`.
    pub fn new(config: RingConfig) -> io::Result<Emulated> {
        let (sq, cq) = (config.sq_entries, config.cq_entries);
        if sq == 0 || sq > SQ_ENTRIES_MAX || cq < sq || cq > 2 * SQ_ENTRIES_MAX {
            return Err(SetupError::Entries { sq, cq }.into());
        }
        let slots = Slots::default();
        let pool = Pool::new(Clapper::new()?, slots.clone());
        Ok(Emulated {
            features: Features { fd_install: true, ftruncate: true, ..Features::default() },
            sq_entries: sq.next_power_of_two(),
            cq_entries: cq.next_power_of_two(),
            queue: Vec::new(),
            cqes: Vec::new(),
            requests: Slab::new(),
            known: HashMap::default(),
            ready: VecDeque::new(),
            poller: Poller::new(pool.clapper())?,
            pool,
            timeouts: Timeouts::default(),
            slots,
            buffers: Buffers::default(),
            has_timeouts: false,
            fired: Vec::new(),
            chain: Vec::new(),
        })
    }

    fn post(&mut self, user_data: u64, res: i32, flags: u32) {
        self.cqes.push(Cqe { user_data, res, flags });
    }

    /// Takes a request out that has ended.
    fn take(&mut self, index: u32) -> Request {
        let request = self.requests.remove(index as usize);
        self.known.remove(&request.sqe.user_data);
        request
    }

    /// Takes in what the pool's threads have done.
    fn take_done(&mut self) {
        for finished in self.pool.take_done() {
            let mut index = finished.first;
            for (res, severs) in finished.results {
                let request = self.take(index);
                index = self.end(request, res, severs);
            }
            if index != NONE {
                // Its turn has come, or it was nothing for a thread.
                self.requests[index as usize].state = State::Linked;
                self.ready.push_back(index);
            }
        }
    }

    /// Takes in what has become ready within `limit`.
    fn look(&mut self, limit: Limit) -> io::Result<()> {
        let mut fired = std::mem::take(&mut self.fired);
        let polled = self.poller.poll(limit, &mut fired);
        for news in fired.drain(..) {
            self.fired(news);
        }
        self.fired = fired;
        polled
    }

    /// Waits until there are `want` CQEs, a TIMEOUT fires, or the time is up.
    fn sleep(&mut self, want: usize, timeout: Option<Duration>) -> io::Result<()> {
        let deadline = timeout.and_then(|limit| Instant::now().checked_add(limit));
        if self.has_timeouts {
            // What is due by now fires before the wait, and does not end it.
            self.look(Limit::After(Duration::ZERO))?;
            self.pump();
            self.fire_timeouts();
            self.pump();
            if self.cqes.len() >= want {
                return Ok(());
            }
        }
        loop {
            let polled = if self.pool.out() > 0 && !self.pool.announce_sleep() {
                self.look(Limit::After(Duration::ZERO))
            } else {
                let until = deadline.into_iter().chain(self.timeouts.next()).min();
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                let polled = self.look(left.map_or(Limit::Never, Limit::After));
                if self.pool.out() > 0 {
                    self.pool.awake();
                }
                polled
            };
            self.take_done();
            let ends_wait = self.fire_timeouts();
            self.pump();
            polled?;
            let late = deadline.is_some_and(|deadline| deadline <= Instant::now());
            if self.cqes.len() >= want || ends_wait || late {
                return Ok(());
            }
        }
    }
}

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

impl Kernel for Emulated {
    fn features(&self) -> &Features {
        &self.features
    }

    fn interface(&self) -> Interface {
        Interface::Emulated
    }

    fn sq_entries(&self) -> u32 {
        self.sq_entries
    }

    fn cq_entries(&self) -> u32 {
        self.cq_entries
    }

    fn queued(&self) -> u32 {
        self.queue.len() as u32
    }

    unsafe fn push(&mut self, sqe: &Sqe) {
        assert!(self.queued() < self.sq_entries, "SQE pushed into a full submission queue of {}", self.sq_entries);
        self.queue.push(*sqe);
    }

    fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<u32> {
        let taken = self.submit();
        self.take_done();
        self.fire_timeouts();
        self.pump();
        let waits = self.cqes.len() < want as usize;
        let entered = if waits {
            self.sleep(want as usize, timeout)
        } else if self.poller.waiting() > 0 {
            // What ends at once must not keep the others from their turn.
            let looked = self.look(Limit::After(Duration::ZERO));
            self.pump();
            looked
        } else {
            Ok(())
        };
        // As for a ring: a signal is told of only if nothing was taken.
        entered.map(|()| taken).or_else(|error| if taken > 0 { Ok(taken) } else { Err(error) })
    }

    fn needs_enter(&self) -> bool {
        self.pool.has_news() || self.poller.waiting() > 0 || !self.timeouts.is_empty()
    }

    fn has_news(&self) -> bool {
        !self.cqes.is_empty() || self.pool.has_news()
    }

    fn reap(&mut self, into: &mut Vec<Cqe>) {
        into.append(&mut self.cqes);
    }

    fn register_slots(&mut self, count: u32) -> io::Result<()> {
        if open_files_limit().is_some_and(|limit| u64::from(count) > limit) {
            return Err(errno(libc::EMFILE));
        }
        if self.slots.register(count) { Ok(()) } else { Err(errno(libc::EBUSY)) }
    }

    fn register_chosen_slots(&mut self, offset: u32, count: u32) -> io::Result<()> {
        if self.slots.choose_from(offset, count) { Ok(()) } else { Err(errno(libc::EINVAL)) }
    }

    unsafe fn register_buffers(&mut self, address: u64, entries: u16, group: u16, incremental: bool) -> io::Result<()> {
        if incremental {
            return Err(errno(libc::EINVAL));
        }
        // SAFETY: as promised by the caller. Test: pool::tests.
        unsafe { self.buffers.register(address, entries, group) }.map_err(errno)
    }

    fn unregister_buffers(&mut self, group: u16) -> io::Result<()> {
        self.buffers.unregister(group).map_err(errno)
    }

    unsafe fn register_fixed(&mut self, index: u16, address: u64, bytes: usize) -> io::Result<()> {
        self.buffers.register_fixed(index, address, bytes);
        Ok(())
    }

    fn unregister_fixed(&mut self, index: u16) -> io::Result<()> {
        self.buffers.unregister_fixed(index).map_err(errno)
    }
}
