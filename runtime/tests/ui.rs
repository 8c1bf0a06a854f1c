//! What the compiler says when a plan is put together wrongly: would a user know what to do?

use std::process::Command;

/// The compiler whose words are in the `.stderr` files; others say the same a little differently.
const WRITTEN_FOR: &str = "rustc 1.95.";

#[test]
fn errors() {
    let version = Command::new(std::env::var("RUSTC").unwrap_or("rustc".into())).arg("--version").output();
    let version = version.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    if !version.starts_with(WRITTEN_FOR) {
        println!("skipped: the expected messages are those of {WRITTEN_FOR}x, this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
