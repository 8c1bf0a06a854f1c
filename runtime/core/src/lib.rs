//! The core of `runtime`: ring, ops, plans, lowering, driver, buffers, descriptors and tasks.
//!
//! Users depend on `runtime`, which re-exports what is public here. This is the only crate of the workspace with unsafe
//! code. From top to bottom:
//!
//! | layer | modules |
//! |---|---|
//! | what users write | [`future`], [`plan`], [`op`], [`buf`], [`handle`], [`fd`], [`slot`], [`results`], [`multishot`], [`pool`], [`fixed`], [`writes`] |
//! | lowering, pure | `lower`, `table`, [`encode`], `progress` |
//! | a running shard | [`shard`], `start`, `driver`, `slab`, `shots`, `edges`, [`alarm`], [`clock`], `timer`, `wait`, `counters` |
//! | what tasks share | [`io`], [`sync`], [`coop`] |
//! | descriptors as std and tokio use them | [`readiness`], [`nonblocking`], [`mod@file`], [`socket`], [`pidfd`], [`signal`], [`fuse`] |
//! | tasks | [`task`], `remote`, `activity`, `inbox`, `doorbell`, `knock`, `bell`, `clapper`, `spin`, `primitives` |
//! | the kernel | [`kernel`], [`ring`], [`features`], [`sqe`], `probe`, `key` |

mod activity;
pub mod alarm;
mod bell;
pub mod blocking;
pub mod buf;
pub mod choose;
#[cfg_attr(all(test, loom), path = "loom_tests/clapper.rs")]
mod clapper;
pub mod clock;
pub mod concurrent;
pub mod coop;
mod counters;
pub mod cpu;
mod doorbell;
mod driver;
mod edges;
pub mod emulated;
pub mod encode;
pub mod fd;
pub mod features;
pub mod file;
pub mod fixed;
pub mod fuse;
pub mod future;
pub mod handle;
mod inbox;
pub mod into_result;
pub mod io;
pub mod kernel;
mod key;
mod knock;
#[cfg(all(test, loom))]
mod loom_tests;
mod lower;
pub mod main_task;
#[cfg(test)]
mod model;
pub mod multishot;
pub mod nonblocking;
pub mod op;
pub mod pidfd;
mod pipes;
pub mod plan;
pub mod pool;
mod primitives;
mod probe;
mod progress;
pub mod readiness;
pub mod reads;
mod recent;
mod remote;
pub mod results;
pub mod ring;
pub mod shard;
mod shots;
pub mod signal;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod slab;
pub mod slot;
pub mod socket;
pub mod source;
#[cfg_attr(all(test, loom), path = "loom_tests/spin.rs")]
mod spin;
pub mod sqe;
mod start;
pub mod sync;
mod table;
pub mod task;
mod timer;
pub mod trace;
mod wait;
pub mod writes;

pub use counters::Metrics;

mod sealed {
    /// Keeps foreign ops and plans out: they could name any pointer.
    pub trait Sealed {}
}
