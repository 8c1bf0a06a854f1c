//! Opens and closes.
//!
//! An open is tried on the shard first, of paths that the kernel has in its cache (RESOLVE_CACHED, Linux 5.12), with
//! O_NONBLOCK, so that a FIFO does not wait for its other end: both as io_uring does. What creates or truncates, and what is not
//! in the cache, goes to the pool.

use std::os::fd::{AsRawFd, RawFd};

use io_uring::opcode;

use super::{
    files::{new_file, result, result_of},
    request::Attempt,
    slots::Slots,
};
use crate::sqe::Sqe;

const RESOLVE_CACHED: u64 = 0x20;
/// Those that `fcntl(2)` can set.
const SETTABLE: i32 = libc::O_APPEND | libc::O_DIRECT | libc::O_NOATIME;

/// `struct open_how`.
#[repr(C)]
#[derive(Clone, Copy)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

fn how(sqe: &Sqe) -> How {
    if sqe.opcode == opcode::OpenAt2::CODE {
        // SAFETY: the op has the structure beside itself in the shard's slab until its CQE. Test: runtime/tests/fs_ops.rs.
        return unsafe { *(sqe.off as *const How) };
    }
    let flags = sqe.op_flags as i32;
    let creates = flags & (libc::O_CREAT | libc::O_TMPFILE & !libc::O_DIRECTORY) != 0;
    How { flags: flags as u32 as u64, mode: if creates { sqe.len.into() } else { 0 }, resolve: 0 }
}

fn open_how(sqe: &Sqe, how: &How) -> i32 {
    let (path, how) = (sqe.addr as *const libc::c_char, std::ptr::from_ref(how));
    // SAFETY: the path belongs to the op, which stays in the shard's slab until its CQE; `how` is a local that the call reads.
    // Test: drop_everywhere.
    result_of(unsafe { libc::syscall(libc::SYS_openat2, sqe.fd, path, how, size_of::<How>()) } as isize)
}

/// Tries an open that blocks neither for a disk nor for a peer.
pub(super) fn attempt(sqe: &Sqe, slots: &Slots) -> Attempt {
    let mut how = how(sqe);
    let flags = how.flags as i32;
    let cached_only = how.resolve & RESOLVE_CACHED != 0;
    let changes = libc::O_CREAT | libc::O_TRUNC | libc::O_TMPFILE & !libc::O_DIRECTORY;
    if flags & changes != 0 && !cached_only {
        return Attempt::Block;
    }
    how.resolve |= RESOLVE_CACHED;
    let waits = flags & (libc::O_NONBLOCK | libc::O_PATH) == 0;
    if waits {
        how.flags |= libc::O_NONBLOCK as u64;
    }
    if sqe.file_index != 0 {
        how.flags |= libc::O_CLOEXEC as u64;
    }
    let res = open_how(sqe, &how);
    match -res {
        // EINVAL, ENOSYS, EPERM: an older kernel, a sandbox, or flags that openat(2) takes and openat2(2) does not.
        libc::EAGAIN | libc::EINVAL | libc::ENOSYS | libc::EPERM if !cached_only => return Attempt::Block,
        _ => {}
    }
    if res >= 0 && waits {
        // SAFETY: no memory is passed. Test: emulated::tests.
        unsafe { libc::fcntl(res, libc::F_SETFL, flags & SETTABLE) };
    }
    Attempt::of(install(sqe, res, slots))
}

/// Opens, however long that takes.
pub(super) fn blocking(sqe: &Sqe, slots: &Slots) -> i32 {
    let extra = if sqe.file_index != 0 { libc::O_CLOEXEC } else { 0 };
    let res = if sqe.opcode == opcode::OpenAt2::CODE {
        let how = how(sqe);
        open_how(sqe, &How { flags: how.flags | extra as u64, ..how })
    } else {
        let (path, flags) = (sqe.addr as *const libc::c_char, sqe.op_flags as i32 | extra);
        // SAFETY: the path belongs to the op, which stays in the shard's slab until its CQE. Test: drop_everywhere.
        result(unsafe { libc::openat(sqe.fd, path, flags, sqe.len) })
    };
    install(sqe, res, slots)
}

/// Puts a new descriptor where the SQE wants it; the op's result.
pub(super) fn install(sqe: &Sqe, res: i32, slots: &Slots) -> i32 {
    match sqe.file_index {
        0 => res,
        _ if res < 0 => res,
        place => slots.put(place, new_file(res)),
    }
}

/// Closes a descriptor or a slot: the result, and the number that is free now.
pub(super) fn close(sqe: &Sqe, slots: &Slots) -> (i32, Option<RawFd>) {
    match sqe.file_index {
        0 => {
            // SAFETY: no memory is passed; the op owns the descriptor and gives it up with its CQE. Test: drop_everywhere.
            let res = result(unsafe { libc::close(sqe.fd) });
            (res, (res != -libc::EBADF).then_some(sqe.fd))
        }
        index => match slots.close(index - 1) {
            Ok(number) => (0, number),
            Err(errno) => (-errno, None),
        },
    }
}

/// Makes an ordinary descriptor of a slot's file.
pub(super) fn duplicate(sqe: &Sqe, slots: &Slots) -> i32 {
    let Some(file) = slots.get(sqe.fd) else { return -libc::EBADF };
    let command = if sqe.op_flags & 1 != 0 { libc::F_DUPFD } else { libc::F_DUPFD_CLOEXEC };
    // SAFETY: no memory is passed; the file is held. Test: runtime/tests/fs_ops.rs.
    result(unsafe { libc::fcntl(file.as_raw_fd(), command, 0) })
}
