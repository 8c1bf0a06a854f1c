//! A writer that forgets.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use super::{
    AsyncWrite,
    empty::{forget_writes, poll_at_once},
};

/// A writer that takes everything at once and keeps nothing.
pub fn sink() -> Sink {
    Sink { _private: () }
}

/// A writer that forgets what it takes. Made by [`sink`].
pub struct Sink {
    _private: (),
}

forget_writes!(Sink);

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sink { .. }")
    }
}

runtime_core::foreign_write!([] Sink);
