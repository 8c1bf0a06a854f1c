//! Unix sockets in plans.

mod common;

use std::{
    io::{ErrorKind, Read, Write},
    sync::atomic::{AtomicU32, Ordering},
};

use common::{LOWERINGS, alone, open_fds, poll_once, run};
use runtime::{
    IntoResult, Lowering, is_not_run, join, metrics,
    net::{UnixListener, UnixSocket, UnixStream},
    spawn,
};

/// A name that no other test has.
fn abstract_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("\0net_unix_plans {} {}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn connect_send_and_receive_are_one_enter() {
    let _alone = alone();
    let fds = open_fds();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        for _ in 0..10 {
            let (mut stream, mut word) = (listener.accept().unwrap().0, [0; 4]);
            stream.read_exact(&mut word).unwrap();
            stream.write_all(&word).unwrap();
        }
    });
    run(async {
        for _ in 0..10 {
            let before = metrics();
            let plan = UnixStream::connect(&path)
                .then(|s| s.send_all("ping"))
                .then(|(s, _)| s.recv_exact(vec![0; 4]))
                .lowering(Lowering::Chain);
            let (stream, _, reply) = plan.await.into_result().unwrap();
            let cost = metrics().since(&before);
            assert_eq!((cost.enters, cost.task_polls), (1, 1), "four SQEs");
            assert_eq!(reply, b"ping");
            stream.close().await.unwrap();
        }
    });
    server.join().unwrap();
    assert_eq!(open_fds(), fds);
}

#[test]
fn every_lowering_gives_the_same_conversation() {
    let _alone = alone();
    let fds = open_fds();
    for lowering in LOWERINGS {
        run(async {
            let name = abstract_name();
            let listener = UnixListener::bind(&name).unwrap();
            let server = spawn(async move {
                let (slot, bytes, _) = listener
                    .accept()
                    .then(|s| s.recv_exact(vec![0; 4]))
                    .then(|(s, bytes)| s.send_all(bytes))
                    .lowering(Lowering::Staged)
                    .await
                    .into_result()
                    .unwrap();
                drop((slot, bytes));
            });
            let plan = UnixStream::connect(&name)
                .then(|s| s.send_all("ping"))
                .then(|(s, _)| s.recv_exact(vec![0; 4]))
                .finally(|(s, ..)| s.close());
            let (stream, _, reply, ()) = plan.lowering(lowering).await.into_result().unwrap();
            assert!(reply == b"ping" && stream.is_closed());
            server.await.unwrap();
        });
    }
    assert_eq!(open_fds(), fds);
}

#[test]
fn what_a_plan_connects_becomes_an_ordinary_stream_that_does_not_block() {
    let _alone = alone();
    run(async {
        let name = abstract_name();
        let listener = UnixListener::bind(&name).unwrap();
        // As an op of a join with nothing behind it.
        let (client, server) = join!(UnixStream::connect(&name).plan(), listener.accept().plan()).await;
        let (client, (server, _)) = (client.unwrap(), server.unwrap());
        assert_eq!(client.try_read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(mode(&client) & NONBLOCK, NONBLOCK);
        drop(server);
        // From a slot.
        let (slot, _) = UnixStream::connect(&name).then(|s| s.send_all("x")).await.into_result().unwrap();
        match slot.into_fd().await {
            Ok(client) => assert_eq!(mode(&client) & NONBLOCK, NONBLOCK),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
        }
    });
}

/// The flags of the open socket, as /proc shows them.
fn mode(stream: &UnixStream) -> u32 {
    use std::os::fd::AsRawFd;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", stream.as_raw_fd())).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    u32::from_str_radix(line.trim(), 8).unwrap()
}

/// O_NONBLOCK.
const NONBLOCK: u32 = 0o4000;

#[test]
fn a_connect_in_a_plan_waits_while_too_many_others_do() {
    let _alone = alone();
    run(async {
        let name = abstract_name();
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&name).unwrap();
        let listener = socket.listen(1).unwrap();
        let before = [UnixStream::connect(&name).await.unwrap(), UnixStream::connect(&name).await.unwrap()];
        let mut waits = UnixStream::connect(&name).then(|s| s.send_all("late"));
        poll_once(std::pin::Pin::new(&mut waits)).await;
        runtime::task::yield_now().await;
        for _ in &before {
            listener.accept().await.unwrap();
        }
        waits.await.into_result().unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let (read, bytes) = server.recv_exact(vec![0; 4]).await;
        read.unwrap();
        assert_eq!(bytes, b"late");
    });
}

#[test]
fn names_that_cannot_be_connected_to_fail_as_one_op() {
    let _alone = alone();
    let fds = open_fds();
    run(async {
        let (long, gone) = ("x".repeat(108), abstract_name());
        for lowering in LOWERINGS {
            let plan = UnixStream::connect(&gone).then(|s| s.send_all("x"));
            let (connected, (sent, _)) = plan.lowering(lowering).await;
            assert_eq!(connected.unwrap_err().kind(), ErrorKind::ConnectionRefused);
            assert!(is_not_run(&sent.unwrap_err()));
            let before = metrics().sqes;
            let plan = UnixStream::connect(&long).then(|s| s.send_all("x"));
            let (connected, (sent, _)) = plan.lowering(lowering).await;
            let error = connected.unwrap_err();
            assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("107"), "{error}");
            assert!(is_not_run(&sent.unwrap_err()));
            assert_eq!(metrics().sqes, before, "nothing is submitted");
        }
        let error = UnixStream::connect(&long).plan().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
    assert_eq!(open_fds(), fds);
}
