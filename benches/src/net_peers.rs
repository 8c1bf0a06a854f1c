//! Servers on each runtime, and by hand, for the benches `net` and `idle`. Each runs in a process of its own.
//!
//! Each is written as its runtime's documentation says: a loop that accepts, a task per connection, 4 KiB of input.

mod compio;
mod epoll;
mod glommio;
mod monoio;
mod native;
mod runtime;
mod tokio;
mod tokio_uring;
mod uring;
mod work;

use std::net::{SocketAddr, TcpListener};

pub use work::{MESSAGE_MAX, Work, request, response};

/// A way to serve.
pub struct Peer {
    pub name: &'static str,
    /// Serves until the process is ended.
    serve: fn(TcpListener, Work),
    /// It serves on the listener that it gets; else it makes and announces one.
    takes_listener: bool,
    /// It has a way to wait for input without a buffer: [`Work::Lean`].
    pub lean: bool,
}

/// The project's own two faces come first, the loops by hand last.
pub const PEERS: [Peer; 11] = [
    Peer { name: "runtime (drop-in)", serve: runtime::serve, takes_listener: true, lean: true },
    Peer { name: "runtime (streams)", serve: native::serve, takes_listener: true, lean: false },
    Peer { name: "with Defer (drop-in)", serve: runtime::serve_deferred, takes_listener: true, lean: false },
    Peer { name: "with Defer (streams)", serve: native::serve_deferred, takes_listener: true, lean: false },
    Peer { name: "tokio", serve: tokio::serve, takes_listener: true, lean: true },
    Peer { name: "monoio", serve: monoio::serve, takes_listener: true, lean: true },
    Peer { name: "compio", serve: compio::serve, takes_listener: true, lean: false },
    Peer { name: "glommio", serve: glommio::serve, takes_listener: false, lean: false },
    Peer { name: "tokio-uring", serve: tokio_uring::serve, takes_listener: true, lean: false },
    Peer { name: "epoll by hand", serve: epoll::serve, takes_listener: true, lean: false },
    Peer { name: "io_uring by hand", serve: uring::serve, takes_listener: true, lean: false },
];

/// Serves on a port of its own, which it prints.
pub fn serve(peer: &Peer, work: Work) {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    // Connections inherit this.
    listener.set_tcp_nodelay(true).expect("an option");
    let address: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    listener.bind(&address.into()).expect("a port");
    listener.listen(4096).expect("a listener");
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().expect("an address");
    if peer.takes_listener {
        announce(address);
    }
    (peer.serve)(listener, work);
}

/// Tells whoever started the process.
fn announce(address: SocketAddr) {
    println!("{address}");
}
