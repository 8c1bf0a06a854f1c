//! Between two streams, both ways at once.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{AsyncRead, AsyncWrite, DEFAULT_CAPACITY, copy::Relay};

/// Copies from `a` to `b` and from `b` to `a` at once, as a proxy does, until both have ended. Gives the counts of
/// bytes, from `a` to `b` first.
///
/// When the one side is at its end, what it gave is flushed and the other side is shut down; the other direction goes
/// on.
///
/// # Errors
/// The first of either side, in either direction: nothing is copied any more, and nothing is shut down. What was
/// read before and not written is lost.
///
/// # Cancel safety
/// None: a dropped copy loses what it has read and not yet written.
///
/// Cost: two allocations of 8 KiB, one copy.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::io::{copy_bidirectional, join, sink};
///
/// let mut writer = Vec::new();
/// let mut a = join(&b"to b"[..], sink());
/// let mut b = join(&b"back"[..], &mut writer);
/// assert_eq!(copy_bidirectional(&mut a, &mut b).await.unwrap(), (4, 4));
/// assert_eq!(writer, b"to b");
/// # });
/// ```
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    copy_bidirectional_with_sizes(a, b, DEFAULT_CAPACITY, DEFAULT_CAPACITY).await
}

/// As [`copy_bidirectional`], with buffers of as many bytes as given for each direction.
///
/// # Panics
/// If a size is 0: no byte would ever pass.
pub async fn copy_bidirectional_with_sizes<A, B>(
    a: &mut A,
    b: &mut B,
    a_to_b_buf_size: usize,
    b_to_a_buf_size: usize,
) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    assert!(a_to_b_buf_size > 0, "`a_to_b_buf_size` must be greater than 0: nothing passes without room");
    assert!(b_to_a_buf_size > 0, "`b_to_a_buf_size` must be greater than 0: nothing passes without room");
    let mut there = Direction::Copying(Relay::new(a_to_b_buf_size));
    let mut back = Direction::Copying(Relay::new(b_to_a_buf_size));
    // The directions take turns in being first: one that is always ready uses up the task's budget.
    let mut back_first = false;
    poll_fn(|cx| {
        let early = if back_first { Some(back.poll(cx, Pin::new(&mut *b), Pin::new(&mut *a))?) } else { None };
        back_first = !back_first;
        let there = there.poll(cx, Pin::new(&mut *a), Pin::new(&mut *b))?;
        let back = match early {
            Some(back) => back,
            None => back.poll(cx, Pin::new(&mut *b), Pin::new(&mut *a))?,
        };
        Poll::Ready(Ok((ready!(there), ready!(back))))
    })
    .await
}

/// How far one direction is.
enum Direction {
    Copying(Relay),
    /// All of so many bytes are flushed; the writer is being shut down.
    Ending(u64),
    /// Nothing is done any more.
    Ended(u64),
}

impl Direction {
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        loop {
            *self = match self {
                Direction::Copying(relay) => {
                    Direction::Ending(ready!(relay.poll(cx, reader.as_mut(), writer.as_mut()))?)
                }
                Direction::Ending(count) => {
                    ready!(writer.as_mut().poll_shutdown(cx))?;
                    Direction::Ended(*count)
                }
                Direction::Ended(count) => return Poll::Ready(Ok(*count)),
            }
        }
    }
}
