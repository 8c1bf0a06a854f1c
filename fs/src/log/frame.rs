//! How a log lies in its file.
//!
//! ```text
//! header, 32 bytes:  magic 8 | identity 8 | most bytes of a batch 8 | checksum 4 | zero 4
//! record:            length 4 | checksum 4 | bytes
//! ```
//!
//! Numbers are little-endian. A record's checksum (CRC-32C) covers the log's identity, the record's place, its length and
//! its bytes: so neither zeroes nor the remains of another file, nor a record that has moved, pass for one.

use std::hash::{BuildHasher, Hasher, RandomState};

pub(super) const HEADER: usize = 32;
/// What stands before each record's bytes.
pub(super) const PREFIX: usize = 8;
const MAGIC: [u8; 8] = *b"rtlog\0\0\x01";

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) identity: u64,
    /// A crash tears no more than this off the end.
    pub(super) batch_max: u64,
}

impl Header {
    /// Of a new log.
    pub(super) fn new(batch_max: u64) -> Header {
        Header { identity: RandomState::new().build_hasher().finish(), batch_max }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.identity.to_le_bytes());
        bytes.extend_from_slice(&self.batch_max.to_le_bytes());
        bytes.extend_from_slice(&Checksum::new().add(&bytes).get().to_le_bytes());
        bytes.resize(HEADER, 0);
        bytes
    }

    /// `None` if the bytes are no header.
    pub(super) fn decode(bytes: &[u8]) -> Option<Header> {
        let (sealed, rest) = bytes.get(..HEADER)?.split_at(24);
        let sum = u32::from_le_bytes(rest[..4].try_into().ok()?);
        if !sealed.starts_with(&MAGIC) || Checksum::new().add(sealed).get() != sum {
            return None;
        }
        let number = |at: usize| sealed[at..at + 8].try_into().ok().map(u64::from_le_bytes);
        Some(Header { identity: number(8)?, batch_max: number(16)? })
    }

    /// What stands before `bytes` at `place`.
    pub(super) fn prefix(&self, place: u64, bytes: &[u8]) -> [u8; PREFIX] {
        let length = (bytes.len() as u32).to_le_bytes();
        let mut prefix = [0; PREFIX];
        prefix[..4].copy_from_slice(&length);
        prefix[4..].copy_from_slice(&self.checksum(place, length, bytes).to_le_bytes());
        prefix
    }

    /// True if `prefix` is that of `bytes` at `place`.
    pub(super) fn is_whole(&self, place: u64, prefix: &[u8; PREFIX], bytes: &[u8]) -> bool {
        self.prefix(place, bytes) == *prefix
    }

    fn checksum(&self, place: u64, length: [u8; 4], bytes: &[u8]) -> u32 {
        let before = Checksum::new().add(&self.identity.to_le_bytes()).add(&place.to_le_bytes()).add(&length);
        // Zeroes, of which lost blocks consist, are never a record.
        before.add(bytes).get().max(1)
    }
}

/// The length that a prefix tells.
pub(super) fn length_of(prefix: &[u8; PREFIX]) -> usize {
    u32::from_le_bytes([prefix[0], prefix[1], prefix[2], prefix[3]]) as usize
}

/// CRC-32C, eight bytes at a time.
#[derive(Clone, Copy)]
struct Checksum(u32);

/// `TABLES[n][byte]`: what `byte` does to the checksum when `n` bytes come after it.
static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let (mut sum, mut bit) = (byte as u32, 0);
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut distance = 1;
    while distance < 8 {
        byte = 0;
        while byte < 256 {
            let before = tables[distance - 1][byte];
            tables[distance][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        distance += 1;
    }
    tables
}

impl Checksum {
    fn new() -> Checksum {
        Checksum(!0)
    }

    fn add(self, bytes: &[u8]) -> Checksum {
        let mut sum = self.0;
        let mut eights = bytes.chunks_exact(8);
        for eight in &mut eights {
            let low = sum ^ u32::from_le_bytes([eight[0], eight[1], eight[2], eight[3]]);
            let at = |n: usize, byte: u32| TABLES[n][(byte & 0xff) as usize];
            sum = at(7, low) ^ at(6, low >> 8) ^ at(5, low >> 16) ^ at(4, low >> 24);
            sum ^= at(3, eight[4].into()) ^ at(2, eight[5].into()) ^ at(1, eight[6].into()) ^ at(0, eight[7].into());
        }
        for byte in eights.remainder() {
            sum = sum >> 8 ^ TABLES[0][((sum ^ u32::from(*byte)) & 0xff) as usize];
        }
        Checksum(sum)
    }

    fn get(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc_32c() {
        assert_eq!(Checksum::new().add(b"123456789").get(), 0xe306_9283);
        assert_eq!(Checksum::new().add(&[0; 32]).get(), 0x8a91_36aa);
        let bytes: Vec<u8> = (0..100).collect();
        for cut in 0..bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(Checksum::new().add(a).add(b).get(), Checksum::new().add(&bytes).get());
        }
    }

    #[test]
    fn a_record_is_whole_in_its_place_and_log_only() {
        let header = Header::new(1 << 20);
        assert_eq!(Header::decode(&header.encode()), Some(header));
        let prefix = header.prefix(32, b"bytes");
        assert_eq!(length_of(&prefix), 5);
        assert!(header.is_whole(32, &prefix, b"bytes"));
        assert!(!header.is_whole(33, &prefix, b"bytes"));
        assert!(!header.is_whole(32, &prefix, b"bites"));
        assert!(!Header::new(1 << 20).is_whole(32, &prefix, b"bytes"));
        assert!(!header.is_whole(32, &[0; PREFIX], b""));
        let mut torn = header.encode();
        torn[10] ^= 1;
        assert_eq!(Header::decode(&torn), None);
    }
}
