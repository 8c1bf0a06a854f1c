//! Buffered writes: which are done on the spot, and that it makes no difference but in cost.

mod common;

use std::io::{self, IoSlice};

use common::{file, run, run_on};
use runtime::{
    BufferedWrites, Builder,
    fs::File,
    io::{AsyncSeekExt, AsyncWriteExt},
};

fn on_the_spot() -> u64 {
    runtime::metrics().writes_on_the_spot
}

#[test]
fn the_option_says_which_are_done_on_the_spot() {
    let dir = tempfile::tempdir().unwrap();
    let ways = [
        (BufferedWrites::Auto, 64 << 10, true),
        (BufferedWrites::Auto, (64 << 10) + 1, false),
        (BufferedWrites::Inline { max_len: 10 }, 10, true),
        (BufferedWrites::Inline { max_len: 10 }, 11, false),
        (BufferedWrites::Worker, 1, false),
    ];
    for (way, len, spot) in ways {
        run_on(Builder::new().buffered_writes(way), async {
            let file = file(&dir, b"").await;
            let before = on_the_spot();
            let (written, bytes) = file.write_all_at(vec![7; len], 3).await;
            written.unwrap();
            assert_eq!(on_the_spot() - before, u64::from(spot), "{way:?}, {len} bytes");
            assert_eq!(std::fs::read(dir.path().join("f")).unwrap()[3..], bytes);
        });
    }
}

#[test]
fn both_ways_give_the_same() {
    for way in [BufferedWrites::Auto, BufferedWrites::Worker] {
        let dir = tempfile::tempdir().unwrap();
        run_on(Builder::new().buffered_writes(way), async {
            let file = file(&dir, b"0123456789").await;
            assert_eq!(file.write_at("ab", 4).await.0.unwrap(), 2);
            assert_eq!(file.write_next("xy").await.0.unwrap(), 2);
            assert_eq!(file.write_next("z").await.0.unwrap(), 1);
            file.append_all("end").await.0.unwrap();
            assert_eq!(file.write_at("", 0).await.0.unwrap(), 0);
            assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"xyz3ab6789end");
            let read_only = File::open(dir.path().join("f")).await.unwrap();
            assert_eq!(read_only.write_at("x", 0).await.0.unwrap_err().raw_os_error(), Some(9));
            assert_eq!(file.write_at("x", u64::MAX).await.0.unwrap_err().kind(), io::ErrorKind::InvalidInput);
            // Neither pipes nor files that are synced by each write.
            let before = on_the_spot();
            let (_reader, writer) = io::pipe().unwrap();
            let pipe = File::from(std::os::fd::OwnedFd::from(writer));
            assert_eq!(pipe.write_next("pipe").await.0.unwrap(), 4);
            const O_DSYNC: i32 = 0o10000;
            let synced = File::options().write(true).custom_flags(O_DSYNC).open(dir.path().join("f")).await.unwrap();
            synced.write_all_at("s", 0).await.0.unwrap();
            assert_eq!(on_the_spot(), before);
        });
    }
}

/// A task that only writes leaves the others their turns.
#[test]
fn who_only_writes_gives_way() {
    let dir = tempfile::tempdir().unwrap();
    run_on(&mut Builder::new(), async {
        let file = file(&dir, b"").await;
        let turns = std::rc::Rc::new(std::cell::Cell::new(0));
        let counted = turns.clone();
        let other = runtime::spawn(async move {
            loop {
                counted.set(counted.get() + 1);
                runtime::task::yield_now().await;
            }
        });
        for _ in 0..1000 {
            file.write_all_at("x", 0).await.0.unwrap();
        }
        assert!(turns.get() >= 4, "{} turns", turns.get());
        other.abort();
    });
}

/// The cursor's writes, too: in order with those that the pool does, and with the descriptor's own ways.
#[test]
fn the_cursor_writes_on_the_spot_what_is_short() {
    let ways = [
        (BufferedWrites::Auto, 64 << 10, true),
        (BufferedWrites::Auto, (64 << 10) + 1, false),
        (BufferedWrites::Worker, 1, false),
    ];
    for (way, len, spot) in ways {
        let dir = tempfile::tempdir().unwrap();
        run_on(Builder::new().buffered_writes(way), async {
            let mut file = file(&dir, b"").await;
            let before = on_the_spot();
            assert_eq!(file.write(&vec![7; len]).await.unwrap(), len);
            assert_eq!(on_the_spot() - before, u64::from(spot), "{way:?}, {len} bytes");
            file.flush().await.unwrap();
            assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), vec![7; len]);
        });
    }
}

#[test]
fn writes_of_the_cursor_stay_in_order_wherever_they_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    run(async {
        let mut expected = Vec::new();
        let mut writer = file(&dir, b"").await;
        for n in 0..40u8 {
            let len = if n.is_multiple_of(3) { 100_000 } else { 100 };
            let (a, b) = (vec![n; len], vec![!n; 10]);
            let written =
                writer.write_vectored(&[IoSlice::new(&a), IoSlice::new(&[]), IoSlice::new(&b)]).await.unwrap();
            assert_eq!(written, len + 10);
            expected.extend([a, b].concat());
        }
        // Cut by the limit, and after the position has been moved back over what a read has brought.
        writer.set_max_buf_size(7);
        assert_eq!(writer.write(b"0123456789").await.unwrap(), 7);
        writer.flush().await.unwrap();
        expected.extend(b"0123456");
        assert!(std::fs::read(&path).unwrap() == expected);

        let mut appender = File::options().append(true).open(&path).await.unwrap();
        writer.rewind().await.unwrap();
        let before = on_the_spot();
        appender.write_all(b"end").await.unwrap();
        writer.write_all(b"start").await.unwrap();
        assert_eq!(on_the_spot() - before, 2);
        assert_eq!(writer.stream_position().await.unwrap(), 5);
        let content = std::fs::read(&path).unwrap();
        assert!(content.starts_with(b"start") && content.ends_with(b"0123456end"));
    });
}

#[test]
fn an_error_on_the_spot_is_the_next_calls() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let _file = file(&dir, b"old").await;
        let mut read_only = File::open(dir.path().join("f")).await.unwrap();
        let before = on_the_spot();
        assert_eq!(read_only.write(b"x").await.unwrap(), 1);
        assert_eq!(read_only.write(b"y").await.unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert_eq!(read_only.write(b"z").await.unwrap(), 1);
        assert_eq!(read_only.flush().await.unwrap_err().raw_os_error(), Some(libc::EBADF));
        read_only.flush().await.unwrap();
        assert_eq!(on_the_spot() - before, 2);
    });
}
