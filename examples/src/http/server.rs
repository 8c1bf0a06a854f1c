//! The server on one shard: a listener of its own, and a task for each connection.

use std::{io, net::SocketAddr, pin::pin, rc::Rc, time::Duration};

use runtime::{
    net::{TcpListener, TcpSocket},
    select, spawn,
    sync::{CancellationToken, local},
    time::sleep,
};

use super::{connection, shard::Shard};

/// Connections that wait for `accept`.
const BACKLOG: u32 = 1024;
/// How long no connection is accepted after an accept has failed: for want of descriptors, most often.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener beside those of the other shards: the kernel spreads connections over them.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bind(address)?.listen(BACKLOG)
}

/// A socket that holds an address without taking connections there.
pub fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
    socket.bind(address).map_err(explain)?;
    Ok(socket)
}

/// Accepts and serves until `stop`; ends when the last connection has.
pub async fn run(shard: Rc<Shard>, listener: TcpListener, stop: CancellationToken) {
    let places = Rc::new(local::Semaphore::new(shard.limits.connections));
    let all = u32::try_from(shard.limits.connections).unwrap_or(u32::MAX);
    let log = spawn({
        let shard = shard.clone();
        async move { shard.log.write_out().await }
    });
    let mut incoming = listener.incoming();
    let mut stopped = pin!(stop.cancelled());
    loop {
        let place = select! {
            biased;
            () = &mut stopped => break,
            place = places.clone().acquire_owned() => place.expect("nobody closes it"),
        };
        let accepted = select! {
            biased;
            () = &mut stopped => break,
            accepted = incoming.next() => accepted,
        };
        let stream = match accepted {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => {
                eprintln!("http: cannot accept: {error}; trying again in {PAUSE:?}");
                sleep(PAUSE).await;
                incoming = listener.incoming();
                continue;
            }
            None => {
                incoming = listener.incoming();
                continue;
            }
        };
        let (shard, stop) = (shard.clone(), stop.clone());
        spawn(async move {
            let _place = place;
            let _connected = shard.connected();
            // Small answers shall not wait for the next ones. A socket that is gone already says so when it is read.
            let _ = stream.set_nodelay(true);
            let Ok(peer) = stream.peer_addr() else { return };
            // A peer that goes away is nothing to report: it is how connections end.
            let _ = connection::serve(shard.clone(), stream, peer.ip(), &stop).await;
        });
    }
    drop(incoming);
    drop(listener);
    // Every connection gives its place back.
    let _ = places.acquire_many(all).await;
    log.abort();
    let _ = shard.log.flush().await;
}
