//! Code that is generic over byte streams is written as against tokio.

mod common;

use std::marker::PhantomPinned;

use common::run;
use runtime::io::{
    self, AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite, AsyncWriteExt,
    Chain, Lines, ReadBuf, SeekFrom, Split, Take,
};

/// A small protocol: lines in, and out each line's length and the line in capitals.
async fn serve<R, W>(reader: R, mut writer: W) -> io::Result<u64>
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (mut lines, mut count) = (reader.lines(), 0);
    while let Some(line) = lines.next_line().await? {
        writer.write_u32_le(line.len().try_into().map_err(|_| io::ErrorKind::InvalidInput)?).await?;
        writer.write_all(line.to_uppercase().as_bytes()).await?;
        count += 1;
    }
    writer.flush().await?;
    writer.shutdown().await?;
    Ok(count)
}

#[test]
fn a_protocol_runs_on_any_stream() {
    run(async {
        let reader: Box<dyn AsyncBufRead + Send + Unpin> =
            Box::new((&b"one\r\n"[..]).chain(&b"three\nignored"[..]).take(11));
        let mut written = std::io::Cursor::new(Vec::new());
        assert_eq!(serve(reader, &mut written).await.unwrap(), 2);
        assert_eq!(written.rewind().await.unwrap(), 0);
        let mut size = written.read_u32_le().await.unwrap();
        let mut line = vec![0; size as usize];
        written.read_exact(&mut line).await.unwrap();
        assert_eq!(line, b"ONE");
        size = written.read_u32_le().await.unwrap();
        let mut text = String::new();
        assert_eq!(written.read_to_string(&mut text).await.unwrap(), size as usize);
        assert_eq!(text, "THREE");
        assert_eq!(written.seek(SeekFrom::Current(-1)).await.unwrap(), 15);
        let error = written.read_u16().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    });
}

/// Compiles only if the value is not `Unpin`: else the call is ambiguous.
trait NotUnpin<A> {
    fn not_unpin(&self) {}
}
impl<T: ?Sized> NotUnpin<()> for T {}
impl<T: ?Sized + Unpin> NotUnpin<u8> for T {}

#[test]
fn futures_cross_threads_and_are_not_unpin() {
    fn check<F: Future + Send + Sync>(future: F) -> F {
        future
    }
    /// Behind a bound, as in a library.
    fn generic<S: AsyncBufRead + AsyncWrite + AsyncSeek + Unpin + Send + Sync>(stream: &mut S) {
        let (mut array, mut bytes, mut text) = ([0; 4], Vec::new(), String::new());
        check(stream.read(&mut array)).not_unpin();
        check(stream.read_buf(&mut bytes)).not_unpin();
        check(stream.read_exact(&mut array)).not_unpin();
        check(stream.read_to_end(&mut bytes)).not_unpin();
        check(stream.read_to_string(&mut text)).not_unpin();
        check(stream.read_u8()).not_unpin();
        check(stream.read_f64_le()).not_unpin();
        check(stream.write(b"")).not_unpin();
        check(stream.write_vectored(&[])).not_unpin();
        check(stream.write_buf(&mut &b""[..])).not_unpin();
        check(stream.write_all(b"")).not_unpin();
        check(stream.write_all_buf(&mut &b""[..])).not_unpin();
        check(stream.write_u128(0)).not_unpin();
        check(stream.flush()).not_unpin();
        check(stream.shutdown()).not_unpin();
        check(stream.fill_buf()).not_unpin();
        check(stream.read_until(0, &mut bytes)).not_unpin();
        check(stream.read_line(&mut text)).not_unpin();
        check(stream.seek(SeekFrom::Start(0))).not_unpin();
    }
    generic(&mut std::io::Cursor::new(vec![]));
}

#[test]
fn adaptors_are_what_their_streams_are() {
    fn send_sync_unpin<T: Send + Sync + Unpin>() {}
    fn send_sync<T: Send + Sync>() {}
    send_sync_unpin::<(Chain<&[u8], &[u8]>, Take<&[u8]>, Lines<&[u8]>, Split<&[u8]>)>();
    send_sync_unpin::<ReadBuf<'_>>();
    send_sync::<(Chain<PhantomPinned, ()>, Take<PhantomPinned>, Lines<PhantomPinned>, Split<PhantomPinned>)>();
    // The four traits are object-safe, and their methods can be called on objects.
    let mut reader: Box<dyn AsyncRead + Unpin> = Box::new(&b"a"[..]);
    assert_eq!(run(async move { reader.read_u8().await }).unwrap(), b'a');
    let mut writer: Box<dyn AsyncWrite + Unpin> = Box::new(Vec::new());
    run(async move { writer.write_u8(1).await }).unwrap();
    let mut stream: Box<dyn AsyncSeek + Unpin> = Box::new(std::io::Cursor::new(b"abc"));
    assert_eq!(run(async move { stream.seek(SeekFrom::End(0)).await }).unwrap(), 3);
}
