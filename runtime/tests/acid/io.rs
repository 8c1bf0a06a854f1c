//! Byte streams: the traits, their methods, adaptors, helpers.

use std::{
    io::{self, Cursor, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{
        AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, BufReader,
        BufStream, BufWriter, ReadBuf, copy, copy_bidirectional, copy_buf, duplex, empty, repeat, simplex, sink, split,
    },
    time::timeout,
};

#[tokio::test]
async fn slices_and_cursors_are_read() {
    let mut reader: &[u8] = b"hello world";
    let mut five = [0; 5];
    assert_eq!(reader.read_exact(&mut five).await.unwrap(), 5);
    assert_eq!((&five, reader), (b"hello", &b" world"[..]));
    let mut rest = Vec::new();
    assert_eq!(reader.read_to_end(&mut rest).await.unwrap(), 6);
    assert_eq!(reader.read(&mut five).await.unwrap(), 0);
    let error = reader.read_exact(&mut five).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);

    let mut cursor = Cursor::new(b"0123456789");
    assert_eq!(cursor.seek(SeekFrom::End(-3)).await.unwrap(), 7);
    let mut text = String::new();
    cursor.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), cursor.stream_position().await.unwrap()), ("789", 10));
    cursor.rewind().await.unwrap();
    assert_eq!(cursor.read_u8().await.unwrap(), b'0');
    let error = Cursor::new([0xff, 0xfe]).read_to_string(&mut text).await.unwrap_err();
    assert_eq!((error.kind(), text.as_str()), (io::ErrorKind::InvalidData, "789"));
}

#[tokio::test]
async fn numbers_go_both_ways() {
    let mut bytes = Vec::new();
    bytes.write_u8(1).await.unwrap();
    bytes.write_i16(-2).await.unwrap();
    bytes.write_u32_le(3).await.unwrap();
    bytes.write_i64(-4).await.unwrap();
    bytes.write_u128_le(5).await.unwrap();
    bytes.write_f32(0.5).await.unwrap();
    bytes.write_f64_le(-0.25).await.unwrap();
    assert_eq!(bytes.len(), 1 + 2 + 4 + 8 + 16 + 4 + 8);
    let mut reader = &bytes[..];
    assert_eq!(reader.read_u8().await.unwrap(), 1);
    assert_eq!(reader.read_i16().await.unwrap(), -2);
    assert_eq!(reader.read_u32_le().await.unwrap(), 3);
    assert_eq!(reader.read_i64().await.unwrap(), -4);
    assert_eq!(reader.read_u128_le().await.unwrap(), 5);
    assert_eq!(reader.read_f32().await.unwrap(), 0.5);
    assert_eq!(reader.read_f64_le().await.unwrap(), -0.25);
    assert_eq!(reader.read_u16().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn readers_can_be_cut_and_chained() {
    let mut chained = (&b"one "[..]).chain(&b"two three"[..]);
    let mut taken = (&mut chained).take(7);
    assert_eq!(taken.limit(), 7);
    let mut text = String::new();
    assert_eq!(taken.read_to_string(&mut text).await.unwrap(), 7);
    assert_eq!(text, "one two");
    taken.set_limit(2);
    assert_eq!((taken.read_u8().await.unwrap(), taken.limit()), (b' ', 1));
    let (first, second) = chained.into_inner();
    assert_eq!((first, second), (&b""[..], &b"three"[..]));
}

#[tokio::test]
async fn lines_and_pieces_are_read() {
    let text: &[u8] = b"first\r\nsecond\n\nlast";
    let mut lines = BufReader::new(text).lines();
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        all.push(line);
    }
    assert_eq!(all, ["first", "second", "", "last"]);

    let mut pieces = AsyncBufReadExt::split(text, b'\n');
    assert_eq!(pieces.next_segment().await.unwrap().unwrap(), b"first\r");
    let mut reader = BufReader::with_capacity(4, text);
    let mut line = String::from("> ");
    assert_eq!(reader.read_line(&mut line).await.unwrap(), 7);
    assert_eq!(line, "> first\r\n");
    let mut bytes = Vec::new();
    assert_eq!(reader.read_until(b'o', &mut bytes).await.unwrap(), 4);
    assert_eq!(bytes, b"seco");
    assert!(!reader.fill_buf().await.unwrap().is_empty());
    reader.consume(1);
    assert_eq!(reader.read_u8().await.unwrap(), b'd');
    let error = BufReader::new(&b"\xff\n"[..]).read_line(&mut line).await.unwrap_err();
    assert_eq!((error.kind(), line.as_str()), (io::ErrorKind::InvalidData, "> first\r\n"));
}

#[tokio::test]
async fn writers_are_buffered_until_the_flush() {
    let mut writer = BufWriter::with_capacity(8, Vec::new());
    writer.write_all(b"1234").await.unwrap();
    assert_eq!((writer.buffer(), writer.get_ref().len()), (&b"1234"[..], 0));
    writer.write_all(b"567890").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!((writer.buffer().len(), writer.get_ref().as_slice()), (0, &b"1234567890"[..]));
    writer.write_all(b"more than the buffer holds").await.unwrap();
    writer.shutdown().await.unwrap();
    assert_eq!(writer.into_inner().len(), 36);

    let (near, mut far) = duplex(64);
    let mut stream = BufStream::new(near);
    stream.write_all(b"ping\n").await.unwrap();
    stream.flush().await.unwrap();
    far.write_all(b"pong\nrest").await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "pong\n");
    let mut ping = [0; 5];
    far.read_exact(&mut ping).await.unwrap();
    assert_eq!(&ping, b"ping\n");
}

