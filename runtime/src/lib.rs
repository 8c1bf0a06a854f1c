//! A thread-per-core async runtime for Linux on io_uring.
//!
//! Every file and socket call returns an **op**: a value that does nothing until awaited. Ops compose. [`join!`] and
//! `.then` build a **plan**, a dependency graph of ops, and the plan goes to the kernel as a whole: as a chain of linked
//! SQEs, as SQE groups where the kernel has them, or in stages that the reactor releases from the completion queue without waking the task. The task wakes once
//! per plan, with every result and every buffer.
//!
//! ```no_run
//! use runtime::{IntoResult, fs::File, join};
//!
//! #[runtime::main]
//! async fn main() -> std::io::Result<()> {
//!     let (a, b, out) = (File::open("a").await?, File::open("b").await?, File::create("out").await?);
//!     let ((first, second), _, ()) =
//!         join!(a.read_exact_at(vec![0; 4096], 0), b.read_exact_at(vec![0; 4096], 0)) // 2 reads, in parallel
//!             .then(|(a, b)| join!(out.write_all_at(a, 0), out.write_all_at(b, 4096))) // 2 writes, after both reads
//!             .then(|_| out.sync_data()) // 1 sync, once both writes are done
//!             .await
//!             .into_result()?; // the first failure, or every value
//!     println!("{} and {} bytes are safe", first.len(), second.len());
//!     Ok(())
//! }
//! ```

#![forbid(unsafe_code)]

mod builder;
mod cluster;
#[cfg(any(feature = "tokio-io", feature = "futures-io", feature = "hyper"))]
pub mod compat;
mod context;
mod executor;
mod handle;
pub mod io;
mod macros;
mod metrics;
mod own;
pub mod process;
pub mod runtime;
pub mod shard;
pub mod signal;
pub mod sync;
pub mod task;
pub mod time;

#[doc(hidden)]
pub use crate::macros::support as __macros;
pub use crate::runtime::{Builder, Handle, Runtime, Shards, Shutdown};
pub use runtime_core::{
    Metrics, buf,
    buf::{IoBuf, IoBufMut},
    choose::{Interface, Kernel},
    encode::Lowering,
    fuse,
    future::{Cancel, Io},
    handle::Loan,
    into_result::IntoResult,
    join, op, plan,
    plan::join_all,
    reads::CachedReads,
    results::{NotRun, is_not_run},
    ring::TaskRun,
    writes::BufferedWrites,
};
#[doc(inline)]
pub use runtime_fs as fs;
pub use runtime_macros::{main, test};
#[doc(inline)]
pub use runtime_net as net;
pub use shard::{on_each_shard, spawn_on};
pub use task::spawn;

/// The counters of the shard that this thread runs.
///
/// # Panics
/// Outside a runtime; [`Runtime::counters`] works there.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let before = runtime::metrics();
/// runtime::op::nop().await.unwrap();
/// assert_eq!(runtime::metrics().enters - before.enters, 1);
/// # });
/// ```
pub fn metrics() -> Metrics {
    runtime_core::shard::with_current(|shard| shard.metrics())
        .expect("metrics() was called outside a runtime; use Runtime::counters")
}
