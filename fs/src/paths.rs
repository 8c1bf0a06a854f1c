//! What is done to files and directories by their path.

use std::{
    fs::{Metadata, Permissions},
    io,
    path::{Path, PathBuf},
};

use runtime_core::{
    blocking,
    future::Io,
    op::{self, Existing, Link, OpenHow, Rename, StatxOp, Symlink, Unlink},
    plan::One,
};

use crate::File;

const O_NOFOLLOW: i32 = 0o400000;
const O_PATH: i32 = 0o10000000;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Type, size, times and permissions of what `path` leads to.
///
/// # Errors
/// Those of stat(2).
///
/// # Cost
/// One SQE, which opens the path without its content (O_PATH), then fstat(2) and close(2): a path in the kernel's cache
/// needs no other thread, and one that is not does not block this one.
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref();
    match found(path, 0).await {
        Err(error) if no_descriptor_is_left(&error) => {
            let path = path.to_owned();
            blocking::spawn(move || std::fs::metadata(path)).await?
        }
        found => found?.shared().with_std(|file| file.metadata()),
    }
}

/// As [`metadata`], of a symbolic link itself.
///
/// # Errors
/// Those of lstat(2).
pub async fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref();
    match found(path, O_NOFOLLOW).await {
        Err(error) if no_descriptor_is_left(&error) => {
            let path = path.to_owned();
            blocking::spawn(move || std::fs::symlink_metadata(path)).await?
        }
        found => found?.shared().with_std(|file| file.metadata()),
    }
}

/// Whether `path` leads to anything. A dangling symbolic link does not.
///
/// # Errors
/// Those of stat(2) but `NotFound`: without the right to look nobody can tell.
///
/// # Cost
/// As for [`metadata`].
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    match metadata(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What statx(2) tells of what `path` leads to, as an op.
///
/// # Errors
/// Those of statx(2).
///
/// # Cost
/// One SQE, which the kernel always gives to a worker thread: [`metadata`] is cheaper on its own.
pub fn statx(path: impl AsRef<Path>) -> Io<One<StatxOp>> {
    op::statx(path.as_ref(), true)
}

/// As [`statx()`], of a symbolic link itself.
///
/// # Errors
/// Those of statx(2).
pub fn symlink_statx(path: impl AsRef<Path>) -> Io<One<StatxOp>> {
    op::statx(path.as_ref(), false)
}

/// The absolute path of what `path` leads to, without symbolic links, `.` and `..`: on a thread of the pool.
///
/// # Errors
/// Those of realpath(3): everything on the way must be there.
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    blocking::spawn(move || std::fs::canonicalize(path)).await?
}

/// The text of a symbolic link: on a thread of the pool.
///
/// # Errors
/// Those of readlink(2): `InvalidInput` for what is no symbolic link.
pub async fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref().to_owned();
    blocking::spawn(move || std::fs::read_link(path)).await?
}

/// Sets the permissions of what `path` leads to: chmod(2), on a thread of the pool.
///
/// # Errors
/// Those of chmod(2).
pub async fn set_permissions(path: impl AsRef<Path>, perm: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    blocking::spawn(move || std::fs::set_permissions(path, perm)).await?
}

/// Removes a file, or a symbolic link itself.
///
/// # Errors
/// Those of unlink(2): `IsADirectory` for a directory.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use runtime::{IntoResult, fs};
/// // One after the other, in one submission.
/// fs::remove_file("data.old").then(|_| fs::rename("data", "data.old")).await.into_result()?;
/// # Ok(())
/// # }
/// ```
pub fn remove_file(path: impl AsRef<Path>) -> Io<One<Unlink>> {
    op::unlink(path.as_ref())
}

/// Gives a file or directory another name, in one step; a file that has it already is replaced.
///
/// # Errors
/// Those of rename(2): `CrossesDevices` between file systems.
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Io<One<Rename>> {
    op::rename(from.as_ref(), to.as_ref(), Existing::Replace)
}

/// As [`rename`], with a choice for what has the new name already.
///
/// # Errors
/// Those of renameat2(2): `AlreadyExists` with [`Existing::Keep`]; EINVAL where the file system has only
/// [`Existing::Replace`].
pub fn rename_with(from: impl AsRef<Path>, to: impl AsRef<Path>, existing: Existing) -> Io<One<Rename>> {
    op::rename(from.as_ref(), to.as_ref(), existing)
}

/// Makes `link` another name of the file `original`, which is not followed if it is a symbolic link.
///
/// # Errors
/// Those of link(2): `AlreadyExists`; `CrossesDevices` between file systems.
pub fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Io<One<Link>> {
    op::link(original.as_ref(), link.as_ref())
}

/// Makes `link` a symbolic link to `original`, which need not be there.
///
/// # Errors
/// Those of symlink(2): `AlreadyExists`.
pub fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Io<One<Symlink>> {
    op::symlink(original.as_ref(), link.as_ref())
}

/// What `path` leads to, open for nothing but to be looked at.
async fn found(path: &Path, flags: i32) -> io::Result<File> {
    op::open(path, Ok(OpenHow { flags: O_PATH | flags, ..OpenHow::default() })).await
}

fn no_descriptor_is_left(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}
