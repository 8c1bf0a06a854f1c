//! Signals that come to the process.
//!
//! ```no_run
//! #[runtime::main]
//! async fn main() -> std::io::Result<()> {
//!     runtime::signal::ctrl_c().await?;
//!     println!("ending");
//!     Ok(())
//! }
//! ```

pub mod unix;

use std::io;

use unix::{SignalKind, signal};

/// Waits for the next Ctrl-C (SIGINT) after its first poll.
///
/// From then on Ctrl-C does not end the process by itself any more, not even when the future has been dropped. Deliveries that
/// nobody waits for are lost; a [`Signal`](unix::Signal) keeps them.
///
/// # Errors
/// As for [`signal`](unix::signal()).
///
/// # Panics
/// When polled outside a runtime.
pub async fn ctrl_c() -> io::Result<()> {
    signal(SignalKind::interrupt())?.recv().await;
    Ok(())
}
