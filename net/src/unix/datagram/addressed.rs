//! Datagrams to and from any address.

use std::{
    future::poll_fn,
    io,
    path::Path,
    task::{Context, Poll, ready},
};

use runtime_core::{
    coop,
    io::{BufSink, ReadBuf, fill_sink},
    readiness::Interest,
    socket::Address,
};
use socket2::SockAddr;

use super::{UnixDatagram, room::room_at};
use crate::unix::{SocketAddr, address::named};

impl UnixDatagram {
    /// Sends a datagram to the socket with the name `target`. Gives its length: a datagram goes whole or not at all.
    ///
    /// # Errors
    /// Those of sendto(2): ENOENT, ECONNREFUSED if nobody uses that name, EMSGSIZE, EISCONN; EPERM if its socket is
    /// connected to another. `InvalidInput` for a name that is too long.
    ///
    /// # Cancel safety
    /// Dropped while it waits, nothing was sent.
    ///
    /// # Cost
    /// One system call. If there was no room, one more and one SQE; if it is the receiver's queue that is full, three more
    /// and another SQE.
    pub async fn send_to<P: AsRef<Path>>(&self, buf: &[u8], target: P) -> io::Result<usize> {
        let address = named(target.as_ref())?;
        loop {
            if let Some(sent) = self.attempt(buf, &address).await {
                return sent;
            }
            self.socket.ready(Interest::WRITABLE).await?;
            if let Some(sent) = self.attempt(buf, &address).await {
                return sent;
            }
            room_at(&address).await?;
        }
    }

    /// One attempt, at the price of a unit of the task's budget if it does something. `None` if there is no room.
    async fn attempt(&self, buf: &[u8], address: &SockAddr) -> Option<io::Result<usize>> {
        poll_fn(|cx| self.poll_attempt(cx, buf, address)).await
    }

    fn poll_attempt(&self, cx: &mut Context<'_>, buf: &[u8], address: &SockAddr) -> Poll<Option<io::Result<usize>>> {
        let budget = ready!(coop::poll_proceed(cx));
        match self.socket.try_send_to(buf, address) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Ready(None),
            sent => {
                budget.made();
                Poll::Ready(Some(sent))
            }
        }
    }

    /// As [`send_to`](UnixDatagram::send_to), without waiting.
    ///
    /// # Errors
    /// As for [`send_to`](UnixDatagram::send_to); `WouldBlock` if there is no room.
    pub fn try_send_to<P: AsRef<Path>>(&self, buf: &[u8], target: P) -> io::Result<usize> {
        self.socket.try_send_to(buf, &named(target.as_ref())?)
    }

    /// As [`send_to`](UnixDatagram::send_to), inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for [`send_to`](UnixDatagram::send_to).
    pub fn poll_send_to<P: AsRef<Path>>(&self, cx: &mut Context<'_>, buf: &[u8], target: P) -> Poll<io::Result<usize>> {
        let address = named(target.as_ref())?;
        loop {
            if let Some(sent) = ready!(self.poll_attempt(cx, buf, &address)) {
                return Poll::Ready(sent);
            }
            ready!(self.socket.poll_write_ready(cx))?;
            if let Some(sent) = ready!(self.poll_attempt(cx, buf, &address)) {
                return Poll::Ready(sent);
            }
            ready!(self.rooms.poll_at(cx, &address))?;
        }
    }

    fn receive(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, SocketAddr)> {
        let (count, from) = self.socket.try_recv_from(buf, 0)?;
        Ok((count, Address::of(&from)?))
    }

    /// Receives the next datagram: its length and its sender. What does not fit `buf` is lost; 0 for an empty datagram.
    ///
    /// # Errors
    /// Those of recvfrom(2).
    ///
    /// # Cancel safety
    /// Dropped while it waits, nothing was received.
    ///
    /// # Cost
    /// One system call; one more and one SQE if nothing was there.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let mut buf = ReadBuf::new(buf);
        self.socket.wait_for(Interest::READABLE, || self.receive(&mut buf)).await
    }

    /// As [`recv_from`](UnixDatagram::recv_from), without waiting.
    ///
    /// # Errors
    /// As for [`recv_from`](UnixDatagram::recv_from); `WouldBlock` if nothing is there.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive(&mut ReadBuf::new(buf))
    }

    /// As [`recv_from`](UnixDatagram::recv_from), inside a poll, into the unfilled part. Only the task that polled last is
    /// woken.
    ///
    /// # Errors
    /// As for [`recv_from`](UnixDatagram::recv_from).
    pub fn poll_recv_from(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>> {
        let (_, from) = ready!(self.socket.poll_read_with(cx, || self.receive(buf)))?;
        Poll::Ready(Ok(from))
    }

    /// As [`recv_from`](UnixDatagram::recv_from), into the room that `buf` has. A `Vec` that is full grows by some bytes
    /// only: reserve the longest datagram first.
    ///
    /// # Errors
    /// As for [`recv_from`](UnixDatagram::recv_from); `InvalidInput` if there is no room.
    ///
    /// # Cancel safety
    /// As for [`recv_from`](UnixDatagram::recv_from).
    pub async fn recv_buf_from<B: BufSink>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        self.socket.wait_for(Interest::READABLE, || self.try_recv_buf_from(buf)).await
    }

    /// As [`recv_buf_from`](UnixDatagram::recv_buf_from), without waiting.
    ///
    /// # Errors
    /// As for [`recv_buf_from`](UnixDatagram::recv_buf_from); `WouldBlock` if nothing is there.
    pub fn try_recv_buf_from<B: BufSink>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let mut sender = None;
        let count = fill_sink(buf, |buf| {
            sender = Some(self.receive(buf)?.1);
            Ok(())
        })?;
        let no_room = || io::Error::new(io::ErrorKind::InvalidInput, "the buffer has no room for a datagram");
        Ok((count, sender.ok_or_else(no_room)?))
    }
}
