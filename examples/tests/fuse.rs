//! The program `fuse`, by the programs that use a file system, both through rings and through /dev/fuse. What is not there
//! (root, the device, a program) is skipped, and said. `FUSE_TEST_FILES=5000` asks for a larger tree than 500 files.

#![forbid(unsafe_code)]

#[path = "fuse/calls.rs"]
mod calls;
#[path = "fuse/ends.rs"]
mod ends;
#[path = "fuse/mounted.rs"]
mod mounted;
#[path = "fuse/programs.rs"]
mod programs;
mod support;
