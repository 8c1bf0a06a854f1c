//! How much an op that moves bytes has to move: all of its buffer, or what there is.

use std::{io, ops::Range};

use super::Success;
use crate::{buf::TRANSFER_MAX, lower::invalid, sealed::Sealed};

/// [`Exact`] or [`Variable`].
pub trait Extent: Sealed + 'static {
    /// What success says beside the buffer.
    type Count;
    /// Whether less than all is a failure.
    const EXACT: bool;

    /// What an op over `len` bytes calls a success.
    #[doc(hidden)]
    fn success(len: usize) -> Success;

    /// The user's result for `moved` of `len` bytes; `short` is what too few of them are.
    #[doc(hidden)]
    fn count(moved: u32, len: usize, short: io::ErrorKind) -> io::Result<Self::Count>;
}

/// All bytes, or it is a failure (`UnexpectedEof`, `WriteZero`). Success is `()`.
#[derive(Clone, Copy, Debug)]
pub struct Exact;

/// At least one byte; none is the end of file. Success is the number of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Variable;

impl Sealed for Exact {}
impl Sealed for Variable {}

impl Extent for Exact {
    type Count = ();
    const EXACT: bool = true;

    fn success(len: usize) -> Success {
        Success::Exact(len)
    }

    fn count(moved: u32, len: usize, short: io::ErrorKind) -> io::Result<()> {
        if moved as usize >= len {
            return Ok(());
        }
        Err(io::Error::new(short, format!("{moved} of {len} bytes")))
    }
}

impl Extent for Variable {
    type Count = usize;
    const EXACT: bool = false;

    fn success(len: usize) -> Success {
        Success::Variable { asked: len }
    }

    fn count(moved: u32, _: usize, _: io::ErrorKind) -> io::Result<usize> {
        Ok(moved as usize)
    }
}

/// The length that an SQE can carry for `len` bytes.
pub(super) fn transfer_len<K: Extent>(len: usize) -> io::Result<u32> {
    if K::EXACT && len > TRANSFER_MAX {
        return Err(invalid(format!("{len} bytes in one op; the kernel moves at most {TRANSFER_MAX}: split it")));
    }
    Ok(len.min(TRANSFER_MAX) as u32)
}

/// A file offset as an SQE carries it; above `i64::MAX` it would mean the file's own position.
pub(super) fn file_offset(offset: u64) -> io::Result<u64> {
    match i64::try_from(offset) {
        Ok(_) => Ok(offset),
        Err(_) => Err(invalid(format!("file offset {offset} is larger than {}", i64::MAX))),
    }
}

/// The length of a range of a file as an SQE carries it: 0 for a range without an end, which reaches to the file's.
pub(super) fn byte_range(range: &Range<u64>, most: u64) -> io::Result<u64> {
    if range.end == u64::MAX {
        return Ok(0);
    }
    match range.end.checked_sub(range.start) {
        None | Some(0) => Err(invalid(format!("the range {}..{} of a file is empty", range.start, range.end))),
        Some(len) if len > most => {
            Err(invalid(format!("{len} bytes in one op; an SQE carries at most {most}: split the range")))
        }
        Some(len) => Ok(len),
    }
}