#[tokio::test]
async fn a_duplex_carries_both_ways_and_ends() {
    let (mut client, mut server) = duplex(4);
    let echo = tokio::spawn(async move {
        let mut all = Vec::new();
        let mut buffer = [0; 3];
        loop {
            match server.read(&mut buffer).await.unwrap() {
                0 => return all,
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
    });
    client.write_all(b"longer than four bytes").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(echo.await.unwrap(), b"longer than four bytes");
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    let error = client.write_all(b"x").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn a_full_pipe_makes_its_writer_wait() {
    let (mut receiver, mut sender) = simplex(4);
    sender.write_all(b"full").await.unwrap();
    assert!(timeout(Duration::from_millis(1), sender.write(b"x")).await.is_err());
    let mut two = [0; 2];
    receiver.read_exact(&mut two).await.unwrap();
    assert_eq!(sender.write(b"xyz").await.unwrap(), 2);
    sender.shutdown().await.unwrap();
    let mut rest = String::new();
    receiver.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "llxy");
}

#[tokio::test]
async fn halves_work_at_the_same_time_and_come_together_again() {
    let (near, far) = duplex(16);
    let (mut reader, mut writer) = split(near);
    let echo = tokio::spawn(async move {
        let (mut from, mut to) = split(far);
        copy(&mut from, &mut to).await.unwrap()
    });
    let send = tokio::spawn(async move {
        for number in 0..100u32 {
            writer.write_u32(number).await.unwrap();
        }
        writer.shutdown().await.unwrap();
        writer
    });
    for number in 0..100 {
        assert_eq!(reader.read_u32().await.unwrap(), number);
    }
    let writer = send.await.unwrap();
    assert!(reader.is_pair_of(&writer));
    drop(reader.unsplit(writer));
    assert_eq!(echo.await.unwrap(), 400);
}

#[tokio::test]
async fn copying_counts() {
    let (mut from, mut to): (&[u8], Vec<u8>) = (&[7; 100_000], Vec::new());
    assert_eq!(copy(&mut from, &mut to).await.unwrap(), 100_000);
    assert_eq!(to, [7; 100_000]);
    let mut from = BufReader::new(&b"buffered"[..]);
    assert_eq!(copy_buf(&mut from, &mut sink()).await.unwrap(), 8);
    assert_eq!(copy(&mut empty(), &mut sink()).await.unwrap(), 0);
    let mut xs = [0; 10];
    repeat(b'x').read_exact(&mut xs).await.unwrap();
    assert_eq!(&xs, b"xxxxxxxxxx");
}

#[tokio::test]
async fn a_proxy_copies_both_ways() {
    let (mut client, mut inner) = duplex(8);
    let (mut outer, mut server) = duplex(8);
    let proxy = tokio::spawn(async move { copy_bidirectional(&mut inner, &mut outer).await.unwrap() });
    let serving = tokio::spawn(async move {
        let mut request = String::new();
        server.read_to_string(&mut request).await.unwrap();
        server.write_all(format!("{request} to you").as_bytes()).await.unwrap();
        server.shutdown().await.unwrap();
    });
    client.write_all(b"good morning").await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "good morning to you");
    serving.await.unwrap();
    assert_eq!(proxy.await.unwrap(), (12, 19));
}

#[tokio::test]
async fn a_reader_and_a_writer_make_a_stream() {
    let mut stream = tokio::io::join(&b"in"[..], Vec::new());
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    stream.write_all(b"out").await.unwrap();
    let (reader, writer) = stream.into_inner();
    assert_eq!((text.as_str(), reader, writer.as_slice()), ("in", &b""[..], &b"out"[..]));
}

/// Gives each byte alone, and turns its letters.
struct Upper<R>(R);

impl<R: AsyncRead + Unpin> AsyncRead for Upper<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut one = [0];
        let mut one = ReadBuf::new(&mut one);
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        std::task::ready!(Pin::new(&mut self.0).poll_read(cx, &mut one))?;
        buf.put_slice(&one.filled().to_ascii_uppercase());
        Poll::Ready(Ok(()))
    }
}

