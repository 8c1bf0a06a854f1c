//! TCP as tokio has it: what is promised of streams and sockets, and that a dropped call loses nothing.

mod common;

use std::{
    future::{Future, poll_fn},
    io::{self, ErrorKind, IoSlice, IoSliceMut},
    net::{Ipv4Addr, Ipv6Addr},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use common::{alone, expect_rest, open_fds, poll_once, run, run_on, tcp_listener, tcp_pair};
use runtime::{
    Builder,
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    spawn,
    task::yield_now,
};

#[test]
fn echo_and_half_close() {
    let _alone = alone();
    let fds = open_fds();
    run(async {
        let (listener, address) = tcp_listener().await;
        let server = spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.unwrap();
            stream.write_all(&all).await.unwrap();
            all.len()
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), address);
        // More than both buffers of the connection hold, so that reads and writes have to wait.
        let sent: Vec<u8> = (0..4_000_000u32).map(|i| (i % 251) as u8).collect();
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(client.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        expect_rest(&mut client, &sent).await;
        assert_eq!(server.await.unwrap(), sent.len());
        client.shutdown().await.unwrap();
    });
    assert_eq!(open_fds(), fds);
}

#[test]
fn what_cannot_be_connected_says_why() {
    let _alone = alone();
    run(async {
        let (listener, address) = tcp_listener().await;
        drop(listener);
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        // TCP has no broadcasts.
        let unreachable = TcpStream::connect("255.255.255.255:9").await.unwrap_err();
        assert_eq!(unreachable.kind(), ErrorKind::NetworkUnreachable);
        let none = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(none.kind(), ErrorKind::InvalidInput);
        assert_eq!(TcpStream::connect("no port").await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(TcpListener::bind("no port").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn every_address_is_tried() {
    let _alone = alone();
    run(async {
        let (dead, refusing) = tcp_listener().await;
        drop(dead);
        let (listener, address) = tcp_listener().await;
        let stream = TcpStream::connect(&[refusing, address][..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        let other = TcpListener::bind(&[address, (Ipv4Addr::LOCALHOST, 0).into()][..]).await.unwrap();
        assert_ne!(other.local_addr().unwrap(), address);
        drop(listener);
    });
}

#[test]
fn a_reset_ends_a_read_that_waits() {
    let _alone = alone();
    run(async {
        let (mut client, server) = tcp_pair().await;
        let mut buf = [0; 8];
        let mut read = pin!(client.read(&mut buf));
        poll_once(read.as_mut()).await;
        server.set_zero_linger().unwrap();
        assert_eq!(server.linger().unwrap(), Some(Duration::ZERO));
        drop(server);
        assert_eq!(read.await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_dropped_read_takes_no_byte() {
    let _alone = alone();
    run(async {
        let (mut client, mut server) = tcp_pair().await;
        let writer = spawn(async move {
            for byte in 0..200u8 {
                server.write_all(&[byte; 7]).await.unwrap();
                yield_now().await;
            }
        });
        let mut got = Vec::new();
        let mut dropped = 0;
        while got.len() < 200 * 7 {
            let mut buf = [0; 5];
            let polls = dropped % 3 + 1;
            let mut read = Box::pin(client.read(&mut buf));
            let mut done = None;
            for _ in 0..polls {
                let polled = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await;
                if let Poll::Ready(count) = polled {
                    done = Some(count.unwrap());
                    break;
                }
                yield_now().await;
            }
            drop(read);
            match done {
                Some(count) => got.extend_from_slice(&buf[..count]),
                None => dropped += 1,
            }
        }
        writer.await.unwrap();
        assert!(dropped > 0);
        let expected: Vec<u8> = (0..200u8).flat_map(|byte| [byte; 7]).collect();
        assert_eq!(got, expected);
    });
}

#[test]
fn a_dropped_write_has_sent_nothing() {
    let _alone = alone();
    run(async {
        let (mut client, mut server) = tcp_pair().await;
        let mut sent = 0;
        // Until both buffers are full.
        let chunk = vec![1; 65_536];
        loop {
            match client.try_write(&chunk) {
                Ok(count) => sent += count,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    // What is on its way may still make room.
                    let mut write = Box::pin(client.write(&chunk));
                    match poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx))).await {
                        Poll::Ready(count) => sent += count.unwrap(),
                        Poll::Pending => break,
                    }
                }
            }
        }
        drop(client);
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received.len(), sent);
    });
}

#[test]
fn halves_work_at_the_same_time_and_reunite() {
    let _alone = alone();
    run(async {
        let (mut client, server) = tcp_pair().await;
        let address = server.local_addr().unwrap();
        let (mut read, mut write) = server.into_split();
        let (_, other_write) = tcp_pair().await.0.into_split();
        let echo = spawn(async move {
            let mut buf = [0; 1024];
            let mut total = 0;
            loop {
                match read.read(&mut buf).await.unwrap() {
                    0 => break,
                    count => total += count,
                }
            }
            (read, total)
        });
        {
            let (mut from, mut to) = client.split();
            let receive = async {
                let mut buf = vec![0; 100_000];
                from.read_exact(&mut buf).await.unwrap();
                assert_eq!(from.peek(&mut [0; 1]).await.unwrap(), 0, "the other side has shut down");
            };
            let send = async {
                to.write_all(&[3; 100_000]).await.unwrap();
                to.shutdown().await.unwrap();
            };
            let answer = async {
                write.write_all(&[4; 100_000]).await.unwrap();
                write.shutdown().await.unwrap();
            };
            runtime::join!(receive, send, answer).await;
        }
        let (read, total) = echo.await.unwrap();
        assert_eq!(total, 100_000);
        let error = read.reunite(other_write).unwrap_err();
        assert_eq!(error.to_string(), "the two halves are not of the same stream");
        let stream = write.reunite(error.0).unwrap();
        assert_eq!(stream.local_addr().unwrap(), address);
    });
}

#[test]
fn dropping_the_half_that_writes_shuts_down_its_direction_and_forgetting_does_not() {
    let _alone = alone();
    run(async {
        let (mut client, server) = tcp_pair().await;
        let (mut read, write) = server.into_split();
        drop(write);
        expect_rest(&mut client, b"").await;
        client.write_all(b"still open").await.unwrap();
        let mut buf = [0; 10];
        read.read_exact(&mut buf).await.unwrap();

        let (mut client, server) = tcp_pair().await;
        let (read, write) = server.into_split();
        write.forget();
        let mut buf = [0];
        poll_once(pin!(client.read(&mut buf))).await;
        drop(read);
        expect_rest(&mut client, b"").await;
    });
}

#[test]
fn peek_leaves_what_it_shows() {
    let _alone = alone();
    run(async {
        let (mut client, mut server) = tcp_pair().await;
        let mut buf = [0; 8];
        {
            let mut peek = pin!(client.peek(&mut buf));
            poll_once(peek.as_mut()).await;
            server.write_all(b"abc").await.unwrap();
            assert_eq!(peek.await.unwrap(), 3);
        }
        assert_eq!(&buf[..3], b"abc");
        let mut again = [0; 8];
        let mut shown = ReadBuf::new(&mut again);
        assert_eq!(poll_fn(|cx| client.poll_peek(cx, &mut shown)).await.unwrap(), 3);
        assert_eq!(shown.filled(), b"abc");
        server.shutdown().await.unwrap();
        expect_rest(&mut client, b"abc").await;
        assert_eq!(client.peek(&mut buf).await.unwrap(), 0);
    });
}

#[test]
fn attempts_do_not_wait_and_waits_take_nothing() {
    let _alone = alone();
    run(async {
        let (client, mut server) = tcp_pair().await;
        let mut buf = [0; 4];
        assert_eq!(client.try_read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        // A call of the user's own finds a descriptor that does not block.
        let own = || recv_one(&client);
        assert_eq!(client.try_io(Interest::READABLE, own).unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut readable = Box::pin(client.readable());
        poll_once(readable.as_mut()).await;
        server.write_all(b"0123456789").await.unwrap();
        readable.await.unwrap();
        assert!(client.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap().is_writable());
        assert_eq!(client.try_read(&mut buf).unwrap(), 4);
        let (mut a, mut b) = ([0; 1], [0; 2]);
        assert_eq!(client.try_read_vectored(&mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)]).unwrap(), 3);
        assert_eq!((&buf, &a, &b), (b"0123", b"4", b"56"));
        let mut rest = Vec::with_capacity(16);
        assert_eq!(client.try_read_buf(&mut rest).unwrap(), 3);
        assert_eq!(rest, b"789");
        client.writable().await.unwrap();
        assert_eq!(client.try_write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"c")]).unwrap(), 3);
        let mut three = [0; 3];
        server.read_exact(&mut three).await.unwrap();
        assert_eq!(&three, b"abc");
        server.write_all(b"x").await.unwrap();
        assert_eq!(client.async_io(Interest::READABLE, || recv_one(&client)).await.unwrap(), 1);
        poll_fn(|cx| client.poll_write_ready(cx)).await.unwrap();
        assert!(poll_fn(|cx| Poll::Ready(client.poll_read_ready(cx))).await.is_pending());
        assert!(client.take_error().unwrap().is_none());
    });
}

/// One byte by recv(2) without flags.
fn recv_one(stream: &TcpStream) -> io::Result<usize> {
    use std::io::Read;
    let mut std = std::net::TcpStream::from(std::os::fd::AsFd::as_fd(stream).try_clone_to_owned()?);
    std.read(&mut [0; 1])
}

#[test]
fn vectored_writes_arrive_in_order() {
    let _alone = alone();
    run(async {
        let (mut client, mut server) = tcp_pair().await;
        let pieces = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
        assert_eq!(client.write_vectored(&pieces).await.unwrap(), 7);
        assert!(client.is_write_vectored());
        drop(client);
        expect_rest(&mut server, b"one two").await;
    });
}

#[test]
fn ipv6() {
    let _alone = alone();
    run(async {
        let listener = match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await {
            Ok(listener) => listener,
            Err(error) => {
                println!("skipped: no IPv6 here: {error}");
                return;
            }
        };
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert!(peer.is_ipv6());
        assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
        let socket = TcpSocket::new_v6().unwrap();
        socket.set_tclass_v6(0x10).unwrap();
        assert_eq!(socket.tclass_v6().unwrap(), 0x10);
    });
}

#[test]
fn options_come_back_as_they_were_set() {
    let _alone = alone();
    run(async {
        let socket = TcpSocket::new_v4().unwrap();
        assert!(!socket.reuseaddr().unwrap() && !socket.keepalive().unwrap() && !socket.nodelay().unwrap());
        socket.set_reuseaddr(true).unwrap();
        socket.set_keepalive(true).unwrap();
        socket.set_nodelay(true).unwrap();
        assert!(socket.reuseaddr().unwrap() && socket.keepalive().unwrap() && socket.nodelay().unwrap());
        socket.set_tos_v4(0x08).unwrap();
        assert_eq!(socket.tos_v4().unwrap(), 0x08);
        socket.set_send_buffer_size(32_768).unwrap();
        socket.set_recv_buffer_size(16_384).unwrap();
        assert_eq!((socket.send_buffer_size().unwrap(), socket.recv_buffer_size().unwrap()), (65_536, 32_768));
        socket.set_zero_linger().unwrap();
        assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
        assert_eq!(socket.device().unwrap(), None);
        assert!(socket.take_error().unwrap().is_none());

        let (listener, address) = tcp_listener().await;
        listener.set_ttl(41).unwrap();
        assert_eq!(listener.ttl().unwrap(), 41);
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let bound = socket.local_addr().unwrap();
        let stream = socket.connect(address).await.unwrap();
        assert_eq!(stream.local_addr().unwrap(), bound);
        assert!(stream.nodelay().unwrap());
        stream.set_nodelay(false).unwrap();
        assert!(!stream.nodelay().unwrap());
        stream.set_ttl(42).unwrap();
        assert_eq!(stream.ttl().unwrap(), 42);
        stream.set_quickack(false).unwrap();
        assert!(!stream.quickack().unwrap());
        assert_eq!(listener.accept().await.unwrap().1, bound);
    });
}

#[test]
fn objects_of_std_come_and_go() {
    let _alone = alone();
    let fds = open_fds();
    run(async {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::try_from(listener).unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let mut client = TcpStream::try_from(client).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        // A wait that was dropped shares the descriptor for a while.
        poll_once(Box::pin(server.readable()).as_mut()).await;
        let server = server.into_std().unwrap();
        server.set_nonblocking(false).unwrap();
        std::io::Write::write_all(&mut &server, b"from std").unwrap();
        drop(server);
        expect_rest(&mut client, b"from std").await;
        let std_listener = listener.into_std().unwrap();
        assert_eq!(std_listener.local_addr().unwrap(), address);
        assert_eq!(std_listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    });
    assert_eq!(open_fds(), fds);
}

#[test]
fn a_connection_is_used_from_another_shard_than_it_was_made_on() {
    let _alone = alone();
    run_on(Builder::new().shards(2), async {
        let (mut client, mut server) = tcp_pair().await;
        let mut buf = [0; 3];
        // It has waited here; then it waits there.
        poll_once(Pin::new(&mut Box::pin(server.read(&mut buf))).as_mut()).await;
        let there = runtime::spawn_on(1, move || async move {
            let mut buf = [0; 3];
            server.read_exact(&mut buf).await.unwrap();
            server.write_all(&buf).await.unwrap();
        });
        client.write_all(b"abc").await.unwrap();
        client.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"abc");
        there.await.unwrap();
    });
}

#[test]
fn debug_names_both_sides() {
    let _alone = alone();
    run(async {
        let (client, server) = tcp_pair().await;
        let text = format!("{client:?}");
        assert!(text.contains(&format!("peer: {}", server.local_addr().unwrap())), "{text}");
    });
}
