//! `copy`, `copy_buf`, `copy_bidirectional`: all bytes arrive, are flushed in time, and no side waits for the other.

mod common;
#[path = "common/stream.rs"]
mod stream;

use std::{io::Cursor, panic::catch_unwind, time::Duration};

use common::run;
use runtime::{
    io::{
        AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, ErrorKind, copy, copy_bidirectional,
        copy_bidirectional_with_sizes, copy_buf, duplex, empty, join, repeat, sink,
    },
    time::timeout,
};
use stream::{Script, Slow, Step, now, poll_now};

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7) as u8).collect()
}

#[test]
fn every_byte_arrives_in_order_however_slow_the_two_are() {
    run(async {
        for (seed, length) in [0, 1, 100, 8191, 8192, 8193, 40_000].into_iter().enumerate() {
            let expected = bytes(length);
            for small in [false, true] {
                let mut reader = Slow::new(&expected[..], seed as u64);
                let mut writer = Slow::new(Vec::new(), seed as u64 + 50);
                let count = match small {
                    true => copy_buf(&mut BufReader::with_capacity(7, reader), &mut writer).await.unwrap(),
                    false => copy(&mut reader, &mut writer).await.unwrap(),
                };
                assert_eq!((count, &writer.inner), (length as u64, &expected));
            }
        }
    });
}

#[test]
fn a_writer_is_flushed_when_the_reader_waits_and_at_the_end_and_at_no_other_time() {
    let steps = || [Step::Give(b"a"), Step::Give(b"b"), Step::Wait, Step::Wait, Step::Give(b"c"), Step::Give(b"d")];
    let expected = ["write a", "write b", "flush", "write c", "write d", "flush"];
    run(async {
        let mut writer = Script::default();
        copy(&mut Script::new(steps(), []), &mut writer).await.unwrap();
        assert_eq!(writer.log, expected);
        let mut writer = Script::default();
        copy_buf(&mut BufReader::new(Script::new(steps(), [])), &mut writer).await.unwrap();
        assert_eq!(writer.log, expected);

        let mut writer = Script::default();
        copy(&mut repeat(b'-').take(50_000), &mut writer).await.unwrap();
        assert_eq!(writer.log.iter().filter(|call| *call == "flush").count(), 1, "a full buffer is no reason");
        let mut writer = Script::default();
        copy(&mut empty(), &mut writer).await.unwrap();
        assert_eq!(writer.log, ["flush"], "what was written before the copy");
    });
}

#[test]
fn reading_goes_on_while_the_writer_waits() {
    let mut reader = Script::new([Step::Give(b"ab"), Step::Give(b"cd"), Step::Hang], []);
    let mut writer = Script::new([], [Step::Wait, Step::Take(3), Step::Hang]);
    assert!(poll_now(copy(&mut reader, &mut writer)).is_pending());
    assert_eq!((reader.reads.len(), writer.log[0].as_str()), (1, "write abc"));
}

