//! A simulated kernel for tests: io_uring's rules, deterministic from a seed.
//!
//! [`Sim::new`] gives the kernel, which goes to a driver as `Box<dyn Kernel>`, and a [`SimHandle`], which stays with the
//! test. Reads and writes go **through the SQEs' pointers**, at the last moment that the kernel may use them, so that a
//! buffer freed early is an AddressSanitizer report. Time is virtual. A wait that nothing can end panics with a dump of
//! everything instead of hanging.
//!
//! # Supported
//!
//! | opcode | on |
//! |---|---|
//! | NOP | with IORING_NOP_INJECT_RESULT |
//! | READ, READV, WRITE, WRITEV | devices, files, pipes, streams; at an offset or the file's own position |
//! | RECV, SEND | streams; MSG_WAITALL is retried until all, EOF or cancel, as `net.c` does |
//! | FSYNC, FTRUNCATE | files and devices (EINVAL elsewhere) |
//! | OPENAT, CLOSE | files of the simulation; ordinary descriptor or slot |
//! | FIXED_FD_INSTALL | a slot |
//! | ASYNC_CANCEL | one match by user_data; executes when it is issued |
//! | TIMEOUT, LINK_TIMEOUT | relative; no count |
//! | POLL_ADD | single shot; the simulation's objects, and real descriptors (the doorbell's eventfd) |
//!
//! Real pipes (a gate's) are read and written as they are, without waiting; any other real descriptor is refused.
//!
//! Flags: IO_LINK, IO_HARDLINK, FIXED_FILE, ASYNC (ignored), and bit 7 as [`Features::groups`] says: `-EINVAL` on a
//! kernel without; members that start with the leader, whose LINK is ignored and which run though the leader fails (V3);
//! or members that start when the leader has succeeded and are cancelled when not, whose LINK refuses the leader (V8).
//!
//! # Rejected
//!
//! | what | how |
//! |---|---|
//! | unknown opcodes, and those that [`SimConfig::features`] lacks | `-EINVAL`, as a kernel that does not know them |
//! | fields that `io_*_prep` refuses | its errno, and the rest of the chain `-ECANCELED` |
//! | fields that the kernel ignores but we never set (`personality`, `addr3`, `pad`, ..) | panic |
//! | DRAIN, BUFFER_SELECT, CQE_SKIP_SUCCESS, multishot, counts of TIMEOUT, cancel flags | panic: not simulated |
//! | a user_data that is in flight; an SQE without room; running ops whose memory overlaps and one writes | panic |
//! | a number that was closed and given to something else under an op; a slot opened twice | panic |
//!
//! # Differences from the real kernel
//!
//! | | here | there |
//! |---|---|---|
//! | descriptors | each number is a real one (an empty memfd holds it), so that `OwnedFd` can close it; a close by drop is noticed at the next enter | |
//! | progress | inside `enter` and by [`SimHandle::step`] only: ready ops complete in the order of [`Order`], links start at once | any time |
//! | inline | [`SimConfig::inline_percent`] decides whether a ready op completes at its issue | cached reads, NOPs, ready sockets do |
//! | ASYNC_CANCEL of what runs | 0, EALREADY or ENOENT by [`OnCancel`]; with EALREADY the op ends by itself | depends on where the op is: poll, io-wq, block layer |
//! | order of CQEs of a severed chain | the failed one, then the rest in order; a LINK_TIMEOUT just behind its op | the same, with others in between |
//! | pipe | 64 KiB of bytes; a write up to PIPE_BUF is whole, a longer one is short if it does not fit | 16 pages, merged; before 6.4 a worker waits until a long write is whole |
//! | short reads of files | only at the end, or by script; `Outcome::Severing` is the read that the kernel took two steps for | |
//! | EINTR | [`Fault::Interrupted`]; like there only if nothing was submitted, else the number submitted | |
//! | EBUSY, EAGAIN, ENOMEM | [`Fault::Refused`]: nothing taken | EAGAIN if no request can be allocated; EBUSY on old kernels while the CQ overflows; ENOMEM from the wait's arguments |
//! | part of the queue taken | [`Fault::Partial`]: a chain cut by it ends there and what was taken runs; the rest is a submission of its own; there is no wait | the same (`io_submit_state_end`) |
//! | overflowed CQEs | flushed by any enter | by one with GETEVENTS, which our `Ring` sets when needed |
//! | a TIMEOUT that fires ends the wait of an enter | if it fires after the wait began: polls that are ready and timers that are due when `enter` is called fire before | the same: `cq_timeouts` is sampled after the task work has run |

