//! What a read can put its bytes into.

use std::{io, task::Poll};

use sealed::Sink;

use super::{ReadBuf, read_buf::fill};

/// A buffer that fills as it is read into: what [`read_buf`](super::AsyncReadExt::read_buf) takes, where tokio has
/// `bytes::BufMut`.
///
/// These are: `Vec<u8>`, which grows, `&mut [u8]` and `&mut [MaybeUninit<u8>]`, which get shorter from the front,
/// [`ReadBuf`](super::ReadBuf), and `&mut` or `Box` of one. With the feature `bytes` it is every `bytes::BufMut`, these
/// among them. The trait is sealed and has no methods for users, so it can stand in a bound and gets in nobody's way.
pub trait BufSink: Sink {}

impl<B: Sink + ?Sized> BufSink for B {}

/// Has `read`, which does not wait, put bytes into the room that `sink` has, and gives their count; 0 if there is no room.
///
/// # Errors
/// Those of `read`.
pub fn fill_sink<B: BufSink + ?Sized>(
    sink: &mut B,
    read: impl FnOnce(&mut ReadBuf<'_>) -> io::Result<()>,
) -> io::Result<usize> {
    if !sink.has_room() {
        return Ok(0);
    }
    // SAFETY: nothing is said to be initialized. The memory is the sink's, which the caller lends. io::tests::read_buf_appends.
    let filled = unsafe { fill(sink.room(), 0, |buf| Poll::Ready(read(buf))) };
    let Poll::Ready(count) = filled.outcome else { unreachable!("`read` is given as ready") };
    let count = count?;
    // SAFETY: `fill` counted these bytes in the room that the sink gave just now. io::tests::read_buf_appends.
    unsafe { sink.fill_room(count) };
    Ok(count)
}

pub(super) mod sealed {
    use std::mem::MaybeUninit;

    pub trait Sink {
        /// False if nothing more fits.
        fn has_room(&self) -> bool;

        /// Memory for the next bytes; not empty while there is room.
        fn room(&mut self) -> &mut [MaybeUninit<u8>];

        /// The next `count` bytes count as filled.
        ///
        /// # Safety
        /// They must be initialized, and lie in what the last [`room`](Sink::room) gave.
        unsafe fn fill_room(&mut self, count: usize);
    }
}

#[cfg(feature = "bytes")]
mod with_bytes {
    use std::mem::MaybeUninit;

    use super::{super::ReadBuf, Sink};

    impl<B: bytes::BufMut + ?Sized> Sink for B {
        fn has_room(&self) -> bool {
            self.has_remaining_mut()
        }

        fn room(&mut self) -> &mut [MaybeUninit<u8>] {
            // SAFETY: only `fill` gets this memory, which writes bytes and never takes initialized ones back. The
            // memory is the sink's, and borrowed from it. io::tests::read_buf_appends.
            unsafe { self.chunk_mut().as_uninit_slice_mut() }
        }

        unsafe fn fill_room(&mut self, count: usize) {
            // SAFETY: the caller's promise is the one that is asked for here. io::tests::read_buf_appends.
            unsafe { self.advance_mut(count) }
        }
    }

    // SAFETY: `chunk_mut` gives the unfilled part, which `advance_mut` fills from its start.
    // io::tests::read_buf_appends.
    unsafe impl bytes::BufMut for ReadBuf<'_> {
        fn remaining_mut(&self) -> usize {
            self.remaining()
        }

        unsafe fn advance_mut(&mut self, count: usize) {
            // SAFETY: the caller has initialized them. io::tests::read_buf_appends.
            unsafe { self.assume_init(count) };
            self.advance(count);
        }

        fn chunk_mut(&mut self) -> &mut bytes::buf::UninitSlice {
            // SAFETY: an `UninitSlice` takes only bytes, so what is initialized stays so. io::tests::read_buf_appends.
            bytes::buf::UninitSlice::uninit(unsafe { self.unfilled_mut() })
        }
    }
}

#[cfg(not(feature = "bytes"))]
mod without_bytes {
    use std::mem::{self, MaybeUninit};

    use super::{super::ReadBuf, Sink};

    /// By how much a full vector grows, at least.
    const GROWTH_BYTES: usize = 64;

    impl Sink for Vec<u8> {
        fn has_room(&self) -> bool {
            self.len() < isize::MAX as usize
        }

        fn room(&mut self) -> &mut [MaybeUninit<u8>] {
            if self.len() == self.capacity() {
                self.reserve(GROWTH_BYTES);
            }
            self.spare_capacity_mut()
        }

        unsafe fn fill_room(&mut self, count: usize) {
            // SAFETY: they are the first of the spare capacity, and initialized. io::tests::read_buf_appends.
            unsafe { self.set_len(self.len() + count) }
        }
    }

    impl Sink for &mut [u8] {
        fn has_room(&self) -> bool {
            !self.is_empty()
        }

        fn room(&mut self) -> &mut [MaybeUninit<u8>] {
            let memory: *mut [u8] = *self;
            // SAFETY: the slice lies under both types, and is borrowed for as long as the result. Only `fill` gets it,
            // which writes bytes and never takes initialized ones back. io::tests::read_buf_appends.
            unsafe { &mut *(memory as *mut [MaybeUninit<u8>]) }
        }

        unsafe fn fill_room(&mut self, count: usize) {
            *self = &mut mem::take(self)[count..];
        }
    }

    impl Sink for &mut [MaybeUninit<u8>] {
        fn has_room(&self) -> bool {
            !self.is_empty()
        }

        fn room(&mut self) -> &mut [MaybeUninit<u8>] {
            self
        }

        unsafe fn fill_room(&mut self, count: usize) {
            *self = &mut mem::take(self)[count..];
        }
    }

    impl Sink for ReadBuf<'_> {
        fn has_room(&self) -> bool {
            self.remaining() > 0
        }

        fn room(&mut self) -> &mut [MaybeUninit<u8>] {
            // SAFETY: only `fill` gets this memory, which writes bytes and never takes initialized ones back.
            // io::tests::read_buf_appends.
            unsafe { self.unfilled_mut() }
        }

        unsafe fn fill_room(&mut self, count: usize) {
            // SAFETY: the caller has initialized them. io::tests::read_buf_appends.
            unsafe { self.assume_init(count) };
            self.advance(count);
        }
    }

    impl<B: Sink + ?Sized> Sink for &mut B {
        fn has_room(&self) -> bool {
            (**self).has_room()
        }

        fn room(&mut self) -> &mut [MaybeUninit<u8>] {
            (**self).room()
        }

        unsafe fn fill_room(&mut self, count: usize) {
            // SAFETY: the caller's promise is the one that is asked for here. io::tests::read_buf_appends.
            unsafe { (**self).fill_room(count) }
        }
    }

    impl<B: Sink + ?Sized> Sink for Box<B> {
        fn has_room(&self) -> bool {
            (**self).has_room()
        }

        fn room(&mut self) -> &mut [MaybeUninit<u8>] {
            (**self).room()
        }

        unsafe fn fill_room(&mut self, count: usize) {
            // SAFETY: the caller's promise is the one that is asked for here. io::tests::read_buf_appends.
            unsafe { (**self).fill_room(count) }
        }
    }
}
