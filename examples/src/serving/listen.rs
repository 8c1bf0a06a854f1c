//! Listeners that share an address: the kernel spreads connections over them.

use std::{io, net::SocketAddr};

use runtime::net::{TcpListener, TcpSocket};

/// Connections that wait for `accept`.
const BACKLOG: u32 = 1024;

pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bind(address)?.listen(BACKLOG)
}

/// A socket that holds an address, which sockets of other shards may hold as well, without taking connections there.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
    socket.bind(address).map_err(explain)?;
    Ok(socket)
}
