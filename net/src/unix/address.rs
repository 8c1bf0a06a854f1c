//! Addresses of Unix sockets.

use std::{
    ffi::OsStr,
    fmt, io,
    os::{
        linux::net::SocketAddrExt,
        unix::{ffi::OsStrExt, net},
    },
    path::Path,
};

use runtime_core::socket::Address;
use socket2::SockAddr;

/// Most bytes of a path, which ends in a NUL byte, or of an abstract name, which begins with one (`sun_path` is of 108).
const NAME_MAX: usize = 107;

/// The address of a Unix socket: a path, an abstract name, or none.
#[derive(Clone)]
pub struct SocketAddr(net::SocketAddr);

impl SocketAddr {
    /// True if the socket was never bound.
    pub fn is_unnamed(&self) -> bool {
        self.0.is_unnamed()
    }

    /// The path, if it has one.
    pub fn as_pathname(&self) -> Option<&Path> {
        self.0.as_pathname()
    }

    /// The abstract name, without the NUL byte that it begins with, if it has one.
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        self.0.as_abstract_name()
    }

    /// As the kernel reads it.
    pub(crate) fn to_kernel(&self) -> io::Result<SockAddr> {
        match (self.as_pathname(), self.as_abstract_name()) {
            (Some(path), _) => named(path),
            (_, Some(name)) => named(Path::new(OsStr::from_bytes(&[b"\0", name].concat()))),
            (None, None) => SockAddr::unix(""),
        }
    }
}

/// A path, or an abstract name if it begins with a NUL byte. The empty path is unnamed; bound to that, a socket gets an
/// abstract name from the kernel.
pub(crate) fn named(path: &Path) -> io::Result<SockAddr> {
    let bytes = path.as_os_str().as_bytes();
    let (what, name) = match bytes.split_first() {
        Some((0, name)) => ("an abstract name", name),
        _ => ("a path", bytes),
    };
    let refused = |text| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    if name.len() > NAME_MAX {
        return refused(format!("{what} of {} bytes for a Unix socket; the limit is {NAME_MAX}", name.len()));
    }
    if name == bytes && bytes.contains(&0) {
        return refused("a path for a Unix socket contains a NUL byte".to_owned());
    }
    SockAddr::unix(path)
}

impl Address for SocketAddr {
    /// A path of 108 bytes, which the kernel takes and std cannot express, counts as unnamed.
    fn of(address: &SockAddr) -> io::Result<SocketAddr> {
        let known = match (address.as_pathname(), address.as_abstract_namespace()) {
            (Some(path), _) => net::SocketAddr::from_pathname(path),
            (_, Some(name)) => net::SocketAddr::from_abstract_name(name),
            (None, None) => net::SocketAddr::from_pathname(""),
        };
        known.or_else(|_| net::SocketAddr::from_pathname("")).map(SocketAddr)
    }
}

impl fmt::Debug for SocketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<net::SocketAddr> for SocketAddr {
    fn from(address: net::SocketAddr) -> SocketAddr {
        SocketAddr(address)
    }
}

impl From<SocketAddr> for net::SocketAddr {
    fn from(address: SocketAddr) -> net::SocketAddr {
        address.0
    }
}
