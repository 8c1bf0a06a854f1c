//! READ and WRITE in all their forms, and SPLICE.

use std::os::fd::RawFd;

use io_uring::opcode;

use super::{
    files::{Kind, kind, look, result_of, status_flags},
    request::{Attempt, Request},
};
use crate::{sqe::Sqe, writes::is_of_others};

const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
/// Writes that wait for the disk, whatever the flags of the call say.
const UNBUFFERED: i32 = libc::O_DIRECT | libc::O_DSYNC | libc::O_SYNC;
const SYNCED: i32 = libc::RWF_DSYNC | libc::RWF_SYNC;

pub(super) fn is_transfer(code: u8) -> bool {
    is_read(code) || matches!(code, opcode::Write::CODE | opcode::Writev::CODE | opcode::WriteFixed::CODE)
}

fn is_read(code: u8) -> bool {
    matches!(code, opcode::Read::CODE | opcode::Readv::CODE | opcode::ReadFixed::CODE)
}

/// The memory of a transfer, without what has been moved.
enum Pieces {
    One([libc::iovec; 1]),
    Many(Vec<libc::iovec>),
}

impl Pieces {
    fn of(sqe: &Sqe, moved: u32) -> Pieces {
        if !matches!(sqe.opcode, opcode::Readv::CODE | opcode::Writev::CODE) {
            let base = (sqe.addr + u64::from(moved)) as *mut libc::c_void;
            return Pieces::One([libc::iovec { iov_base: base, iov_len: (sqe.len - moved) as usize }]);
        }
        // SAFETY: as told by `left`.
        Pieces::Many(unsafe { left(sqe.addr as *const libc::iovec, sqe.len as usize, moved) })
    }

    fn list(&self) -> &[libc::iovec] {
        match self {
            Pieces::One(one) => one,
            Pieces::Many(many) => many,
        }
    }

    fn total(&self) -> usize {
        self.list().iter().fold(0, |sum: usize, piece| sum.saturating_add(piece.iov_len))
    }
}

