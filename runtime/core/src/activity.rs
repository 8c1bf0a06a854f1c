//! How a shard spends its time, for whoever asks.
//!
//! Written by the shard's own thread alone, so that a count is a load and a store; read from anywhere, as of the shard's
//! last pass. Nothing is ordered by it, so it is no part of the models of what threads share.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

/// Numbers of one shard.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    pub(crate) live_tasks: AtomicUsize,
    /// Sleeps that have begun, and those that have ended.
    sleeps: AtomicU64,
    wakes: AtomicU64,
    /// What polls of tasks have taken.
    busy_nanos: AtomicU64,
}

impl Activity {
    pub(crate) fn sleeps(&self) {
        add(&self.sleeps, 1);
    }

    pub(crate) fn wakes(&self) {
        add(&self.wakes, 1);
    }

    pub(crate) fn worked(&self, time: Duration) {
        add(&self.busy_nanos, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Sleeps that have begun.
    pub(crate) fn parks(&self) -> u64 {
        self.sleeps.load(Relaxed)
    }

    /// Beginnings and ends of sleeps: odd while it sleeps.
    pub(crate) fn parks_and_unparks(&self) -> u64 {
        // In this order, a sleep that ends meanwhile is counted as one that lasts.
        let wakes = self.wakes.load(Relaxed);
        wakes + self.sleeps.load(Relaxed).max(wakes)
    }

    pub(crate) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_nanos.load(Relaxed))
    }
}

fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Relaxed).wrapping_add(more), Relaxed);
}
