#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in)]
async fn main<T: Default>()
where
    T: Copy,
{
}