/// A list of pieces without the first `moved` bytes.
///
/// # Safety
/// The list has `count` entries, which stay in place through the call. Ops keep theirs in the shard's slab until their CQE;
/// tests: fs_ops, net_tcp.
pub(super) unsafe fn left(list: *const libc::iovec, count: usize, moved: u32) -> Vec<libc::iovec> {
    if count == 0 {
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    let mut pieces = unsafe { std::slice::from_raw_parts(list, count) }.to_vec();
    let mut skip = moved as usize;
    for piece in &mut pieces {
        let here = skip.min(piece.iov_len);
        piece.iov_base = piece.iov_base.wrapping_byte_add(here);
        piece.iov_len -= here;
        skip -= here;
    }
    pieces
}

/// One system call.
fn transfer(sqe: &Sqe, fd: RawFd, pieces: &[libc::iovec], offset: i64, flags: i32) -> i32 {
    let (list, count) = (pieces.as_ptr(), pieces.len() as i32);
    // SAFETY: the bytes belong to the op, which stays in the shard's slab until its CQE; the list is the caller's. Test:
    // drop_everywhere under AddressSanitizer.
    result_of(unsafe {
        if is_read(sqe.opcode) {
            libc::preadv2(fd, list, count, offset, flags)
        } else {
            libc::pwritev2(fd, list, count, offset, flags)
        }
    })
}

/// Where the next byte is read or written; −1: at the file's own position.
fn offset(sqe: &Sqe, moved: u32) -> i64 {
    if sqe.off == u64::MAX { -1 } else { (sqe.off as i64).saturating_add(moved.into()) }
}

/// Transfers what can be without a wait.
pub(super) fn attempt(request: &mut Request) -> Attempt {
    let (sqe, fd) = (request.sqe, request.fd);
    let reads = is_read(sqe.opcode);
    let own_flags = sqe.op_flags as i32;
    let file_flags = status_flags(fd);
    let slow = if reads { libc::O_DIRECT } else { UNBUFFERED };
    if (file_flags & slow != 0 || !reads && own_flags & SYNCED != 0) && kind(fd) == Kind::File {
        return Attempt::Block;
    }
    // RWF_NOWAIT is a promise that FUSE does not keep.
    if is_of_others(fd) == Some(true) {
        return Attempt::Block;
    }
    let mut streams = false;
    loop {
        let pieces = Pieces::of(&sqe, request.moved);
        let left = pieces.total();
        let at = if streams { -1 } else { offset(&sqe, request.moved) };
        let res = transfer(&sqe, fd, pieces.list(), at, own_flags | libc::RWF_NOWAIT);
        let wait = Attempt::Wait { fd, events: if reads { IN } else { OUT } };
        match -res {
            libc::EINTR => {}
            libc::ESPIPE if !streams && at != -1 => streams = true,
            libc::EAGAIN if own_flags & libc::RWF_NOWAIT == 0 => {
                return match kind(fd) {
                    Kind::File => Attempt::Block,
                    _ if request.moved > 0 => ended(&sqe, request.moved, res),
                    _ => wait,
                };
            }
            libc::EOPNOTSUPP if own_flags & libc::RWF_NOWAIT == 0 => {
                return match kind(fd) {
                    Kind::File => Attempt::Block,
                    Kind::Socket if pieces.list().len() == 1 => on_socket(request, reads, pieces.list()[0]),
                    _ if request.waited => Attempt::Block,
                    _ => wait,
                };
            }
            _ if res < 0 => return ended(&sqe, request.moved, res),
            _ => {
                request.moved += res as u32;
                // A file gives less at its end, and where the rest is not in the cache; a stream when there is no more.
                if res as usize == left || res == 0 || streams || kind(fd) != Kind::File {
                    return ended(&sqe, request.moved, 0);
                }
            }
        }
    }
}

/// A socket of a kernel that does not know RWF_NOWAIT for it (before Linux 6.4).
fn on_socket(request: &mut Request, reads: bool, piece: libc::iovec) -> Attempt {
    let (fd, base, len) = (request.fd, piece.iov_base, piece.iov_len);
    // SAFETY: as in `transfer`.
    let res = result_of(unsafe {
        if reads {
            libc::recv(fd, base, len, libc::MSG_DONTWAIT)
        } else {
            libc::send(fd, base, len, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        }
    });
    match -res {
        libc::EAGAIN => Attempt::Wait { fd, events: if reads { IN } else { OUT } },
        _ => ended(&request.sqe, res.max(0) as u32, res.min(0)),
    }
}

/// Any result but all bytes severs.
fn ended(sqe: &Sqe, moved: u32, error: i32) -> Attempt {
    let (res, severs) = outcome(sqe, moved, error);
    Attempt::Done { res, severs }
}

fn outcome(sqe: &Sqe, moved: u32, error: i32) -> (i32, bool) {
    if moved == 0 && error < 0 {
        return (error, true);
    }
    let all = Pieces::of(sqe, 0).total();
    (moved as i32, moved as usize != all)
}

/// Transfers all there is, on a thread that may wait for the disk. `None` for what waits for a peer, unless it is ready and
/// `streams` says to do it all the same.
pub(super) fn blocking(sqe: &Sqe, fd: RawFd, moved: u32, streams: bool) -> Option<(i32, bool)> {
    let is_file = kind(fd) == Kind::File;
    if !is_file && !streams {
        return None;
    }
    let mut moved = moved;
    loop {
        let pieces = Pieces::of(sqe, moved);
        let left = pieces.total();
        let at = if is_file { offset(sqe, moved) } else { -1 };
        let res = transfer(sqe, fd, pieces.list(), at, sqe.op_flags as i32);
        match -res {
            libc::EINTR => {}
            _ if res < 0 => return Some(outcome(sqe, moved, res)),
            _ => {
                moved += res as u32;
                if res as usize == left || res == 0 || !is_file {
                    return Some(outcome(sqe, moved, 0));
                }
            }
        }
    }
}

/// `SPLICE_F_FD_IN_FIXED`.
pub(super) const INPUT_IN_SLOT: u32 = 1 << 31;

/// Moves bytes between two descriptors, one of them a pipe, once both are ready; in the pool, if a disk takes part.
pub(super) fn splice(request: &Request, input: RawFd) -> Attempt {
    let (sqe, output) = (&request.sqe, request.fd);
    // A file is always ready.
    for (fd, events, wanted) in [(input, libc::POLLIN, IN), (output, libc::POLLOUT, OUT)] {
        if sqe.len > 0 && look(fd, events) == 0 {
            // A pipe that is not ready does not wait if it is told so, and what is wrong with the call comes out at once.
            let (res, severs) =
                if kind(fd) == Kind::Stream { splice_ready(sqe, input, output) } else { (-libc::EAGAIN, true) };
            if res != -libc::EAGAIN {
                return Attempt::Done { res, severs };
            }
            let refuses = status_flags(fd) & libc::O_NONBLOCK != 0 || sqe.op_flags & libc::SPLICE_F_NONBLOCK != 0;
            return if refuses { Attempt::of(-libc::EAGAIN) } else { Attempt::Wait { fd, events: wanted } };
        }
    }
    if kind(input) == Kind::File || kind(output) == Kind::File {
        return Attempt::Block;
    }
    let (res, severs) = splice_ready(sqe, input, output);
    Attempt::Done { res, severs }
}

/// One splice without a wait for a pipe.
pub(super) fn splice_ready(sqe: &Sqe, input: RawFd, output: RawFd) -> (i32, bool) {
    let offset = |offset: u64| (offset != u64::MAX).then_some(offset as i64);
    let (mut from, mut to) = (offset(sqe.addr), offset(sqe.off));
    let pointer = |offset: &mut Option<i64>| offset.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    let (len, flags) = (sqe.len as usize, sqe.op_flags & !INPUT_IN_SLOT | libc::SPLICE_F_NONBLOCK);
    // SAFETY: the offsets are locals that outlive the calls. Test: fs_ops, io_copy.
    let res = result_of(unsafe {
        if sqe.opcode == opcode::Tee::CODE {
            libc::tee(input, output, len, flags)
        } else {
            libc::splice(input, pointer(&mut from), output, pointer(&mut to), len, flags)
        }
    });
    (res, res < 0 || res as u32 != sqe.len)
}
