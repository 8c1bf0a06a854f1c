//! Directories.

mod builder;
mod handle;
mod read_dir;

use std::{io, path::Path};

use runtime_core::{
    blocking,
    future::Io,
    op::{self, Mkdir, Unlink},
    plan::One,
};

pub use builder::DirBuilder;
pub use handle::Dir;
pub use read_dir::{DirEntry, ReadDir, read_dir};

/// Permissions of a new directory, before the umask.
const MODE: u32 = 0o777;

/// Makes a directory.
///
/// # Errors
/// Those of mkdir(2): `AlreadyExists`, `NotFound` if the directory for it is not there.
pub fn create_dir(path: impl AsRef<Path>) -> Io<One<Mkdir>> {
    op::mkdir(path.as_ref(), MODE)
}

/// Makes a directory, and those on the way to it that are not there. It is no error if it is there already.
///
/// # Errors
/// Those of mkdir(2). What was made on the way stays.
///
/// # Cost
/// One SQE where only the last directory is missing.
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path).await
}

/// Removes an empty directory.
///
/// # Errors
/// Those of rmdir(2): `DirectoryNotEmpty`, `NotADirectory`.
pub fn remove_dir(path: impl AsRef<Path>) -> Io<One<Unlink>> {
    op::unlink_dir(path.as_ref())
}

/// Removes a directory and all that is in it, on a thread of the pool. Symbolic links are removed, never followed, also
/// if somebody puts one in the place of a directory meanwhile.
///
/// # Errors
/// The first that it meets; what was removed before is gone.
///
/// # Cancel safety
/// It goes on when it is dropped.
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    blocking::spawn(move || std::fs::remove_dir_all(path)).await?
}
