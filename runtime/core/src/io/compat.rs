//! The traits of byte streams that others have defined, on the types that have this runtime's.
//!
//! | feature | traits | a stream of theirs with this runtime's traits |
//! |---|---|---|
//! | `tokio-io` | tokio's `AsyncRead`, `AsyncWrite`, `AsyncBufRead`, `AsyncSeek` | `Tokio` |
//! | `futures-io` | `AsyncRead`, `AsyncWrite`, `AsyncBufRead`, `AsyncSeek` of the crate `futures-io` | `Futures` |
//! | `hyper` | hyper's `Read`, `Write` | `Hyper` |
//!
//! The streams of this runtime have those traits themselves; [`Native`] gives them to any other type that has this
//! runtime's. No adaptor copies a byte, and none adds a system call: the memory that is to be filled is passed on.

mod forward;
#[cfg(feature = "futures-io")]
pub mod futures;
#[cfg(feature = "hyper")]
pub mod hyper;
mod implement;
mod native;
#[cfg(all(test, feature = "tokio-io", feature = "futures-io", feature = "hyper"))]
mod tests;
#[cfg(feature = "tokio-io")]
pub mod tokio;

#[cfg(feature = "futures-io")]
pub use futures::Futures;
#[cfg(feature = "hyper")]
pub use hyper::Hyper;
pub use native::Native;
#[cfg(feature = "tokio-io")]
pub use tokio::Tokio;
