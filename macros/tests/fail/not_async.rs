#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in)]
fn main() {}

#[runtime_macros::test(crate = stand_in)]
fn test() {}
