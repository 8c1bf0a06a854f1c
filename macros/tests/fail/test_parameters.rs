#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::test(crate = stand_in)]
async fn test(n: u8) {}

#[runtime_macros::test(crate = stand_in)]
async fn generic<T>() {}

fn main() {}
