//! Reading and writing byte streams: tokio's traits, adaptors and helpers under tokio's names.
//!
//! | what | where |
//! |---|---|
//! | the traits that streams implement | [`AsyncRead`], [`AsyncWrite`], [`AsyncBufRead`], [`AsyncSeek`] |
//! | the methods that users call | [`AsyncReadExt`], [`AsyncWriteExt`], [`AsyncBufReadExt`], [`AsyncSeekExt`] |
//! | buffers around a stream | [`BufReader`], [`BufWriter`], [`BufStream`] |
//! | from a reader to a writer | [`copy`], [`copy_buf`], [`copy_bidirectional`] |
//! | two halves of one stream, one stream of two | [`split`], [`join`] |
//! | streams in memory | [`duplex`], [`simplex`], [`empty`], [`repeat`], [`sink`] |
//! | the process's own streams | [`stdin`], [`stdout`], [`stderr`] |
//! | readiness of descriptors that others made | [`unix`] |

mod buf_reader;
mod buf_stream;
mod buf_writer;
mod copy;
mod copy_bidirectional;
mod copy_buf;
mod duplex;
mod empty;
mod forward;
mod join;
mod pipe;
mod repeat;
mod simplex;
mod sink;
mod split;
mod stdio;
pub mod unix;

pub use std::io::{Error, ErrorKind, Result, SeekFrom};

pub use buf_reader::BufReader;
pub use buf_stream::BufStream;
pub use buf_writer::BufWriter;
pub use copy::copy;
pub use copy_bidirectional::{copy_bidirectional, copy_bidirectional_with_sizes};
pub use copy_buf::copy_buf;
pub use duplex::{DuplexStream, duplex};
pub use empty::{Empty, empty};
use forward::forward_write;
pub use join::{Join, join};
pub use repeat::{Repeat, repeat};
pub use runtime_core::{
    io::{
        AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite, AsyncWriteExt,
        BufSink, BufSource, Chain, Lines, ReadBuf, Split, Take,
    },
    readiness::{Interest, Ready},
};
pub use simplex::{SimplexStream, simplex};
pub use sink::{Sink, sink};
pub use split::{ReadHalf, WriteHalf, split};
pub use stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};

/// Bytes of a buffer whose size the user does not choose.
const DEFAULT_CAPACITY: usize = 8 * 1024;

/// A writer has taken no byte of a buffer that was not empty.
fn write_zero() -> Error {
    Error::new(ErrorKind::WriteZero, "the writer took no byte of a buffer that was not empty")
}
