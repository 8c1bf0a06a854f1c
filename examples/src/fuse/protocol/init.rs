//! INIT, the first request: `struct fuse_init_in` and `struct fuse_init_out`.

use std::io;

use super::{Fields, Reply};

const MAJOR: u32 = 7;
/// With 7.42 came FUSE-over-io_uring.
const MINOR: u32 = 42;
/// Bytes of one WRITE, and of one READ.
pub const MAX_WRITE: usize = 256 << 10;
const PAGE: usize = 4096;
/// What a queue entry's payload has to hold: `fuse_uring_create` in `fs/fuse/dev_uring.c`.
pub const PAYLOAD: usize = MAX_WRITE;
/// Requests that nobody waits for (read-ahead, direct I/O in the background) at once, and how many mean a crowd.
const BACKGROUND: u16 = 64;
const CROWD: u16 = 48;

/// Flags of INIT. Those that are left out: the kernel shall keep the locks, cut the umask off, and send truncation as a
/// SETATTR of its own.
mod flags {
    pub const ASYNC_READ: u64 = 1 << 0;
    pub const BIG_WRITES: u64 = 1 << 5;
    pub const AUTO_INVAL_DATA: u64 = 1 << 12;
    pub const DO_READDIRPLUS: u64 = 1 << 13;
    pub const READDIRPLUS_AUTO: u64 = 1 << 14;
    pub const ASYNC_DIO: u64 = 1 << 15;
    pub const PARALLEL_DIROPS: u64 = 1 << 18;
    pub const MAX_PAGES: u64 = 1 << 22;
    pub const INIT_EXT: u64 = 1 << 30;
    pub const OVER_IO_URING: u64 = 1 << 41;
    pub const WANTED: u64 = ASYNC_READ
        | BIG_WRITES
        | AUTO_INVAL_DATA
        | DO_READDIRPLUS
        | READDIRPLUS_AUTO
        | ASYNC_DIO
        | PARALLEL_DIROPS
        | MAX_PAGES
        | INIT_EXT;
}

/// What the kernel offers.
#[derive(Clone, Copy, Debug)]
pub struct Init {
    major: u32,
    minor: u32,
    max_readahead: u32,
    flags: u64,
}

impl Init {
    pub fn decode(bytes: &[u8]) -> io::Result<Init> {
        if bytes.len() < 16 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a short INIT"));
        }
        let extended = bytes.len() >= 20;
        let mut fields = Fields(bytes);
        let (major, minor) = (fields.u32(), fields.u32());
        let (max_readahead, low) = (fields.u32(), fields.u32());
        let high = if extended { fields.u32() } else { 0 };
        if major != MAJOR || minor < 23 {
            let text = format!("the kernel speaks FUSE {major}.{minor}, not {MAJOR}.23 or later");
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        Ok(Init { major, minor, max_readahead, flags: u64::from(low) | u64::from(high) << 32 })
    }

    /// Whether requests can come through rings.
    pub fn offers_rings(&self) -> bool {
        self.flags & flags::OVER_IO_URING != 0
    }

    pub fn reply(&self, reply: &mut Reply<'_>, rings: bool) {
        let wanted = flags::WANTED | if rings { flags::OVER_IO_URING } else { 0 };
        let flags = self.flags & wanted;
        reply.u32(self.major).u32(self.minor.min(MINOR)).u32(self.max_readahead).u32(flags as u32);
        // Times are kept in nanoseconds.
        reply.u16(BACKGROUND).u16(CROWD).u32(MAX_WRITE as u32).u32(1);
        reply.u16((MAX_WRITE / PAGE) as u16).u16(0).u32((flags >> 32) as u32).zeroes(28);
    }
}
