//! Child processes.
//!
//! ```
//! # runtime::Builder::new().build().unwrap().block_on(async {
//! use runtime::process::Command;
//!
//! let output = Command::new("echo").arg("hello").output().await?;
//! assert!(output.status.success());
//! assert_eq!(output.stdout, b"hello\n");
//! # std::io::Result::Ok(()) }).unwrap();
//! ```
//!
//! # How a child is waited for
//! By a descriptor of the process (pidfd_open(2)) and one SQE that polls it. There is no handler of SIGCHLD, and other code
//! in the process may have its own children, threads and handlers.
//!
//! # Children that are dropped
//! A [`Child`] that is dropped runs on, unless [`Command::kill_on_drop`] says otherwise. Either way it is reaped when it ends,
//! by a task on the shard where it was dropped. If there is none, or if that shard ends before the child, the child stays a
//! zombie until something else is spawned or this process ends.

mod child;
mod command;
mod orphans;
mod stdio;

pub use child::Child;
pub use command::Command;
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};
