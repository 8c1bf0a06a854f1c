//! The cursor of a file: what tokio promises of it, and what a file can do to it.

mod common;

use std::{
    future::poll_fn,
    io::{ErrorKind, Read, SeekFrom, Write},
    os::fd::OwnedFd,
    path::PathBuf,
    pin::{Pin, pin},
};

use common::{assert_clean, file, poll_once, run, run_on};
use runtime::{
    BufferedWrites, Builder,
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWriteExt},
    spawn_on,
    task::yield_now,
};
use tempfile::tempdir;

const O_DIRECT: i32 = libc::O_DIRECT;

/// A file that reads from a pipe, and the pipe's other end.
fn pipe() -> (File, std::io::PipeWriter) {
    let (read, write) = std::io::pipe().unwrap();
    (File::from(OwnedFd::from(read)), write)
}

#[test]
fn cached_bytes_are_read_without_an_enter() {
    run(async {
        let dir = tempdir().unwrap();
        let mut file = file(&dir, &[1; 1 << 20]).await;
        let before = runtime::metrics().enters;
        let mut bytes = vec![0; 4096];
        for _ in 0..100 {
            file.read_exact(&mut bytes).await.unwrap();
        }
        assert_eq!(runtime::metrics().enters, before);
    });
}

#[test]
fn long_reads_give_way() {
    run(async {
        let dir = tempdir().unwrap();
        let mut file = file(&dir, &[1; 100_000]).await;
        let other = runtime::spawn(async { yield_now().await });
        let mut reads = 0;
        while !other.is_finished() && file.read(&mut [0; 1]).await.unwrap() > 0 {
            reads += 1;
        }
        assert!(reads < 100_000, "the other task waited for all of the file");
    });
}

#[test]
fn what_a_dropped_read_brings_the_next_one_gives() {
    run(async {
        let (mut file, mut write) = pipe();
        let mut bytes = [0; 8];
        poll_once(pin!(file.read(&mut bytes))).await;
        write.write_all(b"abcdefgh").unwrap();
        // Whatever their sizes, all reads together give all bytes, in order.
        let mut all = Vec::new();
        for size in [1, 3, 4] {
            let mut part = vec![0; size];
            file.read_exact(&mut part).await.unwrap();
            all.extend(part);
        }
        assert_eq!(all, b"abcdefgh");
    });
}

#[test]
fn what_a_read_brought_too_much_counts_for_writes_and_seeks() {
    run(async {
        let dir = tempdir().unwrap();
        std::fs::write(dir.path().join("f"), [b"0123456789".as_slice(), &[b'x'; 4086]].concat()).unwrap();
        // O_DIRECT, as those reads are never done on the spot; where a file system has none, they are.
        let open = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true);
            options
        };
        let mut file = open().open(dir.path().join("f")).await.unwrap();
        let (mut pipe, mut write) = pipe();
        let _ = open().custom_flags(O_DIRECT).open(dir.path().join("f")).await;
        poll_once(pin!(pipe.read(&mut [0; 6]))).await;
        write.write_all(b"abcdef").unwrap();
        assert_eq!(pipe.read_u8().await.unwrap(), b'a');
        // A pipe has no position to go back to, so what is left stays.
        assert_eq!(pipe.seek(SeekFrom::Current(0)).await.unwrap_err().raw_os_error(), Some(libc::ESPIPE));
        let mut rest = [0; 5];
        pipe.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"bcdef");
        file.seek(SeekFrom::Start(4)).await.unwrap();
        file.write_all(b"!").await.unwrap();
        assert_eq!(file.read_u8().await.unwrap(), b'5');
    });
}

#[test]
fn a_read_of_the_device_can_be_dropped_and_the_position_is_right() {
    run(async {
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, (0..=255).collect::<Vec<u8>>().repeat(64)).unwrap();
        let mut file = match OpenOptions::new().read(true).write(true).custom_flags(O_DIRECT).open(&path).await {
            Err(error) if error.kind() == ErrorKind::InvalidInput => return, // not on this file system
            opened => opened.unwrap(),
        };
        // The buffer of a read in the background has no alignment, so the kernel may refuse it.
        let mut bytes = vec![0; 4096];
        poll_once(pin!(file.read(&mut bytes))).await;
        match file.read_u8().await {
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput),
            Ok(first) => {
                assert_eq!(first, 0);
                assert_eq!(file.stream_position().await.unwrap(), 1);
                assert_eq!(file.seek(SeekFrom::Current(1)).await.unwrap(), 2);
            }
        }
    });
}

