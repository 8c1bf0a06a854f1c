//! What users call on a reader.

mod exact;
mod number;
mod read;
mod to_end;
mod to_string;

use std::marker::PhantomPinned;

use exact::ReadExact;
use number::ReadNumber;
use read::{Read, ReadIntoBuf};
use to_end::ReadToEnd;
use to_string::ReadToString;

use super::{AsyncRead, BufSink, Chain, ReadBuf, Take};

/// The methods that read one number.
macro_rules! numbers {
    ($($name:ident $number:ident $decode:ident $bytes:literal $article:literal $order:literal;)*) => {$(
        #[doc = concat!("Reads ", $article, " `", stringify!($number), "`", $order, ".")]
        ///
        /// # Errors
        /// [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof) if the stream ends first, else what reading returns; an
        /// interrupted read is tried again. The bytes read by then are lost.
        ///
        /// # Cancel safety
        #[doc = numbers!(@cancel $bytes)]
        fn $name(&mut self) -> ReadNumber<'_, Self, $number, [u8; $bytes]>
        where
            Self: Unpin,
        {
            ReadNumber::new(self, $number::$decode)
        }
    )*};
    (@cancel 1) => { "Cancel-safe: a dropped call has read nothing." };
    (@cancel $bytes:literal) => { "Not cancel-safe: the bytes that a dropped call has read are lost." };
}

