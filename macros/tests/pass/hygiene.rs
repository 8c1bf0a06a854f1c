//! The user may give any name to anything.
#[path = "../stand_in/mod.rs"]
mod stand_in;

mod std {}
mod core {}
mod runtime {}
mod alloc {}
struct Builder;
struct Runtime;
enum Lowering {}
enum Result {}
enum Option {}
#[allow(non_camel_case_types)]
struct builder;
#[allow(non_camel_case_types)]
struct error;
#[allow(non_upper_case_globals)]
const body: u8 = 0;
#[allow(non_snake_case)]
fn Ok() {}
#[allow(non_snake_case)]
fn Err() {}
#[allow(non_snake_case)]
fn Some() {}
trait Shadow {
    fn build(&self) {}
    fn new() {}
    fn block_on(&self) {}
    fn sq_entries(&self) {}
}
impl<T> Shadow for T {}
macro_rules! panic {
    () => {};
}
macro_rules! eprintln {
    () => {};
}

#[runtime_macros::main(crate = stand_in, sq_entries = 8, lowering = "auto", task_run = "defer")]
async fn main() {
    struct Builder;
    let _all = (Builder, self::Builder, Runtime, builder, error, body, Ok(), Err(), Some());
    let _types: (Vec<Lowering>, Vec<Result>, Vec<Option>) = (vec![], vec![], vec![]);
    panic!();
    eprintln!();
    stand_in::yield_now().await;
}

#[runtime_macros::test(crate = stand_in, sq_entries = 8)]
async fn test() {}
