//! What ends a shard's sleep from outside: an eventfd, and the SQEs that watch it.
//!
//! A shard may sleep until *several* CQEs are there (`wait.rs`), so the one CQE of a poll would not wake it. The bell is a
//! chain: poll the eventfd –L→ NOP –L→ NOP ..., as long as the longest sleep so far. When it rings it completes as a
//! whole, and so there are as many CQEs as the shard waits for, whether the ring comes during the wait or before the
//! kernel has begun it. (A TIMEOUT behind the poll would break the wait with two SQEs, but only a wait that has begun.)
//! It is armed once, and again after it has rung.

use std::sync::Arc;

use io_uring::{opcode, types};

use crate::{
    clapper::Clapper,
    key::Tag,
    sqe::{IO_LINK, Sqe},
};

/// More than there are SQEs of the bell at once.
const SERIALS: u32 = 1 << 18;

/// The shard's side of it.
#[derive(Debug)]
pub(crate) struct Bell {
    clapper: Arc<Clapper>,
    /// CQEs that a ring will bring, or is bringing. Several chains may be armed; all watch the same eventfd.
    pending: u32,
    /// Tells its SQEs apart.
    serial: u32,
}

impl Bell {
    pub(crate) fn new(clapper: Arc<Clapper>) -> Bell {
        Bell { clapper, pending: 0, serial: 0 }
    }

    /// The SQEs to submit, together, so that a ring brings `more` CQEs than now. The driver keeps the bell until their
    /// CQEs are in.
    pub(crate) fn arm(&mut self, more: u32) -> impl Iterator<Item = Sqe> + use<> {
        self.pending += more;
        let first = self.serial;
        self.serial = (self.serial + more) % SERIALS;
        let poll = opcode::PollAdd::new(types::Fd(self.clapper.fd()), libc::POLLIN as u32).build();
        (0..more).map(move |index| {
            let serial = (first + index) % SERIALS;
            let (sqe, tag): (Sqe, _) = match index {
                0 => (poll.clone().into(), Tag::Bell(serial)),
                _ => (opcode::Nop::new().build().into(), Tag::BellEcho(serial)),
            };
            let flags = if index + 1 < more { IO_LINK } else { 0 };
            Sqe { flags, user_data: tag.user_data(), ..sqe }
        })
    }

    /// One of its CQEs is here.
    pub(crate) fn completed(&mut self, poll: bool) {
        self.pending -= 1;
        if poll {
            self.clapper.silence();
        }
    }

    /// CQEs that a ring brings: the most that the shard may sleep for.
    pub(crate) fn pending(&self) -> u32 {
        self.pending
    }
}
