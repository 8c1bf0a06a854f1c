//! The two halves of a stream, borrowed and owned, as a macro over streams with [`stream_methods`]. Shared memory is all
//! there is to it: both directions of a socket can be used at once.
//!
//! [`stream_methods`]: crate::stream::stream_methods

/// `ReadHalf`, `WriteHalf`, `OwnedReadHalf`, `OwnedWriteHalf` and `ReuniteError` of a stream whose addresses are
/// `$address`.
macro_rules! halves {
    ($stream:ident, $address:ty) => {
        /// The direction of reads, borrowed. Made by `split`.
        #[derive(Debug)]
        pub struct ReadHalf<'a>(&'a $stream);

        /// The direction of writes, borrowed. Made by `split`.
        #[derive(Debug)]
        pub struct WriteHalf<'a>(&'a $stream);

        /// The direction of reads, owned. Made by `into_split`. Dropping it ends nothing: the stream closes with its second
        /// half.
        #[derive(Debug)]
        pub struct OwnedReadHalf(Arc<$stream>);

        /// The direction of writes, owned. Made by `into_split`. Dropping it shuts down this direction, unless that has been
        /// done; the stream closes with its second half.
        #[derive(Debug)]
        pub struct OwnedWriteHalf {
            stream: Arc<$stream>,
            shuts_down: bool,
        }

        /// Two halves that are not of one stream, given back.
        #[derive(Debug)]
        pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

        impl fmt::Display for ReuniteError {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the two halves are not of the same stream")
            }
        }

        impl error::Error for ReuniteError {}

        impl<'a> ReadHalf<'a> {
            pub(super) fn pair(stream: &'a mut $stream) -> (ReadHalf<'a>, WriteHalf<'a>) {
                (ReadHalf(stream), WriteHalf(stream))
            }
        }

        impl OwnedReadHalf {
            pub(super) fn pair(stream: $stream) -> (OwnedReadHalf, OwnedWriteHalf) {
                let stream = Arc::new(stream);
                (OwnedReadHalf(stream.clone()), OwnedWriteHalf { stream, shuts_down: true })
            }

            /// Makes the stream whole again.
            ///
            /// # Errors
            /// Gives both halves back if they are not of the same stream.
            pub fn reunite(self, other: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                if !Arc::ptr_eq(&self.0, &other.stream) {
                    return Err(ReuniteError(self, other));
                }
                other.forget();
                Ok(Arc::into_inner(self.0).expect("a stream has two halves only"))
            }
        }

        impl OwnedWriteHalf {
            /// Makes the stream whole again.
            ///
            /// # Errors
            /// Gives both halves back if they are not of the same stream.
            pub fn reunite(self, other: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                other.reunite(self)
            }

            /// Drops this half without shutting down its direction; the other half closes the stream.
            pub fn forget(mut self) {
                self.shuts_down = false;
            }
        }

        impl Drop for OwnedWriteHalf {
            fn drop(&mut self) {
                if self.shuts_down {
                    // Nobody is left to hear of a failure, and the stream is closed soon in any case.
                    let _ = self.stream.shut_down(Shutdown::Write);
                }
            }
        }

        impl AsRef<$stream> for ReadHalf<'_> {
            fn as_ref(&self) -> &$stream {
                self.0
            }
        }

        impl AsRef<$stream> for WriteHalf<'_> {
            fn as_ref(&self) -> &$stream {
                self.0
            }
        }

        impl AsRef<$stream> for OwnedReadHalf {
            fn as_ref(&self) -> &$stream {
                &self.0
            }
        }

        impl AsRef<$stream> for OwnedWriteHalf {
            fn as_ref(&self) -> &$stream {
                &self.stream
            }
        }

        crate::split::half!(ReadHalf<'_>, $stream, $address);
        crate::split::half!(WriteHalf<'_>, $stream, $address);
        crate::split::half!(OwnedReadHalf, $stream, $address);
        crate::split::half!(OwnedWriteHalf, $stream, $address);
        crate::split::read_half!(ReadHalf<'_>);
        crate::split::read_half!(OwnedReadHalf);
        crate::split::write_half!(WriteHalf<'_>, |_half| {});
        // What has been shut down need not be once more.
        crate::split::write_half!(OwnedWriteHalf, |half: &mut OwnedWriteHalf| half.shuts_down = false);
    };
}
pub(crate) use halves;

/// What every half has.
macro_rules! half {
    ($half:ty, $stream:ident, $address:ty) => {
        impl $half {
            #[doc = concat!("As [`", stringify!($stream), "::ready`].")]
            ///
            /// # Errors
            /// As there.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.as_ref().ready(interest).await
            }

            /// The address of the other side.
            ///
            /// # Errors
            /// Those of getpeername(2).
            pub fn peer_addr(&self) -> io::Result<$address> {
                self.as_ref().peer_addr()
            }

            /// The address of this side.
            ///
            /// # Errors
            /// Those of getsockname(2).
            pub fn local_addr(&self) -> io::Result<$address> {
                self.as_ref().local_addr()
            }
        }
    };
}
pub(crate) use half;

macro_rules! read_half {
    ($half:ty) => {
        impl $half {
            /// Waits until there is something to read, or the peer has ended.
            ///
            /// # Errors
            /// As for `ready`.
            ///
            /// # Cancel safety
            /// Nothing is taken from the stream.
            pub async fn readable(&self) -> io::Result<()> {
                self.as_ref().readable().await
            }

            /// Reads what is there, without waiting.
            ///
            /// # Errors
            /// Those of recv(2): `WouldBlock` if nothing is there.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.as_ref().try_read(buf)
            }

            /// As `try_read`, into several buffers, one after the other.
            ///
            /// # Errors
            /// As for `try_read`.
            pub fn try_read_vectored(&self, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
                self.as_ref().try_read_vectored(bufs)
            }

            /// As `try_read`, into a buffer that grows.
            ///
            /// # Errors
            /// As for `try_read`.
            pub fn try_read_buf<B: BufSink>(&self, buf: &mut B) -> io::Result<usize> {
                self.as_ref().try_read_buf(buf)
            }
        }

        impl AsyncRead for $half {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                self.as_ref().get_ref().as_ref().poll_read_shared(cx, buf)
            }
        }

        runtime_core::foreign_read!([] $half);
    };
}
pub(crate) use read_half;

macro_rules! write_half {
    ($half:ty, $shut_down:expr) => {
        impl $half {
            /// Waits until there is room to write, or nothing can be written any more.
            ///
            /// # Errors
            /// As for `ready`.
            ///
            /// # Cancel safety
            /// Nothing is sent.
            pub async fn writable(&self) -> io::Result<()> {
                self.as_ref().writable().await
            }

            /// Writes as much as there is room for, without waiting.
            ///
            /// # Errors
            /// Those of send(2): `WouldBlock` if there is no room.
            pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.as_ref().try_write(bytes)
            }

            /// As `try_write`, from several buffers, one after the other.
            ///
            /// # Errors
            /// As for `try_write`.
            pub fn try_write_vectored(&self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
                self.as_ref().try_write_vectored(pieces)
            }
        }

        impl AsyncWrite for $half {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                self.as_ref().get_ref().as_ref().poll_write_shared(cx, bytes)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                pieces: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.as_ref().get_ref().as_ref().poll_write_vectored_shared(cx, pieces)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                let half = self.get_mut();
                AsRef::as_ref(&*half).shut_down(Shutdown::Write)?;
                ($shut_down)(half);
                Poll::Ready(Ok(()))
            }
        }

        runtime_core::foreign_write!([] $half);
    };
}
pub(crate) use write_half;
