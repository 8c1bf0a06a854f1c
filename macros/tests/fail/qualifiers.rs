#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::test(crate = stand_in)]
const fn constant() {}

#[runtime_macros::test(crate = stand_in)]
async unsafe fn without_safety() {}

#[runtime_macros::main(crate = stand_in)]
async extern "C" fn main() {}