use std::{cell::RefCell, io, rc::Rc, time::Duration};

use crate::{
    features::Features,
    kernel::{Cqe, Kernel},
    sqe::Sqe,
};

mod cancel;
mod descriptors;
mod handle;
mod issue;
mod log;
mod memory;
mod object;
mod perform;
mod prepare;
mod script;
mod submit;
mod world;

#[cfg(test)]
mod parity_tests;
#[cfg(test)]
pub(crate) mod shard_tests;
#[cfg(test)]
mod tests;

pub use handle::{InKernel, SimHandle};
pub use log::{Event, SimCounters};
pub use script::{Fault, OnCancel, Outcome, Script};
use world::World;

/// Which of the ops that can complete does so next, after those that [`SimHandle::schedule`] names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// One chosen by the seed, or by [`SimHandle::choose_with`].
    #[default]
    Random,
    /// The one submitted first.
    Fifo,
    /// None but those scheduled, completed by hand, or cancelled; polls and timers that are due fire by themselves.
    Manual,
}

/// How a simulated kernel is set up.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// All chance comes from here.
    pub seed: u64,
    /// Submission queue entries.
    pub sq_entries: u32,
    /// Completion queue entries; more CQEs wait in an overflow list.
    pub cq_entries: u32,
    /// Order of completion.
    pub order: Order,
    /// How many in a hundred ops that are ready when they are issued complete right then.
    pub inline_percent: u32,
    /// Most ops that complete between the start of an enter and its wait, by chance.
    pub steps_before_wait: u32,
    /// Timers may fire while other ops could complete, the clock then jumps; else only when nothing else can.
    pub timers_race: bool,
    /// How many in a hundred cancels of ops that could complete are answered EALREADY.
    pub late_cancel_percent: u32,
    /// How many in a hundred cancels of ops that could complete are answered ENOENT, as for reads in the block layer.
    pub unfound_cancel_percent: u32,
    /// What the kernel offers beyond the floor; no groups by default.
    pub features: Features,
    /// A wait that times out takes that long in real time too, for drivers whose timers read the real clock.
    pub sleeps: bool,
}

impl Default for SimConfig {
    #[allow(clippy::needless_update, reason = "there may come features that the simulation knows nothing of")]
    fn default() -> SimConfig {
        SimConfig {
            seed: 0,
            sq_entries: 64,
            cq_entries: 128,
            order: Order::Random,
            inline_percent: 0,
            steps_before_wait: 0,
            timers_race: false,
            late_cancel_percent: 0,
            unfound_cancel_percent: 0,
            features: Features { fd_install: true, ftruncate: true, ..Features::default() },
            sleeps: false,
        }
    }
}

/// The simulated kernel. Dropping it is the close of the ring: what runs goes on running, see [`SimHandle::step`].
#[derive(Debug)]
pub struct Sim {
    world: Rc<RefCell<World>>,
    features: Features,
}

impl Sim {
    /// A kernel, and the test's hand on it.
    pub fn new(config: SimConfig) -> (Sim, SimHandle) {
        let features = config.features.clone();
        let world = Rc::new(RefCell::new(World::new(config)));
        (Sim { world: world.clone(), features }, SimHandle::new(world))
    }
}

impl Kernel for Sim {
    fn features(&self) -> &Features {
        &self.features
    }

    fn sq_entries(&self) -> u32 {
        self.world.borrow().config.sq_entries
    }

    fn cq_entries(&self) -> u32 {
        self.world.borrow().config.cq_entries
    }

    fn queued(&self) -> u32 {
        self.world.borrow().queue.len() as u32
    }

    unsafe fn push(&mut self, sqe: &Sqe) {
        self.world.borrow_mut().push(sqe);
    }

    fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<u32> {
        self.world.borrow_mut().enter(want, timeout)
    }

    fn needs_enter(&self) -> bool {
        !self.world.borrow().overflow.is_empty()
    }

    fn has_news(&self) -> bool {
        !self.world.borrow().cqes.is_empty() || self.needs_enter()
    }

    fn reap(&mut self, into: &mut Vec<Cqe>) {
        self.world.borrow_mut().reap(into);
    }

    fn register_slots(&mut self, count: u32) -> io::Result<()> {
        self.world.borrow_mut().descriptors.register_slots(count)
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // A driver that is gone must have left the memory of what still runs to the kernel.
        if !std::thread::panicking() {
            self.world.borrow().touch_all();
        }
    }
}
