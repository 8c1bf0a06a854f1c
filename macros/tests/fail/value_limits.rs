#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in, sq_entries = 0, cq_entries = -1, slots = 4294967296, worker_threads = 0, shards = 0)]
async fn main() {}
