//! What users call on a writer.

mod all;
mod buf;
mod flush;
mod number;
mod write;

use std::{io::IoSlice, marker::PhantomPinned};

use all::WriteAll;
use buf::{WriteAllBuf, WriteBuf};
use flush::{Flush, Shutdown};
use number::WriteNumber;
use write::{Write, WriteVectored};

use super::{AsyncWrite, BufSource};

/// The methods that write one number.
macro_rules! numbers {
    ($($name:ident $number:ident $encode:ident $bytes:literal $article:literal $order:literal;)*) => {$(
        #[doc = concat!("Writes ", $article, " `", stringify!($number), "`", $order, ".")]
        ///
        /// # Errors
        /// [`WriteZero`](std::io::ErrorKind::WriteZero) if the stream takes no more, else what writing returns; an
        /// interrupted write is tried again. A part of the number may have been written by then.
        ///
        /// # Cancel safety
        #[doc = numbers!(@cancel $bytes)]
        fn $name(&mut self, n: $number) -> WriteNumber<'_, Self, [u8; $bytes]>
        where
            Self: Unpin,
        {
            WriteNumber::new(self, n.$encode())
        }
    )*};
    (@cancel 1) => { "Cancel-safe: a dropped call has written nothing." };
    (@cancel $bytes:literal) => { "Not cancel-safe: a dropped call may have written a part of the number." };
}

