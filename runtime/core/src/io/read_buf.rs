//! The memory that a read fills.

use std::{fmt, io, mem::MaybeUninit, ptr, task::Poll};

/// A borrowed buffer that knows how much of it has been filled, and how much has ever been initialized.
///
/// ```text
/// |            capacity             |
/// |  filled  |       unfilled       |
/// |     initialized    |  uninit    |
/// ```
///
/// The filled part is what was read so far. Behind it may lie bytes that are initialized but of no meaning: they let a
/// buffer be zeroed once and read into often. None of the methods allocates.
///
/// ```
/// use runtime_core::io::ReadBuf;
///
/// let mut memory = [0; 8];
/// let mut buf = ReadBuf::new(&mut memory);
/// buf.put_slice(b"abc");
/// buf.initialize_unfilled()[..2].copy_from_slice(b"de");
/// buf.advance(2);
/// assert_eq!((buf.filled(), buf.remaining()), (&b"abcde"[..], 3));
/// ```
// Invariant: filled <= initialized <= memory.len(), and memory[..initialized] is initialized. Whoever can reach
// `memory` as `MaybeUninit` from outside (`unfilled_mut`, `inner_mut`) has promised to keep it so.
pub struct ReadBuf<'a> {
    memory: &'a mut [MaybeUninit<u8>],
    filled: usize,
    initialized: usize,
}

impl<'a> ReadBuf<'a> {
    /// An empty buffer on initialized memory.
    #[inline]
    pub fn new(buf: &'a mut [u8]) -> ReadBuf<'a> {
        let initialized = buf.len();
        // SAFETY: the caller's slice lies under both types for 'a, which ends before its owner frees it. No byte
        // becomes uninitialized: safe methods only write bytes, the unsafe ones forbid it.
        // tests::any_sequence_agrees_with_a_model.
        let memory = unsafe { &mut *(ptr::from_mut(buf) as *mut [MaybeUninit<u8>]) };
        ReadBuf { memory, filled: 0, initialized }
    }

    /// An empty buffer on memory of which nothing is known to be initialized.
    #[inline]
    pub fn uninit(buf: &'a mut [MaybeUninit<u8>]) -> ReadBuf<'a> {
        ReadBuf { memory: buf, filled: 0, initialized: 0 }
    }

    /// Bytes in all.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// What has been filled.
    #[inline]
    pub fn filled(&self) -> &[u8] {
        initialized(&self.memory[..self.filled])
    }

    /// What has been filled, to be changed.
    #[inline]
    pub fn filled_mut(&mut self) -> &mut [u8] {
        initialized_mut(&mut self.memory[..self.filled])
    }

    /// A new empty buffer on the first `n` unfilled bytes, or on all if there are fewer.
    ///
    /// What is filled there does not count here until [`assume_init`](ReadBuf::assume_init) and
    /// [`advance`](ReadBuf::advance) say so, nor does it know which bytes are initialized.
    #[inline]
    pub fn take(&mut self, n: usize) -> ReadBuf<'_> {
        let count = n.min(self.remaining());
        ReadBuf::uninit(&mut self.memory[self.filled..][..count])
    }

    /// What is initialized: the filled part, and bytes of no meaning.
    #[inline]
    pub fn initialized(&self) -> &[u8] {
        initialized(&self.memory[..self.initialized])
    }

    /// As [`initialized`](ReadBuf::initialized), to be changed.
    #[inline]
    pub fn initialized_mut(&mut self) -> &mut [u8] {
        initialized_mut(&mut self.memory[..self.initialized])
    }

    /// The whole memory.
    ///
    /// # Safety
    /// No byte may be made uninitialized, not even one that is not known to be initialized here: the memory's owner may
    /// know.
    #[inline]
    pub unsafe fn inner_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.memory
    }