#[test]
fn a_seek_waits_its_turn() {
    run_on(Builder::new().buffered_writes(BufferedWrites::Worker), async {
        let dir = tempdir().unwrap();
        let mut file = file(&dir, b"0123456789").await;
        file.write_all(b"ab").await.unwrap();
        let refused = Pin::new(&mut file).start_seek(SeekFrom::Start(0)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Other);
        poll_fn(|cx| Pin::new(&mut file).poll_complete(cx)).await.unwrap();
        Pin::new(&mut file).start_seek(SeekFrom::Start(1)).unwrap();
        assert_eq!(poll_fn(|cx| Pin::new(&mut file).poll_complete(cx)).await.unwrap(), 1);
        assert_eq!(file.read_u8().await.unwrap(), b'b');
    });
}

#[test]
fn an_error_of_a_write_is_told_once() {
    run(async {
        let mut full = File::options().write(true).open("/dev/full").await.unwrap();
        full.write_all(b"x").await.unwrap();
        // What waits for the write keeps its error.
        assert!(full.metadata().await.is_ok());
        assert!(full.try_clone().await.is_ok());
        assert_eq!(full.write(b"y").await.unwrap_err().kind(), ErrorKind::StorageFull);
        full.flush().await.unwrap();
    });
}

#[test]
fn a_file_moves_between_shards_in_the_middle_of_things() {
    run_on(Builder::new().shards(2), async {
        let dir = tempdir().unwrap();
        let (mut reader, mut write) = pipe();
        let mut file = File::create(dir.path().join("f")).await.unwrap();
        poll_once(pin!(reader.read(&mut [0; 4]))).await;
        file.write_all(&[1; 100_000]).await.unwrap();
        let moved = spawn_on(1, move || async move {
            let mut bytes = [0; 4];
            file.write_all(&[2; 100_000]).await.unwrap();
            file.sync_all().await.unwrap();
            write.write_all(b"abcd").unwrap();
            reader.read_exact(&mut bytes).await.unwrap();
            (file, bytes)
        });
        let (mut file, bytes) = moved.await.unwrap();
        assert_eq!(&bytes, b"abcd");
        file.flush().await.unwrap();
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), [vec![1; 100_000], vec![2; 100_000]].concat());
    });
}

#[test]
fn a_runtime_ends_with_a_read_of_a_pipe_and_writes_what_was_promised() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    for _ in 0..50 {
        let runtime = Builder::new().build().unwrap();
        let kept = runtime.block_on(async {
            let (mut reader, write) = pipe();
            poll_once(pin!(reader.read(&mut [0; 4]))).await;
            for number in 0..8 {
                let mut file = OpenOptions::new().append(true).create(true).open(&path).await.unwrap();
                file.write_all(&[number; 1000]).await.unwrap();
            }
            (reader, write)
        });
        assert_clean(&runtime.shutdown());
        drop(kept);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 8000);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn beyond_four_gibibytes() {
    run(async {
        let dir = tempdir().unwrap();
        let mut file = file(&dir, b"").await;
        let far = (1 << 32) + 5;
        file.write_all_at("far", far).await.0.unwrap();
        assert_eq!(file.seek(SeekFrom::Start(far + 1)).await.unwrap(), far + 1);
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "ar");
        file.write_all(b"ther").await.unwrap();
        assert_eq!(file.seek(SeekFrom::End(0)).await.unwrap(), far + 7);
        let metadata = file.metadata().await.unwrap();
        use std::os::unix::fs::MetadataExt;
        assert!(metadata.blocks() * 512 < 1 << 20, "the hole takes no space");
        file.seek(SeekFrom::Start(0)).await.unwrap();
        let mut hole = [1; 100];
        file.read_exact(&mut hole).await.unwrap();
        assert_eq!(hole, [0; 100]);
        assert_eq!(file.read_exact_at(vec![0; 3], far).await.1, b"far");
    });
}

#[test]
fn files_that_do_not_know_their_size() {
    run(async {
        let mut maps = File::open("/proc/self/status").await.unwrap();
        assert_eq!(maps.metadata().await.unwrap().len(), 0);
        let mut text = String::new();
        maps.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("Name:") && text.ends_with('\n'), "{text}");
        let whole = fs::read_to_string("/proc/self/status").await.unwrap();
        assert!(whole.lines().count() >= text.lines().count() - 1);
        // More than one page, which is what a read of /proc gives at most.
        let many = fs::read("/proc/kallsyms").await.unwrap_or_default();
        assert!(many.is_empty() || many.len() > 100_000);
    });
}

