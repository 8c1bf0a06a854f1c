//! Errors of time.

use std::{fmt, io};

/// The time limit of a [`timeout`](super::timeout()) has passed.
#[derive(Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl Elapsed {
    pub(super) fn new() -> Elapsed {
        Elapsed(())
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

/// Why a timer could not be set. No function here returns one: timers have no limit but memory, and a deadline that
/// the clock cannot say counts as one decades ahead. For programs that name the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Shutdown,
    AtCapacity,
    Invalid,
}

impl Error {
    /// There is no runtime to set it on.
    pub fn shutdown() -> Error {
        Error(Kind::Shutdown)
    }

    /// True for [`Error::shutdown`].
    pub fn is_shutdown(&self) -> bool {
        self.0 == Kind::Shutdown
    }

    /// There are too many.
    pub fn at_capacity() -> Error {
        Error(Kind::AtCapacity)
    }

    /// True for [`Error::at_capacity`].
    pub fn is_at_capacity(&self) -> bool {
        self.0 == Kind::AtCapacity
    }

    /// The deadline is out of range.
    pub fn invalid() -> Error {
        Error(Kind::Invalid)
    }

    /// True for [`Error::invalid`].
    pub fn is_invalid(&self) -> bool {
        self.0 == Kind::Invalid
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Shutdown => "there is no running runtime to set the timer on",
            Kind::AtCapacity => "there are too many timers to set another one",
            Kind::Invalid => "the timer's deadline is out of range",
        })
    }
}

impl std::error::Error for Error {}
