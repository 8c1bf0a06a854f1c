//! The programs of `acid/`, where `tokio` is this crate.

extern crate runtime as tokio;

mod acid;
