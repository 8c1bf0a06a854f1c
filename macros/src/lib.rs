//! The attribute macros of `runtime`: `#[runtime::main]` and `#[runtime::test]`.
//!
//! Use them through the facade crate. Alone they are of no use: what they expand to names `::runtime::Builder` and
//! `::runtime::Runtime`.
//!
//! Each turns an `async fn` into an ordinary one that starts a runtime on the calling thread, runs the body on it to
//! its end, and shuts the runtime down. The cost is that of `Builder::build` at each call: a ring is set up and torn
//! down again.
//!
//! # Options
//!
//! All are optional, in any order, each at most once.
//!
//! | option | value | meaning |
//! |---|---|---|
//! | `sq_entries` | integer ≥ 1 | the submission queue's size: how many SQEs one enter can carry |
//! | `cq_entries` | integer ≥ 1 | the completion queue's size |
//! | `slots` | integer ≥ 0 | the direct descriptors that plans can have open at a time; 0: none |
//! | `lowering` | `"auto"`, `"chain"`, `"staged"`, `"groups"`, `"gate"` | how plans reach the kernel |
//! | `task_run` | `"defer"`, `"coop"`, `"interrupt"` | when the kernel runs completion work |
//! | `start_paused` | `true`, `false` | whether the clock stands still from the start, for tests |
//! | `shards` | integer ≥ 1, or `"all"` | how many threads with a ring each; default 1 |
//! | `pin` | `true`, `false` | binds each shard to a CPU |
//! | `name` | a string | the runtime's name, which `Handle::name` gives |
//! | `flavor` | `"current_thread"`, `"multi_thread"`, `"local"` | accepted for code written for tokio; all mean the same here, see below |
//! | `worker_threads` | integer ≥ 1 | tokio's name of `shards` |
//! | `crate` | a path, bare or as a string | where the facade is found, if not at `::runtime` |
//!
//! All but the last three are the methods of that name on `Builder`, where defaults and upper limits are documented. An
//! integer is a literal; for a computed one use `Builder` itself.
//!
//! `flavor` changes nothing because a task never moves between threads: it stays on the shard that spawned it. Code
//! that counts on `"multi_thread"` to run spawned tasks in parallel compiles and runs them on one thread; what is to run
//! on others is sent there by `runtime::spawn_on` or `runtime::on_each_shard`.
//!
//! # Not guaranteed
//!
//! The names inside the expansion, and the function that surrounds the body in a backtrace, may change.

#![forbid(unsafe_code)]

mod expand;
mod function;
mod options;
mod pattern;
mod select;
mod try_join;

use function::Entrance;
use proc_macro::TokenStream;

/// Runs the body of an `async fn`, as a rule `main`, on a runtime of its own.
///
/// ```ignore (the facade crate depends on this one, so it cannot be imported here)
/// #[runtime::main(sq_entries = 256, lowering = "staged")]
/// async fn main() -> std::io::Result<()> {
///     let file = runtime::fs::File::open("Cargo.toml").await?;
///     println!("{} bytes", file.metadata().await?.len());
///     Ok(())
/// }
/// ```
///
/// is, apart from names:
///
/// ```ignore (as above)
/// fn main() -> std::io::Result<()> {
///     async fn main() -> std::io::Result<()> { /* the body */ }
///     match runtime::Builder::new().sq_entries(256).lowering(runtime::Lowering::Staged).build() {
///         Ok(mut runtime) => runtime.block_on(main()),
///         Err(error) => {
///             eprintln!("error: cannot start the runtime: {error}");
///             std::process::exit(1)
///         }
///     }
/// }
/// ```
///
/// The options are listed in the [crate's documentation](crate#options). Attributes, documentation, visibility and
/// the return type stay on the function.
///
/// A function of another name may have parameters and generics; each call starts a runtime of its own, so what
/// `Runtime::block_on` says about nesting holds for it. It cannot take `self` or name `Self`: the body moves into a
/// function inside the one that is called.
///
/// # Errors
///
/// If the runtime cannot be built the process prints `error: cannot start the runtime:` with the cause to stderr and
/// exits with status 1. The body's own error is returned as from any `main`.
///
/// It does not compile on a function that is not `async`, is `const`, `unsafe` or `extern`, takes `self`, or already
/// has such an attribute; on a `main` with parameters or generics; on anything but a function with a body; or with an
/// option that is unknown, repeated, or has a value of the wrong type or outside its limits.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Entrance::Main, arguments.into(), item.into()).into()
}

/// Makes an `async fn` a unit test, on a runtime of its own.
///
/// ```ignore (the facade crate depends on this one, so it cannot be imported here)
/// #[runtime::test]
/// async fn a_missing_file_is_an_error() {
///     let error = runtime::fs::File::open("no such file").await.unwrap_err();
///     assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// }
///
/// #[runtime::test(sq_entries = 2)]
/// #[should_panic(expected = "index out of bounds")]
/// async fn panics_reach_the_harness() {
///     let _ = Vec::<u8>::new()[0];
/// }
/// ```
///
/// It adds `#[test]` and otherwise does what [`#[runtime::main]`](macro@main) does, with the same
/// [options](crate#options). `#[should_panic]`, `#[ignore]`, other attributes and return types such as
/// `io::Result<()>` work as on any test. Two tests share nothing: each has its own ring.
///
/// # Errors
///
/// If the runtime cannot be built the test panics with `cannot start the runtime:` and the cause.
///
/// It does not compile on a function with parameters or generics, or with a second `#[test]` attribute (the test
/// would run twice), nor in the cases listed for [`#[runtime::main]`](macro@main#errors).
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Entrance::Test, arguments.into(), item.into()).into()
}

/// What the facade's `select!` becomes, which puts its own path in front: there it is documented.
#[doc(hidden)]
#[proc_macro]
pub fn __select(branches: TokenStream) -> TokenStream {
    select::expand::<select::Select>(branches.into()).into()
}

/// What the facade's `try_join!` becomes, as above.
#[doc(hidden)]
#[proc_macro]
pub fn __try_join(parts: TokenStream) -> TokenStream {
    select::expand::<try_join::TryJoin>(parts.into()).into()
}
