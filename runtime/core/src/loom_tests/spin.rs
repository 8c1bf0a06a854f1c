//! In place of the spin by the clock: none, or as many looks as the model says.

use std::{cell::Cell, time::Instant};

std::thread_local!(static LOOKS: Cell<u32> = const { Cell::new(0) });

/// For shards and threads that are made after this.
pub(crate) fn set_looks(looks: u32) {
    LOOKS.set(looks);
}

#[derive(Debug)]
pub(crate) struct Spin {
    looks: u32,
}

impl Default for Spin {
    fn default() -> Spin {
        Spin { looks: LOOKS.get() }
    }
}

impl Spin {
    pub(crate) fn pays(&self) -> bool {
        self.looks > 0
    }

    pub(crate) fn until(&self, rung: impl Fn() -> bool, news: impl Fn() -> bool, _deadline: Option<Instant>) -> bool {
        (0..self.looks).any(|_| rung() || news())
    }

    pub(crate) fn sleeps(&self) {}

    pub(crate) fn slept(&self, _rung: bool) {}
}
