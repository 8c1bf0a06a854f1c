//! Writing: the fields of a reply one after the other.

/// A reply being written into the room there is.
#[derive(Debug)]
pub struct Reply<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl<'a> Reply<'a> {
    pub fn new(bytes: &'a mut [u8]) -> Reply<'a> {
        Reply { bytes, len: 0 }
    }

    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_ne_bytes())
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_ne_bytes())
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_ne_bytes())
    }

    pub fn zeroes(&mut self, count: usize) -> &mut Self {
        self.bytes[self.len..self.len + count].fill(0);
        self.len += count;
        self
    }

    /// # Panics
    /// If there is no room. Fixed structures have it; for others ask [`left`](Reply::left) first.
    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        self
    }

    pub fn left(&self) -> usize {
        self.bytes.len() - self.len
    }

    /// How long the reply is, for the end of an operation.
    pub fn len(&self) -> usize {
        self.len
    }
}
