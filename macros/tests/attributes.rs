//! `#[runtime::test]` in a real test harness, and what both attributes do when the runtime cannot start.

mod stand_in;

use std::io;
use std::process::Command;

#[runtime_macros::test(crate = crate::stand_in)]
async fn a_test_is_run_by_the_runtime() {
    stand_in::yield_now().await;
    assert_eq!(stand_in::built(), "");
}

#[runtime_macros::test(crate = crate::stand_in, sq_entries = 8, lowering = "chain")]
async fn a_test_has_options() {
    assert_eq!(stand_in::built(), "sq_entries(8) lowering(Chain)");
}

#[runtime_macros::test(crate = crate::stand_in)]
async fn a_test_returns_a_result() -> io::Result<()> {
    stand_in::yield_now().await;
    io::Result::Ok(())
}

#[runtime_macros::test(crate = crate::stand_in)]
#[should_panic(expected = "in the body")]
async fn should_panic_is_kept() {
    panic!("in the body");
}

#[runtime_macros::test(crate = crate::stand_in)]
#[ignore = "fails if it runs, which is the test"]
async fn ignore_is_kept() {
    panic!("an ignored test was run");
}

#[runtime_macros::test(crate = crate::stand_in, sq_entries = 4_000_000_000)]
#[should_panic(expected = "cannot start the runtime: the ring is too large")]
async fn a_test_panics_if_the_runtime_cannot_start() {}

#[runtime_macros::main(crate = crate::stand_in, sq_entries = 4_000_000_000)]
async fn cannot_start() -> String {
    "started".to_owned()
}

/// The child of the next test.
#[test]
#[ignore = "ends the process"]
fn exits() {
    cannot_start();
}

#[test]
fn main_exits_with_the_cause_if_the_runtime_cannot_start() -> io::Result<()> {
    let output =
        Command::new(std::env::current_exe()?).args(["--exact", "exits", "--ignored", "--nocapture"]).output()?;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "error: cannot start the runtime: the ring is too large\n");
    Ok(())
}
