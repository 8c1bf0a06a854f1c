//! `BufReader`, `BufWriter` and `BufStream`: nothing lost, nothing twice, and no call too many.

mod common;
#[path = "common/stream.rs"]
mod stream;

use std::io::{Cursor, IoSlice};

use common::run;
use runtime::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, BufReader, BufStream,
    BufWriter, ErrorKind, SeekFrom,
};
use stream::{Random, Script, Slow, Step, now, poll_now};

const SEEDS: u64 = 300;

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|index| index as u8).collect()
}

/// A position in and around a stream of this length.
fn any_position(random: &mut Random, length: usize) -> SeekFrom {
    let by = random.below(2 * length + 10) as i64 - length as i64;
    match random.below(3) {
        0 => SeekFrom::Start(random.below(length + 10) as u64),
        1 => SeekFrom::End(by),
        _ => SeekFrom::Current(by),
    }
}

#[test]
fn a_buffered_reader_reads_and_seeks_as_its_stream_does() {
    run(async {
        for seed in 0..SEEDS {
            let mut random = Random(seed + 1);
            let mut plain = Cursor::new(text(200));
            let mut buffered = BufReader::with_capacity(1 + random.below(40), Slow::new(plain.clone(), seed));
            for _ in 0..30 {
                match random.below(4) {
                    0 => {
                        let position = any_position(&mut random, 200);
                        let expected = std::io::Seek::seek(&mut plain, position);
                        let found = buffered.seek(position).await;
                        assert_eq!(found.as_ref().ok(), expected.as_ref().ok(), "{seed} {position:?}");
                    }
                    1 => {
                        let held = buffered.fill_buf().await.unwrap();
                        let count = held.len().min(3);
                        assert_eq!(held[..count], now(plain.fill_buf()).unwrap()[..count], "{seed}");
                        AsyncBufReadExt::consume(&mut buffered, count);
                        AsyncBufReadExt::consume(&mut plain, count);
                    }
                    _ => {
                        let mut found = vec![0; random.below(50)];
                        let count = buffered.read(&mut found).await.unwrap();
                        let mut expected = vec![0; count];
                        now(AsyncReadExt::read_exact(&mut plain, &mut expected)).unwrap();
                        assert_eq!(found[..count], expected, "{seed}");
                        assert!(count > 0 || found.is_empty() || plain.position() >= 200, "{seed}");
                    }
                }
            }
        }
    });
}

#[test]
fn a_buffered_writer_writes_and_seeks_as_its_stream_does() {
    run(async {
        for seed in 0..SEEDS {
            let mut random = Random(seed + 1);
            let mut plain = Cursor::new(Vec::new());
            let mut buffered = BufWriter::with_capacity(random.below(40), Slow::new(plain.clone(), seed));
            for round in 0..30 {
                let bytes = vec![round; random.below(50)];
                let mut count = 0;
                match random.below(5) {
                    0 => buffered.flush().await.unwrap(),
                    1 => {
                        let position = SeekFrom::Start(random.below(100) as u64);
                        let expected = std::io::Seek::seek(&mut plain, position).unwrap();
                        assert_eq!(buffered.seek(position).await.unwrap(), expected);
                        assert_eq!(buffered.get_ref().inner.position(), expected);
                    }
                    2 => {
                        let parts = [IoSlice::new(&bytes), IoSlice::new(&[]), IoSlice::new(&bytes)];
                        count = buffered.write_vectored(&parts).await.unwrap();
                        assert!(count > 0 || bytes.is_empty(), "{seed}");
                    }
                    _ => count = buffered.write(&bytes).await.unwrap(),
                }
                if count > 0 {
                    // Else a cursor past the end would fill the gap all the same.
                    std::io::Write::write_all(&mut plain, &vec![round; count]).unwrap();
                }
            }
            buffered.shutdown().await.unwrap();
            assert_eq!(buffered.into_inner().inner.into_inner(), plain.into_inner(), "{seed}");
        }
    });
}

