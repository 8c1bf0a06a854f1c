//! A part of an owned buffer.

use std::ops::{Bound, Deref, DerefMut, RangeBounds};

use super::{IoBuf, IoBufMut};

/// The part `start..end` of the initialised bytes of `B`, itself a buffer. Made by [`IoBuf::slice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<B> {
    inner: B,
    start: usize,
    end: usize,
}

impl<B: IoBuf> Slice<B> {
    pub(super) fn new(inner: B, range: impl RangeBounds<usize>) -> Slice<B> {
        let len = inner.bytes_init();
        let (start, end) = resolve(range, len);
        assert!(start <= end && end <= len, "slice {start}..{end} of a buffer with {len} initialised bytes");
        Slice { inner, start, end }
    }

    /// The whole buffer again.
    pub fn into_inner(self) -> B {
        self.inner
    }

    /// The whole buffer.
    pub fn get_ref(&self) -> &B {
        &self.inner
    }
}

/// Start and end of `range` over `len` bytes, saturating; the caller checks them.
pub(crate) fn resolve(range: impl RangeBounds<usize>, len: usize) -> (usize, usize) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => len,
    };
    (start, end)
}

// SAFETY: `inner` keeps its address when moved, so a fixed offset into it does too; `start..end` lies within its
// initialised bytes, which do not shrink without `&mut inner`, and none is given out. Test: buf::tests.
unsafe impl<B: IoBuf> IoBuf for Slice<B> {
    fn stable_ptr(&self) -> *const u8 {
        self.inner.stable_ptr().wrapping_add(self.start)
    }

    fn bytes_init(&self) -> usize {
        self.end - self.start
    }

    fn registered(&self) -> Option<u16> {
        self.inner.registered()
    }
}

// SAFETY: as above; the range is initialised, hence within what may be written. Test: buf::tests.
unsafe impl<B: IoBufMut> IoBufMut for Slice<B> {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.inner.stable_mut_ptr().wrapping_add(self.start)
    }

    fn bytes_writable(&self) -> usize {
        self.end - self.start
    }

    unsafe fn set_init(&mut self, _filled: usize) {}
}

impl<B: IoBuf> Deref for Slice<B> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `inner` owns `start..end` as initialised bytes for as long as `self` is borrowed (contract of
        // `IoBuf`). Test: buf::tests.
        unsafe { std::slice::from_raw_parts(self.stable_ptr(), self.bytes_init()) }
    }
}

impl<B: IoBufMut> DerefMut for Slice<B> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, with `&mut self` excluding every other access (contract of `IoBufMut`). Test: buf::tests.
        unsafe { std::slice::from_raw_parts_mut(self.stable_mut_ptr(), self.bytes_writable()) }
    }
}
