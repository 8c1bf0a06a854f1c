#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in, event_interval = 61)]
async fn main() {}

#[runtime_macros::test(crate = stand_in, threads = 4)]
async fn test() {}
