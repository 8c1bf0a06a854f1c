//! Buffers of one block, used again and again.

use runtime::buf::{IoBuf, Slice};

/// Bytes in a block. Also the alignment of blocks in their source.
pub const BLOCK: usize = 64 << 10;

/// A buffer, or the front part of one where a file ends within a block.
pub type Buffer = Slice<Vec<u8>>;

/// The buffers of one plan in flight. They travel with it and come back with its results; one that is dropped with a
/// failure is simply not used again.
#[derive(Debug, Default)]
pub struct Buffers(Vec<Vec<u8>>);

impl Buffers {
    /// A buffer of `len` ≤ [`BLOCK`] bytes.
    pub fn take(&mut self, len: usize) -> Buffer {
        self.0.pop().unwrap_or_else(|| vec![0; BLOCK]).slice(..len.min(BLOCK))
    }

    pub fn put(&mut self, buffer: Buffer) {
        self.0.push(buffer.into_inner());
    }
}
