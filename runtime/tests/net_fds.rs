//! Descriptors that travel over Unix sockets: each has one owner, whatever happens.

mod common;

use std::{
    io::{ErrorKind, Read, Write, pipe},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    pin::pin,
};

use common::{alone, open_fds, poll_once, run};
use runtime::{
    IntoResult, join,
    net::{
        UnixDatagram, UnixStream,
        unix::{FDS_MAX, UnixSeqpacket},
    },
    task::yield_now,
};

fn is_closed_on_exec(fd: &OwnedFd) -> bool {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim().to_owned();
    i32::from_str_radix(&flags, 8).unwrap() & libc::O_CLOEXEC != 0
}

/// Many descriptors of one pipe.
fn many(count: usize) -> Vec<OwnedFd> {
    let (read, _) = pipe().unwrap();
    (0..count).map(|_| read.as_fd().try_clone_to_owned().unwrap()).collect()
}

fn borrowed(fds: &[OwnedFd]) -> Vec<BorrowedFd<'_>> {
    fds.iter().map(AsFd::as_fd).collect()
}

#[test]
fn what_is_sent_is_what_is_received() {
    let (_alone, before) = (alone(), open_fds());
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let (mut read, mut write) = pipe().unwrap();
        let mut buf = [0; 8];
        let mut waits = Box::pin(b.recv_fds(&mut buf, 2));
        poll_once(waits.as_mut()).await;
        assert_eq!(a.send_fds(b"both", &[read.as_fd(), write.as_fd()]).await.unwrap(), 4);
        let (len, fds) = waits.as_mut().await.unwrap();
        drop(waits);
        assert_eq!((len, &buf[..4], fds.len()), (4, &b"both"[..], 2));
        assert!(fds.iter().all(is_closed_on_exec));
        write.write_all(b"through").unwrap();
        let [other_read, other_write] = <[OwnedFd; 2]>::try_from(fds).unwrap();
        std::fs::File::from(other_read).read_exact(&mut buf[..7]).unwrap();
        assert_eq!(&buf[..7], b"through");
        drop(write);
        std::fs::File::from(other_write).write_all(b"back").unwrap();
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "back", "and the end, as nobody can write any more");
    });
    assert_eq!(open_fds(), before);
}

#[test]
fn datagrams_and_packets_carry_them_too() {
    let (_alone, before) = (alone(), open_fds());
    run(async {
        let fds = many(3);
        let (a, b) = UnixDatagram::pair().unwrap();
        assert_eq!(b.try_recv_fds(&mut [0; 4], 1).unwrap_err().kind(), ErrorKind::WouldBlock);
        a.send_fds(b"", &borrowed(&fds)).await.unwrap();
        assert_eq!(b.recv_fds(&mut [0; 4], 8).await.unwrap().1.len(), 3, "with an empty datagram");
        let (a, b) = UnixSeqpacket::pair().unwrap();
        a.try_send_fds(b"x", &borrowed(&fds)).unwrap();
        assert_eq!(b.try_recv_fds(&mut [0; 4], 3).unwrap().1.len(), 3);
        let (a, _b) = UnixStream::pair().unwrap();
        let text = a.send_fds(b"", &borrowed(&fds)).await.unwrap_err().to_string();
        assert!(text.contains("at least one byte"), "{text}");
    });
    assert_eq!(open_fds(), before);
}

#[test]
fn as_many_as_a_message_holds_and_no_more() {
    let (_alone, before) = (alone(), open_fds());
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let mut fds = many(FDS_MAX + 1);
        for error in [
            a.send_fds(b"x", &borrowed(&fds)).await.unwrap_err(),
            b.recv_fds(&mut [0; 4], FDS_MAX + 1).await.unwrap_err(),
            a.send_msg("x", many(FDS_MAX + 1)).await.0.unwrap_err(),
            b.recv_msg(vec![0; 4], FDS_MAX + 1).await.0.unwrap_err(),
        ] {
            assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("253"), "{error}");
        }
        fds.pop();
        a.send_fds(b"x", &borrowed(&fds)).await.unwrap();
        assert_eq!(b.recv_fds(&mut [0; 4], FDS_MAX).await.unwrap().1.len(), FDS_MAX);
        a.send_msg("x", fds).await.into_result().unwrap();
        let (received, _) = b.recv_msg(vec![0; 4], FDS_MAX).await.into_result().unwrap();
        assert_eq!(received.fds.len(), FDS_MAX);
        assert!(received.fds.iter().all(is_closed_on_exec));
    });
    assert_eq!(open_fds(), before);
}