#[test]
fn a_buffered_stream_reads_and_writes_where_it_was_sought_to() {
    run(async {
        for seed in 0..SEEDS {
            let mut random = Random(seed + 1);
            let mut plain = Cursor::new(text(100));
            let slow = Slow::new(plain.clone(), seed);
            let mut buffered: BufStream<_> = match seed % 3 {
                0 => BufStream::with_capacity(1 + random.below(20), random.below(20), slow),
                1 => BufReader::with_capacity(9, BufWriter::with_capacity(9, slow)).into(),
                _ => BufWriter::with_capacity(9, BufReader::with_capacity(9, slow)).into(),
            };
            for round in 0..20 {
                let position = SeekFrom::Start(random.below(100) as u64);
                buffered.seek(position).await.unwrap();
                std::io::Seek::seek(&mut plain, position).unwrap();
                for _ in 0..random.below(4) {
                    if round % 2 == 0 {
                        let bytes = vec![round; random.below(30)];
                        buffered.write_all(&bytes).await.unwrap();
                        if !bytes.is_empty() {
                            std::io::Write::write_all(&mut plain, &bytes).unwrap();
                        }
                    } else {
                        let mut found = vec![0; random.below(30)];
                        let count = buffered.read(&mut found).await.unwrap();
                        let mut expected = vec![0; count];
                        std::io::Read::read_exact(&mut plain, &mut expected).unwrap();
                        assert_eq!(found[..count], expected, "{seed}");
                        assert_eq!(buffered.stream_position().await.unwrap(), plain.position(), "{seed}");
                    }
                }
            }
            buffered.flush().await.unwrap();
            assert_eq!(buffered.into_inner().inner.into_inner(), plain.into_inner(), "{seed}");
        }
    });
}

#[test]
fn a_large_read_passes_an_empty_buffer_by() {
    let script = Script::new([Step::Give(b"large"), Step::Give(b"small")], []);
    let mut reader = BufReader::with_capacity(6, script);
    let mut large = [0; 6];
    assert_eq!(now(reader.read(&mut large)).unwrap(), 5);
    assert_eq!((&large[..5], reader.buffer()), (&b"large"[..], &b""[..]));
    assert_eq!(now(reader.read(&mut large[..2])).unwrap(), 2);
    assert_eq!(reader.buffer(), b"all");
    assert_eq!(now(reader.read(&mut large)).unwrap(), 3, "what is in the buffer comes first, by itself");
    assert_eq!(now(reader.read(&mut large)).unwrap(), 0);
}

