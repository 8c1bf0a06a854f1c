#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in, start_paused = true)]
async fn main() {}

#[runtime_macros::test(crate = stand_in, threads = 4)]
async fn test() {}
