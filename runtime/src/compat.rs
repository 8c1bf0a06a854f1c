//! Libraries that were written for others' streams: the features `tokio-io`, `futures-io` and `hyper`.
//!
//! With such a feature every stream of this runtime, from [`TcpStream`](crate::net::TcpStream) to
//! [`DuplexStream`](crate::io::DuplexStream), also has the traits of that name, so that a codec of tokio-util, a session of
//! rustls or a connection of hyper takes it as it is. No byte is copied on the way and no system call is added: their
//! buffer goes to the kernel.
//!
//! | feature | traits | for example |
//! |---|---|---|
//! | `tokio-io` | tokio's `AsyncRead`, `AsyncWrite`, `AsyncBufRead`, `AsyncSeek`, without a runtime of tokio's | tokio-util, tokio-rustls |
//! | `futures-io` | those of the crate `futures-io` | futures-util, futures-rustls |
//! | `hyper` | hyper's `Read` and `Write`, its `Executor`, `Timer` and `Sleep` | hyper, and so axum |
//!
//! [`Native`] gives them to any type with this runtime's traits, for code that is generic. The other way round, `Tokio`,
//! `Futures` and `Hyper` give this runtime's traits, and those of the other two, to a stream that others have made. So
//! what is inside names the wrapper.
//!
//! A program that calls `read` or `write` on a stream imports the Ext trait of one side only; with those of two a call is
//! ambiguous. Libraries that call `tokio::spawn` or `tokio::time::sleep` themselves, such as `axum::serve`, need tokio's
//! runtime, and no trait helps; the example `web` serves a router of axum without it.

#[cfg(feature = "hyper")]
mod hyper;

#[cfg(feature = "futures-io")]
pub use runtime_core::io::compat::Futures;
#[cfg(feature = "hyper")]
pub use runtime_core::io::compat::Hyper;
pub use runtime_core::io::compat::Native;
#[cfg(feature = "tokio-io")]
pub use runtime_core::io::compat::Tokio;

#[cfg(feature = "hyper")]
pub use self::hyper::{HyperExecutor, HyperTimer};
