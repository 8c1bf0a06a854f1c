//! IORING_OP_RECVMSG of one message: its bytes, the sender's address, and what came with them.
//!
//! Short: severs no chain; a datagram is as long as it is. Zero: an empty datagram, which is a success, or the peer of a
//! connection has shut down its side. Cancelled: nothing was taken from the socket. Descriptors that nobody takes are
//! closed. Source: `net.c`, recvmsg(2), unix(7).

use std::{fmt, io, marker::PhantomData, os::fd::OwnedFd, ptr};

use io_uring::{opcode, types};
use socket2::{SockAddr, SockAddrStorage};

use super::{
    Completion, Op, Request, Success, Variable,
    extent::transfer_len,
    lending_op,
    message::{Message, Piece},
};
use crate::{
    buf::IoBufMut,
    fd::Target,
    future::Io,
    lower::Scope,
    plan::One,
    sealed::Sealed,
    socket::{Address, Ancillary, UCred, check, decode, room},
    sqe::Sqe,
};

/// What is known of a received message, beside its bytes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Received<A> {
    /// How many bytes there are in the buffer. 0: an empty datagram, or the end of a connection.
    pub len: usize,
    /// Who sent it. Nobody in particular (an unnamed address) on a connection of Unix sockets.
    pub from: A,
    /// The datagram was longer than the buffer; the rest of it is lost.
    pub truncated: bool,
    /// The descriptors that came with it, closed on exec. Unix sockets only.
    pub fds: Vec<OwnedFd>,
    /// Who sent it, by the kernel's word, if the socket asks for that (SO_PASSCRED). Unix sockets only.
    pub credentials: Option<UCred>,
}

/// A receive of one message.
pub struct RecvMsg<B, A> {
    target: Target,
    buf: B,
    /// How many descriptors the message may carry.
    fds: usize,
    // What the kernel is pointed to. It lies in the op, which does not move until its last CQE.
    message: Message,
    piece: Piece,
    from: SockAddrStorage,
    control: Vec<u8>,
    makes: PhantomData<fn() -> A>,
}

impl<B: fmt::Debug, A> fmt::Debug for RecvMsg<B, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RecvMsg { target, buf, fds, .. } = self;
        f.debug_struct("RecvMsg").field("target", target).field("buf", buf).field("fds", fds).finish_non_exhaustive()
    }
}

/// Receives one message of up to the buffer's size, with at most `fds` descriptors.
///
/// More than [`FDS_MAX`](crate::socket::FDS_MAX) of them is `InvalidInput`. If `fds` is 0, descriptors that come are closed
/// without a word, as by recv(2); if more come than there is room for, the op fails with `InvalidData` and those that did
/// come are closed. One SQE, no copy, one allocation as the op does not fit the slab, and one more for control data if
/// `control` or `fds` ask for some.
pub fn recv_msg<B: IoBufMut, A: Address>(
    target: impl Into<Target>,
    buf: B,
    control: bool,
    fds: usize,
) -> Io<One<RecvMsg<B, A>>> {
    let piece = Piece { address: 0, len: 0 };
    Io::new(One::new(RecvMsg {
        target: target.into(),
        buf,
        fds,
        message: Message::default(),
        piece,
        from: SockAddrStorage::zeroed(),
        control: if control || fds > 0 { Vec::with_capacity(room(fds).unwrap_or(0)) } else { Vec::new() },
        makes: PhantomData,
    }))
}

impl<B, A> Sealed for RecvMsg<B, A> {}

impl<B: IoBufMut, A: Address> Op for RecvMsg<B, A> {
    const NAME: &'static str = "recv_msg";
    type Output = (io::Result<Received<A>>, B);
    lending_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        room(self.fds)?;
        let len = transfer_len::<Variable>(self.buf.bytes_writable())? as usize;
        let bytes = self.buf.stable_mut_ptr();
        self.piece = Piece { address: bytes as usize, len };
        self.message = Message {
            name: ptr::from_mut(&mut self.from) as usize,
            name_len: self.from.size_of() as i32,
            control: self.control.as_mut_ptr() as usize,
            control_len: self.control.capacity(),
            pieces: ptr::from_mut(&mut self.piece) as usize,
            pieces_len: 1,
            flags: 0,
        };
        let message = ptr::from_mut(&mut self.message).cast::<libc::msghdr>();
        let recv = opcode::RecvMsg::new(types::Fd(-1), message).flags(libc::MSG_CMSG_CLOEXEC as u32);
        let mut sqe = Sqe::from(recv.build());
        scope.target(&mut self.target, &mut sqe)?;
        // Of variable length, and an empty datagram is no end: nothing is asked for.
        let success = Success::Variable { asked: 0 };
        scope.provide_bytes(bytes, len, success);
        Ok(Request { sqe, success, lossless: false })
    }

    fn finish(mut self, completion: Completion) -> Self::Output {
        let result = completion.result.and_then(|moved| self.received(moved as usize));
        (result, self.buf)
    }
}

impl<B: IoBufMut, A: Address> RecvMsg<B, A> {
    fn received(&mut self, len: usize) -> io::Result<Received<A>> {
        assert!(len <= self.piece.len, "the kernel reports {len} bytes received into {}", self.piece.len);
        let control_len = self.message.control_len.min(self.control.capacity());
        // SAFETY: the kernel has written that many bytes from the start of each, which this op owns; its last CQE is here,
        // and it was a success, so the message's lengths are what the kernel has set them to.
        // Test: runtime/tests/net_fds.rs.
        let ancillary = unsafe {
            self.buf.set_init(len);
            self.control.set_len(control_len);
            decode(&self.control)
        };
        let Ancillary { fds, credentials } = check(ancillary, self.message.flags as i32, self.fds)?;
        let name_len = (self.message.name_len as libc::socklen_t).min(self.from.size_of());
        let from = std::mem::replace(&mut self.from, SockAddrStorage::zeroed());
        // SAFETY: the kernel has written an address of this length, or the storage is still zero: no bytes of it are
        // uninitialized. Test: runtime/tests/net_udp.rs.
        let from = A::of(&unsafe { SockAddr::new(from, name_len) })?;
        let truncated = self.message.flags as i32 & libc::MSG_TRUNC != 0;
        Ok(Received { len, from, truncated, fds, credentials })
    }
}
