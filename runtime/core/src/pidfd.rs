//! Descriptors of processes: readable once the process has ended.

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

use crate::fd::SharedFd;

/// A descriptor of a child that has not been reaped: pidfd_open(2). One system call. Until somebody reaps it, nobody else
/// can have its number.
///
/// # Errors
/// ESRCH if there is no such process; EMFILE, ENFILE, ENOMEM.
pub fn open(process: u32) -> io::Result<SharedFd> {
    // SAFETY: no memory is passed. Test: runtime/tests/process.rs.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process as libc::pid_t, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor, close-on-exec, without another owner. Test: as above.
    Ok(SharedFd::new(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
}
