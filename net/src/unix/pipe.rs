//! Pipes and FIFOs.

mod options;
mod receiver;
mod sender;

pub use options::OpenOptions;
pub use receiver::Receiver;
pub use sender::Sender;

use std::{fs::File, io, os::fd::OwnedFd};

use runtime_core::nonblocking::{NonBlocking, status_flags};

/// Two ends of a new pipe.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::{io::{AsyncReadExt, AsyncWriteExt}, net::unix::pipe};
///
/// let (mut sender, mut receiver) = pipe::pipe()?;
/// sender.write_all(b"hello").await?;
/// drop(sender);
/// let mut text = String::new();
/// receiver.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// Those of pipe2(2): EMFILE, ENFILE.
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let (read, write) = io::pipe()?;
    Ok((Sender::from_owned_fd_unchecked(write.into())?, Receiver::from_owned_fd_unchecked(read.into())?))
}

/// Takes over one end of a pipe that is open for `wanted` (O_RDONLY or O_WRONLY).
fn checked(fd: OwnedFd, wanted: i32) -> io::Result<NonBlocking> {
    let file = File::from(fd);
    check_pipe(&file)?;
    let mode = status_flags(&file)? & libc::O_ACCMODE;
    if mode != wanted && mode != libc::O_RDWR {
        let what = if wanted == libc::O_RDONLY { "reading" } else { "writing" };
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("a pipe that is not open for {what}")));
    }
    NonBlocking::new(file.into())
}

fn check_pipe(file: &File) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    if file.metadata()?.file_type().is_fifo() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a pipe nor a FIFO"))
}

/// What both ends have, over a field `pipe`.
macro_rules! end_methods {
    ($type:ident, $access:ident, $what:literal) => {
        impl $type {
            #[doc = concat!("Takes over a pipe or FIFO that is open for ", $what, ", and sets it to non-blocking mode.")]
            ///
            /// # Errors
            /// `InvalidInput` if it is no such thing; those of fcntl(2).
            pub fn from_file(file: File) -> io::Result<$type> {
                $type::from_owned_fd(file.into())
            }

            /// As `from_file`.
            ///
            /// # Errors
            /// As for `from_file`.
            pub fn from_owned_fd(owned_fd: OwnedFd) -> io::Result<$type> {
                Ok($type { pipe: checked(owned_fd, libc::$access)? })
            }

            #[doc = concat!("Takes over anything that is open for ", $what, " and can be waited for, and sets it to non-blocking mode.")]
            ///
            /// # Errors
            /// Those of fcntl(2).
            pub fn from_file_unchecked(file: File) -> io::Result<$type> {
                $type::from_owned_fd_unchecked(file.into())
            }

            /// As `from_file_unchecked`.
            ///
            /// # Errors
            /// As for `from_file_unchecked`.
            pub fn from_owned_fd_unchecked(owned_fd: OwnedFd) -> io::Result<$type> {
                Ok($type { pipe: NonBlocking::new(owned_fd)? })
            }

            /// Waits until what is asked for holds.
            ///
            /// # Errors
            /// Those of poll(2), which do not happen with an open pipe.
            ///
            /// # Panics
            /// When polled outside a runtime.
            ///
            /// # Cancel safety
            /// Nothing is taken from the pipe or put into it.
            ///
            /// # Cost
            /// One SQE; no allocation.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.pipe.readiness().ready(interest).await
            }

            /// Makes a call of your own on the pipe, which is in non-blocking mode. Nothing is kept about readiness, so `f` is
            /// called whatever it gave before.
            ///
            /// # Errors
            /// Those of `f`.
            pub fn try_io<R>(&self, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
                f()
            }

            /// The descriptor in blocking mode; a duplicate if a wait that was dropped holds it yet.
            ///
            /// # Errors
            /// Those of fcntl(2); EMFILE for a duplicate.
            pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
                self.pipe.into_blocking()
            }

            /// The descriptor, still in non-blocking mode; a duplicate if a wait that was dropped holds it yet.
            ///
            /// # Errors
            /// EMFILE for a duplicate.
            pub fn into_nonblocking_fd(self) -> io::Result<OwnedFd> {
                self.pipe.into_nonblocking()
            }
        }

        impl From<&$type> for runtime_core::fd::Target {
            /// For ops that take any descriptor: `splice`, `poll`. They do not wait, as the pipe is in non-blocking mode.
            fn from(end: &$type) -> runtime_core::fd::Target {
                end.pipe.target()
            }
        }

        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.pipe.as_fd()
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                self.pipe.as_raw_fd()
            }
        }
    };
}
use end_methods;
