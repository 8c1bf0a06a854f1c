#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in)]
struct Main;

#[runtime_macros::main(crate = stand_in)]
pub const MAIN: u8 = 0;

#[runtime_macros::test(crate = stand_in)]
unsafe extern "C" {}

#[runtime_macros::test(crate = stand_in)]
mod tests {}

fn main() {}
