//! What a write can take its bytes from.

use sealed::Source;

/// A buffer that gets shorter as it is written: what [`write_buf`](super::AsyncWriteExt::write_buf) and
/// [`write_all_buf`](super::AsyncWriteExt::write_all_buf) take, where tokio has `bytes::Buf`.
///
/// These are: `&[u8]`, [`Cursor`](std::io::Cursor) over anything that is `AsRef<[u8]>`, `VecDeque<u8>`, and `&mut` or
/// `Box` of one. With the feature `bytes` it is every `bytes::Buf`, these among them. The trait is sealed and has no
/// methods for users, so it can stand in a bound and gets in nobody's way.
pub trait BufSource: Source {}

impl<B: Source + ?Sized> BufSource for B {}

pub(super) mod sealed {
    use std::io::IoSlice;

    pub trait Source {
        /// True while there are bytes to write.
        fn has_more(&self) -> bool;

        /// The next bytes; not empty while there are any.
        fn next_bytes(&self) -> &[u8];

        /// Puts the next pieces into `slices`, and gives how many there are.
        fn next_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize;

        /// The next `count` bytes are written.
        fn written(&mut self, count: usize);
    }
}

#[cfg(feature = "bytes")]
mod with_bytes {
    use std::io::IoSlice;

    use super::Source;

    impl<B: bytes::Buf + ?Sized> Source for B {
        fn has_more(&self) -> bool {
            self.has_remaining()
        }

        fn next_bytes(&self) -> &[u8] {
            self.chunk()
        }

        fn next_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
            self.chunks_vectored(slices)
        }

        fn written(&mut self, count: usize) {
            self.advance(count);
        }
    }
}

#[cfg(not(feature = "bytes"))]
mod without_bytes {
    use std::{
        collections::VecDeque,
        io::{Cursor, IoSlice},
    };

    use super::{super::behind, Source};

    impl Source for &[u8] {
        fn has_more(&self) -> bool {
            !self.is_empty()
        }

        fn next_bytes(&self) -> &[u8] {
            self
        }

        fn next_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
            one(self, slices)
        }

        fn written(&mut self, count: usize) {
            *self = &self[count..];
        }
    }

    impl<T: AsRef<[u8]>> Source for Cursor<T> {
        fn has_more(&self) -> bool {
            !behind(self).is_empty()
        }

        fn next_bytes(&self) -> &[u8] {
            behind(self)
        }

        fn next_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
            one(behind(self), slices)
        }

        fn written(&mut self, count: usize) {
            assert!(count <= behind(self).len(), "a writer took more than it was given");
            self.set_position(self.position() + count as u64);
        }
    }

    impl Source for VecDeque<u8> {
        fn has_more(&self) -> bool {
            !self.is_empty()
        }

        fn next_bytes(&self) -> &[u8] {
            self.as_slices().0
        }

        fn next_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
            let (first, second) = self.as_slices();
            let count = one(first, slices);
            count + one(second, &mut slices[count..])
        }

        fn written(&mut self, count: usize) {
            self.drain(..count);
        }
    }

    impl<B: Source + ?Sized> Source for &mut B {
        fn has_more(&self) -> bool {
            (**self).has_more()
        }

        fn next_bytes(&self) -> &[u8] {
            (**self).next_bytes()
        }

        fn next_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
            (**self).next_slices(slices)
        }

        fn written(&mut self, count: usize) {
            (**self).written(count);
        }
    }

    impl<B: Source + ?Sized> Source for Box<B> {
        fn has_more(&self) -> bool {
            (**self).has_more()
        }

        fn next_bytes(&self) -> &[u8] {
            (**self).next_bytes()
        }

        fn next_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
            (**self).next_slices(slices)
        }

        fn written(&mut self, count: usize) {
            (**self).written(count);
        }
    }

    /// Puts `bytes` into the first of `slices`, if there are bytes, and a slice.
    fn one<'a>(bytes: &'a [u8], slices: &mut [IoSlice<'a>]) -> usize {
        match slices.first_mut() {
            Some(first) if !bytes.is_empty() => {
                *first = IoSlice::new(bytes);
                1
            }
            _ => 0,
        }
    }
}
