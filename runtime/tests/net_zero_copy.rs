//! Sends whose buffer comes back once the kernel has done with it, and files that go to a connection without passing through
//! user space.

mod common;

use std::{
    future::Future,
    io::{self, ErrorKind, Read, Write},
    os::fd::OwnedFd,
    pin::pin,
    task::Poll,
    time::Duration,
};

use common::{file, poll_once, tcp_pair};
use runtime::{
    IntoResult, Lowering,
    fs::File,
    join,
    net::{TcpStream, UnixStream, send_file},
    op::{self, SharedFd, SpliceEnd, splice},
    spawn,
    task::yield_now,
    time::sleep,
};

fn patterned(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

/// Everything until the end.
async fn read_all(stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let (count, buf) = stream.recv(vec![0; 30_000]).await;
        match count.unwrap() {
            0 => return all,
            count => all.extend_from_slice(&buf[..count]),
        }
    }
}

// -------------------------------------------------------------------- send_zc

#[test]
fn a_buffer_comes_back_with_its_result() {
    common::run(async {
        let (a, b) = tcp_pair().await;
        for len in [1, 100, 5_000, 100_000] {
            let reader = async { b.recv_exact(vec![0; len]).await };
            let (sent, received) = join!(async { a.send_all_zc(patterned(len)).await }, reader).await;
            sent.0.unwrap();
            assert_eq!(sent.1, patterned(len));
            assert_eq!(received.1, patterned(len));
        }
        let (count, buf) = a.send_zc(patterned(10)).await;
        assert_eq!((count.unwrap(), buf.len()), (10, 10));
    });
}

#[test]
fn what_is_behind_a_send_starts_with_its_result() {
    for lowering in [Lowering::Auto, Lowering::Chain, Lowering::Staged] {
        common::run(async move {
            let (a, b) = tcp_pair().await;
            let echo = spawn(async move {
                let (result, bytes) = b.recv_exact(vec![0; 5_000]).await;
                result.unwrap();
                b.send_all_zc(bytes).await.0.unwrap();
            });
            let ask = a.send_all_zc(patterned(5_000)).then(|()| a.recv_exact(vec![0; 5_000])).lowering(lowering);
            let (sent, answer) = ask.await.into_result().unwrap();
            assert_eq!((&sent, &answer), (&patterned(5_000), &patterned(5_000)));
            echo.await.unwrap();
        });
    }
}

#[test]
fn a_loan_is_sent_without_a_copy() {
    for lowering in [Lowering::Chain, Lowering::Staged, Lowering::Gate] {
        common::run(async move {
            let dir = tempfile::tempdir().unwrap();
            let file = file(&dir, &patterned(20_000)).await;
            let (a, b) = tcp_pair().await;
            let parts = |offset| file.read_exact_at(vec![0; 10_000], offset);
            let plan = join!(parts(0), parts(10_000))
                .then(|(first, second)| a.send_all_zc(first).then(move |()| a.send_all_zc(second)))
                .lowering(if lowering == Lowering::Chain { Lowering::Auto } else { lowering });
            let received = spawn(async move { b.recv_exact(vec![0; 20_000]).await.1 });
            plan.await.into_result().unwrap();
            assert_eq!(received.await.unwrap(), patterned(20_000));
        });
    }
}

#[test]
fn ten_thousand_sends_dropped_at_random_points_keep_their_memory() {
    common::run(async {
        let (a, b) = tcp_pair().await;
        let reader = spawn(read_all(b));
        for round in 0..10_000u32 {
            let mut send = pin!(a.send_zc(vec![round as u8; 3_000]));
            let _ = std::future::poll_fn(|cx| Poll::Ready(send.as_mut().poll(cx).is_ready())).await;
            for _ in 0..round % 3 {
                yield_now().await;
            }
            if round % 4 == 0 {
                let _ = send.await;
            }
        }
        while runtime::metrics().in_flight > 1 {
            yield_now().await;
        }
        drop(a);
        assert!(reader.await.unwrap().len() > 10_000);
    });
}

