//! Pipes and FIFOs as tokio has them.

mod common;

use std::{
    ffi::CString,
    future::poll_fn,
    io::{ErrorKind, IoSlice, IoSliceMut, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    pin::pin,
};

use common::{poll_once, run};
use runtime::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::unix::pipe::{self, OpenOptions, Receiver, Sender},
    spawn,
};

fn fifo(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: a string that ends in NUL, read during the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
}

#[test]
fn bytes_go_through_and_both_ends_wait() {
    run(async {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        let bytes: Vec<u8> = (0..1 << 20).map(|n| (n % 251) as u8).collect();
        let expected = bytes.clone();
        let writer = spawn(async move {
            sender.write_all(&bytes).await.unwrap();
            sender.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        receiver.read_to_end(&mut received).await.unwrap();
        writer.await.unwrap();
        assert!(received == expected);
    });
}

#[test]
fn attempts_do_not_wait() {
    run(async {
        let (sender, receiver) = pipe::pipe().unwrap();
        let mut buf = [0; 8];
        assert_eq!(receiver.try_read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut readable = Box::pin(receiver.readable());
        poll_once(readable.as_mut()).await;
        sender.writable().await.unwrap();
        assert_eq!(sender.try_write(b"ab").unwrap(), 2);
        readable.as_mut().await.unwrap();
        drop(readable);
        assert_eq!(sender.try_write_vectored(&[IoSlice::new(b"cd"), IoSlice::new(b"ef")]).unwrap(), 4);
        let (mut one, mut two) = ([0; 1], [0; 2]);
        let mut bufs = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        assert_eq!(receiver.try_read_vectored(&mut bufs).unwrap(), 3);
        let mut bytes = Vec::new();
        assert_eq!(receiver.try_read_buf(&mut bytes).unwrap(), 3);
        assert_eq!(bytes, b"def");
        poll_fn(|cx| sender.poll_write_ready(cx)).await.unwrap();
        assert_eq!(sender.try_io(|| Ok(7)).unwrap() + receiver.try_io(|| Ok(1)).unwrap(), 8);
        while sender.try_write(&[0; 4096]).is_ok() {}
        let mut writable = pin!(sender.writable());
        poll_once(writable.as_mut()).await;
        poll_fn(|cx| receiver.poll_read_ready(cx)).await.unwrap();
        while receiver.try_read(&mut [0; 4096]).is_ok() {}
        writable.await.unwrap();
        drop(receiver);
        assert!(sender.ready(Interest::WRITABLE).await.unwrap().is_write_closed());
        assert_eq!(sender.try_write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn fifos_open_without_waiting() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        fifo(&path);
        let nobody = OpenOptions::new().open_sender(&path).unwrap_err();
        assert_eq!(nobody.raw_os_error(), Some(libc::ENXIO));
        let mut receiver = OpenOptions::new().open_receiver(&path).unwrap();
        assert_eq!(receiver.try_read(&mut [0; 4]).unwrap(), 0, "no writer yet");
        let mut sender = OpenOptions::new().open_sender(&path).unwrap();
        sender.write_all(b"abc").await.unwrap();
        drop(sender);
        let mut text = String::new();
        receiver.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "abc");
        drop(receiver);

        let both = OpenOptions::new().read_write(true).open_sender(&path).unwrap();
        let receiver = OpenOptions::new().read_write(true).open_receiver(&path).unwrap();
        both.try_write(b"x").unwrap();
        drop(both);
        assert_eq!(receiver.try_read(&mut [0; 4]).unwrap(), 1);
        assert_eq!(receiver.try_read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock, "itself a writer");

        let file = dir.path().join("file");
        std::fs::write(&file, b"").unwrap();
        assert_eq!(OpenOptions::new().open_receiver(&file).unwrap_err().kind(), ErrorKind::InvalidInput);
        OpenOptions::default().unchecked(true).open_receiver(&file).unwrap();
    });
}

#[test]
fn ends_are_checked_and_given_back() {
    run(async {
        let (mut read, mut write) = std::io::pipe().unwrap();
        let copy = |fd: &dyn AsFd| fd.as_fd().try_clone_to_owned().unwrap();
        assert_eq!(Sender::from_owned_fd(copy(&read)).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(Receiver::from_owned_fd(copy(&write)).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(Receiver::from_file(tempfile::tempfile().unwrap()).unwrap_err().kind(), ErrorKind::InvalidInput);
        let sender = Sender::from_file(std::fs::File::from(copy(&write))).unwrap();
        let receiver = Receiver::from_file_unchecked(std::fs::File::from(copy(&read))).unwrap();
        sender.try_write(b"x").unwrap();
        assert_eq!(receiver.try_read(&mut [0; 2]).unwrap(), 1);
        assert!(sender.as_raw_fd() != receiver.as_fd().as_raw_fd());
        let fd = receiver.into_nonblocking_fd().unwrap();
        assert_eq!(read.read(&mut [0; 2]).unwrap_err().kind(), ErrorKind::WouldBlock, "they share one open file");
        let fd: OwnedFd = Receiver::from_owned_fd_unchecked(fd).unwrap().into_blocking_fd().unwrap();
        write.write_all(b"y").unwrap();
        assert_eq!(std::fs::File::from(fd).read(&mut [0; 2]).unwrap(), 1);
        let _fd: OwnedFd = Sender::from_owned_fd_unchecked(copy(&write)).unwrap().into_blocking_fd().unwrap();
        Sender::from_file_unchecked(std::fs::File::from(copy(&write))).unwrap().into_nonblocking_fd().unwrap();
    });
}

#[test]
fn a_read_that_is_dropped_loses_nothing() {
    run(async {
        let (sender, mut receiver) = pipe::pipe().unwrap();
        for round in 0..100u8 {
            let mut buf = [0; 4];
            {
                let mut dropped = pin!(receiver.read(&mut buf));
                poll_once(dropped.as_mut()).await;
                sender.try_write(&[round]).unwrap();
                for _ in 0..round % 4 {
                    runtime::task::yield_now().await;
                }
            }
            assert_eq!((receiver.read(&mut buf).await.unwrap(), buf[0]), (1, round));
        }
    });
}
