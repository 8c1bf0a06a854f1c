//! Calls on open files and paths for which io_uring has no op, or which are cheaper on the spot.

use std::{
    ffi::{CStr, CString, OsStr, OsString},
    io,
    os::{
        fd::{AsFd, AsRawFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
};

use crate::{fd::SharedFd, io::ReadBuf, lower::invalid};

/// Largest list of attributes' names that the kernel gives (XATTR_LIST_MAX).
const NAMES_MAX: usize = 1 << 16;

/// Reads at the file's own position what needs no wait, up to `len_max` bytes, and gives how many: preadv2(2) with
/// RWF_NOWAIT.
///
/// # Errors
/// Those of preadv2(2): `WouldBlock` if nothing is in the page cache, EOPNOTSUPP where the file does not have this.
pub fn read_now(fd: &SharedFd, buf: &mut ReadBuf<'_>, len_max: usize) -> io::Result<usize> {
    // SAFETY: the bytes are only given to the kernel, which writes initialized ones. Test: runtime/tests/fs_cursor.rs.
    let memory = unsafe { buf.unfilled_mut() };
    let piece = libc::iovec { iov_base: memory.as_mut_ptr().cast(), iov_len: memory.len().min(len_max) };
    // SAFETY: the caller of the read owns the memory; the kernel writes to it, and reads `piece`, during the call only.
    // Test: as above.
    let count = unsafe { libc::preadv2(fd.as_raw_fd(), &piece, 1, -1, libc::RWF_NOWAIT) };
    let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
    // SAFETY: the kernel has written that many bytes. Test: as above.
    unsafe { buf.assume_init(count) };
    buf.advance(count);
    Ok(count)
}

/// A lock on an open file, as flock(2) has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// One owner.
    Exclusive,
    /// Any number of owners.
    Shared,
    /// None: gives it back.
    None,
}

/// Takes or gives back a lock; waits for it if `waits`.
///
/// # Errors
/// Those of flock(2): `WouldBlock` if somebody else has it, and `waits` is false.
pub fn lock(fd: impl AsFd, lock: Lock, waits: bool) -> io::Result<()> {
    let kind = match lock {
        Lock::Exclusive => libc::LOCK_EX,
        Lock::Shared => libc::LOCK_SH,
        Lock::None => libc::LOCK_UN,
    };
    let flags = kind | if waits { 0 } else { libc::LOCK_NB };
    // SAFETY: no memory is passed. Test: runtime/tests/fs_locks.rs.
    done(unsafe { libc::flock(fd.as_fd().as_raw_fd(), flags) })
}

/// Where an attribute belongs.
#[derive(Clone, Copy, Debug)]
pub enum Attributed<'a> {
    /// To what a path leads to.
    Path(&'a Path),
    /// To an open file.
    File(&'a SharedFd),
}

/// The names of all extended attributes: listxattr(2).
///
/// # Errors
/// Those of listxattr(2); `InvalidInput` for a path with a NUL byte in it.
pub fn list_xattrs(of: Attributed<'_>) -> io::Result<Vec<OsString>> {
    let mut names = vec![0u8; NAMES_MAX];
    let (memory, room) = (names.as_mut_ptr().cast(), names.len());
    let count = match of {
        Attributed::Path(path) => {
            let path = c_string(path.as_os_str())?;
            // SAFETY: path and names are locals that outlive the call, which writes at most `room` bytes.
            // Test: runtime/tests/fs_locks.rs.
            unsafe { libc::listxattr(path.as_ptr(), memory, room) }
        }
        // SAFETY: as above.
        Attributed::File(fd) => unsafe { libc::flistxattr(fd.as_raw_fd(), memory, room) },
    };
    let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
    let names = names[..count].split_inclusive(|byte| *byte == 0);
    let names = names.filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    Ok(names.map(|name| OsString::from_vec(name.to_bytes().to_vec())).collect())
}

/// Removes an extended attribute: removexattr(2).
///
/// # Errors
/// Those of removexattr(2): ENODATA if there is no such attribute; `InvalidInput` for a NUL byte in path or name.
pub fn remove_xattr(of: Attributed<'_>, name: &OsStr) -> io::Result<()> {
    let name = c_string(name)?;
    done(match of {
        Attributed::Path(path) => {
            let path = c_string(path.as_os_str())?;
            // SAFETY: path and name are locals that outlive the call. Test: runtime/tests/fs_locks.rs.
            unsafe { libc::removexattr(path.as_ptr(), name.as_ptr()) }
        }
        // SAFETY: as above.
        Attributed::File(fd) => unsafe { libc::fremovexattr(fd.as_raw_fd(), name.as_ptr()) },
    })
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| invalid("the path or name contains a NUL byte"))
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes `to` share all of `from`'s blocks, which both keep until they are written to: FICLONE.
///
/// # Errors
/// Those of ioctl_ficlone(2): EOPNOTSUPP, EXDEV or EINVAL where the file systems cannot; nothing was done then.
pub fn clone_content(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    // SAFETY: a number is passed, no memory. Test: runtime/tests/fs_copy.rs.
    done(unsafe { libc::ioctl(to.as_fd().as_raw_fd(), libc::FICLONE, from.as_fd().as_raw_fd()) })
}

/// Copies up to `len` bytes from one file's position to the other's, and gives how many: copy_file_range(2). 0 at the end,
/// and for files of which the kernel does not know the size.
///
/// # Errors
/// Those of copy_file_range(2).
pub fn copy_range(from: impl AsFd, to: impl AsFd, len: usize) -> io::Result<usize> {
    let (from, to) = (from.as_fd().as_raw_fd(), to.as_fd().as_raw_fd());
    let own = std::ptr::null_mut();
    // SAFETY: null for both offsets, so no memory is passed. Test: runtime/tests/fs_copy.rs.
    let count = unsafe { libc::copy_file_range(from, own, to, own, len, 0) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}
