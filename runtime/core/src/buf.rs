//! Owned buffers: memory that the kernel may use until the op's last CQE.

mod slice;

pub use slice::Slice;
pub(crate) use slice::resolve;

use std::{rc::Rc, sync::Arc};

/// Memory that an op can read from: a write's or a send's bytes.
///
/// An op owns its buffer from the call until its result comes back, and keeps it until the kernel's last CQE even if
/// the future is dropped or forgotten.
///
/// # Safety
/// - The address that [`stable_ptr`](IoBuf::stable_ptr) returns stays the same, and valid for
///   [`bytes_init`](IoBuf::bytes_init) initialised bytes, while the value is **moved** and until it is dropped.
///   So inline arrays (`[u8; N]`) cannot implement it.
/// - Both methods return the same value each time while nobody has `&mut` access.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the buffer of an op",
    label = "not an owned buffer whose address survives a move",
    note = "use `Vec<u8>`, `Box<[u8]>`, `String`, `&'static [u8]`, or a slice of one; an inline array moves with its owner"
)]
pub unsafe trait IoBuf: 'static {
    /// Start of the memory.
    fn stable_ptr(&self) -> *const u8;

    /// How many bytes from there are initialised: what a write writes.
    fn bytes_init(&self) -> usize;

    /// Where it lies in the ring's table of registered buffers, if it does.
    #[doc(hidden)]
    fn registered(&self) -> Option<u16> {
        None
    }

    /// The part `range` of this buffer as a buffer of its own; [`Slice::into_inner`] gives the whole back.
    ///
    /// Panics if the range ends beyond [`bytes_init`](IoBuf::bytes_init) or is reversed.
    ///
    /// ```
    /// use runtime_core::buf::IoBuf;
    /// let tail = vec![1u8, 2, 3, 4].slice(2..);
    /// assert_eq!(&tail[..], [3, 4]);
    /// ```
    fn slice(self, range: impl std::ops::RangeBounds<usize>) -> Slice<Self>
    where
        Self: Sized,
    {
        Slice::new(self, range)
    }
}

/// Memory that an op can fill: a read's or a receive's destination.
///
/// A `Vec<u8>` lends its length (`vec![0; 4096]`: 4096 bytes), an empty one its capacity
/// (`Vec::with_capacity(4096)`); the length of a `Vec` that was empty is then set to what was read.
///
/// # Safety
/// As for [`IoBuf`], and:
/// - [`stable_mut_ptr`](IoBufMut::stable_mut_ptr) is valid for writes of
///   [`bytes_writable`](IoBufMut::bytes_writable) bytes, which nobody else reads or writes while the buffer is
///   owned by an op.
/// - [`set_init`](IoBufMut::set_init) may rely on the first `filled` bytes being initialised, and on nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the buffer that an op fills",
    label = "not an owned, writable buffer whose address survives a move",
    note = "use `Vec<u8>`, `Box<[u8]>`, or a slice of one; an inline array moves with its owner"
)]
pub unsafe trait IoBufMut: IoBuf {
    /// Start of the memory to fill.
    fn stable_mut_ptr(&mut self) -> *mut u8;

    /// How many bytes from there may be written.
    fn bytes_writable(&self) -> usize;

    /// Notes that the first `filled` bytes have been written by the kernel.
    ///
    /// # Safety
    /// The first `filled` ≤ [`bytes_writable`](IoBufMut::bytes_writable) bytes are initialised.
    unsafe fn set_init(&mut self, filled: usize);
}

macro_rules! shared_bytes {
    ($($(#[$attribute:meta])* $type:ty),+) => { $(
        $(#[$attribute])*
        // SAFETY: the bytes live outside the value (static, boxed or reference counted), so a move of the value leaves
        // them; they are freed by the value's drop, which the op's activation runs after the last CQE.
        // Test: buf::tests, drop_everywhere.
        unsafe impl IoBuf for $type {
            fn stable_ptr(&self) -> *const u8 {
                let bytes: &[u8] = self.as_ref();
                bytes.as_ptr()
            }

            fn bytes_init(&self) -> usize {
                let bytes: &[u8] = self.as_ref();
                bytes.len()
            }
        }
    )+ };
}

shared_bytes!(&'static [u8], &'static str, Vec<u8>, Box<[u8]>, String, Arc<[u8]>, Rc<[u8]>);

// SAFETY: as for the slice it points to. Test: buf::tests.
unsafe impl<const N: usize> IoBuf for &'static [u8; N] {
    fn stable_ptr(&self) -> *const u8 {
        self.as_slice().as_ptr()
    }

    fn bytes_init(&self) -> usize {
        N
    }
}

// SAFETY: the heap block of a Vec does not move with it and is not reallocated without `&mut`; `set_init` grows an
// empty Vec only over bytes that the kernel has written. Test: buf::tests, drop_everywhere.
unsafe impl IoBufMut for Vec<u8> {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }

    fn bytes_writable(&self) -> usize {
        if self.is_empty() { self.capacity() } else { self.len() }
    }

    unsafe fn set_init(&mut self, filled: usize) {
        debug_assert!(filled <= self.bytes_writable());
        if self.is_empty() {
            // SAFETY: `filled` ≤ capacity bytes are initialised, by this function's contract. Test: buf::tests.
            unsafe { self.set_len(filled) }
        }
    }
}

// SAFETY: the boxed bytes do not move with the box, and all of them are initialised. Test: buf::tests.
unsafe impl IoBufMut for Box<[u8]> {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }

    fn bytes_writable(&self) -> usize {
        self.len()
    }

    unsafe fn set_init(&mut self, _filled: usize) {}
}

/// Length of a transfer as an SQE can say it: the kernel moves at most `i32::MAX` rounded down to a page at once.
pub(crate) const TRANSFER_MAX: usize = 0x7fff_f000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_vec_lends_its_capacity_and_any_other_its_length() {
        let mut vec = Vec::with_capacity(64);
        assert_eq!((vec.bytes_init(), vec.bytes_writable()), (0, vec.capacity()));
        // SAFETY: 3 bytes are written right here.
        unsafe {
            std::ptr::copy_nonoverlapping(b"abc".as_ptr(), vec.stable_mut_ptr(), 3);
            vec.set_init(3);
        }
        assert_eq!(vec, b"abc");
        assert_eq!(vec.bytes_writable(), 3);
        // SAFETY: all bytes are initialised already.
        unsafe { vec.set_init(1) };
        assert_eq!(vec.len(), 3);
    }

    #[test]
    fn addresses_survive_a_move() {
        fn check<B: IoBuf>(buf: B) {
            let before = (buf.stable_ptr(), buf.bytes_init());
            let moved = Box::new(buf);
            assert_eq!(before, (moved.stable_ptr(), moved.bytes_init()));
        }
        check(vec![1u8; 3]);
        check(vec![1u8; 3].into_boxed_slice());
        check("text");
        check(String::from("text"));
        check(b"array");
        check::<Arc<[u8]>>(Arc::from([1u8, 2]));
        check::<Rc<[u8]>>(Rc::from([1u8, 2]));
        check(vec![1u8; 9].slice(2..5));
    }
}
