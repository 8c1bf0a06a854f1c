//! tokio on all cores.

use tokio::runtime::Builder;

pub use super::tokio::*;

super::programs!();

pub fn run<F: Future>(future: F) -> F::Output {
    Builder::new_multi_thread().enable_time().build().expect("a runtime").block_on(future)
}