#[test]
fn a_read_that_fails_or_is_dropped_loses_nothing() {
    let script = Script::new([Step::Give(b"ab"), Step::Fail(ErrorKind::TimedOut), Step::Wait, Step::Give(b"cd")], []);
    let mut reader = BufReader::with_capacity(4, script);
    let mut byte = [0];
    now(reader.read_exact(&mut byte)).unwrap();
    now(reader.read_exact(&mut byte)).unwrap();
    assert_eq!(now(reader.fill_buf()).unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(poll_now(reader.read(&mut byte)).is_pending());
    let mut rest = Vec::new();
    now(reader.read_to_end(&mut rest)).unwrap();
    assert_eq!(rest, b"cd");
}

#[test]
fn a_seek_counts_from_the_byte_that_comes_next() {
    let script = Script::new([Step::Give(b"abcdef"), Step::Give(b"abcdef")], []);
    let mut reader = BufReader::with_capacity(8, script);
    let mut two = [0; 2];
    now(reader.read_exact(&mut two)).unwrap();
    now(reader.seek(SeekFrom::Current(1))).unwrap();
    assert_eq!(reader.buffer(), b"", "also a seek within the buffer discards it");
    now(reader.read_exact(&mut two)).unwrap();
    now(reader.seek(SeekFrom::Current(i64::MIN))).unwrap();
    let far = format!("seek Current({})", i64::MIN);
    assert_eq!(reader.get_ref().log, ["seek Current(-3)", "seek Current(-4)", &far], "the sum does not overflow");
}

#[test]
fn small_writes_are_collected_and_large_ones_are_not_copied() {
    let mut writer = BufWriter::with_capacity(4, Script::default());
    for bytes in ["a", "b", "cde", "long one", "f"] {
        now(writer.write_all(bytes.as_bytes())).unwrap();
    }
    assert_eq!(
        (writer.get_ref().log.as_slice(), writer.buffer()),
        (&["write ab", "write cde", "write long one"].map(String::from)[..], &b"f"[..])
    );
    now(writer.flush()).unwrap();
    now(writer.shutdown()).unwrap();
    assert_eq!(writer.get_ref().log[3..], ["write f", "flush", "shutdown"]);
    now(writer.write_all(b"los")).unwrap();
    assert_eq!(writer.into_inner().log.len(), 6, "what is in the buffer is lost");
}

#[test]
fn a_flush_that_fails_or_is_dropped_goes_on_where_it_was() {
    let steps = [Step::Take(2), Step::Fail(ErrorKind::TimedOut), Step::Take(1), Step::Wait, Step::Take(0)];
    let mut writer = BufWriter::with_capacity(16, Script::new([], steps));
    now(writer.write_all(b"abcdef")).unwrap();
    assert_eq!(now(writer.flush()).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(writer.buffer(), b"cdef");
    assert!(poll_now(writer.flush()).is_pending());
    assert_eq!(now(writer.flush()).unwrap_err().kind(), ErrorKind::WriteZero);
    now(writer.write_all(b"g")).unwrap();
    now(writer.shutdown()).unwrap();
    assert_eq!(writer.get_ref().log, ["write ab", "write c", "write ", "write defg", "shutdown"]);
}

#[test]
fn a_seek_of_a_writer_waits_for_what_it_holds() {
    let mut writer = BufWriter::new(Script::new([], [Step::Wait, Step::Fail(ErrorKind::TimedOut)]));
    now(writer.write_all(b"ab")).unwrap();
    let mut seek = std::pin::pin!(writer.seek(SeekFrom::Start(7)));
    assert!(poll_now(seek.as_mut()).is_pending());
    assert_eq!(now(seek).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(writer.get_ref().log, [""; 0], "a seek that failed is not tried again by itself");
    now(writer.seek(SeekFrom::Start(8))).unwrap();
    assert_eq!(writer.get_ref().log, ["write ab", "seek Start(8)"]);
}

#[test]
fn vectored_writes_are_taken_whole_where_they_fit() {
    let parts = |parts: [&'static str; 3]| parts.map(|part| IoSlice::new(part.as_bytes()));
    for vectored in [false, true] {
        let mut writer = BufWriter::with_capacity(6, Script { vectored, ..Script::default() });
        assert!(writer.is_write_vectored());
        assert_eq!(now(writer.write_vectored(&parts(["", "ab", "cd"]))).unwrap(), 4);
        assert_eq!(writer.buffer(), b"abcd");
        assert_eq!(now(writer.write_vectored(&parts(["ef", "", "g"]))).unwrap(), 3);
        assert_eq!((writer.buffer(), &writer.get_ref().log[..]), (&b"efg"[..], &["write abcd".to_owned()][..]));
        let count = now(writer.write_vectored(&parts(["hij", "klm", "n"]))).unwrap();
        now(writer.flush()).unwrap();
        let expected = if vectored { (7, "write hijklmn") } else { (6, "write hijklm") };
        assert_eq!((count, writer.get_ref().log[2].as_str()), expected);
        assert_eq!(now(writer.write_vectored(&parts(["", "", ""]))).unwrap(), 0);
        assert_eq!(now(writer.write_vectored(&parts(["", "as long", "x"]))).unwrap(), if vectored { 8 } else { 7 });
    }
}

#[test]
fn reads_through_writers_and_writes_through_readers_are_not_buffered() {
    let mut reader = BufReader::new(Script { vectored: true, ..Script::new([Step::Give(b"in")], []) });
    assert!(reader.is_write_vectored());
    now(reader.write_all(b"out")).unwrap();
    now(reader.write_vectored(&[IoSlice::new(b"o"), IoSlice::new(b"ut")])).unwrap();
    now(reader.flush()).unwrap();
    now(reader.shutdown()).unwrap();
    assert_eq!(reader.get_ref().log, ["write out", "write out", "flush", "shutdown"]);

    let mut writer = BufWriter::new(BufReader::new(Script::new([Step::Give(b"line\nrest")], [])));
    let mut line = String::new();
    now(writer.read_line(&mut line)).unwrap();
    assert_eq!(line, "line\n");

    let mut both = BufStream::from(BufWriter::new({
        let mut reader = BufReader::new(Script::new([Step::Give(b"ahead")], []));
        now(reader.fill_buf()).unwrap();
        reader
    }));
    let mut byte = [0];
    now(both.read_exact(&mut byte)).unwrap();
    assert_eq!(byte, *b"a", "what was read ahead is kept");
}

#[test]
fn buffers_are_what_their_streams_are_and_show_themselves() {
    fn send_sync_unpin<T: Send + Sync + Unpin>() {}
    send_sync_unpin::<(BufReader<Cursor<Vec<u8>>>, BufWriter<Vec<u8>>, BufStream<Cursor<Vec<u8>>>)>();
    fn is_buffered<T: AsyncBufRead + AsyncWrite>(_: &T) {}
    is_buffered(&BufStream::new(Script::default()));
    let mut writer = BufWriter::with_capacity(4, Vec::new());
    now(writer.write_all(b"ab")).unwrap();
    assert_eq!(format!("{writer:?}"), r#"BufWriter { writer: [], buffer: "2/4", written: 0 }"#.replace('"', ""));
    assert_eq!(format!("{:?}", BufReader::with_capacity(4, &b""[..])), "BufReader { reader: [], buffer: 0/4 }");
}
