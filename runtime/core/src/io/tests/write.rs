//! Writers, and streams with a position.

use std::{
    collections::VecDeque,
    io::{Cursor, ErrorKind, IoSlice, SeekFrom},
};

use super::pieces::{
    Script,
    Step::{Accept, Fail, Wait},
    block_on, drop_after, kind, writers,
};
use crate::io::{AsyncSeekExt, AsyncWriteExt};

#[test]
fn write_gives_what_was_taken() {
    let mut writer = Script::new([Wait, Accept(2), Accept(0), Fail(ErrorKind::Interrupted), Wait, Accept(3)]);
    drop_after(1, writer.write(b"lost"));
    assert_eq!(block_on(writer.write(b"abcd")).unwrap(), 2);
    assert_eq!(block_on(writer.write(b"cd")).unwrap(), 0);
    assert_eq!(kind(block_on(writer.write(b"cd"))), ErrorKind::Interrupted, "one write is not tried again");
    let slices = [IoSlice::new(b"c"), IoSlice::new(b""), IoSlice::new(b"def")];
    assert_eq!(block_on(writer.write_vectored(&slices)).unwrap(), 3);
    assert_eq!((&writer.taken[..], writer.vectored), (&b"abcde"[..], 2), "the first was pending");
}

#[test]
fn write_all_writes_all() {
    for mut writer in writers() {
        block_on(writer.write_all(b"")).unwrap();
        block_on(writer.write_all(b"some bytes")).unwrap();
        assert_eq!(writer.taken, b"some bytes");
    }
    for (last, expected) in [(Accept(0), ErrorKind::WriteZero), (Fail(ErrorKind::Other), ErrorKind::Other)] {
        let mut writer = Script::new([Accept(3), last]);
        assert_eq!(kind(block_on(writer.write_all(b"bytes"))), expected);
        assert_eq!(writer.taken, b"byt");
    }
}

#[test]
fn write_buf_moves_on() {
    let mut writer = Script::new([Accept(2), Fail(ErrorKind::Interrupted), Wait, Accept(0), Accept(9)]);
    let mut bytes = &b"abcd"[..];
    assert_eq!(block_on(writer.write_buf(&mut bytes)).unwrap(), 2);
    assert_eq!(kind(block_on(writer.write_buf(&mut bytes))), ErrorKind::Interrupted);
    assert_eq!(block_on(writer.write_buf(&mut bytes)).unwrap(), 0);
    assert_eq!(bytes, b"cd");
    assert_eq!(block_on(writer.write_buf(&mut &mut bytes)).unwrap(), 2);
    assert_eq!((block_on(writer.write_buf(&mut bytes)).unwrap(), bytes), (0, &b""[..]));
    assert_eq!(writer.taken, b"abcd");
}

/// A queue whose bytes lie in two pieces.
fn in_two_pieces() -> VecDeque<u8> {
    let mut queue = VecDeque::from(b"defg".to_vec());
    b"cba".iter().for_each(|&byte| queue.push_front(byte));
    assert!(!queue.as_slices().1.is_empty());
    queue
}

#[test]
fn write_all_buf_empties_the_buffer() {
    for mut writer in writers() {
        let (mut slice, mut queue) = (&b"slice "[..], in_two_pieces());
        let mut cursor = Cursor::new(b"__cursor ".to_vec());
        cursor.set_position(2);
        let mut boxed = Box::new(&b" boxed"[..]);
        block_on(writer.write_all_buf(&mut slice)).unwrap();
        block_on(writer.write_all_buf(&mut cursor)).unwrap();
        block_on(writer.write_all_buf(&mut queue)).unwrap();
        block_on(writer.write_all_buf(&mut boxed)).unwrap();
        assert_eq!(writer.taken, b"slice cursor abcdefg boxed");
        assert_eq!((slice.len(), cursor.position(), queue.len(), boxed.len()), (0, 9, 0, 0));
        let mut past = Cursor::new(b"");
        past.set_position(7);
        block_on(writer.write_all_buf(&mut past)).unwrap();
    }
    let mut writer = Script::vectored([]);
    block_on(writer.write_all_buf(&mut in_two_pieces())).unwrap();
    assert_eq!((&writer.taken[..], writer.vectored), (&b"abcdefg"[..], 1));
}

