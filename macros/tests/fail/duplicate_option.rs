#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in, slots = 1, lowering = "auto", slots = 2)]
async fn main() {}
