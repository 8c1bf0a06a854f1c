//! Files: how they are opened, and their cursor.

use std::{
    io::{ErrorKind, IoSlice, Read as _, SeekFrom, Write as _},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::{FileExt, MetadataExt, PermissionsExt},
    },
    time::{Duration, SystemTime},
};

use tempfile::tempdir;
use tokio::{
    fs::{self, File, FileTimes, OpenOptions},
    io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter},
    time::timeout,
};

fn assert_auto_traits<T: Send + Sync + Unpin + 'static>(value: T) -> T {
    value
}

fn assert_send<F: Future + Send>(future: F) -> F {
    future
}

#[tokio::test]
async fn written_then_read() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    let mut file = assert_auto_traits(assert_send(File::create(&path)).await.unwrap());
    assert_send(file.write_all(b"hello ")).await.unwrap();
    assert_eq!(file.write(b"world").await.unwrap(), 5);
    file.flush().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"hello world");

    let mut file = File::open(path.as_os_str()).await.unwrap();
    let mut five = [0; 5];
    assert_eq!(file.read_exact(&mut five).await.unwrap(), 5);
    let mut rest = String::new();
    assert_eq!(file.read_to_string(&mut rest).await.unwrap(), 6);
    assert_eq!((&five, rest.as_str()), (b"hello", " world"));
    assert_eq!(file.read(&mut five).await.unwrap(), 0);
    assert_eq!(file.read(&mut []).await.unwrap(), 0);
    let error = file.read_exact(&mut five).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_position_is_moved() {
    let dir = tempdir().unwrap();
    let mut file = File::options().read(true).write(true).create_new(true).open(dir.path().join("f")).await.unwrap();
    file.write_all(b"0123456789").await.unwrap();
    assert_eq!(file.seek(SeekFrom::Start(3)).await.unwrap(), 3);
    assert_eq!(file.read_u8().await.unwrap(), b'3');
    assert_eq!(file.seek(SeekFrom::Current(-2)).await.unwrap(), 2);
    assert_eq!(file.seek(SeekFrom::End(-1)).await.unwrap(), 9);
    assert_eq!(file.stream_position().await.unwrap(), 9);
    file.write_all(b"ab").await.unwrap();
    file.rewind().await.unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "012345678ab");
    assert_eq!(file.seek(SeekFrom::Current(-100)).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(file.stream_position().await.unwrap(), 11);
    file.seek(SeekFrom::Start(20)).await.unwrap();
    assert_eq!(file.read(&mut [0; 4]).await.unwrap(), 0);
    file.write_all(b"z").await.unwrap();
    file.flush().await.unwrap();
    assert_eq!(file.metadata().await.unwrap().len(), 21);
}

#[tokio::test]
async fn what_is_written_is_there_for_all_that_follows() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    let mut file = File::create(&path).await.unwrap();
    file.write_all(b"one").await.unwrap();
    file.sync_all().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"one");
    file.write_all(b"two").await.unwrap();
    file.sync_data().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"onetwo");
    file.write_all(b"three").await.unwrap();
    file.set_len(8).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"onetwoth");
    file.write_all(b"!").await.unwrap();
    let clone = file.try_clone().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"onetwoth\0\0\0!");
    drop(clone);
    file.write_all(b"?").await.unwrap();
    let std = file.into_std().await;
    assert_eq!(std.metadata().unwrap().len(), 13);
}

#[tokio::test]
async fn errors_of_writes_come_later_at_the_latest() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    std::fs::write(&path, b"kept").unwrap();
    let mut file = File::open(&path).await.unwrap();
    let written = file.write_all(b"refused").await;
    let error = written.and(file.flush().await).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(9));
    // It has been told.
    file.flush().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"kept");

    let mut full = OpenOptions::new().write(true).open("/dev/full").await.unwrap();
    let written = full.write_all(b"x").await;
    assert_eq!(written.and(full.shutdown().await).unwrap_err().kind(), ErrorKind::StorageFull);
}

#[tokio::test]
async fn several_pieces_at_once() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    let mut file = File::create(&path).await.unwrap();
    assert!(file.is_write_vectored());
    let pieces = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
    assert_eq!(file.write_vectored(&pieces).await.unwrap(), 7);
    file.flush().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"one two");
}

#[tokio::test]
async fn sizes_of_buffers() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    let mut file = File::create(&path).await.unwrap();
    assert_eq!(file.max_buf_size(), 2 * 1024 * 1024);
    assert_eq!(file.write(&vec![1; 3 << 20]).await.unwrap(), 2 << 20);
    file.set_max_buf_size(10);
    assert_eq!((file.max_buf_size(), file.write(&[2; 64]).await.unwrap()), (10, 10));
    assert_eq!(file.try_clone().await.unwrap().max_buf_size(), 10);
    file.flush().await.unwrap();
    let mut file = File::open(&path).await.unwrap();
    file.set_max_buf_size(7);
    let mut bytes = [0; 64];
    assert_eq!(file.read(&mut bytes).await.unwrap(), 7);
    let mut all = Vec::new();
    file.read_to_end(&mut all).await.unwrap();
    assert_eq!(all.len(), (2 << 20) + 10 - 7);
}

