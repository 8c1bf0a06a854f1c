//! The seam: everything that the driver asks of a kernel.
//!
//! [`ring::Ring`](crate::ring) is the real one, [`Emulated`](crate::emulated) serves where io_uring is refused. Tests put a
//! simulated one in its place. The driver cannot tell.
//! SQEs are pushed into a queue of fixed capacity, [`Kernel::enter`] hands over what is queued and waits,
//! [`Kernel::reap`] takes what has completed.

use std::{io, os::fd::RawFd, time::Duration};

use crate::{
    choose::Interface,
    features::Features,
    sqe::{Sqe, WideSqe},
};

/// A completion queue entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cqe {
    /// The `user_data` of the SQE.
    pub user_data: u64,
    /// A count, a descriptor or a negated errno.
    pub res: i32,
    /// `IORING_CQE_F_*`.
    pub flags: u32,
}

/// A kernel that carries out SQEs.
pub trait Kernel {
    /// What this kernel can do.
    fn features(&self) -> &Features;

    /// What it is made of.
    fn interface(&self) -> Interface {
        Interface::IoUring
    }

    /// Capacity of the submission queue, in SQEs.
    fn sq_entries(&self) -> u32;

    /// Capacity of the completion queue, in CQEs; what does not fit is kept by the kernel until the next `enter`.
    fn cq_entries(&self) -> u32;

    /// Calls of `io_uring_enter` that setting it up took.
    fn setup_enters(&self) -> u32 {
        0
    }

    /// SQEs that are queued and not yet handed over.
    fn queued(&self) -> u32;

    /// Free places in the submission queue.
    fn room(&self) -> u32 {
        self.sq_entries() - self.queued()
    }

    /// Queues one SQE. Panics if there is no [`room`](Kernel::room).
    ///
    /// # Safety
    /// Every address in `sqe` must stay valid, and untouched where the op writes, until the terminal CQE of this
    /// SQE has been reaped. That an `enter` fails in between changes nothing: the SQE stays queued.
    unsafe fn push(&mut self, sqe: &Sqe);

    /// Whether SQEs of 128 bytes have a place in the submission queue.
    fn is_wide(&self) -> bool {
        false
    }

    /// Queues one SQE of 128 bytes. Panics if there is no [`room`](Kernel::room), or if it [`is_wide`](Kernel::is_wide)
    /// not.
    ///
    /// # Safety
    /// As for [`push`](Kernel::push).
    unsafe fn push_wide(&mut self, _: &WideSqe) {
        panic!("a wide SQE pushed into a queue of narrow ones");
    }

    /// Hands over all that is queued and, if `want` > 0, waits until `want` CQEs lie ready, the time is up, or a
    /// TIMEOUT fires. Returns how many SQEs were taken. A time-out is `Ok`.
    ///
    /// # Errors
    /// `Interrupted` by a signal; `EAGAIN` and `EBUSY` when the kernel is short of memory or its completion queue has
    /// overflowed: what was queued stays queued, reap and try again. Others mean that the ring is unusable.
    fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<u32>;

    /// True if only an `enter` can bring more CQEs: deferred task work is pending or the completion queue overflowed.
    fn needs_enter(&self) -> bool;

    /// True if CQEs lie ready, or only an `enter` can bring them.
    fn has_news(&self) -> bool;

    /// Where any thread can post a CQE to this ring (IORING_REGISTER_SEND_MSG_RING, Linux 6.13); `None` if that cannot be
    /// done.
    fn message_fd(&self) -> Option<RawFd> {
        None
    }

    /// Appends all CQEs that lie ready.
    fn reap(&mut self, into: &mut Vec<Cqe>);

    /// Makes a table of `count` empty direct descriptor slots.
    ///
    /// # Errors
    /// `EMFILE` above RLIMIT_NOFILE, `ENOMEM`, `EINVAL` where the kernel has no sparse tables.
    fn register_slots(&mut self, count: u32) -> io::Result<()>;

    /// Keeps the slots `offset..offset + count` for ops that leave the choice of a slot to the kernel.
    ///
    /// # Errors
    /// `EINVAL` before Linux 6.0.
    fn register_chosen_slots(&mut self, _offset: u32, _count: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Has ops that select from `group` take buffers from the ring at `address`. `incremental`: bit by bit.
    ///
    /// # Safety
    /// The ring lies there, page-aligned, with `entries` places, and it and all buffers that are put into it stay valid
    /// until the group is unregistered or the kernel is dropped, the buffers also until the last CQE of every op that
    /// selects from them.
    ///
    /// # Errors
    /// `EINVAL` where the kernel has no such rings or cannot fill buffers bit by bit; `ENOMEM`.
    unsafe fn register_buffers(
        &mut self,
        _address: u64,
        _entries: u16,
        _group: u16,
        _incremental: bool,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes the registration of a ring of buffers back.
    ///
    /// # Errors
    /// `ENOENT` if there is none.
    fn unregister_buffers(&mut self, _group: u16) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Pins `bytes` of memory as the buffer `index` of at most [`POOLS_MAX`](crate::fixed::POOLS_MAX).
    ///
    /// # Safety
    /// The memory stays valid until [`unregister_fixed`](Kernel::unregister_fixed), or until the kernel is dropped.
    ///
    /// # Errors
    /// `ENOMEM` above RLIMIT_MEMLOCK.
    unsafe fn register_fixed(&mut self, _index: u16, _address: u64, _bytes: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Lets the buffer `index` go, once the ops that use it have ended.
    ///
    /// # Errors
    /// `ENXIO` if there is no table.
    fn unregister_fixed(&mut self, _index: u16) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