#[test]
fn files_that_shrink_and_grow_while_they_are_read() {
    run(async {
        let dir = tempdir().unwrap();
        let mut reader = file(&dir, &[1; 10_000]).await;
        let other = std::fs::File::options().append(true).open(dir.path().join("f")).unwrap();
        let mut bytes = vec![0; 4000];
        reader.read_exact(&mut bytes).await.unwrap();
        other.set_len(5000).unwrap();
        assert_eq!(reader.read(&mut bytes).await.unwrap(), 1000);
        assert_eq!(reader.read(&mut bytes).await.unwrap(), 0);
        (&other).write_all(&[2; 10]).unwrap();
        // The end is only an end for now.
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, [2; 10]);
        other.set_len(0).unwrap();
        assert_eq!(reader.read(&mut bytes).await.unwrap(), 0);
    });
}

#[test]
fn directories_are_opened_but_not_read() {
    run(async {
        let dir = tempdir().unwrap();
        let mut opened = File::open(dir.path()).await.unwrap();
        assert!(opened.metadata().await.unwrap().is_dir());
        assert_eq!(opened.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(opened.read_at(vec![0; 1], 0).await.0.unwrap_err().kind(), ErrorKind::IsADirectory);
        opened.sync_all().await.unwrap();
        assert_eq!(File::create(dir.path()).await.unwrap_err().kind(), ErrorKind::IsADirectory);
    });
}

#[test]
fn names_that_are_no_text() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    run(async {
        let dir = tempdir().unwrap();
        let path = dir.path().join(OsStr::from_bytes(b"\xff\xfe name"));
        fs::write(&path, "x").await.unwrap();
        let entry = fs::read_dir(dir.path()).await.unwrap().next_entry().await.unwrap().unwrap();
        assert_eq!((entry.path(), entry.file_name().as_bytes()), (path.clone(), &b"\xff\xfe name"[..]));
        assert_eq!(fs::canonicalize(&path).await.unwrap(), std::fs::canonicalize(&path).unwrap());
        fs::symlink(&path, dir.path().join("link")).await.unwrap();
        assert_eq!(fs::read_link(dir.path().join("link")).await.unwrap(), path);
        fs::remove_file(&path).await.unwrap();
    });
}

#[test]
fn a_fifo_is_waited_for() {
    run(async {
        let dir = tempdir().unwrap();
        let path = dir.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut writer = OpenOptions::new().read(true).write(true).open(&path).await.unwrap();
        let mut reader = File::open(&path).await.unwrap();
        // More than a pipe holds, so the write waits for the reads.
        let sent = runtime::spawn(async move {
            for _ in 0..4 {
                writer.write_all(&[3; 100_000]).await.unwrap();
            }
            writer.flush().await.unwrap();
            writer
        });
        let mut bytes = vec![0; 400_000];
        reader.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes, vec![3; 400_000]);
        drop(sent.await.unwrap());
        assert_eq!(reader.read(&mut bytes).await.unwrap(), 0);
    });
}

#[test]
fn other_ways_to_open() {
    run(async {
        let dir = tempdir().unwrap();
        let nameless = OpenOptions::new().read(true).write(true).custom_flags(libc::O_TMPFILE).open(dir.path()).await;
        let mut nameless = nameless.unwrap();
        nameless.write_all(b"nobody sees it").await.unwrap();
        nameless.rewind().await.unwrap();
        let mut text = String::new();
        nameless.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "nobody sees it");
        assert!(fs::read_dir(dir.path()).await.unwrap().next_entry().await.unwrap().is_none());
        std::os::unix::fs::symlink("x", dir.path().join("link")).unwrap();
        let link = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(dir.path().join("link")).await;
        assert_eq!(link.unwrap_err().raw_os_error(), Some(libc::ELOOP));
    });
}

#[test]
fn a_file_goes_to_std_with_all_that_was_written() {
    run_on(Builder::new().buffered_writes(BufferedWrites::Worker), async {
        let dir = tempdir().unwrap();
        let mut file = file(&dir, b"").await;
        for _ in 0..200 {
            file.write_all(b"x").await.unwrap();
            let mut std = file.into_std().await;
            let mut all = Vec::new();
            std::io::Seek::rewind(&mut std).unwrap();
            std.read_to_end(&mut all).unwrap();
            assert!(all.ends_with(b"x"));
            file = File::from_std(std);
        }
        let held = file.read_at(vec![0; 1], 0);
        let file = file.try_into_std().unwrap_err();
        drop(held);
        assert!(file.try_into_std().is_ok());
    });
}

#[test]
fn no_shard_is_needed_to_drop_one() {
    let dir = tempdir().unwrap();
    let path: PathBuf = dir.path().join("f");
    let file = run(async {
        let mut file = File::create(&path).await.unwrap();
        file.write_all(b"x").await.unwrap();
        file
    });
    drop(file);
    assert_eq!(std::fs::read(path).unwrap(), b"x");
}
