//! Bodies in chunks.

use super::too_large;
use crate::{limits::Limits, status::Refusal};

/// Longest line that tells the length of a chunk, extensions included. Nothing here asks for extensions.
const LENGTH_LINE: usize = 256;

/// A body in chunks, in the middle of it.
#[derive(Debug)]
pub struct Chunks {
    limits: Limits,
    /// Bytes of the body so far.
    seen: u64,
    part: Part,
}

#[derive(Debug)]
enum Part {
    /// The line with a chunk's length.
    Length,
    /// A chunk, with so many bytes to come.
    Bytes(u64),
    /// The end of line behind a chunk.
    LineEnd,
    /// The fields behind the last chunk. They are passed over.
    Trailers,
}

/// What came of the next bytes.
pub enum Piece {
    /// Nothing yet.
    None,
    Bytes(Vec<u8>),
    End,
}

impl Chunks {
    pub fn new(limits: Limits) -> Chunks {
        Chunks { limits, seen: 0, part: Part::Length }
    }

    /// Takes some bytes off the front: how many, and what came of them.
    pub fn next(&mut self, bytes: &[u8]) -> (usize, Result<Piece, Refusal>) {
        let mut taken = 0;
        loop {
            match self.step(&bytes[taken..]) {
                Ok(Step::Passed(more)) => taken += more,
                Ok(Step::Given(more, piece)) => return (taken + more, Ok(piece)),
                Err(refusal) => return (taken, Err(refusal)),
            }
        }
    }

    fn step(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        match self.part {
            Part::Length => self.step_length(bytes),
            Part::Bytes(left) => {
                let take = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                if take == 0 {
                    return Ok(Step::Given(0, Piece::None));
                }
                let left = left - take as u64;
                self.part = if left == 0 { Part::LineEnd } else { Part::Bytes(left) };
                Ok(Step::Given(take, Piece::Bytes(bytes[..take].to_vec())))
            }
            Part::LineEnd => match bytes {
                [b'\r', b'\n', ..] => {
                    self.part = Part::Length;
                    Ok(Step::Passed(2))
                }
                [] | [b'\r'] => Ok(Step::Given(0, Piece::None)),
                _ => Err(Refusal::bad("a chunk is longer than it says")),
            },
            Part::Trailers => self.step_trailers(bytes),
        }
    }

    fn step_length(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        let window = &bytes[..bytes.len().min(LENGTH_LINE)];
        match httparse::parse_chunk_size(window) {
            Ok(httparse::Status::Complete((length, 0))) => {
                self.part = Part::Trailers;
                Ok(Step::Passed(length))
            }
            Ok(httparse::Status::Complete((length, size))) => {
                self.seen = self.seen.saturating_add(size);
                if self.seen > self.limits.body {
                    return Err(too_large());
                }
                self.part = Part::Bytes(size);
                Ok(Step::Passed(length))
            }
            Ok(httparse::Status::Partial) if window.len() == LENGTH_LINE => {
                Err(Refusal::bad("the length of a chunk is too long a line"))
            }
            Ok(httparse::Status::Partial) => Ok(Step::Given(0, Piece::None)),
            Err(_) => Err(Refusal::bad("a chunk begins with its length in hexadecimal")),
        }
    }

    fn step_trailers(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        let window = &bytes[..bytes.len().min(self.limits.head)];
        let end = if window.starts_with(b"\r\n") {
            Some(2)
        } else {
            window.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
        };
        match end {
            Some(end) => Ok(Step::Given(end, Piece::End)),
            None if window.len() == self.limits.head => Err(Refusal::bad("the trailers are too long")),
            None => Ok(Step::Given(0, Piece::None)),
        }
    }
}

/// How a step went on.
enum Step {
    /// Bytes that belong to the framing.
    Passed(usize),
    /// The end of this call: bytes taken, and what came of them.
    Given(usize, Piece),
}
