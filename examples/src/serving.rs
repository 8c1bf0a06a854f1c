//! A server on all CPUs: a listener on each shard, tasks for connections, and an end by ctrl-c that lets them finish.

mod accept;
mod listen;
mod shards;

pub use accept::accept;
pub use shards::{Seat, Shards};
