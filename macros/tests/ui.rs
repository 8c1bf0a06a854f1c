//! What compiles, and what every error says. The files in `fail` have the compiler's output beside them; after a
//! change of a message, write it anew with `TRYBUILD=overwrite cargo test -p runtime-macros --test ui` and read it.
//! Where a file holds messages of the compiler itself (`return_type`, `unused`), they are those of Rust 1.95.

use std::process::Command;

#[test]
fn pass() {
    trybuild::TestCases::new().pass("tests/pass/*.rs");
}

/// The compiler whose words are in the `.stderr` files; others say the same a little differently.
const WRITTEN_FOR: &str = "rustc 1.95.";

#[test]
fn fail() {
    let version = Command::new(std::env::var("RUSTC").unwrap_or("rustc".into())).arg("--version").output();
    let version = version.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    if !version.starts_with(WRITTEN_FOR) {
        println!("skipped: the expected messages are those of {WRITTEN_FOR}x, this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/fail/*.rs");
}
