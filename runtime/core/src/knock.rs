//! A message into a shard's ring from any thread, with or without a ring of its own.
//!
//! IORING_REGISTER_SEND_MSG_RING (Linux 6.13) posts a CQE to a ring by one system call, at once. Against a message by SQE,
//! which waits for the sender's next enter, and against an eventfd that the ring polls, which has to be read and polled
//! anew, it makes a wake cheaper by half or more (figures in `ARCHITECTURE.md`).

use std::os::fd::RawFd;

#[cfg(all(test, loom))]
pub(crate) use crate::loom_tests::kernel::knock;
use crate::primitives::{
    atomic::{
        AtomicU32,
        Ordering::{AcqRel, Acquire, Release},
    },
    thread,
};

/// A sleep that needs more CQEs than this to end is ended by the bell, which brings them by itself.
pub(crate) const KNOCKS_MAX: u32 = 4;

/// Posts a CQE of [`Tag::Knocked`](crate::key::Tag::Knocked) to the ring. False if the kernel cannot do that.
#[cfg(not(all(test, loom)))]
pub(crate) fn knock(ring: RawFd) -> bool {
    use io_uring::{opcode, types};

    use crate::{key::Tag, sqe::Sqe};
    const REGISTER_SEND_MSG_RING: libc::c_uint = 31;
    let message = opcode::MsgRingData::new(types::Fd(ring), 0, Tag::Knocked.user_data(), None).build();
    let sqe: Sqe = message.into();
    // SAFETY: the SQE is a local that the kernel reads during the call, and points to no memory. Whether the descriptor is
    // a ring is checked by the kernel. Test: shards::a_million_round_trips_between_shards_lose_no_wake.
    0 == unsafe { libc::syscall(libc::SYS_io_uring_register, -1, REGISTER_SEND_MSG_RING, &raw const sqe, 1) }
}

/// The last bit of [`Door::visitors`]: the ring is about to be closed.
const SHUT: u32 = 1 << 31;

/// A ring that may be knocked at while it is open.
#[derive(Debug)]
pub(crate) struct Door {
    ring: RawFd,
    /// Threads inside [`knock`](Door::knock), and SHUT. A visitor counts itself in and then looks at SHUT; the owner sets
    /// SHUT and then waits for the visitors. Both in one word, so no visitor uses a descriptor that may be another file's.
    visitors: AtomicU32,
}

impl Door {
    pub(crate) fn new(ring: RawFd) -> Door {
        Door { ring, visitors: AtomicU32::new(0) }
    }

    /// Posts `count` CQEs; false if that is not the way, and something else must wake the owner.
    pub(crate) fn knock(&self, count: u32) -> bool {
        if count > KNOCKS_MAX {
            return false;
        }
        let open = self.visitors.fetch_add(1, Acquire) & SHUT == 0;
        let knocked = open && (0..count).all(|_| knock(self.ring));
        self.visitors.fetch_sub(1, Release);
        // Who knocks at a closed ring has nobody to wake.
        knocked || !open
    }

    /// Owner, before it closes the ring.
    pub(crate) fn shut(&self) {
        let mut visitors = self.visitors.fetch_or(SHUT, AcqRel) & !SHUT;
        while visitors > 0 {
            // One system call long, and once in the life of a shard.
            thread::yield_now();
            visitors = self.visitors.load(Acquire) & !SHUT;
        }
    }
}