#[test]
fn a_send_that_is_cancelled_tells_how_much_it_has_sent() {
    common::run(async {
        let (a, b) = tcp_pair().await;
        let mut send = a.send_all_zc(vec![7; 64 << 20]);
        poll_once(pin!(&mut send)).await;
        for _ in 0..10 {
            yield_now().await;
        }
        let cancel = send.cancel();
        for _ in 0..10 {
            yield_now().await;
        }
        // What has been sent lies in the buffer until the peer has read it.
        let reader = spawn(read_all(b));
        let (result, buf) = cancel.await;
        assert_eq!(buf.len(), 64 << 20);
        let error = result.unwrap_err();
        drop(a);
        let received = reader.await.unwrap().len();
        if error.kind() == ErrorKind::WriteZero {
            assert!(error.to_string().starts_with(&format!("{received} of ")), "{error}, {received} received");
        }
    });
}

#[test]
fn a_limit_ends_a_send() {
    common::run(async {
        let (a, b) = tcp_pair().await;
        let reader = spawn(async move {
            sleep(Duration::from_millis(60)).await;
            read_all(b).await
        });
        let (result, buf) = a.send_all_zc(vec![7; 64 << 20]).timeout(Duration::from_millis(20)).await;
        assert_eq!(buf.len(), 64 << 20);
        assert!(matches!(result.unwrap_err().kind(), ErrorKind::TimedOut | ErrorKind::WriteZero));
        drop(a);
        assert!(reader.await.unwrap().len() < 64 << 20);
    });
}

#[test]
fn sockets_that_cannot_say_so() {
    common::run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let (result, buf) = a.send_zc("text").await;
        match result {
            // A kernel that has learned it.
            Ok(count) => assert_eq!(b.recv(vec![0; 9]).await.0.unwrap(), count),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                assert!(error.to_string().contains("send_all"), "{error}");
            }
        }
        assert_eq!(buf, "text");
        // A failed one cuts its plan.
        let plan = a.send_all_zc("text").then(|()| a.send_all("more"));
        if let Err(error) = plan.await.into_result() {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
        let gone = {
            let (c, d) = tcp_pair().await;
            drop(d);
            while c.send_all("x").await.0.is_ok() {}
            c.send_all_zc("x").await.0.unwrap_err()
        };
        assert!(matches!(gone.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{gone}");
    });
}

// -------------------------------------------------------------------- splice

fn pipe() -> (SharedFd, SharedFd) {
    let (reader, writer) = io::pipe().unwrap();
    (SharedFd::new(OwnedFd::from(reader)), SharedFd::new(OwnedFd::from(writer)))
}

#[test]
fn a_splice_takes_its_length_from_the_one_before() {
    common::run(async {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, &patterned(1_000)).await;
        let (reader, writer) = pipe();
        let (a, b) = UnixStream::pair().unwrap();
        for (offset, moved) in [(0, 600), (600, 400)] {
            let from = SpliceEnd::at(&file, offset);
            let plan = splice(from, SpliceEnd::stream(&writer), 600)
                .then(|moved| splice(SpliceEnd::stream(&reader), SpliceEnd::stream(&a), moved));
            let (filled, sent) = plan.await;
            assert_eq!((filled.unwrap(), sent.unwrap()), (moved, moved));
            let (result, bytes) = b.recv_exact(vec![0; moved]).await;
            result.unwrap();
            assert_eq!(bytes, patterned(1_000)[offset as usize..][..moved]);
        }
        // The end of the file ends the plan.
        let plan = splice(SpliceEnd::at(&file, 1_000), SpliceEnd::stream(&writer), 600)
            .then(|moved| splice(SpliceEnd::stream(&reader), SpliceEnd::stream(&a), moved));
        let (filled, sent) = plan.await;
        assert_eq!(filled.unwrap(), 0);
        assert!(runtime::is_not_run(&sent.unwrap_err()));
        // The length is not known beforehand, which only stages can serve.
        let plan = splice(SpliceEnd::at(&file, 0), SpliceEnd::stream(&writer), 600)
            .then(|moved| splice(SpliceEnd::stream(&reader), SpliceEnd::stream(&a), moved))
            .lowering(Lowering::Chain);
        assert_eq!(plan.await.0.unwrap_err().kind(), ErrorKind::InvalidInput);
        let mut slot = None;
        for _ in 0..2 {
            // From a slot; and from what stands in its place where there is none left.
            let open = File::open(dir.path().join("f"))
                .then(|f| splice(SpliceEnd::at(&f, 10), SpliceEnd::stream(&writer), 5))
                .then(|(_, moved)| splice(SpliceEnd::stream(&reader), SpliceEnd::stream(&a), moved));
            let (file, filled, sent) = open.await;
            assert_eq!((filled.unwrap(), sent.unwrap()), (5, 5));
            assert_eq!(b.recv_exact(vec![0; 5]).await.1, patterned(20)[10..15]);
            slot = Some(file.unwrap());
        }
        drop(slot);
    });
}

