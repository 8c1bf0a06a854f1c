//! What a task waits for on a descriptor.

use std::{fmt, ops};

use super::Ready;

/// What to wait for on a descriptor: one of the constants or several together, never nothing.
///
/// ```
/// # use runtime_core::readiness::Interest;
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert_eq!(both.remove(Interest::WRITABLE), Some(Interest::READABLE));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interest(u8);

/// Name, bit, what poll(2) is asked for, what it makes ready, and what stands for it if something else ended the wait.
const KINDS: [(&str, Interest, u32, Ready, Ready); 4] = [
    (
        "READABLE",
        Interest::READABLE,
        (libc::POLLIN | libc::POLLRDHUP) as u32,
        Ready::READABLE.or(Ready::READ_CLOSED),
        Ready::READABLE,
    ),
    ("WRITABLE", Interest::WRITABLE, libc::POLLOUT as u32, Ready::WRITABLE.or(Ready::WRITE_CLOSED), Ready::WRITABLE),
    ("PRIORITY", Interest::PRIORITY, libc::POLLPRI as u32, Ready::PRIORITY.or(Ready::READ_CLOSED), Ready::PRIORITY),
    ("ERROR", Interest::ERROR, 0, Ready::ERROR, Ready::ERROR),
];

impl Interest {
    /// Something can be read, or the peer has ended.
    pub const READABLE: Interest = Interest(1);
    /// Something can be written, or nothing can be any more.
    pub const WRITABLE: Interest = Interest(2);
    /// Something out of the ordinary can be read: urgent data, a changed sysfs attribute.
    pub const PRIORITY: Interest = Interest(4);
    /// An error is pending.
    pub const ERROR: Interest = Interest(8);

    /// Whether [`READABLE`](Interest::READABLE) is among it.
    pub const fn is_readable(self) -> bool {
        self.0 & Interest::READABLE.0 != 0
    }

    /// Whether [`WRITABLE`](Interest::WRITABLE) is among it.
    pub const fn is_writable(self) -> bool {
        self.0 & Interest::WRITABLE.0 != 0
    }

    /// Whether [`PRIORITY`](Interest::PRIORITY) is among it.
    pub const fn is_priority(self) -> bool {
        self.0 & Interest::PRIORITY.0 != 0
    }

    /// Whether [`ERROR`](Interest::ERROR) is among it.
    pub const fn is_error(self) -> bool {
        self.0 & Interest::ERROR.0 != 0
    }

    /// Both together.
    #[must_use = "this gives the sum and changes neither"]
    pub const fn add(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }

    /// This without the other; `None` if nothing is left.
    #[must_use = "this gives what is left and changes neither"]
    pub fn remove(self, other: Interest) -> Option<Interest> {
        let left = self.0 & !other.0;
        (left != 0).then_some(Interest(left))
    }

    fn kinds(self) -> impl Iterator<Item = &'static (&'static str, Interest, u32, Ready, Ready)> {
        KINDS.iter().filter(move |kind| self.0 & kind.1.0 != 0)
    }

    /// The events that poll(2) is asked for.
    pub(super) fn events(self) -> u32 {
        self.kinds().fold(0, |events, kind| events | kind.2)
    }

    /// What of `ready` was waited for. A wait that something else has ended (POLLERR, POLLHUP) has ended all the same: the
    /// call that was waited with will say why, and another wait would end at once again.
    pub(super) fn of(self, ready: Ready) -> Ready {
        let wanted = self.kinds().fold(Ready::EMPTY, |sum, kind| sum | (kind.3 & ready));
        if wanted.is_empty() { self.kinds().fold(wanted, |sum, kind| sum | kind.4) } else { wanted }
    }
}

impl ops::BitOr for Interest {
    type Output = Interest;

    fn bitor(self, other: Interest) -> Interest {
        self.add(other)
    }
}

impl ops::BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Interest) {
        *self = self.add(other);
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, kind) in self.kinds().enumerate() {
            let separator = if index == 0 { "" } else { " | " };
            write!(f, "{separator}{}", kind.0)?;
        }
        Ok(())
    }
}
