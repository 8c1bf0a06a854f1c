//! Where a request lies, and where its reply goes: a queue entry, or a buffer that `/dev/fuse` was read into.
//!
//! Operations do not see which. Either is also the buffer that files are read into and written from.

use std::{io, ops::Range};

use runtime::{IoBufMut, fuse::Entry};

use crate::protocol::{Header, REPLY_HEADER, REQUEST_HEADER};

/// A request, and room for its reply.
pub trait Room: IoBufMut + Sized {
    /// Where in the buffer the reply begins, behind its header.
    const REPLY: usize;

    fn header(&self) -> Header;

    /// The operation's structure, and what comes after it.
    ///
    /// # Errors
    /// `InvalidData` if the request is shorter.
    fn arguments(&self, size: usize) -> io::Result<(&[u8], &[u8])>;

    /// Where in the buffer that lies which comes after the operation's structure.
    fn rest(&self, size: usize) -> Range<usize>;

    /// All the room for the reply.
    fn reply(&mut self) -> &mut [u8];
}

impl Room for Entry {
    const REPLY: usize = 0;

    fn header(&self) -> Header {
        Header::decode(Entry::header(self))
    }

    fn arguments(&self, size: usize) -> io::Result<(&[u8], &[u8])> {
        Ok((&self.operation()[..size], &self.payload()[..self.payload_len()]))
    }

    fn rest(&self, _: usize) -> Range<usize> {
        0..self.payload_len()
    }

    fn reply(&mut self) -> &mut [u8] {
        self.payload_mut()
    }
}

impl Room for Vec<u8> {
    const REPLY: usize = REPLY_HEADER;

    fn header(&self) -> Header {
        Header::decode(self)
    }

    fn arguments(&self, size: usize) -> io::Result<(&[u8], &[u8])> {
        let request = &self[REQUEST_HEADER..Room::header(self).len as usize];
        let short = || io::Error::new(io::ErrorKind::InvalidData, "a request that is too short");
        request.split_at_checked(size).ok_or_else(short)
    }

    fn rest(&self, size: usize) -> Range<usize> {
        REQUEST_HEADER + size..Room::header(self).len as usize
    }

    fn reply(&mut self) -> &mut [u8] {
        &mut self[REPLY_HEADER..]
    }
}