/// Takes at most three bytes at a time, and only every other time.
#[derive(Default)]
struct Slow {
    taken: Vec<u8>,
    waits: bool,
    ended: bool,
}

impl AsyncWrite for Slow {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.waits = !self.waits;
        if self.waits {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = bytes.len().min(3);
        self.taken.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ended = true;
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn ones_own_streams_have_all_the_methods() {
    let mut text = String::new();
    Upper(&b"shout\nand whisper"[..]).read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "SHOUT\nAND WHISPER");
    let mut lines = BufReader::new(Upper(&b"a\nb"[..])).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("A"));

    let mut slow = Slow::default();
    assert!(!slow.is_write_vectored());
    slow.write_all(b"piece by piece").await.unwrap();
    assert_eq!(copy(&mut Upper(&b" copied"[..]), &mut slow).await.unwrap(), 7);
    let slices = [io::IoSlice::new(b""), io::IoSlice::new(b"+1")];
    assert_eq!(slow.write_vectored(&slices).await.unwrap(), 2);
    slow.shutdown().await.unwrap();
    assert_eq!((slow.taken.as_slice(), slow.ended), (&b"piece by piece COPIED+1"[..], true));
}

#[test]
fn a_read_buf_keeps_what_is_filled_apart() {
    let mut memory = [0; 8];
    let mut buf = ReadBuf::new(&mut memory);
    assert_eq!((buf.capacity(), buf.remaining(), buf.filled().len()), (8, 8, 0));
    buf.put_slice(b"abc");
    buf.initialize_unfilled_to(2).copy_from_slice(b"de");
    buf.advance(2);
    assert_eq!((buf.filled(), buf.remaining()), (&b"abcde"[..], 3));
    buf.filled_mut().reverse();
    buf.set_filled(4);
    assert_eq!((buf.filled(), buf.initialized().len()), (&b"edcb"[..], 8));
    assert_eq!(buf.take(2).capacity(), 2);
    buf.clear();
    assert!(buf.filled().is_empty());
}

#[tokio::test]
async fn streams_may_be_boxed_and_borrowed() {
    async fn all(reader: impl AsyncRead) -> Vec<u8> {
        tokio::pin!(reader);
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await.unwrap();
        bytes
    }
    let boxed: Box<dyn AsyncRead + Send + Unpin> = Box::new(&b"boxed"[..]);
    assert_eq!(all(boxed).await, b"boxed");
    let mut borrowed = &b"borrowed"[..];
    assert_eq!(all(&mut borrowed).await, b"borrowed");
    let buffered: Pin<Box<dyn AsyncBufRead>> = Box::pin(&b"pinned"[..]);
    assert_eq!(all(buffered).await, b"pinned");
    let mut written = Vec::new();
    let writer: &mut (dyn AsyncWrite + Unpin) = &mut written;
    writer.write_all(b"dyn").await.unwrap();
    assert_eq!(written, b"dyn");
}

#[tokio::test]
async fn standard_output_takes_bytes() {
    let mut output = tokio::io::stdout();
    output.write_all(b"").await.unwrap();
    output.flush().await.unwrap();
    tokio::io::stderr().flush().await.unwrap();
}
