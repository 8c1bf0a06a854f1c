//! Byte streams: the traits that files, sockets and pipes implement, with tokio's shapes.
//!
//! | what | where |
//! |---|---|
//! | the traits that a stream implements | [`AsyncRead`], [`AsyncWrite`], [`AsyncBufRead`], [`AsyncSeek`] |
//! | the methods that users call | [`AsyncReadExt`], [`AsyncWriteExt`], [`AsyncBufReadExt`], [`AsyncSeekExt`] |
//! | the memory that a read fills | [`ReadBuf`] |
//! | buffers that move on as they are read into or written | [`BufSink`], [`BufSource`] |
//! | readers made of readers | [`Chain`], [`Take`], [`Lines`], [`Split`] |

use std::io::Cursor;

mod async_buf_read;
mod async_read;
mod async_seek;
mod async_write;
mod buf_read_ext;
mod buf_sink;
mod buf_source;
mod chain;
pub mod compat;
mod lines;
mod read_buf;
mod read_ext;
mod seek_ext;
mod split;
mod take;
#[cfg(test)]
mod tests;
mod text;
mod write_ext;

pub use async_buf_read::AsyncBufRead;
pub use async_read::AsyncRead;
pub use async_seek::AsyncSeek;
pub use async_write::AsyncWrite;
pub use buf_read_ext::AsyncBufReadExt;
pub use buf_sink::{BufSink, fill_sink};
pub use buf_source::BufSource;
pub use chain::Chain;
pub use lines::Lines;
pub use read_buf::ReadBuf;
pub use read_ext::AsyncReadExt;
pub use seek_ext::AsyncSeekExt;
pub use split::Split;
pub use take::Take;
pub use write_ext::AsyncWriteExt;

/// What lies behind a cursor's position; nothing if that is past the end.
fn behind<T: AsRef<[u8]>>(cursor: &Cursor<T>) -> &[u8] {
    let bytes = cursor.get_ref().as_ref();
    let start = cursor.position().min(bytes.len() as u64);
    &bytes[start as usize..]
}
