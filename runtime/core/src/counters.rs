//! What a shard counts, and the snapshot that users read.

use std::cell::Cell;

use crate::choose::Interface;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Counters of one shard; each is written by its own thread only.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Count),+ }

        /// A snapshot of one shard's counters, since the shard was made.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Metrics {
            $($(#[$doc])* pub $name: u64,)+
            /// SQEs handed to the driver whose terminal CQE has not come yet, the shard's own (doorbell, cancels,
            /// slot closes) not counted.
            pub in_flight: u64,
            /// Activations: ops and plans that hold a slab slot, in flight or completed and not yet polled.
            pub activations: u64,
            /// Direct descriptor slots in use.
            pub slots: u64,
            /// Tasks that have not ended.
            pub tasks: u64,
            /// The interface of the kernel that is in use; of several shards the emulated one if any of them is on it.
            pub kernel: Interface,
        }

        impl std::ops::Add for Metrics {
            type Output = Metrics;

            /// The counters of two shards together.
            fn add(self, other: Metrics) -> Metrics {
                Metrics {
                    $($name: self.$name + other.$name,)+
                    in_flight: self.in_flight + other.in_flight,
                    activations: self.activations + other.activations,
                    slots: self.slots + other.slots,
                    tasks: self.tasks + other.tasks,
                    kernel: self.kernel.max(other.kernel),
                }
            }
        }

        impl Metrics {
            /// What was counted since an earlier snapshot of the same shard; what is in use is as it is now.
            pub fn since(&self, earlier: &Metrics) -> Metrics {
                Metrics { $($name: self.$name - earlier.$name,)+ ..*self }
            }
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Metrics {
                Metrics { $($name: self.$name.get(),)+ ..Metrics::default() }
            }
        }
    };
}

counters! {
    /// SQEs pushed for ops and plans, those that an engine adds included.
    sqes,
    /// SQEs pushed for the shard itself: the doorbell, cancels, closes of slots.
    sqes_own,
    /// CQEs reaped, the shard's own included.
    cqes,
    /// Calls of `io_uring_enter`.
    enters,
    /// Calls of `io_uring_enter` that handed over at least one SQE.
    enters_submitting,
    /// Calls of `io_uring_enter` that were ready to wait.
    enters_waiting,
    /// Ops awaited on their own.
    single_ops,
    /// Plans executed as chains.
    plans_chain,
    /// Plans executed as SQE groups.
    plans_groups,
    /// Plans executed as chains that meet in pipes.
    plans_gate,
    /// Plans executed stage by stage.
    plans_staged,
    /// Syncs handed to the kernel for all that waited for one of a file.
    syncs,
    /// Calls that these served.
    syncs_shared,
    /// Buffered writes done on the spot, without an SQE.
    writes_on_the_spot,
    /// Reads of cached pages done on the spot, without an SQE.
    reads_on_the_spot,
    /// Cancels asked of the kernel.
    cancels,
    /// Polls of tasks, that of `block_on` included.
    task_polls,
    /// Wakes of tasks and of `block_on`, from this shard and from elsewhere.
    wakes,
    /// Tasks spawned.
    spawned,
    /// Ops and plans that shutdown had to leave to the kernel, their memory leaked.
    leaked,
}

/// A counter that one thread writes.
#[derive(Debug, Default)]
pub(crate) struct Count(Cell<u64>);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        self.0.set(self.0.get() + n);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}
