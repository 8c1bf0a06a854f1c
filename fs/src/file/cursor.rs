//! Reading, writing and seeking by the file's own position.

use std::{
    future::Future,
    io::{self, IoSlice, Seek, SeekFrom},
    mem,
    ops::Range,
    pin::Pin,
    sync::PoisonError,
    task::{Context, Poll, ready},
};

use runtime_core::{
    coop,
    fd::SharedFd,
    file::read_now,
    io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf},
    nonblocking::status_flags,
    socket::retry,
    sync::CancellationToken,
    task::JoinHandle,
    writes::write_now,
};

use super::{
    File,
    background::{self, Ended},
};

/// Most bytes of one read or write, unless the user says otherwise.
const BYTES_MAX: usize = 2 << 20;
const O_DIRECT: i32 = 0o40000;
const EOPNOTSUPP: i32 = 95;

/// What a file knows beside its descriptor.
#[derive(Debug)]
pub(super) struct Cursor {
    work: Work,
    /// Brought by a read: `bytes[given..]` has yet to be given, and the file's position is behind it.
    bytes: Vec<u8>,
    given: usize,
    /// Of a write, for the next write or flush.
    failed: Option<io::Error>,
    /// Of a seek that was started.
    sought: Option<io::Result<u64>>,
    bytes_max: usize,
    at_once: AtOnce,
}

/// What others do for the cursor; one thing at a time, so all happens in order.
#[derive(Debug)]
enum Work {
    None,
    Read(JoinHandle<Ended>),
    /// With what `&File` waits by.
    Write(JoinHandle<Ended>, CancellationToken),
}

/// Whether reads are tried on the spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtOnce {
    Unknown,
    Yes,
    /// The file does not have it, or would wait for its device all the same (O_DIRECT).
    No,
}

impl Default for Cursor {
    fn default() -> Cursor {
        Cursor {
            work: Work::None,
            bytes: Vec::new(),
            given: 0,
            failed: None,
            sought: None,
            bytes_max: BYTES_MAX,
            at_once: AtOnce::Unknown,
        }
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        // What a FIFO would bring some day is nobody's any more; a write goes on.
        if let Work::Read(task) = &self.work {
            task.abort();
        }
    }
}

impl Cursor {
    /// Ends with the write that is under way.
    pub(super) fn write_under_way(&self) -> Option<CancellationToken> {
        match &self.work {
            Work::Write(_, done) if !done.is_cancelled() => Some(done.clone()),
            _ => None,
        }
    }

    /// Bytes by which the file's position is ahead of the cursor. They are given up: the caller moves the position back.
    pub(super) fn give_up(&mut self) -> i64 {
        let rest = self.bytes.len() - self.given;
        self.bytes.clear();
        self.given = 0;
        rest as i64
    }

