//! Byte streams: the traits that files, sockets and pipes implement, with tokio's shapes.
//!
//! | what | where |
//! |---|---|
//! | the traits that a stream implements | [`AsyncRead`], [`AsyncWrite`], [`AsyncBufRead`], [`AsyncSeek`] |
//! | the memory that a read fills | [`ReadBuf`] |

use std::io::Cursor;

mod async_buf_read;
mod async_read;
mod async_seek;
mod async_write;
mod read_buf;

pub use async_buf_read::AsyncBufRead;
pub use async_read::AsyncRead;
pub use async_seek::AsyncSeek;
pub use async_write::AsyncWrite;
pub use read_buf::ReadBuf;

/// What lies behind a cursor's position; nothing if that is past the end.
fn behind<T: AsRef<[u8]>>(cursor: &Cursor<T>) -> &[u8] {
    let bytes = cursor.get_ref().as_ref();
    let start = cursor.position().min(bytes.len() as u64);
    &bytes[start as usize..]
}
