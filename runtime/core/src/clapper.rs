//! The eventfd that ends a shard's sleep.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};

/// Anyone may strike it.
#[derive(Debug)]
pub(crate) struct Clapper(OwnedFd);

impl Clapper {
    pub(crate) fn new() -> io::Result<Clapper> {
        // SAFETY: no memory is passed; the new descriptor has no other owner. Test: any cross-thread wake.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above.
        Ok(Clapper(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Wakes the sleeper; kept until it looks.
    pub(crate) fn strike(&self) {
        let one = 1u64;
        // SAFETY: eight bytes of a local, read during the call. A full counter (EAGAIN) wakes as well.
        unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    pub(crate) fn silence(&self) {
        let mut count = 0u64;
        // SAFETY: eight bytes of a local, written during the call; the descriptor does not block.
        unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