/// The methods of every writer.
///
/// None of them allocates.
///
/// ```
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let example = async {
/// use runtime_core::io::AsyncWriteExt;
///
/// let mut writer = Vec::new();
/// writer.write_u16(2).await?; // numbers are big endian, unless the name says `le`
/// writer.write_all(b"hi").await?;
/// writer.flush().await?;
/// assert_eq!(writer, b"\x00\x02hi");
/// # std::io::Result::Ok(()) };
/// # assert!(matches!(pin!(example).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
/// ```
pub trait AsyncWriteExt: AsyncWrite {
    /// Writes from the front of `src` what the stream takes at once, and gives the count.
    ///
    /// It waits until the stream takes something. A count of 0 is that of an empty `src`, or of a stream that takes no
    /// more.
    ///
    /// # Errors
    /// What the stream reports; nothing was written then.
    ///
    /// # Cancel safety
    /// Cancel-safe: a dropped call has written nothing.
    fn write<'a>(&'a mut self, src: &'a [u8]) -> Write<'a, Self>
    where
        Self: Unpin,
    {
        Write { writer: self, bytes: src, pinned: PhantomPinned }
    }

    /// As [`write`](AsyncWriteExt::write), from several buffers, in order.
    ///
    /// Where [`is_write_vectored`](AsyncWrite::is_write_vectored) says no, only the first buffer with bytes is written
    /// from.
    ///
    /// # Errors
    /// What the stream reports; nothing was written then.
    ///
    /// # Cancel safety
    /// Cancel-safe: a dropped call has written nothing.
    fn write_vectored<'a, 'b>(&'a mut self, bufs: &'a [IoSlice<'b>]) -> WriteVectored<'a, 'b, Self>
    where
        Self: Unpin,
    {
        WriteVectored { writer: self, slices: bufs, pinned: PhantomPinned }
    }

    /// Writes from the front of `src` what the stream takes at once, takes that off `src`, and gives the count.
    ///
    /// A buffer in several pieces is written with one vectored write, up to 64 pieces, if the stream is good at that.
    /// [`BufSource`] lists what a buffer can be.
    ///
    /// # Errors
    /// What the stream reports; nothing was written then.
    ///
    /// # Cancel safety
    /// Cancel-safe: a dropped call has written nothing.
    fn write_buf<'a, B>(&'a mut self, src: &'a mut B) -> WriteBuf<'a, Self, B>
    where
        Self: Sized + Unpin,
        B: BufSource,
    {
        WriteBuf { writer: self, buf: src, pinned: PhantomPinned }
    }

    /// Writes all of `src`, which is empty then.
    ///
    /// # Errors
    /// [`WriteZero`](std::io::ErrorKind::WriteZero) if the stream takes no more, else what writing returns; an
    /// interrupted write is tried again. `src` begins with what was not written.
    ///
    /// # Cancel safety
    /// A dropped call may have written a part, and `src` begins with what was not written: another call goes on there.
    ///
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let example = async {
    /// use runtime_core::io::AsyncWriteExt;
    ///
    /// let (mut writer, mut left) = (Vec::new(), &b"all of it"[..]);
    /// writer.write_all_buf(&mut left).await?;
    /// assert_eq!((&writer[..], left), (&b"all of it"[..], &b""[..]));
    /// # std::io::Result::Ok(()) };
    /// # assert!(matches!(pin!(example).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
    /// ```
    fn write_all_buf<'a, B>(&'a mut self, src: &'a mut B) -> WriteAllBuf<'a, Self, B>
    where
        Self: Sized + Unpin,
        B: BufSource,
    {
        WriteAllBuf { writer: self, buf: src, pinned: PhantomPinned }
    }

    /// Writes all of `src`.
    ///
    /// # Errors
    /// [`WriteZero`](std::io::ErrorKind::WriteZero) if the stream takes no more, else what writing returns; an
    /// interrupted write is tried again. A part may have been written by then, of unknown length.
    ///
    /// # Cancel safety
    /// Not cancel-safe: a dropped call may have written a part, and nothing says how much;
    /// [`write_all_buf`](AsyncWriteExt::write_all_buf) does.
    fn write_all<'a>(&'a mut self, src: &'a [u8]) -> WriteAll<'a, Self>
    where
        Self: Unpin,
    {
        WriteAll { writer: self, bytes: src, pinned: PhantomPinned }
    }

    numbers! {
        write_u8 u8 to_be_bytes 1 "a" "";
        write_i8 i8 to_be_bytes 1 "an" "";
        write_u16 u16 to_be_bytes 2 "a" ", big endian";
        write_i16 i16 to_be_bytes 2 "an" ", big endian";
        write_u32 u32 to_be_bytes 4 "a" ", big endian";
        write_i32 i32 to_be_bytes 4 "an" ", big endian";
        write_u64 u64 to_be_bytes 8 "a" ", big endian";
        write_i64 i64 to_be_bytes 8 "an" ", big endian";
        write_u128 u128 to_be_bytes 16 "a" ", big endian";
        write_i128 i128 to_be_bytes 16 "an" ", big endian";
        write_f32 f32 to_be_bytes 4 "an" ", big endian";
        write_f64 f64 to_be_bytes 8 "an" ", big endian";
        write_u16_le u16 to_le_bytes 2 "a" ", little endian";
        write_i16_le i16 to_le_bytes 2 "an" ", little endian";
        write_u32_le u32 to_le_bytes 4 "a" ", little endian";
        write_i32_le i32 to_le_bytes 4 "an" ", little endian";
        write_u64_le u64 to_le_bytes 8 "a" ", little endian";
        write_i64_le i64 to_le_bytes 8 "an" ", little endian";
        write_u128_le u128 to_le_bytes 16 "a" ", little endian";
        write_i128_le i128 to_le_bytes 16 "an" ", little endian";
        write_f32_le f32 to_le_bytes 4 "an" ", little endian";
        write_f64_le f64 to_le_bytes 8 "an" ", little endian";
    }

    /// Brings all that the writer holds back to where it is written to.
    ///
    /// # Errors
    /// What writing returns.
    ///
    /// # Cancel safety
    /// Cancel-safe: a dropped call may have flushed a part, the writer still holds the rest, and another call goes on
    /// there.
    fn flush(&mut self) -> Flush<'_, Self>
    where
        Self: Unpin,
    {
        Flush { writer: self, pinned: PhantomPinned }
    }

    /// Flushes, then ends the stream: a socket tells its peer that no more will come. No write may follow.
    ///
    /// # Errors
    /// What writing, or ending the stream, returns.
    ///
    /// # Cancel safety
    /// A dropped call may have done a part; another call goes on there. No write may follow the dropped call either.
    fn shutdown(&mut self) -> Shutdown<'_, Self>
    where
        Self: Unpin,
    {
        Shutdown { writer: self, pinned: PhantomPinned }
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}
