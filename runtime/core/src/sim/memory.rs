//! The tests' memory, through the SQEs' pointers. All unsafe code that follows them is here.
//!
//! SAFETY of everything in here, by the contract of [`Kernel::push`](crate::kernel::Kernel::push): whoever pushed the
//! SQE owns the memory and keeps it in place until the SQE's terminal CQE has been reaped; the simulation touches it
//! only before it posts that CQE, and bytes that an op writes are nobody else's until then. Test: under
//! AddressSanitizer, tests::memory_is_used_until_the_last_moment.

use std::{ffi::CStr, mem::MaybeUninit, time::Duration};

/// A piece of a test's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) address: u64,
    pub(super) len: usize,
}

/// True if some byte belongs to both.
pub(super) fn overlap(one: &[Piece], other: &[Piece]) -> bool {
    let end = |piece: &Piece| piece.address + piece.len as u64;
    let meet = |a: &Piece, b: &Piece| a.len > 0 && b.len > 0 && a.address < end(b) && b.address < end(a);
    one.iter().any(|a| other.iter().any(|b| meet(a, b)))
}

/// All bytes of the pieces.
pub(super) fn total(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.len).sum()
}

/// Calls `f` with pointer, length and place in the transfer of what lies in `skip..skip + len` of the pieces.
fn walk(pieces: &[Piece], mut skip: usize, mut len: usize, mut f: impl FnMut(*mut u8, usize, usize)) {
    let mut done = 0;
    for piece in pieces {
        let from = skip.min(piece.len);
        let count = (piece.len - from).min(len);
        if count > 0 {
            f(std::ptr::with_exposed_provenance_mut::<u8>(piece.address as usize + from), count, done);
        }
        (skip, len, done) = (skip - from, len - count, done + count);
    }
}

/// Writes `bytes` into the pieces, `skip` bytes in.
pub(super) fn store(pieces: &[Piece], skip: usize, bytes: &[u8]) {
    walk(pieces, skip, bytes.len(), |pointer, count, at| {
        // SAFETY: see above; `bytes` is the simulation's own, so the two do not overlap.
        unsafe { pointer.copy_from_nonoverlapping(bytes[at..].as_ptr(), count) };
    });
}

/// Up to `len` bytes from the pieces, `skip` bytes in.
pub(super) fn load(pieces: &[Piece], skip: usize, len: usize) -> Vec<u8> {
    let len = len.min(total(pieces).saturating_sub(skip));
    let mut bytes = vec![0; len];
    walk(pieces, skip, len, |pointer, count, at| {
        // SAFETY: see above; a write's bytes are initialised.
        unsafe { pointer.copy_to_nonoverlapping(bytes[at..].as_mut_ptr(), count) };
    });
    bytes
}

/// Looks at the ends of each piece, so that a checker complains if they are gone; they may be uninitialised.
pub(super) fn touch(pieces: &[Piece]) {
    walk(pieces, 0, usize::MAX, |pointer, count, _| {
        for at in [0, count - 1] {
            // SAFETY: see above; any byte is a `MaybeUninit<u8>`. Volatile, or it would be optimised away.
            unsafe { pointer.add(at).cast::<MaybeUninit<u8>>().read_volatile() };
        }
    });
}

/// The pieces of an array of `struct iovec`, which the kernel copies when it takes the SQE.
pub(super) fn pieces(address: u64, count: u32) -> Vec<Piece> {
    let array = std::ptr::with_exposed_provenance::<libc::iovec>(address as usize);
    let piece = |index: usize| {
        // SAFETY: see above; the array has `count` entries.
        let iovec = unsafe { array.add(index).read() };
        Piece { address: iovec.iov_base.expose_provenance() as u64, len: iovec.iov_len }
    };
    (0..count as usize).map(piece).collect()
}

/// A path, which the kernel copies when it takes the SQE.
pub(super) fn path(address: u64) -> std::ffi::CString {
    let pointer = std::ptr::with_exposed_provenance::<libc::c_char>(address as usize);
    // SAFETY: see above; the path ends in NUL.
    unsafe { CStr::from_ptr(pointer) }.to_owned()
}

/// A time, which the kernel copies when it takes the SQE; `None` if it is negative.
pub(super) fn time(address: u64) -> Option<Duration> {
    let pointer = std::ptr::with_exposed_provenance::<[i64; 2]>(address as usize);
    // SAFETY: see above; `struct __kernel_timespec` is two numbers of 64 bits.
    let [seconds, nanoseconds] = unsafe { pointer.read() };
    let (seconds, nanoseconds) = (u64::try_from(seconds).ok()?, u64::try_from(nanoseconds).ok()?);
    Some(Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds))
}
