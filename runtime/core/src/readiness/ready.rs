//! What a descriptor is ready for.

use std::{fmt, ops};

/// What a descriptor is ready for: any of the constants together.
///
/// It tells what was so when the kernel looked. Whether it still is, only the call itself can tell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ready(u8);

impl Ready {
    /// Nothing.
    pub const EMPTY: Ready = Ready(0);
    /// Something can be read.
    pub const READABLE: Ready = Ready(1);
    /// Something can be written.
    pub const WRITABLE: Ready = Ready(2);
    /// The peer writes no more.
    pub const READ_CLOSED: Ready = Ready(4);
    /// The peer reads no more.
    pub const WRITE_CLOSED: Ready = Ready(8);
    /// Something out of the ordinary can be read.
    pub const PRIORITY: Ready = Ready(16);
    /// An error is pending.
    pub const ERROR: Ready = Ready(32);
    /// All of these.
    pub const ALL: Ready = Ready(63);

    /// Whether it is ready for nothing.
    pub fn is_empty(self) -> bool {
        self == Ready::EMPTY
    }

    /// Whether a read would not wait: there is something, or the peer writes no more.
    pub fn is_readable(self) -> bool {
        !(self & (Ready::READABLE | Ready::READ_CLOSED)).is_empty()
    }

    /// Whether a write would not wait: there is room, or the peer reads no more.
    pub fn is_writable(self) -> bool {
        !(self & (Ready::WRITABLE | Ready::WRITE_CLOSED)).is_empty()
    }

    /// Whether the peer writes no more.
    pub fn is_read_closed(self) -> bool {
        !(self & Ready::READ_CLOSED).is_empty()
    }

    /// Whether the peer reads no more.
    pub fn is_write_closed(self) -> bool {
        !(self & Ready::WRITE_CLOSED).is_empty()
    }

    /// Whether something out of the ordinary can be read.
    pub fn is_priority(self) -> bool {
        !(self & Ready::PRIORITY).is_empty()
    }

    /// Whether an error is pending.
    pub fn is_error(self) -> bool {
        !(self & Ready::ERROR).is_empty()
    }

    pub(super) const fn or(self, other: Ready) -> Ready {
        Ready(self.0 | other.0)
    }

    /// What poll(2) reports, in these words. An end shows in several ways: a socket's as POLLIN with POLLRDHUP, a pipe's as
    /// POLLHUP for its reader and as POLLERR for its writer.
    pub(super) fn of_events(events: u32) -> Ready {
        let has = |bits: libc::c_short| events & bits as u32 != 0;
        let (hung_up, error) = (has(libc::POLLHUP), has(libc::POLLERR));
        let when = |condition: bool, ready: Ready| if condition { ready } else { Ready::EMPTY };
        when(has(libc::POLLIN | libc::POLLPRI), Ready::READABLE)
            | when(has(libc::POLLOUT), Ready::WRITABLE)
            | when(hung_up || has(libc::POLLIN) && has(libc::POLLRDHUP), Ready::READ_CLOSED)
            | when(hung_up || error && (has(libc::POLLOUT) || events == libc::POLLERR as u32), Ready::WRITE_CLOSED)
            | when(has(libc::POLLPRI), Ready::PRIORITY)
            | when(error, Ready::ERROR)
    }
}

impl ops::BitOr for Ready {
    type Output = Ready;

    fn bitor(self, other: Ready) -> Ready {
        self.or(other)
    }
}

impl ops::BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Ready) {
        *self = *self | other;
    }
}

impl ops::BitAnd for Ready {
    type Output = Ready;

    fn bitand(self, other: Ready) -> Ready {
        Ready(self.0 & other.0)
    }
}

impl ops::Sub for Ready {
    type Output = Ready;

    fn sub(self, other: Ready) -> Ready {
        Ready(self.0 & !other.0)
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("is_readable", &self.is_readable())
            .field("is_writable", &self.is_writable())
            .field("is_read_closed", &self.is_read_closed())
            .field("is_write_closed", &self.is_write_closed())
            .field("is_error", &self.is_error())
            .field("is_priority", &self.is_priority())
            .finish()
    }
}
