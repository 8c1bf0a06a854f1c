//! The server on one shard: a listener of its own, and a task for each connection.

use std::rc::Rc;

use examples::serving::{Seat, accept};
use runtime::{net::TcpStream, spawn};

use super::{connection, shard::Shard};

/// Accepts and serves until it is told to stop; ends when the last connection has.
///
/// # Errors
/// If it cannot listen.
pub async fn run(shard: Rc<Shard>, seat: Seat) -> Result<(), String> {
    let (listener, stop) = seat.listen()?;
    let log = spawn({
        let shard = shard.clone();
        async move { shard.log.write_out().await }
    });
    let serve = |stream: TcpStream| {
        let (shard, stop) = (shard.clone(), stop.clone());
        async move {
            let _connected = shard.connected();
            // Small answers shall not wait for the next ones. A socket that is gone already says so when it is read.
            let _ = stream.set_nodelay(true);
            let Ok(peer) = stream.peer_addr() else { return };
            // A peer that goes away is nothing to report: it is how connections end.
            let _ = connection::serve(shard.clone(), stream, peer.ip(), &stop).await;
        }
    };
    accept(listener, shard.limits.connections, &stop, serve).await;
    log.abort();
    let _ = shard.log.flush().await;
    Ok(())
}
