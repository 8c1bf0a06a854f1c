//! Datagrams to and from any address.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll, ready},
};

use runtime_core::{
    io::{BufSink, ReadBuf, fill_sink},
    readiness::Interest,
    socket::Address,
};
use socket2::SockAddr;

use super::UdpSocket;
use crate::addr::{ToSocketAddrs, no_address};

/// No further flags of recvfrom(2).
const PLAIN: i32 = 0;

impl UdpSocket {
    fn receive(&self, buf: &mut ReadBuf<'_>, flags: i32) -> io::Result<(usize, SocketAddr)> {
        let (count, from) = self.socket.try_recv_from(buf, flags)?;
        Ok((count, Address::of(&from)?))
    }

    async fn receive_waiting(&self, buf: &mut [u8], flags: i32) -> io::Result<(usize, SocketAddr)> {
        let mut buf = ReadBuf::new(buf);
        self.socket.wait_for(Interest::READABLE, || self.receive(&mut buf, flags)).await
    }

    fn poll_receive(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>, flags: i32) -> Poll<io::Result<SocketAddr>> {
        let (_, from) = ready!(self.socket.poll_read_with(cx, || self.receive(buf, flags)))?;
        Poll::Ready(Ok(from))
    }

    /// Sends a datagram to the first address that `target` stands for. Gives its length: a datagram goes whole or not at
    /// all.
    ///
    /// # Errors
    /// Those of sendto(2): EMSGSIZE if it is too long, EISCONN in some cases with a peer, ECONNREFUSED if an earlier one met
    /// nobody; those of [`lookup_host`](crate::lookup_host); `InvalidInput` if there is no address.
    ///
    /// # Cancel safety
    /// Dropped while it waits, nothing was sent.
    ///
    /// # Cost
    /// One system call; one more and one SQE if there was no room. A name costs a job on the blocking pool.
    pub async fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], target: A) -> io::Result<usize> {
        let address = crate::lookup_host(target).await?.next().ok_or_else(no_address)?;
        let address = SockAddr::from(address);
        self.socket.wait_for(Interest::WRITABLE, || self.socket.try_send_to(buf, &address)).await
    }

    /// As [`send_to`](UdpSocket::send_to), without waiting.
    ///
    /// # Errors
    /// As for [`send_to`](UdpSocket::send_to); `WouldBlock` if there is no room.
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.socket.try_send_to(buf, &SockAddr::from(target))
    }

    /// As [`send_to`](UdpSocket::send_to), inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for [`send_to`](UdpSocket::send_to).
    pub fn poll_send_to(&self, cx: &mut Context<'_>, buf: &[u8], target: SocketAddr) -> Poll<io::Result<usize>> {
        let address = SockAddr::from(target);
        self.socket.poll_write_with(cx, || self.socket.try_send_to(buf, &address))
    }

    /// Receives the next datagram: its length and its sender. What does not fit `buf` is lost; 0 for an empty datagram.
    ///
    /// # Errors
    /// Those of recvfrom(2): ECONNREFUSED if a datagram that was sent met nobody.
    ///
    /// # Cancel safety
    /// Dropped while it waits, nothing was received.
    ///
    /// # Cost
    /// One system call; one more and one SQE if nothing was there.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive_waiting(buf, PLAIN).await
    }

    /// As [`recv_from`](UdpSocket::recv_from), without waiting.
    ///
    /// # Errors
    /// As for [`recv_from`](UdpSocket::recv_from); `WouldBlock` if nothing is there.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive(&mut ReadBuf::new(buf), PLAIN)
    }

    /// As [`recv_from`](UdpSocket::recv_from), inside a poll, into the unfilled part. Only the task that polled last is
    /// woken.
    ///
    /// # Errors
    /// As for [`recv_from`](UdpSocket::recv_from).
    pub fn poll_recv_from(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>> {
        self.poll_receive(cx, buf, PLAIN)
    }

    /// As [`recv_from`](UdpSocket::recv_from), into the room that `buf` has. A `Vec` that is full grows by some bytes only:
    /// reserve the longest datagram first.
    ///
    /// # Errors
    /// As for [`recv_from`](UdpSocket::recv_from); `InvalidInput` if there is no room.
    ///
    /// # Cancel safety
    /// As for [`recv_from`](UdpSocket::recv_from).
    pub async fn recv_buf_from<B: BufSink>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        self.socket.wait_for(Interest::READABLE, || self.try_recv_buf_from(buf)).await
    }

    /// As [`recv_buf_from`](UdpSocket::recv_buf_from), without waiting.
    ///
    /// # Errors
    /// As for [`recv_buf_from`](UdpSocket::recv_buf_from); `WouldBlock` if nothing is there.
    pub fn try_recv_buf_from<B: BufSink>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let mut sender = None;
        let count = fill_sink(buf, |buf| {
            sender = Some(self.receive(buf, PLAIN)?.1);
            Ok(())
        })?;
        let no_room = || io::Error::new(io::ErrorKind::InvalidInput, "the buffer has no room for a datagram");
        Ok((count, sender.ok_or_else(no_room)?))
    }

    /// Receives the next datagram from the peer, or from anybody if there is no peer, and leaves it there: the next receive
    /// gets it again.
    ///
    /// # Errors
    /// As for [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancel safety
    /// Nothing is taken from the socket in any case.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        self.socket.wait_for(Interest::READABLE, || self.socket.try_peek(&mut buf)).await
    }

    /// As [`peek`](UdpSocket::peek), without waiting.
    ///
    /// # Errors
    /// As for [`peek`](UdpSocket::peek); `WouldBlock` if nothing is there.
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_peek(&mut ReadBuf::new(buf))
    }

    /// As [`peek`](UdpSocket::peek), inside a poll, into the unfilled part. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for [`peek`](UdpSocket::peek).
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.socket.poll_read_with(cx, || self.socket.try_peek(buf)))?;
        Poll::Ready(Ok(()))
    }

    /// As [`peek`](UdpSocket::peek), with the sender.
    ///
    /// # Errors
    /// As for [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancel safety
    /// As for [`peek`](UdpSocket::peek).
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive_waiting(buf, libc::MSG_PEEK).await
    }

    /// As [`peek_from`](UdpSocket::peek_from), without waiting.
    ///
    /// # Errors
    /// As for [`recv_from`](UdpSocket::recv_from); `WouldBlock` if nothing is there.
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive(&mut ReadBuf::new(buf), libc::MSG_PEEK)
    }

    /// As [`peek_from`](UdpSocket::peek_from), inside a poll, into the unfilled part. Only the task that polled last is
    /// woken.
    ///
    /// # Errors
    /// As for [`recv_from`](UdpSocket::recv_from).
    pub fn poll_peek_from(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<SocketAddr>> {
        self.poll_receive(cx, buf, libc::MSG_PEEK)
    }

    /// Who sent the next datagram, which stays there. It may have gone by the time it is received, if other tasks receive
    /// too, or if its checksum is wrong.
    ///
    /// # Errors
    /// As for [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancel safety
    /// As for [`peek`](UdpSocket::peek).
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        Ok(self.peek_from(&mut []).await?.1)
    }

    /// As [`peek_sender`](UdpSocket::peek_sender), without waiting.
    ///
    /// # Errors
    /// As for [`recv_from`](UdpSocket::recv_from); `WouldBlock` if nothing is there.
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        Ok(self.try_peek_from(&mut [])?.1)
    }

    /// As [`peek_sender`](UdpSocket::peek_sender), inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for [`recv_from`](UdpSocket::recv_from).
    pub fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>> {
        self.poll_peek_from(cx, &mut ReadBuf::new(&mut []))
    }
}