#[test]
fn too_many_for_the_receiver_are_closed_and_told() {
    let (_alone, before) = (alone(), open_fds());
    run(async {
        let fds = many(40);
        let (a, b) = UnixDatagram::pair().unwrap();
        let open = open_fds();
        for room in 1..40 {
            a.send_fds(b"x", &borrowed(&fds)).await.unwrap();
            a.send_fds(b"x", &borrowed(&fds)).await.unwrap();
            let error = b.recv_fds(&mut [0; 4], room).await.unwrap_err();
            assert!(error.kind() == ErrorKind::InvalidData && error.to_string().contains(&room.to_string()), "{error}");
            let (error, buf) = b.recv_msg(vec![0; 4], room).await;
            assert_eq!((error.unwrap_err().kind(), buf.len()), (ErrorKind::InvalidData, 4));
            assert_eq!(open_fds(), open, "with room for {room}");
        }
        // Whoever does not ask gets none, and no error.
        for _ in 0..4 {
            a.send_fds(b"x", &borrowed(&fds[..2])).await.unwrap();
        }
        assert_eq!(b.recv(&mut [0; 4]).await.unwrap(), 1);
        assert_eq!(b.recv_from(&mut [0; 4]).await.unwrap().0, 1);
        assert!(b.recv_fds(&mut [0; 4], 0).await.unwrap().1.is_empty());
        assert!(b.recv_msg(vec![0; 4], 0).await.0.unwrap().fds.is_empty());
        assert_eq!(open_fds(), open);
    });
    assert_eq!(open_fds(), before);
}

#[test]
fn a_process_that_cannot_have_more_is_told() {
    let (_alone, before) = (alone(), open_fds());
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let fds = many(8);
        a.send_fds(b"x", &borrowed(&fds)).await.unwrap();
        let open = open_fds();
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a local, written and read during the calls.
        unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
        // All numbers below the highest in use are taken but for a few.
        let filler: Vec<OwnedFd> = (0..16).map(|_| fds[0].try_clone().unwrap()).collect();
        let highest = filler.iter().map(AsRawFd::as_raw_fd).max().unwrap() as u64;
        let lower = libc::rlimit { rlim_cur: highest + 4, ..limit };
        // SAFETY: as above.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const lower) };
        let received = b.recv_fds(&mut [0; 4], 8).await;
        // SAFETY: as above.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
        assert_eq!(received.unwrap_err().kind(), ErrorKind::InvalidData);
        drop(filler);
        assert_eq!(open_fds(), open);
    });
    assert_eq!(open_fds(), before);
}

#[test]
fn those_of_two_sends_stay_apart_on_a_stream() {
    let (_alone, before) = (alone(), open_fds());
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let fds = many(3);
        a.send_fds(b"abc", &borrowed(&fds[..1])).await.unwrap();
        a.try_write(b"def").unwrap();
        a.send_fds(b"ghi", &borrowed(&fds[1..])).await.unwrap();
        let mut buf = [0; 16];
        let mut came = Vec::new();
        let mut bytes = Vec::new();
        while bytes.len() < 9 {
            let (len, fds) = b.recv_fds(&mut buf, 8).await.unwrap();
            came.push((bytes.len(), fds.len()));
            bytes.extend_from_slice(&buf[..len]);
        }
        assert_eq!(bytes, b"abcdefghi");
        came.retain(|(_, fds)| *fds > 0);
        assert_eq!((came.len(), came[0], came[1].1), (2, (0, 1), 2));
        assert!(came[1].0 <= 6, "with the bytes they were sent with, or before: {came:?}");
    });
    assert_eq!(open_fds(), before);
}

#[test]
fn in_a_plan() {
    let (_alone, before) = (alone(), open_fds());
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let (mut read, write) = pipe().unwrap();
        let both = join!(a.send_msg("take this", vec![write.into()]), b.recv_msg(vec![0; 16], 4));
        let ((sent, _), (received, bytes)) = both.await.into_result().unwrap();
        assert_eq!((sent, received.len, &bytes[..9]), (9, 9, &b"take this"[..]));
        assert!(received.from.is_unnamed() && received.fds.len() == 1);
        drop(received);
        assert_eq!(read.read(&mut [0; 4]).unwrap(), 0, "nobody has the other end any more");

        // Descriptors and a length that is not known yet do not go together, and nothing is sent.
        let relay = b.recv_msg(vec![0; 8], 0).then(|bytes| b.send_msg(bytes, many(1)));
        let error = relay.await.into_result().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
    assert_eq!(open_fds(), before);
}

#[test]
fn nobody_to_take_them() {
    let (_alone, before) = (alone(), open_fds());
    run(async {
        let fds = many(4);
        for round in 0..200 {
            let (a, b) = UnixStream::pair().unwrap();
            let mut dropped = b.recv_msg(vec![0; 8], 8);
            if round % 2 == 0 {
                a.send_fds(b"x", &borrowed(&fds)).await.unwrap();
            }
            poll_once(pin!(&mut dropped)).await;
            if round % 2 == 1 {
                a.send_fds(b"x", &borrowed(&fds)).await.unwrap();
            }
            for _ in 0..round % 4 {
                yield_now().await;
            }
            // The op may have them, or they are still under way when the sockets close.
            drop(dropped);
        }
        // A dropped wait has taken nothing.
        let (a, b) = UnixStream::pair().unwrap();
        poll_once(pin!(b.recv_fds(&mut [0; 4], 4))).await;
        a.send_fds(b"x", &borrowed(&fds)).await.unwrap();
        assert_eq!(b.recv_fds(&mut [0; 4], 4).await.unwrap().1.len(), 4);
        // Never read.
        a.send_fds(b"x", &borrowed(&fds)).await.unwrap();
    });
    assert_eq!(open_fds(), before);
}
