#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(lowering("staged"))]
async fn main() {}

#[runtime_macros::test("staged")]
async fn not_a_name() {}

#[runtime_macros::test(slots = 1 sq_entries = 2)]
async fn no_comma() {}
