//! What tokio's metrics say of a runtime.

use std::{
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    time::Duration,
};

use crate::cluster::Cluster;

/// A view of a runtime's numbers, from any thread; tokio's. [`Runtime::counters`](crate::Runtime::counters) and
/// [`runtime::metrics`](crate::metrics()) have more.
#[derive(Clone, Debug)]
pub struct RuntimeMetrics {
    cluster: Arc<Cluster>,
}

// It only reads atomic numbers.
impl UnwindSafe for RuntimeMetrics {}
impl RefUnwindSafe for RuntimeMetrics {}

impl RuntimeMetrics {
    pub(crate) fn new(cluster: Arc<Cluster>) -> RuntimeMetrics {
        RuntimeMetrics { cluster }
    }

    /// How many shards the runtime has.
    pub fn num_workers(&self) -> usize {
        self.cluster.count
    }

    /// How many tasks have not ended: exact for the shard of the calling thread, for others as of their last pass.
    pub fn num_alive_tasks(&self) -> usize {
        (0..self.cluster.count).map(|shard| self.cluster.peer(shard).live_tasks()).sum()
    }

    /// How long a shard has polled tasks. It grows with each pass, not within one.
    ///
    /// # Panics
    /// If there is no such shard.
    pub fn worker_total_busy_duration(&self, worker: usize) -> Duration {
        self.cluster.peer(worker).busy()
    }

    /// How often a shard has gone to sleep.
    ///
    /// # Panics
    /// If there is no such shard.
    pub fn worker_park_count(&self, worker: usize) -> u64 {
        self.cluster.peer(worker).parks()
    }

    /// How often a shard has gone to sleep or woken up: odd while it sleeps.
    ///
    /// # Panics
    /// If there is no such shard.
    pub fn worker_park_unpark_count(&self, worker: usize) -> u64 {
        self.cluster.peer(worker).parks_and_unparks()
    }

    /// Always 0: there is no queue that all shards share.
    pub fn global_queue_depth(&self) -> usize {
        0
    }
}
