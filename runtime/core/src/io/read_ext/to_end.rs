//! Reads until the end of the stream.

use std::{
    future::Future,
    io,
    marker::PhantomPinned,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use crate::io::{
    AsyncRead, ReadBuf,
    read_buf::{Filled, fill},
};

/// The least room that a read gets.
const ROOM_BYTES: usize = 32;
/// By how much a vector grows at least once something has been read.
const GROWTH_BYTES: usize = 1024;

pin_project! {
    /// The future of [`read_to_end`](super::AsyncReadExt::read_to_end).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadToEnd<'a, R: ?Sized> {
        reader: &'a mut R,
        bytes: &'a mut Vec<u8>,
        growth: Growth,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadToEnd<'a, R> {
    pub(super) fn new(reader: &'a mut R, bytes: &'a mut Vec<u8>) -> Self {
        ReadToEnd { reader, growth: Growth::of(bytes), bytes, pinned: PhantomPinned }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToEnd<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let me = self.project();
        // SAFETY: `growth` was made for this vector, which nobody else has touched since: this future borrows it.
        // tests::spare_capacity_is_initialized_once.
        unsafe { me.growth.poll_to_end(Pin::new(&mut **me.reader), cx, me.bytes) }
    }
}

/// How a vector grows while a stream is read into it.
#[derive(Debug)]
pub(super) struct Growth {
    /// Its length and its capacity before.
    start: usize,
    start_capacity: usize,
    /// How much of its memory is initialized. More than its length after a reader that initializes what it is given,
    /// and then need not do so again.
    initialized: usize,
}

impl Growth {
    pub(super) fn of(bytes: &Vec<u8>) -> Growth {
        Growth { start: bytes.len(), start_capacity: bytes.capacity(), initialized: bytes.len() }
    }

    /// Appends all that the reader has, and gives the count of what was appended since [`Growth::of`].
    ///
    /// # Safety
    /// This must be the growth of `bytes`, and only this function may have changed `bytes` since.
    pub(super) unsafe fn poll_to_end<R: AsyncRead + ?Sized>(
        &mut self,
        mut reader: Pin<&mut R>,
        cx: &mut Context<'_>,
        bytes: &mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let capacity = bytes.capacity();
            // A vector that has less is grown for the cost of looking beyond it.
            let perhaps_just_fits = capacity == self.start_capacity && capacity >= ROOM_BYTES;
            let outcome = if perhaps_just_fits && bytes.len() == capacity {
                self.poll_beyond(reader.as_mut(), cx, bytes)
            } else {
                self.reserve(bytes);
                // SAFETY: the caller's promise. tests::spare_capacity_is_initialized_once.
                unsafe { self.poll_spare(reader.as_mut(), cx, bytes) }
            };
            match ready!(outcome) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(0) => return Poll::Ready(Ok(bytes.len() - self.start)),
                Ok(_) => {}
            }
        }
    }

    /// Reads a little onto the stack: the caller may have given just the capacity that the stream needs, and then its
    /// end is found without another allocation.
    fn poll_beyond<R: AsyncRead + ?Sized>(
        &mut self,
        reader: Pin<&mut R>,
        cx: &mut Context<'_>,
        bytes: &mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        let mut memory = [MaybeUninit::uninit(); ROOM_BYTES];
        let mut buf = ReadBuf::uninit(&mut memory);
        ready!(reader.poll_read(cx, &mut buf))?;
        let count = buf.filled().len();
        if count > 0 {
            bytes.reserve(count.max(GROWTH_BYTES));
            bytes.extend_from_slice(buf.filled());
            self.initialized = bytes.len();
        }
        Poll::Ready(Ok(count))
    }

    /// Reads into the spare capacity.
    ///
    /// # Safety
    /// As [`Growth::poll_to_end`].
    unsafe fn poll_spare<R: AsyncRead + ?Sized>(
        &mut self,
        reader: Pin<&mut R>,
        cx: &mut Context<'_>,
        bytes: &mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        let known = self.initialized - bytes.len();
        // SAFETY: an earlier turn initialized `known` bytes behind the vector's length and noted it; growing, which
        // forgets them, notes that too. The memory is the vector's, which our caller borrows.
        // tests::spare_capacity_is_initialized_once.
        let Filled { outcome, initialized } =
            unsafe { fill(bytes.spare_capacity_mut(), known, |buf| reader.poll_read(cx, buf)) };
        self.initialized = bytes.len() + initialized;
        let count = ready!(outcome)?;
        // SAFETY: `fill` counted them in the spare capacity, from its start, and only initialized bytes count.
        // tests::spare_capacity_is_initialized_once.
        unsafe { bytes.set_len(bytes.len() + count) };
        Poll::Ready(Ok(count))
    }

    /// Makes room for the next read.
    fn reserve(&mut self, bytes: &mut Vec<u8>) {
        if bytes.capacity() - bytes.len() < ROOM_BYTES {
            // New memory: what was initialized in the old one's spare capacity does not come along.
            bytes.reserve(if bytes.len() == self.start { ROOM_BYTES } else { GROWTH_BYTES });
            self.initialized = bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Gives one byte at a time, or is pending in between; initializes all that it is offered; counts what that cost.
    struct Initializing {
        left: usize,
        pending: bool,
        zeroed: usize,
    }

    impl AsyncRead for Initializing {
        fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.zeroed += buf.capacity() - buf.initialized().len();
            buf.initialize_unfilled();
            self.pending = !self.pending;
            if self.pending {
                return Poll::Pending;
            }
            if self.left > 0 {
                self.left -= 1;
                buf.put_slice(b"x");
            }
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn spare_capacity_is_initialized_once() {
        let mut reader = Initializing { left: 10_000, pending: false, zeroed: 0 };
        let mut bytes = b"start".to_vec();
        let mut future = Box::pin(ReadToEnd::new(&mut reader, &mut bytes));
        let mut cx = Context::from_waker(Waker::noop());
        let read = loop {
            if let Poll::Ready(read) = future.as_mut().poll(&mut cx) {
                break read.unwrap();
            }
        };
        drop(future);
        assert_eq!((read, bytes.len()), (10_000, 10_005));
        assert!(bytes.starts_with(b"startxx") && bytes[5..].iter().all(|&byte| byte == b'x'));
        assert!(reader.zeroed <= 2 * bytes.capacity(), "{} bytes zeroed", reader.zeroed);
    }

    #[test]
    fn a_capacity_that_just_fits_is_kept() {
        for length in [32, 33, 4096] {
            let source = vec![7; length];
            let mut bytes = Vec::with_capacity(length);
            let (memory, mut reader) = (bytes.as_ptr(), &source[..]);
            let future = Box::pin(ReadToEnd::new(&mut reader, &mut bytes));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(matches!({ future }.as_mut().poll(&mut cx), Poll::Ready(Ok(count)) if count == length));
            assert_eq!((bytes.as_ptr(), bytes.capacity(), &bytes), (memory, length, &source));
        }
    }
}
