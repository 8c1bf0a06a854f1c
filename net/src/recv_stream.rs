//! The bytes of a connection, by one op for all of them.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use runtime_core::{
    coop,
    fd::Target,
    multishot::Receiving,
    op::Resource,
    pool::{BufferPool, Lease},
};

use crate::{SlotStream, TcpStream, UnixStream};

/// The bytes of a connection, piece by piece, in buffers of a pool: IORING_OP_RECV, multishot. Made by `recv_stream()` of
/// streams.
///
/// A connection that is idle holds no buffer. Each piece is a [`Lease`]; dropping it gives its buffer back. When the pool
/// is empty, the stream waits until buffers come back; the bytes wait in the socket meanwhile. So a task that holds leases
/// and waits for another stream of the same pool can wait for ever: take what you need out of a lease, and drop it.
///
/// Bytes are received also while nobody asks for them, up to an eighth of the pool's buffers, and what the completion queue
/// holds on top. Then the rest is left in the socket, where the peer's window closes.
///
/// While it is there, leave the other receives of the connection alone: bytes would go to either.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::net::{BufferPool, UnixStream};
///
/// let (a, b) = UnixStream::pair()?;
/// let pool = BufferPool::new(16, 1024)?; // 16 KiB for any number of connections
/// let mut bytes = b.recv_stream(&pool);
/// a.send_all("ping").await.0?;
/// let lease = bytes.next().await.unwrap()?;
/// assert_eq!(&lease[..], b"ping");
/// b.send_all(lease).await.0?; // sent back without a copy in user space
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
///
/// # Cancel safety
/// A dropped `next` has lost nothing. When the stream itself is dropped, bytes that have arrived and were not taken are
/// lost; [`stop`](RecvStream::stop) gives them.
#[derive(Debug)]
pub struct RecvStream(Receiving);

impl RecvStream {
    pub(crate) fn new(target: Target, pool: &BufferPool) -> RecvStream {
        RecvStream(Receiving::new(target, pool))
    }

    /// The next bytes, at least one; `None` once the peer has shut down its side, after an error, and after a stop.
    ///
    /// # Errors
    /// Those of recv(2).
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cancel safety
    /// Dropped it has taken nothing.
    ///
    /// # Cost
    /// No SQE, system call, copy or allocation for bytes that have come.
    pub async fn next(&mut self) -> Option<io::Result<Lease>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](RecvStream::next), inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for `next`.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Lease>>> {
        let budget = ready!(coop::poll_proceed(cx));
        let polled = ready!(self.0.poll_next(cx));
        budget.made();
        Poll::Ready(polled)
    }

    /// Receives no more, and gives what had arrived and was not taken: `(io::Result<()>, leases)`. What comes afterwards
    /// stays in the socket, so any other receive goes on at the right byte.
    ///
    /// # Errors
    /// One that had ended the stream before it was stopped; the bytes before it are given nevertheless.
    ///
    /// # Cancel safety
    /// Dropped, it loses nothing: [`next`](RecvStream::next) gives what had arrived, and then `None`.
    ///
    /// # Cost
    /// One SQE.
    pub async fn stop(&mut self) -> (io::Result<()>, Vec<Lease>) {
        self.0.stop().await
    }
}

impl Stream for RecvStream {
    type Item = io::Result<Lease>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Lease>>> {
        RecvStream::poll_next(self.get_mut(), cx)
    }
}

macro_rules! recv_streams {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => { $(
        impl<$($generics)*> $type {
            /// What arrives, piece by piece, in buffers of `pool`: see [`RecvStream`].
            pub fn recv_stream(&self, pool: &BufferPool) -> RecvStream {
                RecvStream::new(Target::from(self), pool)
            }
        }
    )+ };
}

recv_streams!([] TcpStream, [] UnixStream, [T: Resource] SlotStream<T>);
