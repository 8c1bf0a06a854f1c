//! `struct fuse_in_header` before every request, `struct fuse_out_header` before every reply.

use std::io;

use super::Fields;

pub const REQUEST_HEADER: usize = 40;
pub const REPLY_HEADER: usize = 16;
const EIO: i32 = 5;

/// Who asks for what.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Of the whole request, in bytes. (Not in use where a ring carries it.)
    pub len: u32,
    pub opcode: u32,
    /// Names the request; the reply bears it too.
    pub unique: u64,
    pub node: u64,
    pub uid: u32,
    pub gid: u32,
}

impl Header {
    pub fn decode(bytes: &[u8]) -> Header {
        let mut fields = Fields(&bytes[..REQUEST_HEADER]);
        let (len, opcode) = (fields.u32(), fields.u32());
        let (unique, node) = (fields.u64(), fields.u64());
        Header { len, opcode, unique, node, uid: fields.u32(), gid: fields.u32() }
    }
}

/// The header of a reply with `len` bytes behind it, or of an error, and how many bytes that makes behind it.
pub fn reply_header(unique: u64, result: &io::Result<usize>) -> ([u8; REPLY_HEADER], usize) {
    let (error, len) = match result {
        Ok(len) => (0, *len),
        Err(error) => (-error.raw_os_error().filter(|errno| *errno > 0).unwrap_or(EIO), 0),
    };
    let mut bytes = [0; REPLY_HEADER];
    bytes[..4].copy_from_slice(&((REPLY_HEADER + len) as u32).to_ne_bytes());
    bytes[4..8].copy_from_slice(&error.to_ne_bytes());
    bytes[8..].copy_from_slice(&unique.to_ne_bytes());
    (bytes, len)
}