    /// Waits for what is under way. What a read brought is kept for the next read; a write's error is given.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (task, reads) = match &mut self.work {
            Work::None => return Poll::Ready(Ok(())),
            Work::Read(task) => (task, true),
            Work::Write(task, _) => (task, false),
        };
        let ended = ready!(Pin::new(task).poll(cx));
        self.work = Work::None;
        let (bytes, result) = ended?;
        self.bytes = bytes;
        self.given = 0;
        if !reads {
            self.bytes.clear();
        }
        Poll::Ready(result)
    }

    /// As `poll_idle`, for calls that are not to give the error of another one.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let writes = matches!(self.work, Work::Write(..));
        if let Err(error) = ready!(self.poll_idle(cx))
            && writes
        {
            self.failed = Some(error);
        }
        Poll::Ready(())
    }

    fn poll_read(&mut self, fd: &SharedFd, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let has_read = matches!(self.work, Work::Read(_));
        if has_read {
            ready!(self.poll_idle(cx))?;
        } else {
            ready!(self.poll_settled(cx));
        }
        let rest = &self.bytes[self.given..];
        if has_read || !rest.is_empty() || buf.remaining() == 0 {
            let count = rest.len().min(buf.remaining());
            buf.put_slice(&rest[..count]);
            self.given += count;
            return Poll::Ready(Ok(()));
        }
        if self.reads_at_once(fd) {
            match retry(|| read_now(fd, buf, self.bytes_max)) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.raw_os_error() == Some(EOPNOTSUPP) => self.at_once = AtOnce::No,
                // Whatever else it is, the op has it too, or does better.
                Err(_) => {}
            }
        }
        let bytes = mem::take(&mut self.bytes);
        self.given = 0;
        self.work = Work::Read(background::read(fd, bytes, buf.remaining().min(self.bytes_max)));
        self.poll_read(fd, cx, buf)
    }

    fn reads_at_once(&mut self, fd: &SharedFd) -> bool {
        if self.at_once == AtOnce::Unknown {
            let direct = status_flags(fd).map_or(true, |flags| flags & O_DIRECT != 0);
            self.at_once = if direct { AtOnce::No } else { AtOnce::Yes };
        }
        self.at_once == AtOnce::Yes
    }

    fn poll_write(&mut self, fd: &SharedFd, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        if matches!(self.work, Work::Write(..)) {
            ready!(self.poll_idle(cx))?;
        } else {
            ready!(self.poll_settled(cx));
        }
        if self.bytes_max == 0 || pieces.iter().all(|piece| piece.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        let back = self.give_up();
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        let count = total.min(self.bytes_max);
        // What has to move the position first, or is cut, is rare enough for the pool.
        let written = if back == 0 && count == total { self.write_at_once(fd, pieces) } else { 0 };
        if written < count && self.failed.is_none() {
            self.write_by_another(fd, pieces, written..count, back);
        }
        // An error is the next call's, whoever met it.
        Poll::Ready(Ok(count))
    }

    fn write_at_once(&mut self, fd: &SharedFd, pieces: &[IoSlice<'_>]) -> usize {
        match write_now(fd, pieces) {
            None => 0,
            Some(Ok(written)) => written,
            Some(Err(error)) => {
                self.failed = Some(error);
                0
            }
        }
    }

    /// Has a part of the pieces, counted over all of them, written by the pool.
    fn write_by_another(&mut self, fd: &SharedFd, pieces: &[IoSlice<'_>], part: Range<usize>, back: i64) {
        let mut bytes = mem::take(&mut self.bytes);
        let (mut skipped, mut left) = (part.start, part.len());
        for piece in pieces {
            let skip = skipped.min(piece.len());
            skipped -= skip;
            let piece = &piece[skip..];
            let taken = &piece[..piece.len().min(left)];
            left -= taken.len();
            bytes.extend_from_slice(taken);
        }
        let done = CancellationToken::new();
        self.work = Work::Write(background::write(fd, bytes, back, done.clone()), done);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        if matches!(self.work, Work::Write(..)) {
            return self.poll_idle(cx);
        }
        // A read that is under way is no concern of a flush.
        Poll::Ready(Ok(()))
    }

    fn start_seek(&mut self, fd: &SharedFd, position: SeekFrom) -> io::Result<()> {
        if !matches!(self.work, Work::None) {
            return Err(io::Error::other("a read or write of this file has not ended: poll_complete comes first"));
        }
        let rest = (self.bytes.len() - self.given) as i64;
        let position = match position {
            SeekFrom::Current(by) => SeekFrom::Current(by.checked_sub(rest).ok_or(io::ErrorKind::InvalidInput)?),
            other => other,
        };
        let sought = fd.with_std(|mut file| file.seek(position));
        if sought.is_ok() {
            self.give_up();
        }
        self.sought = Some(sought);
        Ok(())
    }

    fn poll_complete(&mut self, fd: &SharedFd, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        ready!(self.poll_settled(cx));
        if let Some(sought) = self.sought.take() {
            return Poll::Ready(sought);
        }
        // What has no position is at 0.
        let position = fd.with_std(|mut file| file.stream_position()).unwrap_or(0);
        Poll::Ready(Ok(position.saturating_sub((self.bytes.len() - self.given) as u64)))
    }
}

impl File {
    /// Limits how many bytes one read or write of the cursor moves; 2 MiB if this is never called.
    pub fn set_max_buf_size(&mut self, max_buf_size: usize) {
        self.parts().1.bytes_max = max_buf_size;
    }

    /// How many bytes one read or write of the cursor moves at most.
    pub fn max_buf_size(&self) -> usize {
        self.cursor().bytes_max
    }

    fn parts(&mut self) -> (&SharedFd, &mut Cursor) {
        (&self.fd, self.cursor.get_mut().unwrap_or_else(PoisonError::into_inner))
    }
}

/// # Cost
/// One preadv2(2) where the page cache has the bytes; else a task, an SQE, and a copy.
impl AsyncRead for File {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let budget = ready!(coop::poll_proceed(cx));
        let (fd, cursor) = self.parts();
        let polled = cursor.poll_read(fd, cx, buf);
        if polled.is_ready() {
            budget.made();
        }
        polled
    }
}

/// # Cost
/// One pwritev2(2) on the spot where [`BufferedWrites`](runtime_core::writes::BufferedWrites) says so; else a copy of the
/// bytes, and a pass to a thread of the pool. Shutting down is a flush: the descriptor stays open.
impl AsyncWrite for File {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let budget = ready!(coop::poll_proceed(cx));
        let (fd, cursor) = self.parts();
        let polled = cursor.poll_write(fd, cx, pieces);
        if polled.is_ready() {
            budget.made();
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.parts().1.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// lseek(2) on the spot, once what is under way has ended.
impl AsyncSeek for File {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let (fd, cursor) = self.parts();
        cursor.start_seek(fd, position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let (fd, cursor) = self.parts();
        cursor.poll_complete(fd, cx)
    }
}

runtime_core::foreign_read!([] File);
runtime_core::foreign_write!([] File);
runtime_core::foreign_seek!([] File);
