#[path = "../stand_in/mod.rs"]
mod stand_in;

trait Trait {
    #[runtime_macros::main(crate = stand_in)]
    async fn required();
}

fn main() {}
