//! Readers.

use std::{
    io::{self, ErrorKind},
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    str::Utf8Error,
    task::{Context, Poll},
};

use super::pieces::{
    Script,
    Step::{Fail, Give, Wait},
    block_on, drop_after, kind, readers,
};
use crate::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, ReadBuf};

const TEXT: &[u8] = "Grüße, 世界! The rest is long enough that a vector has to grow: 0123456789".as_bytes();

#[test]
fn read_gives_what_there_is() {
    let mut reader =
        Script::new([Give(b"abcde"), Wait, Give(b"f"), Fail(ErrorKind::Other), Fail(ErrorKind::Interrupted)]);
    let mut buf = [0; 4];
    assert_eq!(block_on(reader.read(&mut [])).unwrap(), 0);
    assert_eq!((block_on(reader.read(&mut buf)).unwrap(), &buf), (4, b"abcd"));
    assert_eq!((block_on(reader.read(&mut buf)).unwrap(), &buf), (1, b"ebcd"));
    assert_eq!((block_on(reader.read(&mut buf)).unwrap(), &buf), (1, b"fbcd"));
    assert_eq!(kind(block_on(reader.read(&mut buf))), ErrorKind::Other);
    assert_eq!(kind(block_on(reader.read(&mut buf))), ErrorKind::Interrupted, "one read is not tried again");
    assert_eq!((block_on(reader.read(&mut buf)).unwrap(), &buf), (0, b"fbcd"));
}

#[test]
fn read_buf_appends() {
    let mut reader = Script::new([Give(b"abc"), Wait, Give(b"defg"), Fail(ErrorKind::Other), Give(b"hi")]);
    let mut bytes = Vec::with_capacity(5);
    bytes.extend_from_slice(b"0123");
    assert_eq!(block_on(reader.read_buf(&mut bytes)).unwrap(), 1, "no more than the vector has room for");
    assert_eq!(block_on(reader.read_buf(&mut bytes)).unwrap(), 2, "a full vector grows");
    let mut five = [0; 5];
    let mut rest = &mut five[..];
    assert_eq!(block_on(reader.read_buf(&mut rest)).unwrap(), 4);
    assert_eq!(kind(block_on(reader.read_buf(&mut rest))), ErrorKind::Other);
    assert_eq!(block_on(reader.read_buf(&mut &mut rest)).unwrap(), 1);
    assert_eq!(block_on(reader.read_buf(&mut rest)).unwrap(), 0, "without room");
    let mut memory = [MaybeUninit::uninit(); 4];
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.put_slice(b"x");
    assert_eq!(block_on(reader.read_buf(&mut buf)).unwrap(), 1);
    assert_eq!(block_on(reader.read_buf(&mut buf)).unwrap(), 0, "at the end");
    let mut source = &b"yz"[..];
    let mut boxed = Box::new(&mut memory[..]);
    assert_eq!(block_on(source.read_buf(&mut boxed)).unwrap(), 2);
    assert_eq!(boxed.len(), 2);
    assert_eq!((&bytes[..], &five), (&b"0123abc"[..], b"defgh"));
}

#[cfg(feature = "bytes")]
#[test]
fn read_buf_appends_to_the_buffers_of_bytes() {
    use bytes::{BufMut, BytesMut};

    let mut bytes = BytesMut::new();
    let mut limited = (&mut bytes).limit(3);
    let mut reader = &b"abcdef"[..];
    assert_eq!(block_on(reader.read_buf(&mut limited)).unwrap(), 3);
    assert_eq!(block_on(reader.read_buf(&mut limited)).unwrap(), 0);
    let dynamic: &mut dyn BufMut = &mut bytes;
    assert_eq!(block_on(reader.read_buf(dynamic)).unwrap(), 3);
    assert_eq!(&bytes[..], b"abcdef");
    let mut memory = [0; 4];
    let mut buf = ReadBuf::new(&mut memory);
    buf.put_u16(7);
    assert_eq!((buf.remaining_mut(), buf.filled()), (2, &[0, 7][..]));
}

#[test]
fn read_exact_waits_for_all() {
    for mut reader in readers(TEXT) {
        let mut buf = [0; TEXT.len()];
        assert_eq!(block_on(reader.read_exact(&mut [])).unwrap(), 0);
        assert_eq!(block_on(reader.read_exact(&mut buf)).unwrap(), TEXT.len());
        assert_eq!(buf, TEXT);
        assert_eq!(kind(block_on(reader.read_exact(&mut buf))), ErrorKind::UnexpectedEof);
    }
    let mut reader = Script::new([Give(b"ab"), Wait, Fail(ErrorKind::Other), Give(b"cd")]);
    let mut buf = [0; 3];
    assert_eq!(kind(block_on(reader.read_exact(&mut buf))), ErrorKind::Other);
    assert_eq!(buf, *b"ab\0");
    assert_eq!(kind(block_on(reader.read_exact(&mut buf))), ErrorKind::UnexpectedEof);
}

