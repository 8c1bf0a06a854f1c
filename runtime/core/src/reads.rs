//! Reads of cached pages on the spot.
//!
//! What is in the page cache is a copy away: by the ring that is an SQE, a CQE, a wake and another poll of the task around it, as
//! a system call it is the copy. So a short read that is awaited on its own is tried at once (RWF_NOWAIT), and counts if it
//! brings all that was asked for; anything else, a page that is not there, the end of the file, is the ring's. Tries in
//! vain cost a system call each, so that after some of them fewer are made.
//!
//! Only of regular files that have been read before: what is opened, read once and closed is not worth finding out what it is.
//! Not of O_DIRECT, which would wait for the device, and not of FUSE, which does not keep the promise.

use std::{cell::Cell, io, sync::atomic::Ordering::Relaxed};

use io_uring::opcode;

use crate::{
    coop,
    fd::SharedFd,
    sqe::Sqe,
    writes::{OTHER, READ_ONCE, UNKNOWN, kind},
};

/// How reads of cached pages of regular files are done: those of ops that are awaited on their own. Reads inside plans always
/// go to the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachedReads {
    /// What measures best: on the spot up to [`LEN_MAX`] bytes.
    #[default]
    Auto,
    /// On the spot up to this many bytes, unless such reads have been tried in vain just now; else as `Ring`.
    Inline {
        /// The longest read that is tried on the spot.
        max_len: usize,
    },
    /// By the ring.
    Ring,
}

/// The longest read that [`CachedReads::Auto`] tries on the spot: copying it takes some 10 µs.
pub const LEN_MAX: usize = 64 << 10;

/// At most so many reads are left to the ring after one that was tried in vain.
const SKIPPED_MAX: u32 = 64;

/// A shard's memory of how reads on the spot went.
#[derive(Debug)]
pub(crate) struct Reads {
    len_max: Cell<usize>,
    /// How many reads are left to the ring before the next is tried.
    skip: Cell<u32>,
    /// How many will be after the next one in vain. Doubles each time.
    next_skip: Cell<u32>,
}

impl Default for Reads {
    fn default() -> Reads {
        Reads { len_max: Cell::new(LEN_MAX), skip: Cell::default(), next_skip: Cell::default() }
    }
}

impl Reads {
    pub(crate) fn set(&self, how: CachedReads) {
        self.len_max.set(match how {
            CachedReads::Auto => LEN_MAX,
            CachedReads::Inline { max_len } => max_len,
            CachedReads::Ring => 0,
        });
    }

    /// Does the read of this SQE at once, if all of it is there; gives the result as a CQE would.
    pub(crate) fn try_now(&self, fd: &SharedFd, sqe: &Sqe) -> Option<i32> {
        if sqe.opcode != opcode::Read::CODE || sqe.len as usize > self.len_max.get() || sqe.len == 0 || !is_known(fd) {
            return None;
        }
        let skip = self.skip.get();
        if skip > 0 {
            self.skip.set(skip - 1);
            return None;
        }
        if kind(fd) == OTHER || !coop::try_spend() {
            return None;
        }
        let res = read(fd, sqe);
        if res == sqe.len as i32 {
            self.next_skip.set(1);
            return Some(res);
        }
        let next = self.next_skip.get();
        self.skip.set(next);
        self.next_skip.set((next * 2).clamp(1, SKIPPED_MAX));
        None
    }
}

/// If it has been asked about, or read, before.
fn is_known(fd: &SharedFd) -> bool {
    if fd.write_kind().load(Relaxed) != UNKNOWN {
        return true;
    }
    fd.write_kind().store(READ_ONCE, Relaxed);
    false
}

fn read(fd: &SharedFd, sqe: &Sqe) -> i32 {
    let piece = libc::iovec { iov_base: sqe.addr as *mut libc::c_void, iov_len: sqe.len as usize };
    // SAFETY: the op that the caller lowers owns the bytes, which live through the call; the kernel does not keep them.
    // Test: runtime/tests/fs_reads.rs under AddressSanitizer.
    let res = unsafe { libc::preadv2(fd.number(), &raw const piece, 1, sqe.off as i64, libc::RWF_NOWAIT) };
    // No more than `i32::MAX` bytes are read at a time (read(2)), and an errno is small.
    if res < 0 { -io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO) } else { res as i32 }
}
