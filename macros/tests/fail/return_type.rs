#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in)]
async fn main() -> std::io::Result<()> {
    stand_in::yield_now().await;
    5
}

#[runtime_macros::main(crate = stand_in)]
async fn no_tail() -> u8 {
    stand_in::yield_now().await;
}

#[runtime_macros::main(crate = stand_in)]
async fn question_mark() {
    std::fs::read("a")?;
}

#[runtime_macros::main(crate = stand_in)]
async fn body() {
    let text: String = 5;
}
