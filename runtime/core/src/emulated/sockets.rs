//! Ops on sockets, tried without a wait.

use std::os::fd::RawFd;

use io_uring::opcode;

use super::{
    files::{look, result, result_of, status_flags},
    open::install,
    request::{Attempt, Request},
    rw::left,
    slots::Slots,
};
use crate::sqe::Sqe;

const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
/// `IORING_RECVSEND_POLL_FIRST`.
pub(super) const POLL_FIRST: u16 = 1 << 0;

/// Receives or sends what can be without a wait; with MSG_WAITALL goes on until all is moved.
pub(super) fn transfer(request: &mut Request) -> Attempt {
    let (sqe, fd) = (request.sqe, request.fd);
    let receives = matches!(sqe.opcode, opcode::Recv::CODE | opcode::RecvMsg::CODE);
    let wait = Attempt::Wait { fd, events: if receives { IN } else { OUT } };
    if sqe.ioprio & POLL_FIRST != 0 && !request.waited {
        return wait;
    }
    let flags = sqe.op_flags as i32;
    let whole = flags & libc::MSG_WAITALL != 0;
    let all = length(&sqe);
    loop {
        let res = call(&sqe, fd, request.moved, flags | libc::MSG_DONTWAIT);
        match -res {
            libc::EINTR => {}
            libc::EAGAIN if flags & libc::MSG_DONTWAIT == 0 => return wait,
            _ if res < 0 && request.moved > 0 => return Attempt::Done { res: request.moved as i32, severs: true },
            _ if res < 0 => return Attempt::of(res),
            _ => {
                request.moved += res as u32;
                let short = whole && (request.moved as usize) < all;
                if !short || res == 0 || !is_stream(fd) {
                    return Attempt::Done { res: request.moved as i32, severs: short };
                }
            }
        }
    }
}

/// Bytes that are asked for.
fn length(sqe: &Sqe) -> usize {
    if !matches!(sqe.opcode, opcode::RecvMsg::CODE | opcode::SendMsg::CODE | opcode::SendMsgZc::CODE) {
        return sqe.len as usize;
    }
    // SAFETY: the message and its list belong to the op, which stays in the shard's slab until its CQE. Test: net_udp, net_tcp.
    let pieces = unsafe {
        let message = &*(sqe.addr as *const libc::msghdr);
        left(message.msg_iov, message.msg_iovlen, 0)
    };
    pieces.iter().fold(0, |sum, piece| sum.saturating_add(piece.iov_len))
}

fn call(sqe: &Sqe, fd: RawFd, moved: u32, flags: i32) -> i32 {
    let base = sqe.addr.wrapping_add(moved.into()) as *mut libc::c_void;
    let len = (sqe.len as usize).saturating_sub(moved as usize);
    // SAFETY: bytes, messages and addresses belong to the op, which stays in the shard's slab until its CQE. Test:
    // drop_everywhere under AddressSanitizer.
    result_of(unsafe {
        match sqe.opcode {
            opcode::Recv::CODE => libc::recv(fd, base, len, flags),
            opcode::Send::CODE | opcode::SendZc::CODE if sqe.off == 0 => libc::send(fd, base, len, flags),
            opcode::Send::CODE | opcode::SendZc::CODE => {
                let (name, name_len) = (sqe.off as *const libc::sockaddr, sqe.file_index & 0xffff);
                libc::sendto(fd, base, len, flags, name, name_len)
            }
            opcode::RecvMsg::CODE if moved == 0 => libc::recvmsg(fd, sqe.addr as *mut libc::msghdr, flags),
            _ if moved == 0 => libc::sendmsg(fd, sqe.addr as *const libc::msghdr, flags),
            code => {
                // What is left of it; the rest of the message went with the first bytes.
                let whole = &*(sqe.addr as *const libc::msghdr);
                let mut pieces = left(whole.msg_iov, whole.msg_iovlen, moved);
                let mut message: libc::msghdr = std::mem::zeroed();
                (message.msg_iov, message.msg_iovlen) = (pieces.as_mut_ptr(), pieces.len() as _);
                if code == opcode::RecvMsg::CODE {
                    libc::recvmsg(fd, &raw mut message, flags)
                } else {
                    libc::sendmsg(fd, &raw const message, flags)
                }
            }
        }
    })
}