#[test]
fn read_to_end_appends_all() {
    for start in [&b""[..], b"start"] {
        for spare in [0, 1, TEXT.len() - 1, TEXT.len(), TEXT.len() + 1, 1000] {
            for mut reader in readers(TEXT) {
                let mut bytes = Vec::with_capacity(start.len() + spare);
                bytes.extend_from_slice(start);
                assert_eq!(block_on(reader.read_to_end(&mut bytes)).unwrap(), TEXT.len());
                assert_eq!(bytes, [start, TEXT].concat());
                assert_eq!(block_on(reader.read_to_end(&mut bytes)).unwrap(), 0);
            }
        }
    }
}

#[test]
fn what_read_to_end_has_read_stays() {
    let mut reader =
        Script::new([Give(b"ab"), Wait, Give(b"cd"), Wait, Give(b"ef"), Fail(ErrorKind::Other), Give(b"g")]);
    let mut bytes = b"0".to_vec();
    drop_after(2, reader.read_to_end(&mut bytes));
    assert_eq!(bytes, b"0abcd");
    assert_eq!(kind(block_on(reader.read_to_end(&mut bytes))), ErrorKind::Other);
    assert_eq!(bytes, b"0abcdef");
    assert_eq!(block_on(reader.read_to_end(&mut bytes)).unwrap(), 1);
    assert_eq!(bytes, b"0abcdefg");
}

#[test]
fn read_to_string_joins_characters_that_were_cut() {
    for mut reader in readers(TEXT) {
        let mut text = "start".to_owned();
        assert_eq!(block_on(reader.read_to_string(&mut text)).unwrap(), TEXT.len());
        assert_eq!(text.as_bytes(), [b"start", TEXT].concat());
    }
}

#[test]
fn invalid_text_leaves_the_string() {
    for mut reader in readers(b"fine\n\xff and on") {
        let mut text = "start".to_owned();
        let error = block_on(reader.read_to_string(&mut text)).unwrap_err();
        assert_eq!((error.kind(), &text[..]), (ErrorKind::InvalidData, "start"));
        assert_eq!(error.into_inner().unwrap().downcast::<Utf8Error>().unwrap().valid_up_to(), 5);
    }
    // An error counts more than what it cuts off; both leave the string.
    for given in [&b"fine"[..], b"\xe4\xb8"] {
        let mut text = "start".to_owned();
        let mut reader = Script::new([Give(given), Fail(ErrorKind::Other)]);
        assert_eq!(kind(block_on(reader.read_to_string(&mut text))), ErrorKind::Other);
        assert_eq!(text, "start");
    }
    for given in [&b"fine"[..], b"\xe4\xb8"] {
        let mut text = "start".to_owned();
        drop_after(1, Script::new([Give(given), Wait]).read_to_string(&mut text));
        assert_eq!(text, "start");
        drop(Script::new([]).read_to_string(&mut text));
        assert_eq!(text, "start", "dropped before it was polled");
    }
}

#[test]
fn numbers_are_read() {
    macro_rules! check {
        ($($number:ident $name:ident $encode:ident)*) => {$(
            let value = $number::$encode([
                0xc1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
            ][..size_of::<$number>()].try_into().unwrap());
            for mut reader in readers(b"\xc1\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10") {
                assert_eq!(block_on(reader.$name()).unwrap(), value, stringify!($name));
                let rest = block_on(async { let mut rest = Vec::new(); reader.read_to_end(&mut rest).await }).unwrap();
                assert_eq!(rest, 16 - size_of::<$number>());
                assert_eq!(kind(block_on(reader.$name())), ErrorKind::UnexpectedEof);
            }
            assert_eq!(kind(block_on(Script::new([Fail(ErrorKind::Other)]).$name())), ErrorKind::Other);
        )*};
    }
    check! {
        u8 read_u8 from_be_bytes  i8 read_i8 from_be_bytes
        u16 read_u16 from_be_bytes  i16 read_i16 from_be_bytes
        u32 read_u32 from_be_bytes  i32 read_i32 from_be_bytes
        u64 read_u64 from_be_bytes  i64 read_i64 from_be_bytes
        u128 read_u128 from_be_bytes  i128 read_i128 from_be_bytes
        f32 read_f32 from_be_bytes  f64 read_f64 from_be_bytes
        u16 read_u16_le from_le_bytes  i16 read_i16_le from_le_bytes
        u32 read_u32_le from_le_bytes  i32 read_i32_le from_le_bytes
        u64 read_u64_le from_le_bytes  i64 read_i64_le from_le_bytes
        u128 read_u128_le from_le_bytes  i128 read_i128_le from_le_bytes
        f32 read_f32_le from_le_bytes  f64 read_f64_le from_le_bytes
    }
}

