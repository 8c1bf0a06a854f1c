#[path = "../stand_in/mod.rs"]
mod stand_in;

struct Server;

impl Server {
    #[runtime_macros::main(crate = stand_in)]
    async fn run(&self) {}
}

fn main() {
    Server.run();
}
