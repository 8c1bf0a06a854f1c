//! Reading: the fields of a structure one after the other, and the names behind it.

use std::{ffi::OsStr, io, os::unix::ffi::OsStrExt};

/// What is left of a structure. It was cut to its size before, so its fields are there.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    pub fn u32(&mut self) -> u32 {
        u32::from_ne_bytes(self.take())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_ne_bytes(self.take())
    }

    /// Passes over fields that say nothing here.
    pub fn skip(&mut self, bytes: usize) {
        self.0 = &self.0[bytes..];
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("cut to its size");
        self.0 = rest;
        *field
    }
}

/// The name that `bytes` begins with, which a NUL ends.
///
/// # Errors
/// `InvalidData` if there is none.
pub fn name(bytes: &[u8]) -> io::Result<&OsStr> {
    names(bytes).map(|(name, _)| name)
}

/// The name that `bytes` begins with, and what comes after its NUL.
///
/// # Errors
/// `InvalidData` if there is none.
pub fn names(bytes: &[u8]) -> io::Result<(&OsStr, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let end = end.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a request without the name it needs"))?;
    Ok((OsStr::from_bytes(&bytes[..end]), &bytes[end + 1..]))
}
