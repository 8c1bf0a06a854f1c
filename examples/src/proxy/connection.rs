//! One connection: to the other side, and then both ways at once.

use std::{io, time::Duration};

use runtime::{net::TcpStream, time::timeout, try_join};

use super::{Options, direction};

/// Connects to where the client is to go, and passes bytes both ways until both sides have said all.
///
/// # Errors
/// If the other side cannot be reached; the client's connection is then closed. That a peer goes away later is no error.
pub async fn pass(client: TcpStream, options: &Options) -> io::Result<()> {
    let limit = Duration::from_secs(options.connect_seconds);
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("cannot connect to {}: {error}", options.to));
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("not within {limit:?}"));
    let connected = timeout(limit, TcpStream::connect(options.to.as_str())).await;
    let server = connected.unwrap_or_else(|_| Err(late())).map_err(explain)?;
    // What is passed on goes at once; who wants to gather has gathered already.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    // An end of bytes is passed on, and the other direction goes on. An error ends both: the sockets are closed with
    // unread bytes in them, perhaps, so the reset is passed on as well.
    let both = try_join!(direction::pump(&client, &server), direction::pump(&server, &client));
    match both {
        Err(error) if !is_departure(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Whether an error says that a peer is gone.
fn is_departure(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, TimedOut};
    matches!(error.kind(), ConnectionReset | BrokenPipe | NotConnected | TimedOut)
}
