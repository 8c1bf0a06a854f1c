#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::test(crate = stand_in)]
#[test]
async fn below() {}

#[test]
#[runtime_macros::test(crate = stand_in)]
async fn above() {}

#[runtime_macros::test(crate = stand_in)]
#[runtime_macros::test(crate = stand_in)]
async fn twice() {}

fn main() {}