/// Whether more may follow what a socket has moved.
fn is_stream(fd: RawFd) -> bool {
    matches!(option(fd, libc::SO_TYPE), Ok(libc::SOCK_STREAM | libc::SOCK_SEQPACKET))
}

fn option(fd: RawFd, name: i32) -> Result<i32, i32> {
    let (mut value, mut len) = (0, size_of::<i32>() as libc::socklen_t);
    // SAFETY: both are locals that outlive the call. Test: runtime/tests/net_tcp_plans.rs.
    let res = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, name, (&raw mut value).cast(), &raw mut len) };
    if res < 0 { Err(-result(res)) } else { Ok(value) }
}

/// One connection; the result that a CQE would have, or EAGAIN.
pub(super) fn accept_one(sqe: &Sqe, fd: RawFd, slots: &Slots) -> i32 {
    // A listener that blocks would: if another process is quicker than this thread between the two calls, it does.
    if status_flags(fd) & libc::O_NONBLOCK == 0 && look(fd, libc::POLLIN) == 0 {
        return -libc::EAGAIN;
    }
    let extra = if sqe.file_index != 0 { libc::SOCK_CLOEXEC } else { 0 };
    let (name, len, flags) = (sqe.addr as *mut libc::sockaddr, sqe.off as *mut libc::socklen_t, sqe.op_flags as i32);
    loop {
        // SAFETY: the address's place belongs to the op, which stays in the shard's slab until its CQE; a multishot accept has
        // none. Test: drop_everywhere.
        let res = result(unsafe { libc::accept4(fd, name, len, flags | extra) });
        if res != -libc::EINTR {
            return install(sqe, res, slots);
        }
    }
}

pub(super) fn accept(request: &Request, slots: &Slots) -> Attempt {
    match accept_one(&request.sqe, request.fd, slots) {
        res if res == -libc::EAGAIN => Attempt::Wait { fd: request.fd, events: IN },
        res => Attempt::of(res),
    }
}

/// Begins a connect, or asks what has become of it.
pub(super) fn connect(request: &mut Request) -> Attempt {
    let (sqe, fd) = (request.sqe, request.fd);
    if request.waited && request.moved > 0 {
        return match option(fd, libc::SO_ERROR) {
            Ok(0) => Attempt::of(0),
            Ok(errno) | Err(errno) => Attempt::of(-errno),
        };
    }
    let flags = status_flags(fd);
    let blocks = flags & libc::O_NONBLOCK == 0;
    // SAFETY: the address belongs to the op, which stays in the shard's slab until its CQE; the other calls pass no memory.
    // Test: runtime/tests/net_tcp_plans.rs.
    let res = unsafe {
        if blocks {
            libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK);
        }
        let res = result(libc::connect(fd, sqe.addr as *const libc::sockaddr, sqe.off as libc::socklen_t));
        if blocks {
            libc::fcntl(fd, libc::F_SETFL, flags);
        }
        res
    };
    match -res {
        libc::EINPROGRESS => {
            // Marks it as under way; a connect moves no bytes.
            request.moved = 1;
            Attempt::Wait { fd, events: OUT }
        }
        // The listener's queue is full; no event tells when it is not any more.
        libc::EAGAIN => Attempt::Later,
        _ => Attempt::of(res),
    }
}

pub(super) fn socket(sqe: &Sqe, slots: &Slots) -> Attempt {
    let extra = if sqe.file_index != 0 { libc::SOCK_CLOEXEC } else { 0 };
    // SAFETY: no memory is passed. Test: drop_everywhere.
    let res = result(unsafe { libc::socket(sqe.fd, sqe.off as i32 | extra, sqe.len as i32) });
    Attempt::of(install(sqe, res, slots))
}

pub(super) fn shut_down(request: &Request) -> Attempt {
    // SAFETY: no memory is passed. Test: runtime/tests/net_tcp_plans.rs.
    let res = result(unsafe { libc::shutdown(request.fd, request.sqe.len as i32) });
    Attempt::Done { res, severs: res == -libc::EBADF }
}

/// Receives into a buffer of a ring; EAGAIN if nothing is there.
pub(super) fn receive_into(fd: RawFd, address: u64, len: usize) -> i32 {
    // SAFETY: the buffer belongs to a pool, which gives it to the kernel until a CQE names it. Test: net_recv_stream.
    result_of(unsafe { libc::recv(fd, address as *mut libc::c_void, len, libc::MSG_DONTWAIT) })
}
