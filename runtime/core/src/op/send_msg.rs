//! One message, to the peer or to an address, with descriptors or without.
//!
//! With descriptors it is IORING_OP_SENDMSG; without, IORING_OP_SEND with the address in the SQE (Linux 6.1): the same to
//! the socket, but its length lies in the SQE too, so that a loan of variable length can be forwarded to it. Short: a
//! stream may take less than all, a datagram goes whole or not at all; severs no chain. Cancelled: nothing was sent, or the
//! result says how much. Source: `net.c`, sendmsg(2).

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
    ptr,
};

use io_uring::{opcode, types};
use socket2::SockAddr;

use super::{
    Completion, Op, Request, Success, Variable,
    extent::transfer_len,
    message::{Message, Piece},
    plain_op,
};
use crate::{
    fd::Target,
    future::Io,
    lower::{Scope, invalid},
    plan::One,
    sealed::Sealed,
    socket::encode,
    source::Source,
    sqe::Sqe,
};

/// A send of one message.
#[derive(Debug)]
pub struct SendMsg<S> {
    target: Target,
    source: S,
    to: Result<Option<SockAddr>, &'static str>,
    /// Open until the kernel has taken its own references, which it does when the op runs.
    fds: Vec<OwnedFd>,
    // What the kernel is pointed to. It lies in the op, which does not move until its last CQE.
    message: Message,
    piece: Piece,
    control: Vec<u8>,
}

/// Sends `source`, a buffer or a loan, as one message to `to`, or to the peer, with duplicates of `fds`, which are closed
/// here when the op has ended.
///
/// More than [`FDS_MAX`](crate::socket::FDS_MAX) of them is `InvalidInput`; so is, with descriptors, a loan of variable
/// length, and an `Err` for `to`, with its text. One SQE, no copy in user space, one allocation as the op does not fit the slab, and one more for control data if
/// there are descriptors.
pub fn send_msg<S: Source>(
    target: impl Into<Target>,
    source: S,
    to: Result<Option<SockAddr>, &'static str>,
    fds: Vec<OwnedFd>,
) -> Io<One<SendMsg<S>>> {
    Io::new(One::new(SendMsg {
        target: target.into(),
        source,
        to,
        fds,
        message: Message::default(),
        piece: Piece { address: 0, len: 0 },
        control: Vec::new(),
    }))
}

impl<S> Sealed for SendMsg<S> {}

impl<S: Source> Op for SendMsg<S> {
    const NAME: &'static str = "send_msg";
    type Output = (io::Result<usize>, S);
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let bytes = self.source.locate(scope)?;
        let len = transfer_len::<Variable>(bytes.len)?;
        let (name, name_len) = self
            .to
            .as_ref()
            .map_err(|why| invalid(*why))?
            .as_ref()
            .map_or((ptr::null(), 0), |to| (to.as_ptr(), to.len()));
        let mut sqe = if self.fds.is_empty() {
            let send = opcode::Send::new(types::Fd(-1), bytes.ptr, len).flags(libc::MSG_NOSIGNAL);
            scope.forward_length(&bytes);
            Sqe::from(send.dest_addr(name.cast()).dest_addr_len(name_len).build())
        } else {
            scope.fixed_length(&bytes)?;
            self.control = encode(self.fds.iter().map(AsRawFd::as_raw_fd))?;
            self.piece = Piece { address: bytes.ptr as usize, len: len as usize };
            self.message = Message {
                name: name as usize,
                name_len: name_len as i32,
                control: self.control.as_ptr() as usize,
                control_len: self.control.len(),
                ..Message::of(std::slice::from_ref(&self.piece))
            };
            let message = ptr::from_ref(&self.message).cast::<libc::msghdr>();
            let send = opcode::SendMsg::new(types::Fd(-1), message).flags(libc::MSG_NOSIGNAL as u32);
            Sqe::from(send.build())
        };
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: false })
    }

    fn finish(self, completion: Completion) -> Self::Output {
        (completion.result.map(|moved| moved as usize), self.source)
    }
}
