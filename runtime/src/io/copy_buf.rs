//! From a reader with a buffer to a writer.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime_core::coop;

use super::{AsyncBufRead, AsyncWrite, write_zero};

/// Copies everything from `reader` to `writer` out of the reader's own buffer, flushes it, and gives the count of bytes.
///
/// As with [`copy`](super::copy) the writer is flushed whenever the reader has nothing to give for now, and is not shut
/// down.
///
/// # Errors
/// The first of either side. [`io::ErrorKind::WriteZero`] if the writer takes no more. What the writer has not taken is
/// still in the reader.
///
/// # Cancel safety
/// A dropped copy loses no byte: what the writer has not taken is still in the reader. Only the count is lost.
///
/// Cost: none besides what reader and writer do.
///
/// ```
/// # use runtime::io::{BufReader, copy_buf};
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let (mut reader, mut writer) = (BufReader::new(&b"three"[..]), Vec::new());
/// assert_eq!(copy_buf(&mut reader, &mut writer).await.unwrap(), 5);
/// # });
/// ```
pub async fn copy_buf<'a, R, W>(reader: &'a mut R, writer: &'a mut W) -> io::Result<u64>
where
    R: AsyncBufRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let (mut written, mut unflushed) = (0, false);
    poll_fn(|cx| poll(cx, Pin::new(reader), Pin::new(writer), &mut written, &mut unflushed)).await?;
    Ok(written)
}

/// Copies on, until the reader's end is flushed.
fn poll<R, W>(
    cx: &mut Context<'_>,
    mut reader: Pin<&mut R>,
    mut writer: Pin<&mut W>,
    written: &mut u64,
    unflushed: &mut bool,
) -> Poll<io::Result<()>>
where
    R: AsyncBufRead + ?Sized,
    W: AsyncWrite + ?Sized,
{
    loop {
        let turn = ready!(coop::poll_proceed(cx));
        let filled = reader.as_mut().poll_fill_buf(cx)?;
        match filled {
            Poll::Ready(bytes) if !bytes.is_empty() => {
                let count = ready!(writer.as_mut().poll_write(cx, bytes))?;
                if count == 0 {
                    return Poll::Ready(Err(write_zero()));
                }
                reader.as_mut().consume(count);
                *written += count as u64;
                *unflushed = true;
                turn.made();
            }
            ended_or_pending => {
                let ended = ended_or_pending.is_ready();
                if *unflushed || ended {
                    ready!(writer.as_mut().poll_flush(cx))?;
                    *unflushed = false;
                }
                if !ended {
                    return Poll::Pending;
                }
                turn.made();
                return Poll::Ready(Ok(()));
            }
        }
    }
}
