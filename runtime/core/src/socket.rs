//! System calls on sockets that fill a caller's memory. They never wait: a call that would have to fails with `WouldBlock`.
//!
//! All other calls on sockets are safe ones of `socket2`.

mod ancillary;
mod credentials;

use std::{io, mem::MaybeUninit, net::SocketAddr, os::fd::AsFd};

use socket2::{SockAddr, SockRef};

use crate::io::ReadBuf;

pub(crate) use ancillary::{Ancillary, check, decode, encode, room};
pub use ancillary::{FDS_MAX, recv_fds, send_fds};
pub use credentials::{UCred, peer_cred};

/// An address of some family, as users name it.
pub trait Address: Sized + 'static {
    /// Reads an address that the kernel has written.
    ///
    /// # Errors
    /// If it is of another family.
    fn of(address: &SockAddr) -> io::Result<Self>;
}

impl Address for SocketAddr {
    fn of(address: &SockAddr) -> io::Result<SocketAddr> {
        address.as_socket().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not an address of IPv4 or IPv6"))
    }
}

/// Again after a signal.
///
/// # Errors
/// Those of `call`, but not `Interrupted`.
pub fn retry<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// recv(2) into the unfilled part, which need not be initialized; gives the count. `flags` are further `MSG_*`.
///
/// # Errors
/// Those of recv(2).
pub fn recv_into(socket: &impl AsFd, buf: &mut ReadBuf<'_>, flags: i32) -> io::Result<usize> {
    let socket = SockRef::from(socket);
    append(buf, |memory| socket.recv_with_flags(memory, flags | libc::MSG_DONTWAIT), |count| *count)
}

/// recvfrom(2) into the unfilled part, which need not be initialized; gives the count and the sender. `flags` are further
/// `MSG_*`.
///
/// # Errors
/// Those of recvfrom(2).
pub fn recv_from_into(socket: &impl AsFd, buf: &mut ReadBuf<'_>, flags: i32) -> io::Result<(usize, SockAddr)> {
    let socket = SockRef::from(socket);
    append(buf, |memory| socket.recv_from_with_flags(memory, flags | libc::MSG_DONTWAIT), |(count, _)| *count)
}

/// Counts `count(result)` bytes, from the start of the unfilled part, as filled by `call`.
fn append<R>(
    buf: &mut ReadBuf<'_>,
    mut call: impl FnMut(&mut [MaybeUninit<u8>]) -> io::Result<R>,
    count: impl FnOnce(&R) -> usize,
) -> io::Result<R> {
    // SAFETY: the bytes are only given to the kernel, which writes initialized ones. Test: runtime/tests/net_tcp.rs.
    let memory = unsafe { buf.unfilled_mut() };
    let result = retry(|| call(memory))?;
    let count = count(&result);
    // SAFETY: the kernel has written that many bytes to the memory, during the call; it belongs to the caller of the read.
    // Test: as above.
    unsafe { buf.assume_init(count) };
    buf.advance(count);
    Ok(result)
}
