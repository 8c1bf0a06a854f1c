//! What compiles, and what every error says. The files in `fail` have the compiler's output beside them; after a
//! change of a message, write it anew with `TRYBUILD=overwrite cargo test -p runtime-macros --test ui` and read it.
//! Where a file holds messages of the compiler itself (`return_type`, `unused`), they are those of Rust 1.95.

#[test]
fn pass() {
    trybuild::TestCases::new().pass("tests/pass/*.rs");
}

#[test]
fn fail() {
    trybuild::TestCases::new().compile_fail("tests/fail/*.rs");
}
