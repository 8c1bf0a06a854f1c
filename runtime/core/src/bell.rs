//! What ends a shard's sleep from outside: an eventfd, and the SQEs that watch it.
//!
//! A shard may sleep until *several* CQEs are there (`wait.rs`), so the one CQE of a poll would not wake it. But the
//! kernel ends any wait when an IORING_OP_TIMEOUT fires (`cq_timeouts` in `io_uring.c`, on every kernel from 6.1 to
//! 7.2). So the bell is a chain: poll the eventfd –L→ time-out of zero. It is armed once and again after each ring.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    sync::Arc,
};

use io_uring::{opcode, types};

use crate::{
    key::Tag,
    sqe::{IO_LINK, Sqe},
};

/// The eventfd. Anyone may ring it.
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

    fn silence(&self) {
        let mut count = 0u64;
        // SAFETY: eight bytes of a local, written during the call; the descriptor does not block.
        unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}

/// The shard's side of it.
#[derive(Debug)]
pub(crate) struct Bell {
    clapper: Arc<Clapper>,
    /// What the TIMEOUT points to; boxed, since the driver moves.
    zero: Box<types::Timespec>,
    /// CQEs of the two SQEs still to come.
    pending: u8,
}

impl Bell {
    pub(crate) fn new(clapper: Arc<Clapper>) -> Bell {
        Bell { clapper, zero: Box::new(types::Timespec::new()), pending: 0 }
    }

    /// The SQEs to submit, if the bell is not armed; the first one will do where the shard sleeps for one CQE at a time.
    /// The driver keeps the bell until their CQEs are in.
    pub(crate) fn arm(&mut self, breaks: bool) -> Vec<Sqe> {
        if self.pending > 0 {
            return Vec::new();
        }
        self.pending = if breaks { 2 } else { 1 };
        let poll = opcode::PollAdd::new(types::Fd(self.clapper.0.as_raw_fd()), libc::POLLIN as u32).build();
        let flags = if breaks { IO_LINK } else { 0 };
        let poll = Sqe { user_data: Tag::Bell.user_data(), flags, ..poll.into() };
        if !breaks {
            return vec![poll];
        }
        let time_out = opcode::Timeout::new(&raw const *self.zero).build();
        vec![poll, Sqe { user_data: Tag::BellBreak.user_data(), ..time_out.into() }]
    }

    /// One of its CQEs is here.
    pub(crate) fn completed(&mut self, poll: bool) {
        self.pending -= 1;
        if poll {
            self.clapper.silence();
        }
    }

    /// CQEs still to come.
    pub(crate) fn pending(&self) -> u64 {
        self.pending as u64
    }
}
