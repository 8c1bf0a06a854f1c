//! Ops with many results: accepts, and receives into buffers of a ring.

use io_uring::opcode;

use super::{
    Emulated,
    request::{Attempt, Request},
    sockets,
    submit::{ACCEPT_MULTISHOT, RECV_MULTISHOT},
};
use crate::{
    shots::{CQE_BUFFER, CQE_MORE},
    sqe::Sqe,
};

/// Results of one op in one go: others want their turn, too.
const TURN: usize = 32;

/// Whether an SQE asks for many results.
pub(super) fn is(sqe: &Sqe) -> bool {
    match sqe.opcode {
        opcode::Accept::CODE => sqe.ioprio & ACCEPT_MULTISHOT != 0,
        opcode::Recv::CODE => sqe.ioprio & RECV_MULTISHOT != 0,
        _ => false,
    }
}

impl Emulated {
    /// Posts what has come, as far as the completion queue has room. It ends with an error, with the peer's end, at its limit,
    /// and where there is no room.
    pub(super) fn attempt_many(&mut self, request: &mut Request) -> Attempt {
        let (sqe, fd) = (request.sqe, request.fd);
        let wait = Attempt::Wait { fd, events: libc::EPOLLIN as u32 };
        let receives = sqe.opcode == opcode::Recv::CODE;
        if receives && sqe.ioprio & sockets::POLL_FIRST != 0 && !request.waited {
            return wait;
        }
        for _ in 0..TURN {
            let has_room = self.cqes.len() + 1 < self.cq_entries as usize;
            let (res, flags, last) = if receives { self.receive(request) } else { self.accept(request) };
            match -res {
                libc::EAGAIN => return wait,
                libc::EINTR => continue,
                _ if res < 0 || last || !has_room => {
                    request.flags = flags;
                    return Attempt::of(res);
                }
                _ => self.post(sqe.user_data, res, flags | CQE_MORE),
            }
        }
        // The level is up still: it is fired at once, behind what else has come.
        wait
    }

    fn accept(&mut self, request: &Request) -> (i32, u32, bool) {
        (sockets::accept_one(&request.sqe, request.fd, &self.slots), 0, false)
    }

    /// One buffer of the op's group. The flags name it; the third value tells that this was the last one.
    fn receive(&mut self, request: &mut Request) -> (i32, u32, bool) {
        let (group, limit) = (request.sqe.buf_index, request.sqe.file_index);
        let selected = match self.buffers.select(group) {
            Ok(selected) => selected,
            Err(errno) => return (-errno, 0, true),
        };
        let left = if limit == 0 { u32::MAX } else { limit - request.moved };
        let res = sockets::receive_into(request.fd, selected.address, selected.len.min(left) as usize);
        if res <= 0 {
            return (res, 0, true);
        }
        self.buffers.take(group);
        request.moved = request.moved.saturating_add(res as u32);
        (res, u32::from(selected.buffer) << 16 | CQE_BUFFER, limit != 0 && request.moved >= limit)
    }
}
