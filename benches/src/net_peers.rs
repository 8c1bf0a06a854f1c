//! Servers on each runtime, and by hand, for the benches `net` and `idle`. Each runs in a process of its own.
//!
//! Each is written as its runtime's documentation says: a loop that accepts, a task per connection, 4 KiB of input.

mod compio;
mod drop_in;
mod epoll;
mod glommio;
mod hyper;
mod monoio;
mod native;
mod owned;
mod runtime;
mod tokio;
mod tokio_uring;
mod uring;
mod work;

use std::net::{SocketAddr, TcpListener};

use crate::report::Kind;
pub use work::{MESSAGE_MAX, Work, hyper_response, request, response};

/// What a server is written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// The runtime's own reads and writes.
    Bytes,
    /// hyper, on the runtime.
    Hyper,
}

/// A way to serve.
pub struct Peer {
    pub name: &'static str,
    pub kind: Kind,
    pub face: Face,
    /// Serves until the process is ended.
    serve: fn(TcpListener, Work),
    /// It serves on the listener that it gets; else it makes and announces one.
    takes_listener: bool,
    /// It has a way to wait for input without a buffer: [`Work::Lean`].
    pub lean: bool,
}

const fn peer(name: &'static str, kind: Kind, serve: fn(TcpListener, Work)) -> Peer {
    Peer { name, kind, face: Face::Bytes, serve, takes_listener: true, lean: false }
}

/// The project's own faces come first, the loops by hand last.
pub const PEERS: [Peer; 15] = [
    Peer { lean: true, ..peer("runtime (drop-in)", Kind::Ours, runtime::serve) },
    peer("runtime (streams)", Kind::Ours, native::serve),
    peer("with Defer (drop-in)", Kind::Ours, runtime::serve_deferred),
    peer("with Defer (streams)", Kind::Ours, native::serve_deferred),
    peer("no io_uring (drop-in)", Kind::Ours, runtime::serve_emulated),
    Peer { lean: true, ..peer("tokio", Kind::Peer, tokio::serve) },
    Peer { lean: true, ..peer("monoio", Kind::Peer, monoio::serve) },
    peer("compio", Kind::Peer, compio::serve),
    Peer { takes_listener: false, ..peer("glommio", Kind::Peer, glommio::serve) },
    peer("tokio-uring", Kind::Peer, tokio_uring::serve),
    peer("epoll by hand", Kind::Limit, epoll::serve),
    peer("io_uring by hand", Kind::Limit, uring::serve),
    Peer { face: Face::Hyper, ..peer("runtime, hyper", Kind::Ours, hyper::on_runtime) },
    Peer { face: Face::Hyper, ..peer("with Defer, hyper", Kind::Ours, hyper::on_runtime_deferred) },
    Peer { face: Face::Hyper, ..peer("tokio, hyper", Kind::Peer, hyper::on_tokio) },
];

fn ours() -> ::runtime::Runtime {
    ::runtime::Runtime::new().expect("a runtime")
}

/// With the task-run mode that takes least CPU time.
fn ours_deferred() -> ::runtime::Runtime {
    ::runtime::Builder::new().task_run(::runtime::TaskRun::Defer).build().expect("a runtime")
}

/// As where io_uring is refused.
fn ours_emulated() -> ::runtime::Runtime {
    ::runtime::Builder::new().kernel(::runtime::Kernel::Emulated).build().expect("a runtime")
}

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