#[test]
fn a_chain_gives_one_then_the_other() {
    for cut in 0..readers(b"").len() {
        for second in readers(b"second") {
            let mut chain = readers(b"first, ").swap_remove(cut).chain(second);
            let mut bytes = Vec::new();
            assert_eq!(block_on(chain.read_to_end(&mut bytes)).unwrap(), 13);
            assert_eq!(bytes, b"first, second");
        }
    }
    let mut chain = (&b"a"[..]).chain(&b"b"[..]);
    assert_eq!(block_on(chain.read(&mut [])).unwrap(), 0);
    assert_eq!(block_on(chain.read_u8()).unwrap(), b'a', "a read without room has not ended the first");
    let mut chain = Script::new([Give(b"a\nb"), Wait]).chain(Script::new([Wait, Give(b"c\nd")]));
    let mut line = String::new();
    for expected in ["a\n", "bc\n", "d", ""] {
        line.clear();
        assert_eq!(block_on(chain.read_line(&mut line)).unwrap(), expected.len());
        assert_eq!(line, expected);
    }
    assert_eq!(format!("{:?}", (&b"a"[..]).chain(&b"b"[..])), "Chain { t: [97], u: [98] }");
    let mut chain = (&b"a"[..]).chain(&b"b"[..]);
    *chain.get_mut().0 = b"c";
    assert_eq!(chain.get_ref(), (&&b"c"[..], &&b"b"[..]));
    assert_eq!(*Pin::new(&mut chain).get_pin_mut().1, b"b");
    assert_eq!(chain.into_inner(), (&b"c"[..], &b"b"[..]));
}

#[test]
fn take_ends_at_its_limit() {
    for limit in [0, 1, 5, TEXT.len() as u64, u64::MAX] {
        for reader in readers(TEXT) {
            let mut take = reader.take(limit);
            let mut bytes = Vec::new();
            let count = TEXT.len().min(usize::try_from(limit).unwrap());
            assert_eq!(block_on(take.read_to_end(&mut bytes)).unwrap(), count);
            assert_eq!((bytes, take.limit()), (TEXT[..count].to_vec(), limit - count as u64));
        }
    }
    // At its end it asks nobody.
    let mut take = Script::new([Give(b"ab\ncd"), Fail(ErrorKind::Other)]).take(2);
    assert_eq!(block_on(take.fill_buf()).unwrap(), b"ab");
    take.consume(100);
    assert_eq!((take.limit(), block_on(take.fill_buf()).unwrap()), (0, &b""[..]));
    assert_eq!(block_on(take.read(&mut [0; 8])).unwrap(), 0);
    take.set_limit(100);
    assert_eq!(block_on(take.get_mut().read_u8()).unwrap(), b'\n');
    assert_eq!(block_on(Pin::new(&mut take).get_pin_mut().read_u8()).unwrap(), b'c');
    assert_eq!((block_on(take.read(&mut [0; 8])).unwrap(), take.limit()), (1, 99));
    assert_eq!(kind(block_on(take.read(&mut [0; 8]))), ErrorKind::Other);
    assert_eq!(take.get_ref().taken.len() + take.into_inner().flushes, 0);
}

/// Puts a buffer of its own, which counts as full, in the place of what it is given.
struct Exchange;

impl AsyncRead for Exchange {
    fn poll_read(self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        *buf = ReadBuf::new(vec![0; buf.capacity()].leak());
        buf.set_filled(buf.capacity());
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_reader_that_exchanges_the_buffer_is_found_out() {
    // Had its count been believed, memory that nobody wrote would count as initialized.
    let mut memory = [MaybeUninit::uninit(); 8];
    type Call<'a> = (&'a str, Box<dyn FnOnce() + 'a>);
    let calls: [Call<'_>; 3] = [
        ("read_to_end", Box::new(|| drop(block_on(Exchange.read_to_end(&mut Vec::with_capacity(64)))))),
        ("read_buf", Box::new(|| drop(block_on(Exchange.read_buf(&mut Vec::with_capacity(8)))))),
        ("take", Box::new(|| drop(block_on(Exchange.take(4).read_buf(&mut ReadBuf::uninit(&mut memory)))))),
    ];
    for (name, call) in calls {
        let panic = catch_unwind(AssertUnwindSafe(call)).expect_err(name);
        assert!(panic.downcast::<&str>().unwrap().contains("put another buffer in the place"), "{name}");
    }
}
