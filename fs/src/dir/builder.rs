//! How a directory is made.

use std::{
    io,
    path::{Path, PathBuf},
};

use runtime_core::op;

use super::MODE;
use crate::metadata;

/// Options for making a directory.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use runtime::fs::DirBuilder;
///
/// DirBuilder::new().recursive(true).mode(0o700).create("a/b/c").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DirBuilder {
    recursive: bool,
    mode: u32,
}

impl Default for DirBuilder {
    fn default() -> DirBuilder {
        DirBuilder::new()
    }
}

impl DirBuilder {
    /// Not recursive; mode 0o777, before the umask.
    pub fn new() -> DirBuilder {
        DirBuilder { recursive: false, mode: MODE }
    }

    /// Also makes the directories on the way, with the same permissions, and is content if the directory is there.
    pub fn recursive(&mut self, recursive: bool) -> &mut DirBuilder {
        self.recursive = recursive;
        self
    }

    /// Permissions, before the umask.
    pub fn mode(&mut self, mode: u32) -> &mut DirBuilder {
        self.mode = mode;
        self
    }

    /// Makes the directory.
    ///
    /// # Errors
    /// Those of mkdir(2).
    ///
    /// # Cancel safety
    /// Dropped, it may have made any of the directories.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (path, mode, recursive) = (path.as_ref(), self.mode, self.recursive);
        if recursive { create_all(path, mode).await } else { op::mkdir(path, mode).await }
    }
}

/// Goes up until there is something to stand on, then down again.
async fn create_all(path: &Path, mode: u32) -> io::Result<()> {
    let mut missing: Vec<PathBuf> = Vec::new();
    for part in path.ancestors() {
        // The empty path is the working directory, which is there.
        if part.as_os_str().is_empty() {
            break;
        }
        match op::mkdir(part, mode).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(part.to_owned()),
            made => {
                there(part, made).await?;
                break;
            }
        }
    }
    for part in missing.iter().rev() {
        there(part, op::mkdir(part.as_path(), mode).await).await?;
    }
    Ok(())
}

/// Somebody else may have made it, or it is the root.
async fn there(path: &Path, made: io::Result<()>) -> io::Result<()> {
    match made {
        Err(error) if !metadata(path).await.is_ok_and(|found| found.is_dir()) => Err(error),
        _ => Ok(()),
    }
}
