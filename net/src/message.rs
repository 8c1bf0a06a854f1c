//! What sockets of messages have alike, whatever their addresses: datagrams and sequenced packets. Macros over types with a
//! field `socket`.

/// Sends to and receives from the peer that the socket is connected to: tokio's methods.
macro_rules! message_methods {
    ($type:ty) => {
        impl $type {
            /// Sends a message to the peer. Gives its length: a message goes whole or not at all.
            ///
            /// # Errors
            /// Those of send(2): ENOTCONN or EDESTADDRREQ without a peer; EMSGSIZE if it is too long; ECONNREFUSED if an
            /// earlier one met nobody.
            ///
            /// # Cancel safety
            /// Dropped while it waits, nothing was sent.
            ///
            /// # Cost
            /// One system call; one more and one SQE if there was no room.
            pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
                self.socket.wait_for(Interest::WRITABLE, || self.socket.try_send(buf)).await
            }

            /// As `send`, without waiting.
            ///
            /// # Errors
            /// As for `send`; `WouldBlock` if there is no room.
            pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
                self.socket.try_send(buf)
            }

            /// As `send`, inside a poll. Only the task that polled last is woken.
            ///
            /// # Errors
            /// As for `send`.
            pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                self.socket.poll_send(cx, buf)
            }

            /// Receives the next message and gives its length. What does not fit `buf` is lost; 0 for an empty message.
            ///
            /// # Errors
            /// Those of recv(2): ECONNREFUSED if a message that was sent met nobody.
            ///
            /// # Cancel safety
            /// Dropped while it waits, nothing was received.
            ///
            /// # Cost
            /// One system call; one more and one SQE if nothing was there.
            pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
                let mut buf = ReadBuf::new(buf);
                self.socket.wait_for(Interest::READABLE, || self.socket.try_recv(&mut buf)).await
            }

            /// As `recv`, without waiting.
            ///
            /// # Errors
            /// As for `recv`; `WouldBlock` if nothing is there.
            pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.socket.try_recv(&mut ReadBuf::new(buf))
            }

            /// As `recv`, inside a poll, into the unfilled part. Only the task that polled last is woken.
            ///
            /// # Errors
            /// As for `recv`.
            pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                self.socket.poll_recv(cx, buf)
            }

            /// As `recv`, into the room that `buf` has. A `Vec` that is full grows by some bytes only: reserve the longest
            /// message first. Without room nothing is received, and this gives 0.
            ///
            /// # Errors
            /// As for `recv`.
            ///
            /// # Cancel safety
            /// As for `recv`.
            pub async fn recv_buf<B: BufSink>(&self, buf: &mut B) -> io::Result<usize> {
                self.socket.wait_for(Interest::READABLE, || self.try_recv_buf(buf)).await
            }

            /// As `recv_buf`, without waiting.
            ///
            /// # Errors
            /// As for `recv`; `WouldBlock` if nothing is there.
            pub fn try_recv_buf<B: BufSink>(&self, buf: &mut B) -> io::Result<usize> {
                fill_sink(buf, |buf| self.socket.try_recv(buf).map(drop))
            }
        }
    };
}
pub(crate) use message_methods;