#[test]
fn a_splice_from_a_file_that_found_no_slot() {
    common::run_on(runtime::Builder::new().slots(0), async {
        let dir = tempfile::tempdir().unwrap();
        let _file = file(&dir, &patterned(100)).await;
        let (reader, writer) = pipe();
        let (slot, moved) = File::open(dir.path().join("f"))
            .then(|f| splice(SpliceEnd::at(&f, 10), SpliceEnd::stream(&writer), 50))
            .await;
        assert_eq!(moved.unwrap(), 50);
        drop((slot, writer));
        let mut bytes = Vec::new();
        std::fs::File::from(reader.try_into_owned().unwrap()).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, patterned(100)[10..60]);
    });
}

#[test]
fn a_file_goes_to_connections_as_it_is() {
    common::run(async {
        let dir = tempfile::tempdir().unwrap();
        let content = patterned(1_000_003);
        let file = file(&dir, &content).await;
        for range in [0..1_000_003, 0..0, 5..6, 65_536..131_072, 999_999..u64::MAX, 2_000_000..3_000_000] {
            let (a, b) = tcp_pair().await;
            let reader = spawn(read_all(b));
            let sent = send_file(&a, &file, range.clone()).await.unwrap();
            drop(a);
            let (start, end) = (range.start.min(1_000_003) as usize, range.end.min(1_000_003) as usize);
            let received = reader.await.unwrap();
            assert_eq!(sent, received.len() as u64);
            assert_eq!(received, content[start..end.max(start)], "{range:?}");
        }
        let (a, b) = UnixStream::pair().unwrap();
        let slow = std::thread::spawn({
            let mut b = std::os::unix::net::UnixStream::from(dup(&b));
            b.set_nonblocking(false).unwrap();
            move || {
                let (mut all, mut buf) = (Vec::new(), [0; 7_001]);
                while all.len() < 1_000_003 {
                    let count = b.read(&mut buf).unwrap();
                    all.extend_from_slice(&buf[..count]);
                }
                all
            }
        });
        assert_eq!(send_file(&a, &file, ..).await.unwrap(), 1_000_003);
        assert_eq!(slow.join().unwrap(), content);
    });
}

fn dup(stream: &UnixStream) -> OwnedFd {
    use std::os::fd::AsFd;
    stream.as_fd().try_clone_to_owned().unwrap()
}

#[test]
fn a_peer_that_goes_is_an_error_of_send_file() {
    common::run(async {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, &patterned(8 << 20)).await;
        let (a, b) = tcp_pair().await;
        let sender = spawn(async move { send_file(&a, &file, ..).await });
        b.recv_exact(vec![0; 10_000]).await.0.unwrap();
        b.set_zero_linger().unwrap();
        drop(b);
        let error = sender.await.unwrap().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
    });
}

#[test]
fn send_file_dropped_at_any_point_leaves_nothing() {
    let fds = common::open_fds;
    let before = fds();
    common::run(async {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, &patterned(4 << 20)).await;
        for round in 0..200 {
            let (a, b) = UnixStream::pair().unwrap();
            let mut send = Box::pin(send_file(&a, &file, ..));
            for _ in 0..round % 20 {
                let _ = std::future::poll_fn(|cx| Poll::Ready(send.as_mut().poll(cx).is_ready())).await;
                op::nop().await.unwrap();
                if round % 3 == 0 {
                    let _ = b.recv(vec![0; 5_000]).timeout(Duration::from_millis(1)).await;
                }
            }
            drop(send);
        }
    });
    // Other tests of this process open and close some, too.
    assert!(fds() < before + 50);
    let _ = io::stdout().flush();
}
