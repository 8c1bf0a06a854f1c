//! The drop-in face: borrowed buffers, tried directly and waited for.

/// Reads and writes without waiting, and the traits of byte streams.
macro_rules! stream_methods {
    ($type:ty, $poll_recv:ident) => {
        impl $type {
            /// Reads what is there: recv(2) without waiting. 0 once the peer has shut down its side, or if `buf` is empty.
            ///
            /// # Errors
            /// Those of recv(2): `WouldBlock` if nothing is there.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.socket.try_recv(&mut ReadBuf::new(buf))
            }

            /// As `try_read`, into several buffers, one after the other.
            ///
            /// # Errors
            /// As for `try_read`.
            pub fn try_read_vectored(&self, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
                self.socket.try_recv_vectored(bufs)
            }

            /// As `try_read`, into a buffer that grows; 0 also if it has no room.
            ///
            /// # Errors
            /// As for `try_read`.
            pub fn try_read_buf<B: BufSink>(&self, buf: &mut B) -> io::Result<usize> {
                fill_sink(buf, |buf| self.socket.try_recv(buf).map(drop))
            }

            /// Writes as much as there is room for: send(2) without waiting.
            ///
            /// # Errors
            /// Those of send(2): `WouldBlock` if there is no room; EPIPE, without a signal, once nothing can be sent.
            pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.socket.try_send(bytes)
            }

            /// As `try_write`, from several buffers, one after the other.
            ///
            /// # Errors
            /// As for `try_write`.
            pub fn try_write_vectored(&self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
                self.socket.try_send_vectored(pieces)
            }

            /// Receives into memory of the caller's, for the halves of the stream too.
            pub(crate) fn poll_read_shared(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                self.socket.$poll_recv(cx, buf)
            }

            pub(crate) fn poll_write_shared(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                self.socket.poll_send(cx, bytes)
            }

            pub(crate) fn poll_write_vectored_shared(
                &self,
                cx: &mut Context<'_>,
                pieces: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.socket.poll_send_vectored(cx, pieces)
            }

            pub(crate) fn shut_down(&self, how: std::net::Shutdown) -> io::Result<()> {
                self.socket.shut_down(how)
            }
        }

        /// recv(2) into the caller's buffer. If nothing is there the task is woken by the shard's epoll, with which the stream
        /// is registered at its first wait: a system call then, and one per pass of the shard for all that has arrived.
        /// Only the task that polled last is woken.
        impl AsyncRead for $type {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                self.poll_read_shared(cx, buf)
            }
        }

        /// send(2) from the caller's buffer, and a poll op if there is no room. Nothing is held back, so a flush does
        /// nothing; a shutdown ends the direction of writes on the spot.
        impl AsyncWrite for $type {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                self.poll_write_shared(cx, bytes)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                pieces: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.poll_write_vectored_shared(cx, pieces)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.shut_down(std::net::Shutdown::Write))
            }
        }

        runtime_core::foreign_read!([] $type);
        runtime_core::foreign_write!([] $type);
    };
}
pub(crate) use stream_methods;