#[cfg(feature = "bytes")]
#[test]
fn write_all_buf_takes_the_buffers_of_bytes() {
    use bytes::{Buf, Bytes, BytesMut};

    for mut writer in writers() {
        let mut chain = Bytes::from_static(b"one ").chain(BytesMut::from(&b"two"[..]));
        block_on(writer.write_all_buf(&mut chain)).unwrap();
        assert_eq!((&writer.taken[..], chain.remaining()), (&b"one two"[..], 0));
        assert_eq!(writer.vectored > 0, writer.likes_vectored);
    }
}

#[test]
fn what_write_all_buf_has_not_written_stays() {
    for last in [Wait, Fail(ErrorKind::Other), Accept(0)] {
        let mut writer = Script::new([Accept(3), last]);
        let mut bytes = &b"bytes"[..];
        match last {
            Wait => drop_after(1, writer.write_all_buf(&mut bytes)),
            Accept(_) => assert_eq!(kind(block_on(writer.write_all_buf(&mut bytes))), ErrorKind::WriteZero),
            _ => assert_eq!(kind(block_on(writer.write_all_buf(&mut bytes))), ErrorKind::Other),
        }
        assert_eq!((bytes, &writer.taken[..]), (&b"es"[..], &b"byt"[..]));
    }
}

#[test]
fn numbers_are_written() {
    macro_rules! check {
        ($($number:ident $name:ident $encode:ident)*) => {$(
            for value in [1 as $number, $number::MIN, $number::MAX] {
                for mut writer in writers() {
                    block_on(writer.$name(value)).unwrap();
                    assert_eq!(writer.taken, value.$encode(), stringify!($name));
                }
            }
            assert_eq!(kind(block_on(Script::new([Accept(0)]).$name(1 as $number))), ErrorKind::WriteZero);
            assert_eq!(kind(block_on(Script::new([Fail(ErrorKind::Other)]).$name(1 as $number))), ErrorKind::Other);
        )*};
    }
    check! {
        u8 write_u8 to_be_bytes  i8 write_i8 to_be_bytes
        u16 write_u16 to_be_bytes  i16 write_i16 to_be_bytes
        u32 write_u32 to_be_bytes  i32 write_i32 to_be_bytes
        u64 write_u64 to_be_bytes  i64 write_i64 to_be_bytes
        u128 write_u128 to_be_bytes  i128 write_i128 to_be_bytes
        f32 write_f32 to_be_bytes  f64 write_f64 to_be_bytes
        u16 write_u16_le to_le_bytes  i16 write_i16_le to_le_bytes
        u32 write_u32_le to_le_bytes  i32 write_i32_le to_le_bytes
        u64 write_u64_le to_le_bytes  i64 write_i64_le to_le_bytes
        u128 write_u128_le to_le_bytes  i128 write_i128_le to_le_bytes
        f32 write_f32_le to_le_bytes  f64 write_f64_le to_le_bytes
    }
}

#[test]
fn flush_and_shutdown_reach_the_writer() {
    let mut writer = Script::new([Wait, Fail(ErrorKind::Other), Wait]);
    assert_eq!(kind(block_on(writer.flush())), ErrorKind::Other);
    block_on(writer.flush()).unwrap();
    block_on(writer.shutdown()).unwrap();
    assert_eq!((writer.flushes, writer.shutdowns), (1, 1));
}

#[test]
fn a_seek_waits_for_the_one_before() {
    let mut stream = Script::new([Wait, Wait]);
    let position = block_on(stream.seek(SeekFrom::End(-3))).unwrap();
    assert_eq!((position, &stream.seeks[..]), (1, &[SeekFrom::End(-3)][..]));
    // Pending in the first step: not yet started. In the second: started once.
    let mut stream = Script::new([Wait]);
    drop_after(1, stream.rewind());
    assert_eq!(stream.seeks, []);
    let mut stream = Script::new([Fail(ErrorKind::Other)]);
    assert_eq!(kind(block_on(stream.stream_position())), ErrorKind::Other);
    block_on(stream.stream_position()).unwrap();
    block_on(stream.rewind()).unwrap();
    assert_eq!(stream.seeks, [SeekFrom::Current(0), SeekFrom::Start(0)]);
}
