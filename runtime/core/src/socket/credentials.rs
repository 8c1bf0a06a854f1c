//! Who is at the other end of a Unix socket.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
};

/// A process's user, group and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UCred {
    pub(super) pid: Option<libc::pid_t>,
    pub(super) uid: libc::uid_t,
    pub(super) gid: libc::gid_t,
}

impl UCred {
    /// The effective user.
    pub fn uid(&self) -> libc::uid_t {
        self.uid
    }

    /// The effective group.
    pub fn gid(&self) -> libc::gid_t {
        self.gid
    }

    /// The process; 0 if it has no number in this process's namespace. Always there on Linux.
    pub fn pid(&self) -> Option<libc::pid_t> {
        self.pid
    }
}

/// Who connected the socket, or listened for it: SO_PEERCRED, as of then.
///
/// # Errors
/// Those of getsockopt(2).
pub fn peer_cred(socket: &impl AsFd) -> io::Result<UCred> {
    let mut cred = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: both are locals, of the size that is said, written during the call. Test: runtime/tests/net_unix.rs.
    let done =
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut cred).cast(), &raw mut len) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(UCred { pid: Some(cred.pid), uid: cred.uid, gid: cred.gid })
}