#[tokio::test]
async fn every_way_to_open() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    let kind = |result: std::io::Result<File>| result.map(drop).unwrap_err().kind();
    assert_eq!(kind(File::open(&path).await), ErrorKind::NotFound);
    let mut file = assert_send(File::create_new(&path)).await.unwrap();
    file.write_all(b"both").await.unwrap();
    file.rewind().await.unwrap();
    assert_eq!(file.read_u8().await.unwrap(), b'b');
    assert_eq!(kind(File::create_new(&path).await), ErrorKind::AlreadyExists);
    assert_eq!(kind(OpenOptions::new().write(true).create_new(true).open(&path).await), ErrorKind::AlreadyExists);
    assert_eq!(kind(OpenOptions::new().open(&path).await), ErrorKind::InvalidInput);
    assert_eq!(kind(OpenOptions::default().read(true).truncate(true).open(&path).await), ErrorKind::InvalidInput);

    let mut options = OpenOptions::new();
    options.append(true).mode(0o600).custom_flags(0o2000000);
    let mut appending = options.clone().open(&path).await.unwrap();
    appending.write_all(b" more").await.unwrap();
    appending.seek(SeekFrom::Start(0)).await.unwrap();
    appending.write_all(b" and more").await.unwrap();
    appending.flush().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"both more and more");

    let private = dir.path().join("private");
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&private).await.unwrap();
    assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    File::create(&path).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[tokio::test]
async fn to_std_and_back() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    let std = std::fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    let mut file = File::from_std(std);
    file.write_all(b"abc").await.unwrap();
    file.flush().await.unwrap();
    assert!(file.as_raw_fd() >= 0 && file.as_fd().as_raw_fd() == file.as_raw_fd());
    assert!(format!("{file:?}").contains("File"));
    let mut std = file.into_std().await;
    std.write_all(b"def").unwrap();
    let file = File::from(std);
    let mut std = file.try_into_std().unwrap();
    let mut bytes = [0; 6];
    std.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"abcdef");
    assert_eq!(std.read(&mut bytes).unwrap(), 0);
    let mut file = File::from(OwnedFd::from(std));
    file.rewind().await.unwrap();
    assert_eq!(file.read_u8().await.unwrap(), b'a');
}

#[tokio::test]
async fn clones_share_the_position() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    std::fs::write(&path, b"abcdef").unwrap();
    let mut one = File::open(&path).await.unwrap();
    let mut other = one.try_clone().await.unwrap();
    assert_eq!(one.read_u8().await.unwrap(), b'a');
    assert_eq!(other.read_u8().await.unwrap(), b'b');
    assert_eq!(one.read_u8().await.unwrap(), b'c');
}

#[tokio::test]
async fn size_permissions_and_times() {
    let dir = tempdir().unwrap();
    let file = File::create(dir.path().join("f")).await.unwrap();
    assert_send(file.set_len(100)).await.unwrap();
    let metadata = assert_send(file.metadata()).await.unwrap();
    assert_eq!((metadata.len(), metadata.is_file(), metadata.is_dir()), (100, true, false));
    let mut permissions = metadata.permissions();
    permissions.set_readonly(true);
    assert_send(file.set_permissions(permissions)).await.unwrap();
    assert!(file.metadata().await.unwrap().permissions().readonly());

    let [early, late] = [1_000_000, 2_000_000].map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let times = FileTimes::new().set_accessed(early).set_modified(late);
    assert_send(file.set_times(times.clone())).await.unwrap();
    let metadata = file.metadata().await.unwrap();
    assert_eq!((metadata.accessed().unwrap(), metadata.modified().unwrap()), (early, late));
    assert_send(file.set_modified(early)).await.unwrap();
    assert_eq!(file.metadata().await.unwrap().modified().unwrap(), early);
    file.set_times(FileTimes::default()).await.unwrap();
    assert_eq!(file.metadata().await.unwrap().mtime(), 1_000_000);
}

#[tokio::test]
async fn buffered_on_both_sides() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    let mut writer = BufWriter::new(File::create(&path).await.unwrap());
    for line in 0..1000 {
        writer.write_all(format!("line {line}\n").as_bytes()).await.unwrap();
    }
    writer.shutdown().await.unwrap();
    let mut lines = BufReader::new(File::open(&path).await.unwrap()).lines();
    let mut count = 0;
    while let Some(line) = lines.next_line().await.unwrap() {
        assert_eq!(line, format!("line {count}"));
        count += 1;
    }
    assert_eq!(count, 1000);
    let (mut from, mut to) = (File::open(&path).await.unwrap(), File::create(dir.path().join("g")).await.unwrap());
    let copied = tokio::io::copy(&mut from, &mut to).await.unwrap();
    to.flush().await.unwrap();
    assert_eq!(copied, std::fs::metadata(dir.path().join("g")).unwrap().len());
}

#[tokio::test]
async fn a_read_that_is_dropped_loses_nothing() {
    let dir = tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    // Open at both ends: neither open waits.
    let mut ends = OpenOptions::new().read(true).write(true).open(&fifo).await.unwrap();
    let mut other = std::fs::File::options().read(true).write(true).open(&fifo).unwrap();
    let mut bytes = [0; 16];
    assert!(timeout(Duration::from_millis(10), ends.read(&mut bytes)).await.is_err());
    other.write_all(b"late").unwrap();
    let mut all = Vec::new();
    while all.len() < 4 {
        let count = ends.read(&mut bytes[..3]).await.unwrap();
        all.extend_from_slice(&bytes[..count]);
    }
    assert_eq!(all, b"late");
}

#[tokio::test]
async fn a_file_moves_between_tasks() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    let mut file = File::create(&path).await.unwrap();
    file.write_all(b"one ").await.unwrap();
    let task = tokio::spawn(async move {
        file.write_all(b"two").await.unwrap();
        file.flush().await.unwrap();
    });
    task.await.unwrap();
    assert_eq!(fs::read_to_string(&path).await.unwrap(), "one two");
}

#[test]
fn a_program_may_end_without_a_flush() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    for _ in 0..100 {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut file = File::create(&path).await.unwrap();
            file.write_all(b"all of it").await.unwrap();
        });
        drop(runtime);
        assert_eq!(std::fs::read(&path).unwrap(), b"all of it");
        std::fs::remove_file(&path).unwrap();
    }
}
