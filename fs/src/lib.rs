//! Files. Users reach this crate as `runtime::fs`.
//!
//! Every call that touches a file is an **op** where io_uring has one: awaited it behaves as its namesake in std and tokio,
//! and with `join!`, `.then` and `.finally` it becomes part of a plan. Buffers are owned and come back with the result.
//! The cursor of a [`File`] borrows, as tokio's does.
//!
//! | call | how | planned? |
//! |---|---|---|
//! | [`File::open`], `create`, `create_new`, [`OpenOptions::open`], `open_at` | OPENAT, into a slot where something follows | yes |
//! | `read_at`, `write_at`, `append` and their exact and vectored forms | READ, WRITE, READV, WRITEV; awaited on their own on the spot if short: writes, and reads of cached pages | yes |
//! | `sync_all`, `sync_data`, `sync_range` | FSYNC, SYNC_FILE_RANGE | yes |
//! | `allocate`, `fadvise` | FALLOCATE, FADVISE | yes |
//! | `truncate` | FTRUNCATE, from Linux 6.9 on | yes |
//! | [`File::set_len`] | the same; before 6.9 the pool | no |
//! | [`statx()`], [`symlink_statx`], [`File::statx`], [`Dir::statx`] | STATX | yes |
//! | [`remove_file`], [`remove_dir`], [`rename()`], [`create_dir`], [`hard_link`], [`symlink`], also of a [`Dir`] | UNLINKAT, RENAMEAT, MKDIRAT, LINKAT, SYMLINKAT | yes |
//! | [`set_xattr`] | SETXATTR, FSETXATTR | yes |
//! | [`get_xattr`] | GETXATTR, FGETXATTR | no |
//! | [`File::append_durable`] | a write at the end, then FSYNC | no |
//! | [`read`], [`read_to_string`], [`write()`] | a plan | no |
//! | [`write_atomic`], [`Log`] | plans, and a task of the runtime's | no |
//! | [`create_dir_all`], [`DirBuilder`] | MKDIRAT, one after the other | no |
//! | [`metadata`], [`symlink_metadata`], [`try_exists`] | OPENAT with O_PATH, then fstat(2) on the spot | no |
//! | [`File::metadata`], `try_lock`, `unlock`, seeks | on the spot | no |
//! | reads of the cursor | preadv2(2) on the spot, else READ | no |
//! | writes of the cursor | pwritev2(2) on the spot, else the pool | no |
//! | [`read_dir`], [`canonicalize`], [`read_link`], [`remove_dir_all`], [`set_permissions`], [`File::set_permissions`], [`File::set_times`], [`list_xattr`], [`remove_xattr`] | the pool: there is no op | no |
//! | [`copy()`] | FICLONE or copy_file_range(2) on the pool; between file systems plans of READ → WRITE | no |
//! | [`File::lock`], [`File::lock_shared`] | on the spot if free, else the pool | no |
//!
//! The **pool** is the runtime's threads for blocking work. Errors are the kernel's: `kind` and `raw_os_error` are those
//! that std gives for the same call.

#![forbid(unsafe_code)]

mod atomic;
mod copy;
mod dir;
mod file;
mod log;
mod open_options;
mod paths;
mod whole;
mod xattr;

pub use atomic::write_atomic;
pub use copy::copy;
pub use dir::{Dir, DirBuilder, DirEntry, ReadDir, create_dir, create_dir_all, read_dir, remove_dir, remove_dir_all};
pub use file::{File, FileHandle, FileTimes, SlotFile, TryLockError};
pub use log::{Log, LogOptions, Position, Replay};
pub use open_options::OpenOptions;
pub use paths::{
    canonicalize, hard_link, metadata, read_link, remove_file, rename, rename_with, set_permissions, statx, symlink,
    symlink_metadata, symlink_statx, try_exists,
};
pub use runtime_core::fixed::{FixedBuf, FixedBuffers};
pub use runtime_core::op::{Advice, Allocation, Existing, Statx};
pub use whole::{read, read_to_string, write};
pub use xattr::{get_xattr, list_xattr, remove_xattr, set_xattr};
