#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in, lowering = "stagd", task_run = "Coop", flavor = "remote", shards = "some")]
async fn main() {}
