//! Extended attributes: by path, which is followed if it is a symbolic link, and of open files.
//!
//! Names have their namespace in front: `user.mine`.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
};

use runtime_core::{
    blocking,
    buf::IoBuf,
    file::{self, Attributed},
    future::Io,
    op::{self, At, ExistingXattr, SetXattr},
    plan::One,
};

use crate::File;

/// What is tried first; most attributes are smaller.
const FIRST_ROOM: usize = 256;
/// Largest attribute that the kernel has (XATTR_SIZE_MAX).
const ROOM_MAX: usize = 1 << 16;
const ENODATA: i32 = 61;
const ERANGE: i32 = 34;

/// An attribute's value; `None` if there is no such attribute.
///
/// # Errors
/// Those of getxattr(2): `Unsupported` where the file system has none.
///
/// # Cost
/// One SQE; two for a value of more than 256 bytes.
pub async fn get_xattr(path: impl AsRef<Path>, name: impl AsRef<OsStr>) -> io::Result<Option<Vec<u8>>> {
    get(path.as_ref().into(), name.as_ref()).await
}

/// Sets an attribute, which may be there already: `(io::Result<()>, value)`.
///
/// # Errors
/// Those of setxattr(2).
pub fn set_xattr<B: IoBuf>(path: impl AsRef<Path>, name: impl AsRef<OsStr>, value: B) -> Io<One<SetXattr<B>>> {
    op::set_xattr(path.as_ref(), name.as_ref(), value, ExistingXattr::Any)
}

/// The names of all attributes: on a thread of the pool.
///
/// # Errors
/// Those of listxattr(2).
pub async fn list_xattr(path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
    let path = path.as_ref().to_owned();
    blocking::spawn(move || file::list_xattrs(Attributed::Path(&path))).await?
}

/// Removes an attribute: on a thread of the pool.
///
/// # Errors
/// Those of removexattr(2): ENODATA if there is no such attribute.
pub async fn remove_xattr(path: impl AsRef<Path>, name: impl AsRef<OsStr>) -> io::Result<()> {
    let (path, name) = (path.as_ref().to_owned(), name.as_ref().to_owned());
    blocking::spawn(move || file::remove_xattr(Attributed::Path(&path), &name)).await?
}

impl File {
    /// As [`get_xattr`].
    ///
    /// # Errors
    /// Those of fgetxattr(2).
    pub async fn get_xattr(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Vec<u8>>> {
        get(At::of(self.shared()), name.as_ref()).await
    }

    /// As [`set_xattr`].
    ///
    /// # Errors
    /// Those of fsetxattr(2).
    pub fn set_xattr<B: IoBuf>(&self, name: impl AsRef<OsStr>, value: B) -> Io<One<SetXattr<B>>> {
        op::set_xattr(At::of(self.shared()), name.as_ref(), value, ExistingXattr::Any)
    }

    /// As [`list_xattr`].
    ///
    /// # Errors
    /// Those of flistxattr(2).
    pub async fn list_xattr(&self) -> io::Result<Vec<OsString>> {
        let fd = self.shared().clone();
        blocking::spawn(move || file::list_xattrs(Attributed::File(&fd))).await?
    }

    /// As [`remove_xattr`].
    ///
    /// # Errors
    /// Those of fremovexattr(2).
    pub async fn remove_xattr(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        let (fd, name) = (self.shared().clone(), name.as_ref().to_owned());
        blocking::spawn(move || file::remove_xattr(Attributed::File(&fd), &name)).await?
    }
}

async fn get(at: At, name: &OsStr) -> io::Result<Option<Vec<u8>>> {
    let mut room = FIRST_ROOM;
    loop {
        let (result, value) = op::get_xattr(at.clone(), name, Vec::with_capacity(room)).await;
        match result {
            Ok(_) => return Ok(Some(value)),
            Err(error) if error.raw_os_error() == Some(ENODATA) => return Ok(None),
            Err(error) if error.raw_os_error() == Some(ERANGE) && room < ROOM_MAX => room = ROOM_MAX,
            Err(error) => return Err(error),
        }
    }
}
