#[path = "../stand_in/mod.rs"]
mod stand_in;

const SIZE: u32 = 256;

#[runtime_macros::main(crate = stand_in, sq_entries = "256", slots = SIZE, lowering = staged, flavor = 1, shards = true)]
async fn main() {}

#[runtime_macros::test(crate = 1)]
async fn crate_path() {}

#[runtime_macros::test(crate = "two words")]
async fn crate_text() {}
