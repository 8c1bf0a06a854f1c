//! A path as the kernel takes it: from the working directory, or from an open one.

use std::{ffi::CString, io, os::unix::ffi::OsStrExt, path::Path};

use io_uring::types;

use crate::{fd::SharedFd, lower::invalid};

/// A path, and where it starts. The op that has one keeps both until its last CQE.
#[derive(Clone, Debug)]
pub struct At {
    /// The working directory if `None`. No slot: the kernel refuses those here.
    dir: Option<SharedFd>,
    /// `None` for a path with a NUL byte in it, which no file can have.
    path: Option<CString>,
}

impl At {
    /// `path` in the directory `dir`; absolute paths start at the root all the same.
    pub fn below(dir: &SharedFd, path: &Path) -> At {
        At { dir: Some(dir.clone()), path: c_path(path) }
    }

    /// What is open as `fd`, without a path: for ops with AT_EMPTY_PATH.
    pub fn of(fd: &SharedFd) -> At {
        At { dir: Some(fd.clone()), path: Some(CString::default()) }
    }

    pub(super) fn dir(&self) -> types::Fd {
        types::Fd(self.dir.as_ref().map_or(libc::AT_FDCWD, SharedFd::number))
    }

    /// A pointer that is good while this lives, wherever it is moved.
    pub(super) fn path(&self) -> io::Result<*const libc::c_char> {
        match &self.path {
            Some(path) => Ok(path.as_ptr()),
            None => Err(invalid("the path contains a NUL byte")),
        }
    }

    /// True for [`At::of`].
    pub(super) fn is_descriptor(&self) -> bool {
        self.dir.is_some() && self.path.as_ref().is_some_and(|path| path.is_empty())
    }
}

/// `path` from the working directory.
impl From<&Path> for At {
    fn from(path: &Path) -> At {
        At { dir: None, path: c_path(path) }
    }
}

fn c_path(path: &Path) -> Option<CString> {
    CString::new(path.as_os_str().as_bytes()).ok()
}
