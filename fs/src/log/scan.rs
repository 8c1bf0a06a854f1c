//! Reading a log from its file, block by block.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime_core::{
    fd::SharedFd,
    future::Io,
    op::{self, Read, Variable},
    plan::One,
};

use super::frame::{Header, PREFIX, length_of};

/// How much one read asks for.
const BLOCK: usize = 256 << 10;

type ReadBlock = Io<One<Read<Vec<u8>, Variable>>>;

/// Goes from record to record up to `end`.
#[derive(Debug)]
pub(super) struct Scan {
    fd: SharedFd,
    header: Header,
    record_max: usize,
    /// Where the next record starts.
    place: u64,
    end: u64,
    /// The file's bytes from `place` on, after the first `used`.
    bytes: Vec<u8>,
    used: usize,
    reading: Option<ReadBlock>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Found {
    Record(u64, Vec<u8>),
    /// What stands at this place is no whole record.
    Torn(u64),
    End,
}

impl Scan {
    pub(super) fn new(fd: SharedFd, header: Header, record_max: usize, place: u64, end: u64) -> Scan {
        Scan { fd, header, record_max, place, end, bytes: Vec::new(), used: 0, reading: None }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Found>> {
        loop {
            if self.place >= self.end {
                return Poll::Ready(Ok(Found::End));
            }
            let left = usize::try_from(self.end - self.place).unwrap_or(usize::MAX);
            let have = &self.bytes[self.used..];
            let need = match have.first_chunk::<PREFIX>() {
                None => PREFIX,
                Some(prefix) => PREFIX + length_of(prefix),
            };
            if need > left || need > PREFIX + self.record_max {
                return Poll::Ready(Ok(Found::Torn(self.place)));
            }
            if have.len() >= need && need > PREFIX || have.len() >= PREFIX && need == PREFIX {
                return Poll::Ready(Ok(self.take(need)));
            }
            if ready!(self.poll_fill(cx, need))? == 0 {
                // The file has become shorter under us.
                return Poll::Ready(Ok(Found::Torn(self.place)));
            }
        }
    }

    fn take(&mut self, len: usize) -> Found {
        let (prefix, bytes) =
            self.bytes[self.used..self.used + len].split_first_chunk::<PREFIX>().expect("has a prefix");
        let place = self.place;
        if !self.header.is_whole(place, prefix, bytes) {
            return Found::Torn(place);
        }
        let bytes = bytes.to_vec();
        self.place += len as u64;
        self.used += len;
        Found::Record(place, bytes)
    }

    /// Reads on; gives how many bytes came.
    fn poll_fill(&mut self, cx: &mut Context<'_>, need: usize) -> Poll<io::Result<usize>> {
        loop {
            if self.reading.is_none() {
                self.bytes.drain(..self.used);
                self.used = 0;
                let have = self.bytes.len();
                let left = usize::try_from(self.end - self.place).unwrap_or(usize::MAX) - have;
                let ask = left.min(BLOCK.max(need - have));
                let block = Vec::with_capacity(ask);
                self.reading = Some(op::read_at(&self.fd, block, self.place + have as u64));
            }
            let (result, block) = ready!(Pin::new(self.reading.as_mut().expect("just set")).poll(cx));
            self.reading = None;
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(count) => {
                    self.bytes.extend_from_slice(&block);
                    return Poll::Ready(Ok(count));
                }
            }
        }
    }
}
