//! Bytes of one direction.

use std::{io, net::Shutdown};

use runtime::{
    net::{TcpStream, unix::pipe},
    op::{self, SpliceEnd},
};

/// What one round moves at most: what a pipe holds.
const ROUND: usize = 64 << 10;
const POLLIN: u32 = 1;
const POLLOUT: u32 = 4;

/// Moves bytes until `from` has no more, and then tells `to` so.
///
/// A round is one plan of three ops: wait for bytes, move them to a pipe, move as many from there to `to`. The task wakes
/// once. Back-pressure needs nothing: while `to` takes no bytes the pipe is full, nothing is read from `from`, and its
/// window closes.
///
/// # Errors
/// Those of both sockets.
pub async fn pump(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    let (input, output) = pipe::pipe()?;
    loop {
        // The sockets do not block, so a splice of an empty one would not wait.
        let (_, came, went) = op::poll(from, POLLIN)
            .then(|_| op::splice(SpliceEnd::stream(from), SpliceEnd::stream(&input), ROUND))
            .then(|(_, came)| op::splice(SpliceEnd::stream(&output), SpliceEnd::stream(to), came))
            .await;
        let came = match came {
            Ok(0) => break,
            Ok(came) => came,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let mut left = match went {
            Ok(went) => came - went,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => came,
            Err(error) => return Err(error),
        };
        while left > 0 {
            let (_, went) = op::poll(to, POLLOUT)
                .then(|_| op::splice(SpliceEnd::stream(&output), SpliceEnd::stream(to), left))
                .await;
            match went {
                Ok(went) => left -= went,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
    to.shutdown_how(Shutdown::Write).await
}
