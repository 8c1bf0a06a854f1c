//! The proxy on one shard: a listener of its own, and a task for each connection.

use std::{io, net::SocketAddr, pin::pin, rc::Rc, time::Duration};

use runtime::{
    net::TcpSocket,
    select, spawn,
    sync::{CancellationToken, local::Semaphore, mpsc},
    time::sleep,
};

use super::{Options, connection};

/// Connections that wait for `accept`.
const BACKLOG: u32 = 1024;
/// How long no connection is accepted after an accept has failed: for want of descriptors, most often.
const PAUSE: Duration = Duration::from_millis(50);

/// A socket that holds an address, which sockets of other shards may hold as well, without taking connections there.
pub fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
    socket.bind(address).map_err(explain)?;
    Ok(socket)
}

/// Accepts until `stop`; ends when the last connection has.
///
/// # Errors
/// If it cannot listen.
pub async fn run(options: Options, stop: CancellationToken, begins: mpsc::Sender<()>) -> Result<(), String> {
    let listener = bind(options.listen).and_then(|socket| socket.listen(BACKLOG)).map_err(|error| error.to_string())?;
    drop(begins);
    let options = Rc::new(options);
    let places = Rc::new(Semaphore::new(options.connections as usize));
    let mut incoming = listener.incoming();
    let mut stopped = pin!(stop.cancelled());
    loop {
        // Who has no place is not accepted, so that clients wait and the proxy's memory and descriptors are bounded.
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
        match accepted {
            Some(Ok(client)) => {
                let options = options.clone();
                spawn(async move {
                    let _place = place;
                    if let Err(error) = connection::pass(client, &options).await {
                        eprintln!("proxy: {error}");
                    }
                });
            }
            Some(Err(error)) => {
                eprintln!("proxy: cannot accept: {error}; trying again in {PAUSE:?}");
                sleep(PAUSE).await;
                incoming = listener.incoming();
            }
            None => incoming = listener.incoming(),
        }
    }
    drop((incoming, listener));
    // Every connection gives its place back.
    let _ = places.acquire_many(options.connections).await;
    Ok(())
}
