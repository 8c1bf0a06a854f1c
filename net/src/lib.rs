//! Sockets. Users reach this crate as `runtime::net`.
//!
//! Every type has two faces. The **drop-in** one is tokio's: borrowed buffers, a direct attempt without blocking, and a
//! wait where there is nothing to do yet, so that a dropped call has taken and sent nothing. The other one is **ops**:
//! owned buffers, one SQE each, which become part of plans by `join!` and `.then`.

#![forbid(unsafe_code)]

mod accept;
mod addr;
mod incoming;
mod message;
mod recv_stream;
mod send_file;
mod slot;
mod socket;
mod split;
mod stream;
pub mod tcp;
mod udp;
pub mod unix;

pub use addr::{ToSocketAddrs, lookup_host};
pub use incoming::{Incomer, Incoming};
pub use recv_stream::RecvStream;
pub use runtime_core::pool::{BufferPool, Lease, PoolOptions};
pub use send_file::send_file;
pub use slot::{SlotStream, StreamHandle};
pub use tcp::{TcpListener, TcpSocket, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixListener, UnixSocket, UnixStream};
