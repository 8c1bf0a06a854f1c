//! The two directions of a TCP connection.

use std::{
    error, fmt, io,
    net::{Shutdown, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use runtime_core::{
    io::{AsyncRead, AsyncWrite, BufSink, ReadBuf},
    readiness::{Interest, Ready},
};

use super::TcpStream;
use crate::split::halves;

halves!(TcpStream, SocketAddr);

macro_rules! peeks {
    ($($half:ty),+) => { $(
        impl $half {
            /// As [`TcpStream::peek`].
            ///
            /// # Errors
            /// As there.
            pub async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                AsRef::<TcpStream>::as_ref(self).peek(buf).await
            }

            /// As [`TcpStream::poll_peek`].
            ///
            /// # Errors
            /// As there.
            pub fn poll_peek(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
                AsRef::<TcpStream>::as_ref(self).poll_peek(cx, buf)
            }
        }
    )+ };
}

peeks!(ReadHalf<'_>, OwnedReadHalf);