    /// The unfilled part, initialized or not.
    ///
    /// # Safety
    /// No byte may be made uninitialized, not even one that is not known to be initialized here: the memory's owner may
    /// know.
    #[inline]
    pub unsafe fn unfilled_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.memory[self.filled..]
    }

    /// The unfilled part; what was not initialized is zeroed first.
    #[inline]
    pub fn initialize_unfilled(&mut self) -> &mut [u8] {
        self.initialize_unfilled_to(self.remaining())
    }

    /// The first `n` bytes of the unfilled part; what was not initialized of them is zeroed first.
    ///
    /// # Panics
    /// If fewer than `n` bytes are unfilled.
    #[inline]
    #[track_caller]
    pub fn initialize_unfilled_to(&mut self, n: usize) -> &mut [u8] {
        assert!(n <= self.remaining(), "{n} bytes are asked for, {} are unfilled", self.remaining());
        let end = self.filled + n;
        if self.initialized < end {
            self.memory[self.initialized..end].fill(MaybeUninit::new(0));
            self.initialized = end;
        }
        initialized_mut(&mut self.memory[self.filled..end])
    }

    /// How many bytes are unfilled.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.memory.len() - self.filled
    }

    /// Nothing is filled any more. What is initialized stays so.
    #[inline]
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// The next `n` bytes count as filled.
    ///
    /// # Panics
    /// If they are not all initialized.
    #[inline]
    #[track_caller]
    pub fn advance(&mut self, n: usize) {
        let end = self.filled.checked_add(n).expect("the count of filled bytes overflows");
        self.set_filled(end);
    }

    /// The first `n` bytes count as filled, the others as unfilled.
    ///
    /// # Panics
    /// If the first `n` bytes are not all initialized.
    #[inline]
    #[track_caller]
    pub fn set_filled(&mut self, n: usize) {
        assert!(n <= self.initialized, "{n} bytes cannot be filled, {} are initialized", self.initialized);
        self.filled = n;
    }

    /// The first `n` unfilled bytes count as initialized.
    ///
    /// # Panics
    /// If there are fewer.
    ///
    /// # Safety
    /// They must have been initialized.
    #[inline]
    #[track_caller]
    pub unsafe fn assume_init(&mut self, n: usize) {
        assert!(n <= self.remaining(), "{n} bytes cannot be initialized, {} are unfilled", self.remaining());
        self.initialized = self.initialized.max(self.filled + n);
    }

    /// Appends `buf`.
    ///
    /// # Panics
    /// If fewer bytes are unfilled.
    #[inline]
    #[track_caller]
    pub fn put_slice(&mut self, buf: &[u8]) {
        assert!(buf.len() <= self.remaining(), "{} bytes do not fit into {}", buf.len(), self.remaining());
        let end = self.filled + buf.len();
        // SAFETY: a `u8` is a `MaybeUninit<u8>` too, and the slice is only read, while it is borrowed.
        // tests::any_sequence_agrees_with_a_model.
        let bytes = unsafe { &*(ptr::from_ref(buf) as *const [MaybeUninit<u8>]) };
        self.memory[self.filled..end].copy_from_slice(bytes);
        self.initialized = self.initialized.max(end);
        self.filled = end;
    }

    /// Lets `read` append at most `limit` bytes, and gives their count. What it initializes beyond them is not
    /// forgotten.
    pub(super) fn fill_up_to(
        &mut self,
        limit: usize,
        read: impl FnOnce(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<usize>> {
        let known = (self.initialized - self.filled).min(limit);
        let count = self.remaining().min(limit);
        // SAFETY: by the invariant, memory[filled..initialized] is initialized. The memory is borrowed from its owner
        // for 'a. tests::a_limited_read_keeps_what_is_initialized.
        let filled = unsafe { fill(&mut self.memory[self.filled..][..count], known, read) };
        self.initialized = self.initialized.max(self.filled + filled.initialized);
        let count = std::task::ready!(filled.outcome)?;
        self.filled += count;
        Poll::Ready(Ok(count))
    }
}

/// What [`fill`] found.
pub(super) struct Filled {
    /// How many bytes were read.
    pub(super) outcome: Poll<io::Result<usize>>,
    /// How many bytes are initialized now, from the start of the memory.
    pub(super) initialized: usize,
}

/// Lets `read` fill `memory` from its start.
///
/// # Panics
/// If `read` put another buffer in the place of the one it was given: its counts say nothing about this memory.
///
/// # Safety
/// The first `initialized` bytes must be initialized.
pub(super) unsafe fn fill(
    memory: &mut [MaybeUninit<u8>],
    initialized: usize,
    read: impl FnOnce(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
) -> Filled {
    let given: *const [MaybeUninit<u8>] = memory;
    let mut buf = ReadBuf { memory, filled: 0, initialized };
    let outcome = read(&mut buf);
    assert!(ptr::eq(given, &*buf.memory), "a reader put another buffer in the place of the one it was given");
    Filled { outcome: outcome.map_ok(|()| buf.filled), initialized: buf.initialized }
}

impl fmt::Debug for ReadBuf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBuf")
            .field("filled", &self.filled)
            .field("initialized", &self.initialized)
            .field("capacity", &self.capacity())
            .finish()
    }
}

/// `memory` must lie within the initialized part of a [`ReadBuf`].
fn initialized(memory: &[MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: by ReadBuf's invariant these bytes are initialized. The memory is the caller's of `new` or `uninit`,
    // borrowed for as long as the result. tests::any_sequence_agrees_with_a_model.
    unsafe { &*(ptr::from_ref(memory) as *const [u8]) }
}

/// `memory` must lie within the initialized part of a [`ReadBuf`].
fn initialized_mut(memory: &mut [MaybeUninit<u8>]) -> &mut [u8] {
    // SAFETY: as in `initialized`; and a `u8` is written as one, so what is initialized stays so.
    unsafe { &mut *(ptr::from_mut(memory) as *mut [u8]) }
}

#[cfg(test)]
mod tests;
