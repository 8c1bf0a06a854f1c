//! A pipe in memory: the bytes between a writer and a reader, and who waits for them.
//!
//! It is data only. A step says whom it wakes; the caller does so once it has let go of the pipe, since a waker is
//! code of others.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    task::Waker,
};

use super::ReadBuf;

/// Bytes on their way, in order, `limit` at most.
pub(super) struct Pipe {
    bytes: VecDeque<u8>,
    limit: usize,
    /// Set once, by either side's end: nothing is taken any more. What is in the pipe can still be read.
    closed: bool,
    /// Who waits for bytes: set only while the pipe is empty and open, taken by whoever changes that.
    reader: Option<Waker>,
    /// Who waits for room: set only while the pipe is full and open, taken by whoever changes that.
    writer: Option<Waker>,
}

/// The two who may wait.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Reader,
    Writer,
}

/// What a step has done; `None` in its place means that the caller has to wait.
pub(super) struct Step<T> {
    pub(super) result: io::Result<T>,
    /// To be woken.
    pub(super) waker: Option<Waker>,
}

impl Pipe {
    /// # Panics
    /// If `limit` is 0: no byte would ever pass.
    #[track_caller]
    pub(super) fn new(limit: usize) -> Pipe {
        assert!(limit > 0, "a pipe without room passes no byte: `max_buf_size` must be greater than 0");
        Pipe { bytes: VecDeque::new(), limit, closed: false, reader: None, writer: None }
    }

    pub(super) fn read(&mut self, buf: &mut ReadBuf<'_>) -> Option<Step<()>> {
        if self.bytes.is_empty() {
            let at_end = self.closed || buf.remaining() == 0;
            return at_end.then_some(Step { result: Ok(()), waker: None });
        }
        let count = self.bytes.len().min(buf.remaining());
        let (front, back) = self.bytes.as_slices();
        let of_front = count.min(front.len());
        buf.put_slice(&front[..of_front]);
        buf.put_slice(&back[..count - of_front]);
        self.bytes.drain(..count);
        let waker = if count > 0 { self.writer.take() } else { None };
        Some(Step { result: Ok(()), waker })
    }

    pub(super) fn write(&mut self, bufs: &[IoSlice<'_>]) -> Option<Step<usize>> {
        if self.closed {
            return Some(Step { result: Err(io::ErrorKind::BrokenPipe.into()), waker: None });
        }
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Some(Step { result: Ok(0), waker: None });
        }
        let before = self.bytes.len();
        for buf in bufs {
            let room = self.limit - self.bytes.len();
            self.bytes.extend(&buf[..buf.len().min(room)]);
        }
        let count = self.bytes.len() - before;
        (count > 0).then(|| Step { result: Ok(count), waker: self.reader.take() })
    }

    /// Ends the pipe. Both sides' wakers come back: who still waits is to be woken.
    pub(super) fn close(&mut self) -> (Option<Waker>, Option<Waker>) {
        self.closed = true;
        (self.reader.take(), self.writer.take())
    }

    /// The place of the waker of a side that has to wait.
    pub(super) fn waiting(&mut self, side: Side) -> &mut Option<Waker> {
        match side {
            Side::Reader => &mut self.reader,
            Side::Writer => &mut self.writer,
        }
    }
}

/// What a debugger wants to know of a pipe; a value of its own, so that no formatter runs under the pipe's lock.
#[derive(Debug)]
#[allow(dead_code, reason = "read by `Debug` alone")]
pub(super) struct Summary {
    bytes: usize,
    limit: usize,
    closed: bool,
    reader_waits: bool,
    writer_waits: bool,
}

impl Pipe {
    pub(super) fn summary(&self) -> Summary {
        Summary {
            bytes: self.bytes.len(),
            limit: self.limit,
            closed: self.closed,
            reader_waits: self.reader.is_some(),
            writer_waits: self.writer.is_some(),
        }
    }
}
