//! The two directions of a connection.

use std::{
    error, fmt, io,
    net::Shutdown,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use runtime_core::{
    io::{AsyncRead, AsyncWrite, BufSink, ReadBuf},
    readiness::{Interest, Ready},
};

use super::{SocketAddr, UnixStream};
use crate::split::halves;

halves!(UnixStream, SocketAddr);
