//! Copies of files.

use std::{io, path::Path};

use runtime_core::blocking;

/// Copies a file's content and permissions to `to`, which is created or replaced, and gives the number of bytes.
///
/// On a thread of the pool, as there is no op for copy_file_range(2): so file systems that can share blocks do.
///
/// # Errors
/// Those of open(2), copy_file_range(2) and fchmod(2); `InvalidInput` if `from` is no regular file. `to` may then be empty
/// or cut.
///
/// # Cancel safety
/// It goes on when it is dropped.
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
    blocking::spawn(move || std::fs::copy(from, to)).await?
}
