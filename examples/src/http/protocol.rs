//! HTTP/1.1 on the receiving side, without I/O: bytes go in as they come, events come out. However the bytes are cut
//! into pieces, the events are the same; the tests hold it to that.

mod chunks;
#[cfg(test)]
mod tests;

use self::chunks::{Chunks, Piece};
use super::{
    limits::{FIELDS, Limits},
    request::{Framing, Request},
    status::{Refusal, Status},
};

/// What has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A request's head. Its body follows, and then its end.
    Head(Request),
    /// A part of the body.
    Body(Vec<u8>),
    /// The request is whole.
    End,
}

/// What the connection is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing: no byte of a next request has come.
    Idle,
    Head,
    Body,
}

/// The receiving side of one connection.
#[derive(Debug)]
pub struct Protocol {
    limits: Limits,
    state: State,
    /// Bytes that have come and were not given out, from `at` on.
    bytes: Vec<u8>,
    at: usize,
}

#[derive(Debug)]
enum State {
    /// Between two requests, or in the middle of a head.
    Head,
    /// In a body, with so many bytes to come.
    Length(u64),
    Chunked(Chunks),
    /// What follows means nothing any more.
    Refused(Refusal),
}

impl Protocol {
    pub fn new(limits: Limits) -> Protocol {
        Protocol { limits, state: State::Head, bytes: Vec::new(), at: 0 }
    }

    /// Takes bytes that have come.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
        } else if self.at > self.limits.head {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// What the next bytes are waited for as.
    pub fn waiting(&self) -> Waiting {
        match self.state {
            State::Head if self.at == self.bytes.len() => Waiting::Idle,
            State::Head | State::Refused(_) => Waiting::Head,
            State::Length(_) | State::Chunked(_) => Waiting::Body,
        }
    }

    /// The next event; `None` until more bytes come.
    ///
    /// # Errors
    /// The refusal of a request. It is given again whenever it is asked for: nothing comes behind it.
    pub fn next(&mut self) -> Result<Option<Event>, Refusal> {
        let event = match &mut self.state {
            State::Head => self.next_head(),
            State::Length(0) => {
                self.state = State::Head;
                Ok(Some(Event::End))
            }
            State::Length(left) => {
                let rest = &self.bytes[self.at..];
                let take = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let piece = rest[..take].to_vec();
                self.at += take;
                *left -= take as u64;
                Ok((take > 0).then_some(Event::Body(piece)))
            }
            State::Chunked(chunks) => {
                let (taken, piece) = chunks.next(&self.bytes[self.at..]);
                self.at += taken;
                match piece {
                    Ok(Piece::None) => Ok(None),
                    Ok(Piece::Bytes(bytes)) => Ok(Some(Event::Body(bytes))),
                    Ok(Piece::End) => {
                        self.state = State::Head;
                        Ok(Some(Event::End))
                    }
                    Err(refusal) => Err(refusal),
                }
            }
            State::Refused(refusal) => Err(*refusal),
        };
        if let Err(refusal) = event {
            self.state = State::Refused(refusal);
        }
        event
    }

    fn next_head(&mut self) -> Result<Option<Event>, Refusal> {
        let all = &self.bytes[self.at..];
        if all.is_empty() {
            return Ok(None);
        }
        // No more than the limits is looked at, whatever has come: so a limit is met at the same byte in any cut.
        let line = &all[..all.len().min(self.limits.line)];
        let line_ends = line.iter().skip_while(|byte| matches!(byte, b'\r' | b'\n')).any(|byte| *byte == b'\n');
        let window = if line_ends { &all[..all.len().min(self.limits.head)] } else { line };
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut head = httparse::Request::new(&mut fields);
        match head.parse(window) {
            Ok(httparse::Status::Complete(length)) => {
                let (Some(method), Some(target), Some(version)) = (head.method, head.path, head.version) else {
                    return Err(Refusal::bad("a request line has a method, a target and a version"));
                };
                let request = Request::read(method, target, version, head.headers)?;
                self.state = match request.framing {
                    Framing::Length(length) if length > self.limits.body => return Err(too_large()),
                    Framing::Length(length) => State::Length(length),
                    Framing::Chunked => State::Chunked(Chunks::new(self.limits)),
                };
                self.at += length;
                Ok(Some(Event::Head(request)))
            }
            Ok(httparse::Status::Partial) if !line_ends && window.len() == self.limits.line => {
                Err(Refusal::new(Status::LINE_TOO_LONG, "the request line is too long"))
            }
            Ok(httparse::Status::Partial) if window.len() == self.limits.head => {
                Err(Refusal::new(Status::HEAD_TOO_LARGE, "the head is too large"))
            }
            Ok(httparse::Status::Partial) => Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                Err(Refusal::new(Status::HEAD_TOO_LARGE, "there are too many header fields"))
            }
            Err(httparse::Error::Version) if names_http(window) => {
                Err(Refusal::new(Status::VERSION, "only HTTP/1.1 and HTTP/1.0 are spoken here"))
            }
            Err(_) => Err(Refusal::bad("this is not a request")),
        }
    }
}

fn too_large() -> Refusal {
    Refusal::new(Status::BODY_TOO_LARGE, "the body is too large")
}

/// Whether the third word of the request line begins as a version of HTTP does, whichever it is.
fn names_http(head: &[u8]) -> bool {
    let line = head.trim_ascii_start();
    let third = line.split(|byte| *byte == b' ').nth(2).unwrap_or_default();
    third.strip_prefix(b"HTTP/").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}
