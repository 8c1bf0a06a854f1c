//! TCP in plans: accept and connect into slots, what they cost, how they fail, and the ops of streams.

mod common;

use std::net::{Ipv4Addr, Shutdown, SocketAddr};

use common::{LOWERINGS, alone, open_fds, poll_once, run, run_on, tcp_listener, tcp_pair};
use runtime::{
    Builder, IntoResult, Lowering,
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
    is_not_run, join, metrics,
    net::TcpStream,
    spawn,
    task::yield_now,
};

/// A thread that answers each connection's four bytes with the same four bytes.
fn echo_thread(connections: usize) -> (SocketAddr, std::thread::JoinHandle<()>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buf = [0; 4];
            stream.read_exact(&mut buf).unwrap();
            stream.write_all(&buf).unwrap();
        }
    });
    (address, thread)
}

#[test]
fn connect_send_and_receive_are_one_enter() {
    let _alone = alone();
    let fds = open_fds();
    const ROUNDS: usize = 20;
    let (address, server) = echo_thread(ROUNDS);
    run(async {
        for _ in 0..ROUNDS {
            let before = metrics();
            let plan = TcpStream::connect(address)
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
    // With one slot, the second connection is an ordinary descriptor in the place of a slot, which no chain can serve.
    let one_slot = [Lowering::Auto, Lowering::Staged];
    for (slots, lowerings) in [(64, &LOWERINGS[..]), (1, &one_slot[..])] {
        for lowering in lowerings {
            run_on(Builder::new().slots(slots), async {
                let (listener, address) = tcp_listener().await;
                let server = listener
                    .accept()
                    .then(|s| s.recv_exact(vec![0; 4]))
                    .then(|(s, bytes)| s.send_all(bytes))
                    .finally(|(s, ..)| s.close())
                    .lowering(Lowering::Staged);
                let client = TcpStream::connect(address)
                    .then(|s| s.send_all("ping"))
                    .then(|(s, _)| s.recv_exact(vec![0; 4]))
                    .finally(|(s, ..)| s.close());
                let server = spawn(async move { server.await.into_result() });
                // The server's is lowered first.
                yield_now().await;
                let (stream, _, reply, ()) = client.lowering(*lowering).await.into_result().unwrap();
                assert_eq!(reply, b"ping");
                assert!(stream.is_closed());
                let ((stream, peer), ..) = server.await.unwrap().unwrap();
                assert!(stream.is_closed() && peer.ip() == Ipv4Addr::LOCALHOST);
            });
        }
    }
    assert_eq!(open_fds(), fds);
}

#[test]
fn both_faces_of_accept_and_connect() {
    let _alone = alone();
    run(async {
        let (listener, address) = tcp_listener().await;
        // As ops of a join with nothing behind it they give ordinary streams.
        let (client, server) = join!(TcpStream::connect(address).plan(), listener.accept().plan()).await;
        let (mut client, (mut server, peer)) = (client.unwrap(), server.unwrap());
        assert_eq!(peer, client.local_addr().unwrap());
        client.write_all(b"a").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'a');
        // With something behind it, slots.
        let plan = join!(TcpStream::connect(address).plan(), listener.accept().plan())
            .then(|(client, _)| client.send_all("b"))
            .then(|((_, server), _)| server.recv_exact(vec![0]));
        let ((client, (server, peer)), _, byte) = plan.await.into_result().unwrap();
        assert_eq!(byte, b"b");
        assert_eq!(peer.ip(), address.ip());
        match client.into_fd().await {
            Ok(client) => {
                assert_eq!(client.local_addr().unwrap(), peer);
                drop(server);
                let mut client = client;
                assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::Unsupported),
        }
    });
}

#[test]
fn a_refused_connect_is_one_op_that_failed() {
    let _alone = alone();
    let fds = open_fds();
    run(async {
        let (gone, address) = tcp_listener().await;
        drop(gone);
        for lowering in LOWERINGS {
            let plan = TcpStream::connect(address).then(|s| s.send_all("x")).finally(|(s, _)| s.close());
            let (stream, (sent, source), closed) = plan.lowering(lowering).await;
            assert_eq!(stream.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
            let sent = sent.unwrap_err();
            assert!(is_not_run(&sent), "{sent}");
            let inner = sent.get_ref().unwrap().downcast_ref::<runtime::NotRun>().unwrap();
            assert_eq!(inner.failed_op(), Some(0), "socket and connect are one op: {sent}");
            assert!(sent.to_string().contains("connect"), "{sent}");
            assert_eq!(source, "x");
            closed.expect("the socket came to exist, so its close ran");
        }
        // An op behind the connect keeps its number.
        let (listener, address) = tcp_listener().await;
        let plan = TcpStream::connect(address)
            .then(|s| s.shutdown_how(Shutdown::Read))
            .then(|(s, _)| s.recv_exact(vec![0; 1]))
            .then(|_| runtime::op::nop());
        let output = plan.await;
        let failed = output.3.unwrap_err();
        let inner = failed.get_ref().unwrap().downcast_ref::<runtime::NotRun>().unwrap();
        assert_eq!(inner.failed_op(), Some(2), "{failed}");
        drop(listener);
    });
    assert_eq!(open_fds(), fds);
}

#[test]
fn a_cancelled_accept_gives_its_connection_back() {
    let _alone = alone();
    run(async {
        let (listener, address) = tcp_listener().await;
        let mut accept = Box::pin(listener.accept().plan());
        poll_once(accept.as_mut()).await;
        yield_now().await;
        let client = TcpStream::connect(address).await.unwrap();
        let (server, peer) = (*std::pin::Pin::into_inner(accept)).cancel().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        drop(server);
        // Cancelled before one came, none is taken.
        let mut accept = Box::pin(listener.accept().plan());
        poll_once(accept.as_mut()).await;
        yield_now().await;
        let cancelled = (*std::pin::Pin::into_inner(accept)).cancel().await.unwrap_err();
        assert_eq!(cancelled.raw_os_error(), Some(libc::ECANCELED));
        TcpStream::connect(address).await.unwrap();
        listener.accept().await.unwrap();
    });
}

#[test]
fn vectored_ops_and_half_close() {
    let _alone = alone();
    run(async {
        let (client, server) = tcp_pair().await;
        let plan = client
            .send_all_vectored(vec!["head ".to_string(), String::new(), "body".to_string()])
            .then(|_| client.shutdown_how(Shutdown::Write));
        let (sources, ()) = plan.await.into_result().unwrap();
        assert_eq!(sources.concat(), "head body");
        let bufs = vec![vec![0; 3], Vec::with_capacity(4), vec![9; 4]];
        let (count, bufs) = server.recv_vectored(bufs).await.into_result().unwrap();
        assert_eq!(count, 9);
        assert_eq!((&bufs[0][..], &bufs[2][..2]), (&b"hea"[..], &b"dy"[..]));
        assert_eq!(&bufs[1][..4], b"d bo", "an empty Vec has the length of what came");
        assert_eq!(bufs[1].len(), bufs[1].capacity().min(4));
        assert_eq!(bufs[2][2..], [9, 9]);
        let (end, _) = server.recv_vectored(bufs).await;
        assert_eq!(end.unwrap(), 0);
        let (sent, _) = server.send_vectored(vec!["a", "b"]).await;
        assert_eq!(sent.unwrap(), 2);
        let (refused, _) = client.send_vectored(vec!["a", "b"]).await;
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EPIPE));
        let many = || vec!["x"; runtime::op::PIECES_MAX + 1];
        assert_eq!(server.send_vectored(many()).await.0.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    });
}

#[test]
fn two_reads_go_out_by_one_send() {
    let _alone = alone();
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, b"0123456789").unwrap();
        let file = File::open(path).await.unwrap();
        let (client, mut server) = tcp_pair().await;
        let plan = join!(file.read_exact_at(vec![0; 4], 6), file.read_exact_at(vec![0; 6], 0))
            .then(|(a, b)| client.send_all_vectored(vec![a, b]));
        plan.await.into_result().unwrap();
        drop(client);
        let mut all = String::new();
        server.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "6789012345");
    });
}

#[test]
fn ops_wait_on_sockets_that_do_not_block() {
    let _alone = alone();
    run(async {
        let (client, server) = tcp_pair().await;
        let receive = spawn(async move {
            let first = server.recv(vec![0; 4]).await;
            let rest = server.recv_exact(vec![0; 3_000_000]).await;
            (first.0.unwrap(), rest.into_result().unwrap().len())
        });
        yield_now().await;
        client.send_all("abcd").await.into_result().unwrap();
        // More than fits: MSG_WAITALL goes on as there is room, also for messages.
        client.send_all(vec![1; 1_500_000]).await.into_result().unwrap();
        client.send_all_vectored(vec![vec![1; 750_000]; 2]).await.into_result().unwrap();
        assert_eq!(receive.await.unwrap(), (4, 3_000_000));
    });
}