/// The methods of every reader.
///
/// None of them allocates, but for what the caller's own `Vec` or `String` needs to grow.
///
/// ```
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let example = async {
/// use runtime_core::io::AsyncReadExt;
///
/// let mut reader = &b"\x01\x02 and text"[..];
/// assert_eq!(reader.read_u16().await?, 0x0102); // numbers are big endian, unless the name says `le`
/// let mut four = [0; 4];
/// reader.read_exact(&mut four).await?;
/// let mut rest = String::new();
/// reader.read_to_string(&mut rest).await?;
/// assert_eq!((&four, &rest[..]), (b" and", " text"));
/// # std::io::Result::Ok(()) };
/// # assert!(matches!(pin!(example).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
/// ```
pub trait AsyncReadExt: AsyncRead {
    /// A reader that gives all of this one, then all of `next`.
    ///
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let example = async {
    /// use runtime_core::io::AsyncReadExt;
    ///
    /// let mut text = String::new();
    /// (&b"one, "[..]).chain(&b"two"[..]).read_to_string(&mut text).await?;
    /// assert_eq!(text, "one, two");
    /// # std::io::Result::Ok(()) };
    /// # assert!(matches!(pin!(example).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
    /// ```
    fn chain<R>(self, next: R) -> Chain<Self, R>
    where
        Self: Sized,
        R: AsyncRead,
    {
        Chain::new(self, next)
    }

    /// Reads what there is, at most until `buf` is full, and gives the count.
    ///
    /// It waits until there is something to read. 0 is the end of the stream, or an empty `buf`. A count below `buf`'s
    /// length says nothing about the end.
    ///
    /// # Errors
    /// What the stream reports; nothing was read then.
    ///
    /// # Cancel safety
    /// Cancel-safe: a dropped call has read nothing.
    fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> Read<'a, Self>
    where
        Self: Unpin,
    {
        Read { reader: self, buf, pinned: PhantomPinned }
    }

    /// As [`read`](AsyncReadExt::read), into a buffer that grows or moves on: the next read goes behind what this one
    /// gave. The memory need not be initialized.
    ///
    /// 0 is the end of the stream, or a buffer without room. A `Vec<u8>` always has room, since it grows when it is
    /// full; [`BufSink`] lists what else a buffer can be.
    ///
    /// # Errors
    /// What the stream reports; nothing was read then.
    ///
    /// # Cancel safety
    /// Cancel-safe: a dropped call has read nothing.
    ///
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let example = async {
    /// use runtime_core::io::AsyncReadExt;
    ///
    /// let mut reader = &b"all there is"[..];
    /// let mut buf = Vec::with_capacity(8);
    /// while reader.read_buf(&mut buf).await? > 0 {}
    /// assert_eq!(buf, b"all there is");
    /// # std::io::Result::Ok(()) };
    /// # assert!(matches!(pin!(example).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
    /// ```
    fn read_buf<'a, B>(&'a mut self, buf: &'a mut B) -> ReadIntoBuf<'a, Self, B>
    where
        Self: Unpin,
        B: BufSink + ?Sized,
    {
        ReadIntoBuf { reader: self, buf, pinned: PhantomPinned }
    }

    /// Reads until `buf` is full, and gives its length.
    ///
    /// # Errors
    /// [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof) if the stream ends first, else what reading returns; an
    /// interrupted read is tried again. The front of `buf` then holds what was read by then, of unknown length.
    ///
    /// # Cancel safety
    /// Not cancel-safe: what a dropped call has read is in `buf`, and nothing says how much that is.
    fn read_exact<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadExact<'a, Self>
    where
        Self: Unpin,
    {
        ReadExact { reader: self, buf: ReadBuf::new(buf), pinned: PhantomPinned }
    }

    numbers! {
        read_u8 u8 from_be_bytes 1 "a" "";
        read_i8 i8 from_be_bytes 1 "an" "";
        read_u16 u16 from_be_bytes 2 "a" ", big endian";
        read_i16 i16 from_be_bytes 2 "an" ", big endian";
        read_u32 u32 from_be_bytes 4 "a" ", big endian";
        read_i32 i32 from_be_bytes 4 "an" ", big endian";
        read_u64 u64 from_be_bytes 8 "a" ", big endian";
        read_i64 i64 from_be_bytes 8 "an" ", big endian";
        read_u128 u128 from_be_bytes 16 "a" ", big endian";
        read_i128 i128 from_be_bytes 16 "an" ", big endian";
        read_f32 f32 from_be_bytes 4 "an" ", big endian";
        read_f64 f64 from_be_bytes 8 "an" ", big endian";
        read_u16_le u16 from_le_bytes 2 "a" ", little endian";
        read_i16_le i16 from_le_bytes 2 "an" ", little endian";
        read_u32_le u32 from_le_bytes 4 "a" ", little endian";
        read_i32_le i32 from_le_bytes 4 "an" ", little endian";
        read_u64_le u64 from_le_bytes 8 "a" ", little endian";
        read_i64_le i64 from_le_bytes 8 "an" ", little endian";
        read_u128_le u128 from_le_bytes 16 "a" ", little endian";
        read_i128_le i128 from_le_bytes 16 "an" ", little endian";
        read_f32_le f32 from_le_bytes 4 "an" ", little endian";
        read_f64_le f64 from_le_bytes 8 "an" ", little endian";
    }

    /// Appends all up to the end of the stream to `buf`, and gives the count.
    ///
    /// The vector grows as needed, in doubling steps; one whose spare capacity just fits is not grown. The stream is
    /// read into its own memory, which is not zeroed first.
    ///
    /// # Errors
    /// What reading returns; an interrupted read is tried again. What was read by then is in `buf`.
    ///
    /// # Cancel safety
    /// What a dropped call has read is in `buf`, so another call goes on where it ended; only the count starts anew.
    fn read_to_end<'a>(&'a mut self, buf: &'a mut Vec<u8>) -> ReadToEnd<'a, Self>
    where
        Self: Unpin,
    {
        ReadToEnd::new(self, buf)
    }

    /// Appends all up to the end of the stream, which must be UTF-8, to `dst`, and gives the count of bytes.
    ///
    /// # Errors
    /// [`InvalidData`](std::io::ErrorKind::InvalidData), with the [`Utf8Error`](std::str::Utf8Error) of what was read
    /// as its source, if that is not UTF-8; else what reading returns, while an interrupted read is tried again. After
    /// an error `dst` is as it was, and what was read is lost.
    ///
    /// # Cancel safety
    /// Not cancel-safe: what a dropped call has read is lost. `dst` is then as it was; it is empty if the call was
    /// forgotten without a drop.
    fn read_to_string<'a>(&'a mut self, dst: &'a mut String) -> ReadToString<'a, Self>
    where
        Self: Unpin,
    {
        ReadToString::new(self, dst)
    }

    /// A reader that gives the next `limit` bytes of this one, then ends.
    ///
    /// ```
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// # let example = async {
    /// use runtime_core::io::AsyncReadExt;
    ///
    /// let (mut stream, mut head) = (&b"head and body"[..], Vec::new());
    /// (&mut stream).take(4).read_to_end(&mut head).await?;
    /// assert_eq!((&head[..], stream), (&b"head"[..], &b" and body"[..]));
    /// # std::io::Result::Ok(()) };
    /// # assert!(matches!(pin!(example).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
    /// ```
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        Take::new(self, limit)
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}
