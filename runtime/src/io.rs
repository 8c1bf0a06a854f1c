//! Reading and writing byte streams: tokio's traits, adaptors and helpers under tokio's names.

pub use std::io::{Error, ErrorKind, Result, SeekFrom};

pub use runtime_core::{
    io::{
        AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite, AsyncWriteExt,
        BufSink, BufSource, Chain, Lines, ReadBuf, Split, Take,
    },
    readiness::{Interest, Ready},
};

pub mod unix;