#[test]
fn the_first_error_ends_a_copy() {
    let failing = || Script::new([Step::Give(b"ab"), Step::Fail(ErrorKind::ConnectionReset)], []);
    let mut writer = Script::default();
    assert_eq!(now(copy(&mut failing(), &mut writer)).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(writer.log, ["write ab"]);
    let copied = now(copy_buf(&mut BufReader::new(failing()), &mut sink()));
    assert_eq!(copied.unwrap_err().kind(), ErrorKind::ConnectionReset);
    for step in [Step::Fail(ErrorKind::BrokenPipe), Step::Take(0)] {
        let expected = if let Step::Fail(kind) = step { kind } else { ErrorKind::WriteZero };
        let mut writer = Script::new([], [step]);
        assert_eq!(now(copy(&mut &b"abc"[..], &mut writer)).unwrap_err().kind(), expected);
    }
    assert_eq!(now(copy_buf(&mut &b"a"[..], &mut Cursor::new(&mut [][..]))).unwrap_err().kind(), ErrorKind::WriteZero);
}

#[test]
fn a_dropped_copy_buf_leaves_in_the_reader_what_the_writer_has_not_taken() {
    let mut reader = &b"abcdef"[..];
    let mut writer = Script::new([], [Step::Take(2), Step::Hang]);
    assert!(poll_now(copy_buf(&mut reader, &mut writer)).is_pending());
    assert_eq!(reader, b"cdef");
}

#[test]
fn an_endless_copy_gives_way() {
    run(async {
        let limit = Duration::from_millis(5);
        timeout(limit, copy(&mut repeat(0), &mut sink())).await.unwrap_err();
        timeout(limit, copy(&mut repeat(0), &mut Endless)).await.unwrap_err();
        timeout(limit, copy_buf(&mut BufReader::new(repeat(0)), &mut Endless)).await.unwrap_err();
        let (mut a, mut b) = (join(repeat(0), Endless), join(repeat(0), sink()));
        timeout(limit, copy_bidirectional(&mut a, &mut b)).await.unwrap_err();
    });
}

/// Takes everything, and knows of no budget.
struct Endless;

impl runtime::io::AsyncWrite for Endless {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<runtime::io::Result<usize>> {
        std::task::Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<runtime::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<runtime::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[test]
fn one_direction_that_is_always_ready_does_not_starve_the_other() {
    for swapped in [false, true] {
        run(async {
            let mut busy = join(repeat(0), sink());
            let mut fails = join(Script::new([Step::Wait, Step::Fail(ErrorKind::TimedOut)], []), sink());
            let copied = match swapped {
                false => timeout(Duration::from_secs(9), copy_bidirectional(&mut busy, &mut fails)).await,
                true => timeout(Duration::from_secs(9), copy_bidirectional(&mut fails, &mut busy)).await,
            };
            assert_eq!(copied.expect("the error").unwrap_err().kind(), ErrorKind::TimedOut);
        });
    }
}

#[test]
fn a_proxy_passes_on_requests_answers_and_ends() {
    run(async {
        for seed in 0..20 {
            let (mut client, a) = duplex(16);
            let (b, mut server) = duplex(5);
            let proxy = runtime::spawn(async move {
                let (mut a, mut b) = (Slow::new(a, seed), BufWriter::new(Slow::new(b, seed + 70)));
                copy_bidirectional(&mut a, &mut b).await
            });
            let served = runtime::spawn(async move {
                let mut request = [0; 5];
                server.read_exact(&mut request).await.unwrap();
                server.write_all(b"answer").await.unwrap();
                let mut rest = Vec::new();
                server.read_to_end(&mut rest).await.unwrap();
                server.write_all(&rest).await.unwrap();
                request
            });
            client.write_all(b"hello").await.unwrap();
            let mut answer = [0; 6];
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"answer");
            let large = bytes(1000);
            client.write_all(&large).await.unwrap();
            client.shutdown().await.unwrap();
            let mut back = Vec::new();
            client.read_to_end(&mut back).await.unwrap();
            assert_eq!((back, served.await.unwrap()), (large, *b"hello"));
            assert_eq!(proxy.await.unwrap().unwrap(), (1005, 1006));
        }
    });
}

#[test]
fn an_end_shuts_the_other_side_down_and_the_other_direction_goes_on() {
    let mut a = Script::new([], []);
    let mut b = Script::new([Step::Give(b"still"), Step::Hang], []);
    assert!(poll_now(copy_bidirectional(&mut a, &mut b)).is_pending());
    assert_eq!(b.log, ["flush", "shutdown"]);
    assert_eq!(a.log, ["write still", "flush"]);
}

#[test]
fn an_error_of_one_side_ends_both_directions_and_shuts_nothing_down() {
    let mut a = Script::new([Step::Fail(ErrorKind::ConnectionReset)], []);
    let mut b = Script::new([Step::Hang], []);
    assert_eq!(now(copy_bidirectional(&mut a, &mut b)).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((a.log, b.log), (vec![], vec![]));
}

#[test]
fn each_direction_has_a_buffer_of_the_size_it_was_given() {
    let mut a = join(&b"abcdef"[..], Script::default());
    let mut b = join(&b"abcdef"[..], Script::default());
    assert_eq!(now(copy_bidirectional_with_sizes(&mut a, &mut b, 4, 3)).unwrap(), (6, 6));
    assert_eq!(a.writer().log, ["write abc", "write def", "flush", "shutdown"]);
    assert_eq!(b.writer().log, ["write abcd", "write ef", "flush", "shutdown"]);
    for (there, back) in [(0, 1), (1, 0)] {
        let refused = catch_unwind(|| now(copy_bidirectional_with_sizes(&mut empty(), &mut empty(), there, back)));
        assert!(refused.is_err());
    }
}

#[test]
fn copies_take_trait_objects_and_cross_threads() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let mut writer = Vec::new();
    let mut reader: Box<dyn runtime::io::AsyncRead + Send + Unpin> = Box::new(&b"abc"[..]);
    assert_eq!(now(send(copy(&mut *reader, &mut writer))).unwrap(), 3);
    let (mut a, mut b) = (empty(), empty());
    assert_eq!(now(send(copy_bidirectional(&mut a, &mut b))).unwrap(), (0, 0));
}
