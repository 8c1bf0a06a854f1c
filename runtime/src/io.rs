//! Reading and writing byte streams: tokio's traits, adaptors and helpers under tokio's names.

pub use std::io::{Error, ErrorKind, Result, SeekFrom};

pub use runtime_core::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
pub use runtime_core::readiness::{Interest, Ready};

pub mod unix;
