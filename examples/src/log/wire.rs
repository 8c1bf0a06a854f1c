//! What goes over a connection: frames of a kind, a length and bytes.

use std::io;

use crate::record::RECORD_MAX;

/// From the client: a record to append.
pub const APPEND: u8 = 1;
/// From the client: the position from which on it wants records.
pub const REPLAY: u8 = 2;
/// From the server: the position of a record that is safe. They come in the order of the appends.
pub const ACKNOWLEDGED: u8 = 3;
/// From the server: a position, and the record there.
pub const RECORD: u8 = 4;
/// From the server: no more records.
pub const END: u8 = 5;
/// From the server: why it ends the connection, in words.
pub const REFUSED: u8 = 6;

const PREFIX: usize = 5;

/// Puts a frame, of bytes in some pieces, behind `out`.
pub fn write(out: &mut Vec<u8>, kind: u8, pieces: &[&[u8]]) {
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    out.push(kind);
    out.extend_from_slice(&(length as u32).to_le_bytes());
    pieces.iter().for_each(|piece| out.extend_from_slice(piece));
}

/// Takes frames off bytes that come in any pieces.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    at: usize,
}

impl Frames {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame, if it is whole.
    ///
    /// # Errors
    /// For one that is longer than any can be.
    pub fn next(&mut self) -> io::Result<Option<(u8, &[u8])>> {
        let Some((prefix, rest)) = self.bytes[self.at..].split_first_chunk::<PREFIX>() else { return Ok(None) };
        let [kind, length @ ..] = *prefix;
        let length = u32::from_le_bytes(length) as usize;
        if length > RECORD_MAX + 8 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is longer than any can be"));
        }
        if rest.len() < length {
            return Ok(None);
        }
        let start = self.at + PREFIX;
        self.at = start + length;
        Ok(Some((kind, &self.bytes[start..self.at])))
    }
}

/// A position at the front of a frame's bytes.
pub fn position(bytes: &[u8]) -> io::Result<(u64, &[u8])> {
    let (position, rest) = bytes.split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
    Ok((u64::from_le_bytes(*position), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_of_any_pieces() {
        let mut bytes = Vec::new();
        for n in 0..50_u64 {
            write(&mut bytes, RECORD, &[&n.to_le_bytes(), &vec![n as u8; n as usize]]);
        }
        for size in [1, 3, 7, 64, bytes.len()] {
            let (mut frames, mut seen) = (Frames::default(), 0);
            for piece in bytes.chunks(size) {
                frames.feed(piece);
                while let Some((kind, bytes)) = frames.next().unwrap() {
                    let (n, rest) = position(bytes).unwrap();
                    assert_eq!((kind, n, rest), (RECORD, seen, &vec![n as u8; n as usize][..]));
                    seen += 1;
                }
            }
            assert_eq!(seen, 50);
        }
        let mut frames = Frames::default();
        frames.feed(&[1, 0xff, 0xff, 0xff, 0xff]);
        assert!(frames.next().is_err());
    }
}
