//! Pipes and their like as byte streams: a direct attempt on a non-blocking descriptor, and a wait if there is nothing.
//!
//! So the caller's buffer is used as it is, without a copy and without being lent to the kernel, and a call that is dropped
//! while it waits has read and written nothing.

use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    task::{Context, Poll, ready},
};

use crate::{
    fd::{SharedFd, Target},
    io::ReadBuf,
    readiness::{Interest, Readiness},
    socket::retry,
};

/// Bytes that one turn of a read to the end takes, so that a fast writer does not keep the task from giving way.
const PART: usize = 1 << 16;

/// A pipe, FIFO or terminal in non-blocking mode. `Send` and `Sync`; one task at a time can wait to read, one to write.
///
/// The mode belongs to the open file, so duplicates of the descriptor, in other processes too, do not block either.
#[derive(Debug)]
pub struct NonBlocking {
    fd: SharedFd,
    readiness: Readiness,
}

impl NonBlocking {
    /// Takes over a descriptor and sets its mode: two system calls.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn new(fd: OwnedFd) -> io::Result<NonBlocking> {
        set_nonblocking(fd.as_fd(), true)?;
        let fd = SharedFd::new(fd);
        Ok(NonBlocking { readiness: Readiness::new(&fd), fd })
    }

    /// Gives the descriptor back, in blocking mode. A duplicate of it if a wait that was dropped holds it still.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn into_blocking(self) -> io::Result<OwnedFd> {
        set_nonblocking(self.fd.as_fd(), false)?;
        self.into_nonblocking()
    }

    /// As [`into_blocking`](NonBlocking::into_blocking), still in non-blocking mode.
    ///
    /// # Errors
    /// EMFILE for a duplicate.
    pub fn into_nonblocking(self) -> io::Result<OwnedFd> {
        let NonBlocking { fd, readiness } = self;
        drop(readiness);
        fd.try_into_owned().or_else(|shared| shared.as_fd().try_clone_to_owned())
    }

    /// For ops on it.
    pub fn target(&self) -> Target {
        Target::from(&self.fd)
    }

    /// When it can be read from and written to.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Reads what there is into the unfilled part: read(2); nothing at the end.
    ///
    /// # Errors
    /// Those of read(2).
    pub fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.readiness.poll_read_io(cx, || self.try_read(buf)))?;
        Poll::Ready(Ok(()))
    }

    /// Reads what there is into the unfilled part, without waiting; gives the count.
    ///
    /// # Errors
    /// Those of read(2).
    pub fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        retry(|| read_into(&self.fd, buf))
    }

    /// As [`try_read`](NonBlocking::try_read), into several buffers: readv(2).
    ///
    /// # Errors
    /// As for [`try_read`](NonBlocking::try_read).
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        retry(|| self.fd.with_std(|mut file| file.read_vectored(bufs)))
    }

    /// Reads to the end.
    ///
    /// # Errors
    /// Those of read(2).
    ///
    /// # Cancel safety
    /// What has been read is lost with the future.
    pub async fn read_to_end(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let read = || {
                bytes.reserve(PART);
                // What comes before an error is in `bytes` all the same.
                self.fd.with_std(|file| file.take(PART as u64).read_to_end(&mut bytes))
            };
            if self.readiness.async_io(Interest::READABLE, read).await? < PART {
                return Ok(bytes);
            }
        }
    }

    /// Writes what there is room for: write(2).
    ///
    /// # Errors
    /// Those of write(2): EPIPE once nobody can read any more.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.readiness.poll_write_io(cx, || self.try_write(bytes))
    }

    /// As [`poll_write`](NonBlocking::poll_write), without waiting.
    ///
    /// # Errors
    /// As for [`poll_write`](NonBlocking::poll_write).
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| self.fd.with_std(|mut file| file.write(bytes)))
    }

    /// As [`poll_write`](NonBlocking::poll_write), from several pieces: writev(2).
    ///
    /// # Errors
    /// As for [`poll_write`](NonBlocking::poll_write).
    pub fn poll_write_vectored(&self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.readiness.poll_write_io(cx, || self.try_write_vectored(pieces))
    }

    /// As [`poll_write_vectored`](NonBlocking::poll_write_vectored), without waiting.
    ///
    /// # Errors
    /// As for [`poll_write`](NonBlocking::poll_write).
    pub fn try_write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        retry(|| self.fd.with_std(|mut file| file.write_vectored(pieces)))
    }
}

impl AsFd for NonBlocking {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for NonBlocking {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// read(2) into the unfilled part, which need not be initialized.
fn read_into(fd: &SharedFd, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    // SAFETY: the bytes are only given to the kernel, which writes initialized ones. Test: runtime/tests/process.rs.
    let memory = unsafe { buf.unfilled_mut() };
    // SAFETY: the caller of the read owns the memory; the kernel writes to it during the call only. Test: as above.
    let count = unsafe { libc::read(fd.as_raw_fd(), memory.as_mut_ptr().cast(), memory.len()) };
    let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
    // SAFETY: the kernel has written that many bytes. Test: as above.
    unsafe { buf.assume_init(count) };
    buf.advance(count);
    Ok(count)
}

/// The access mode and status flags of an open file: `O_*`.
///
/// # Errors
/// Those of fcntl(2).
pub fn status_flags(fd: &impl AsFd) -> io::Result<i32> {
    // SAFETY: no memory is passed. Test: runtime/tests/process.rs.
    let flags = unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_GETFL) };
    if flags < 0 { Err(io::Error::last_os_error()) } else { Ok(flags) }
}

fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let flags = status_flags(&fd)?;
    let wanted = if nonblocking { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
    // SAFETY: as above.
    if wanted != flags && unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, wanted) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
