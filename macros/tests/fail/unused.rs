#![deny(dead_code)]

#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in)]
async fn never_called() {}

fn main() {}
