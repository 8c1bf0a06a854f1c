//! The programs of `acid/`, where `tokio` is tokio: they hold there, or they would ask too much of `acid_runtime.rs`.

mod acid;
