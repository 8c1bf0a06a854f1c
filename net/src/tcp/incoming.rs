//! The connections of a listener as a stream.

use super::{TcpListener, TcpStream};
use crate::Incoming;

impl TcpListener {
    /// The connections one after the other, accepted by one op for all of them: see [`Incoming`].
    ///
    /// What an `accept` beside it takes, it does not see, and the other way round.
    ///
    /// ```no_run
    /// # async fn example(listener: &runtime::net::TcpListener) -> std::io::Result<()> {
    /// let mut incoming = listener.incoming();
    /// while let Some(stream) = incoming.next().await {
    ///     let stream = stream?;
    ///     runtime::spawn(async move { stream.send_all("220 ready\r\n").await });
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn incoming(&self) -> Incoming<TcpStream> {
        Incoming::new(self.target())
    }
}
