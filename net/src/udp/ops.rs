//! Datagrams as ops: owned buffers, plannable.

use std::net::SocketAddr;

use runtime_core::{
    buf::IoBufMut,
    future::Io,
    op::{self, Close},
    plan::One,
    source::Source,
};
use socket2::SockAddr;

use super::UdpSocket;

impl UdpSocket {
    /// Receives the next datagram: `(io::Result<Received<SocketAddr>>, buffer)`, with its length, its sender, and whether it
    /// was cut. In a plan, the loan of what is received is as long as the datagram; an empty one does not end the plan.
    ///
    /// # Errors
    /// Those of recvmsg(2): ECONNREFUSED if a datagram that was sent met nobody.
    ///
    /// # Cancel safety
    /// A datagram that was received when the op is dropped is lost; [`Io::cancel`] gives it back.
    /// [`recv_from`](UdpSocket::recv_from) loses none.
    ///
    /// # Cost
    /// One SQE, no copy, one allocation.
    ///
    /// ```
    /// # runtime::Builder::new().build().unwrap().block_on(async {
    /// use runtime::{IntoResult, net::UdpSocket};
    ///
    /// let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// // What comes in is passed on, without a wake of the task in between.
    /// let relay = a.recv_msg(vec![0; 1500]).then(|datagram| a.send_msg(datagram, b.local_addr().unwrap()));
    /// b.send_to(b"round trip", a.local_addr()?).await?;
    /// let ((received, _), (sent, _)) = relay.await.into_result()?;
    /// assert_eq!((received.from, received.len, sent), (b.local_addr()?, 10, 10));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn recv_msg<B: IoBufMut>(&self, buf: B) -> Io<One<op::RecvMsg<B, SocketAddr>>> {
        op::recv_msg(self.socket.target(), buf, false, 0)
    }

    /// Sends `source`, a buffer or a loan, as one datagram to an address, or to the peer for `None`:
    /// `(io::Result<usize>, source)`.
    ///
    /// # Errors
    /// Those of sendto(2): EMSGSIZE if it is too long, EDESTADDRREQ with neither address nor peer.
    ///
    /// # Cancel safety
    /// It may have been sent when the op is dropped; [`Io::cancel`] says so.
    ///
    /// # Cost
    /// One SQE, no copy in user space, one allocation.
    pub fn send_msg<S: Source>(&self, source: S, to: impl Into<Option<SocketAddr>>) -> Io<One<op::SendMsg<S>>> {
        op::send_msg(self.socket.target(), source, Ok(to.into().map(SockAddr::from)), Vec::new())
    }

    /// Closes the socket and gives the error that closing may bring. If ops are in flight on it, the last of them closes
    /// it, and this gives `Ok`.
    pub fn close(self) -> Io<One<Close>> {
        op::close_fd(self.socket.into_shared())
    }
}
