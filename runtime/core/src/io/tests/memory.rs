//! Slices, vectors and cursors; and what stands in front of a stream.

use std::{
    io::{Cursor, IoSlice, SeekFrom},
    pin::Pin,
};

use super::pieces::{
    Script,
    Step::{Give, Wait},
    block_on,
};
use crate::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite, AsyncWriteExt,
};

#[test]
fn a_slice_is_read_from_its_front() {
    let mut slice = &b"abcd"[..];
    let mut two = [0; 2];
    assert_eq!((block_on(slice.read(&mut two)).unwrap(), two, slice), (2, *b"ab", &b"cd"[..]));
    assert_eq!(block_on(AsyncBufReadExt::fill_buf(&mut slice)).unwrap(), b"cd");
    AsyncBufReadExt::consume(&mut slice, 1);
    assert_eq!((block_on(slice.read(&mut two)).unwrap(), two), (1, *b"db"));
    assert_eq!(block_on(slice.read(&mut two)).unwrap(), 0);
}

#[test]
fn a_cursor_is_read_from_its_position() {
    let mut cursor = Cursor::new("abcd");
    assert_eq!(block_on(AsyncSeekExt::seek(&mut cursor, SeekFrom::Start(3))).unwrap(), 3);
    assert_eq!(block_on(cursor.read_u8()).unwrap(), b'd');
    assert_eq!(block_on(AsyncBufReadExt::fill_buf(&mut cursor)).unwrap(), b"");
    assert_eq!(block_on(AsyncSeekExt::seek(&mut cursor, SeekFrom::End(100))).unwrap(), 104, "past the end is allowed");
    assert_eq!(block_on(cursor.read(&mut [0; 2])).unwrap(), 0);
    assert!(block_on(AsyncSeekExt::seek(&mut cursor, SeekFrom::Current(-105))).is_err());
    assert_eq!(block_on(AsyncSeekExt::rewind(&mut cursor)).unwrap(), 0);
    assert_eq!(block_on(AsyncBufReadExt::fill_buf(&mut cursor)).unwrap(), b"abcd");
    AsyncBufReadExt::consume(&mut cursor, 1);
    assert_eq!(block_on(AsyncSeekExt::stream_position(&mut cursor)).unwrap(), 1);
}

#[test]
fn vectors_grow_and_slices_end() {
    async fn check(mut writer: impl AsyncWrite + Unpin, taken: usize) {
        assert!(writer.is_write_vectored());
        assert_eq!(writer.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cd")]).await.unwrap(), taken);
        writer.flush().await.unwrap();
        writer.shutdown().await.unwrap();
    }
    let (mut bytes, mut inside, mut four) = (b"0".to_vec(), b"0123456".to_vec(), *b"0123");
    block_on(check(&mut bytes, 4));
    let mut cursor = Cursor::new(&mut inside);
    cursor.set_position(1);
    block_on(check(&mut cursor, 4));
    let mut owned = Cursor::new(vec![]);
    owned.set_position(2);
    block_on(check(&mut owned, 4));
    let mut slice = Cursor::new(&mut four[..]);
    slice.set_position(1);
    block_on(check(&mut slice, 3));
    assert_eq!(block_on(slice.write(b"x")).unwrap(), 0);
    let mut boxed = Cursor::new(vec![0; 3].into_boxed_slice());
    block_on(check(&mut boxed, 3));
    assert_eq!((&bytes[..], &inside[..], &four), (&b"0abcd"[..], &b"0abcd56"[..], b"0abc"));
    assert_eq!((owned.into_inner(), &boxed.into_inner()[..]), (b"\0\0abcd".to_vec(), &b"abc"[..]));
}

trait Stream: AsyncBufRead + AsyncWrite + AsyncSeek + Send {}
impl<S: AsyncBufRead + AsyncWrite + AsyncSeek + Send + ?Sized> Stream for S {}

/// Uses every method of the four traits.
async fn use_all(mut stream: impl Stream + Unpin) {
    assert_eq!(AsyncReadExt::read_u8(&mut stream).await.unwrap(), b'a');
    assert_eq!(AsyncBufReadExt::fill_buf(&mut stream).await.unwrap(), b"b");
    AsyncBufReadExt::consume(&mut stream, 1);
    assert!(stream.is_write_vectored());
    assert_eq!(AsyncWriteExt::write(&mut stream, b"1").await.unwrap(), 1);
    let slices = [IoSlice::new(b"2"), IoSlice::new(b"3")];
    assert_eq!(AsyncWriteExt::write_vectored(&mut stream, &slices).await.unwrap(), 2);
    AsyncWriteExt::flush(&mut stream).await.unwrap();
    AsyncWriteExt::shutdown(&mut stream).await.unwrap();
    assert_eq!(AsyncSeekExt::rewind(&mut stream).await.unwrap(), 1);
}

fn stream() -> Script {
    Script::vectored([Wait, Give(b"ab"), Wait, Wait, Wait])
}

fn check_used(stream: &Script) {
    assert_eq!((&stream.taken[..], stream.vectored, stream.flushes, stream.shutdowns), (&b"123"[..], 1, 1, 1));
    assert_eq!(stream.seeks, [SeekFrom::Start(0)]);
}

#[test]
fn references_boxes_and_pins_pass_every_call_on() {
    let mut plain = stream();
    block_on(use_all(&mut plain));
    check_used(&plain);
    let mut boxed = Box::new(stream());
    block_on(use_all(&mut boxed));
    check_used(&boxed);
    let mut pinned = Box::pin(stream());
    block_on(use_all(pinned.as_mut()));
    check_used(&pinned);
    let mut inside = stream();
    let dynamic: Pin<Box<dyn Stream + '_>> = Box::pin(&mut inside);
    block_on(use_all(dynamic));
    check_used(&inside);
    let mut dynamic: Box<dyn AsyncRead + Unpin + Send> = Box::new(&b"ab"[..]);
    assert_eq!(block_on(dynamic.read_u16()).unwrap(), 0x6162);
}

/// A writer with the default of `poll_write_vectored`.
struct Plain(Vec<u8>);

impl AsyncWrite for Plain {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        unreachable!("nobody flushes")
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        unreachable!("nobody shuts down")
    }
}

#[test]
fn a_vectored_write_takes_the_first_bytes_by_default() {
    let mut writer = Plain(vec![]);
    assert!(!writer.is_write_vectored());
    let slices = [IoSlice::new(b""), IoSlice::new(b"ab"), IoSlice::new(b"cd")];
    assert_eq!(block_on(writer.write_vectored(&slices)).unwrap(), 2);
    assert_eq!(block_on(writer.write_vectored(&slices[..1])).unwrap(), 0);
    assert_eq!(writer.0, b"ab");
}
