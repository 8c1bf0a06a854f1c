//! UDP: datagrams in the caller's buffers as with tokio, and as ops.

mod common;

use std::{
    future::poll_fn,
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    pin::pin,
    sync::Arc,
};

use common::{poll_once, run};
use runtime::{
    Builder, IntoResult,
    io::{Interest, ReadBuf},
    net::UdpSocket,
    spawn,
    task::yield_now,
};

async fn local() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

async fn connected() -> (UdpSocket, UdpSocket) {
    let (a, b) = (local().await, local().await);
    a.connect(b.local_addr().unwrap()).await.unwrap();
    b.connect(a.local_addr().unwrap()).await.unwrap();
    (a, b)
}

#[test]
fn datagrams_keep_their_boundaries_and_senders() {
    run(async {
        let (a, b, c) = (local().await, local().await, local().await);
        let to = c.local_addr().unwrap();
        assert_eq!(a.send_to(b"first", to).await.unwrap(), 5);
        assert_eq!(b.send_to(b"", (Ipv4Addr::LOCALHOST, to.port())).await.unwrap(), 0);
        assert_eq!(a.try_send_to(b"last", to).unwrap(), 4);
        let mut buf = [0; 16];
        assert_eq!(c.recv_from(&mut buf).await.unwrap(), (5, a.local_addr().unwrap()));
        assert_eq!(&buf[..5], b"first");
        assert_eq!(c.recv_from(&mut buf).await.unwrap(), (0, b.local_addr().unwrap()), "an empty datagram");
        assert_eq!(c.recv(&mut buf).await.unwrap(), 4);
        assert_eq!(c.try_recv_from(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(c.try_recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_peer_is_the_only_one_that_is_heard() {
    run(async {
        let (a, b) = connected().await;
        assert_eq!(a.peer_addr().unwrap(), b.local_addr().unwrap());
        local().await.send_to(b"stranger", a.local_addr().unwrap()).await.unwrap();
        b.send(b"peer").await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(a.recv(&mut buf).await.unwrap(), 4);
        assert_eq!(a.try_send(b"reply").unwrap(), 5);
        assert_eq!(b.recv(&mut buf).await.unwrap(), 5);

        let alone = local().await;
        assert_eq!(alone.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(alone.send(b"x").await.unwrap_err().raw_os_error(), Some(libc::EDESTADDRREQ));
        assert_eq!(alone.connect(&[][..]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(alone.send_to(b"x", &[][..]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn what_met_nobody_is_reported_once() {
    run(async {
        let (a, b) = connected().await;
        drop(b);
        a.send(b"x").await.unwrap();
        let refused = a.recv(&mut [0; 8]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        a.send(b"x").await.unwrap();
        a.ready(Interest::READABLE | Interest::ERROR).await.unwrap();
        assert_eq!(a.take_error().unwrap().unwrap().kind(), ErrorKind::ConnectionRefused);
        assert!(a.take_error().unwrap().is_none());
    });
}

#[test]
fn a_long_datagram_is_refused_or_cut_and_told() {
    run(async {
        let (a, b) = connected().await;
        let long = vec![7; 65508];
        for refused in [a.send(&long).await, a.send_to(&long, b.local_addr().unwrap()).await] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(libc::EMSGSIZE));
            assert!(refused.to_string().contains("Message too long"), "{refused}");
        }
        let (refused, long) = a.send_msg(long, None).await;
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
        assert_eq!(a.send(&long[1..]).await.unwrap(), 65507);
        let mut buf = [0; 10];
        assert_eq!(b.recv(&mut buf).await.unwrap(), 10);
        assert_eq!(b.try_recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock, "the rest is gone");

        a.send(b"0123456789").await.unwrap();
        a.send(b"0123456789").await.unwrap();
        let (received, bytes) = b.recv_msg(vec![0; 4]).await.into_result().unwrap();
        assert!(received.truncated && received.len == 4 && bytes == b"0123");
        let (received, bytes) = b.recv_msg(Vec::with_capacity(10)).await.into_result().unwrap();
        assert!(!received.truncated && received.len == 10 && bytes == b"0123456789");
    });
}

#[test]
fn a_peek_leaves_the_datagram() {
    run(async {
        let (a, b) = connected().await;
        let from = a.local_addr().unwrap();
        assert_eq!(b.try_peek(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(b.try_peek_from(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(b.try_peek_sender().unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut sender = pin!(b.peek_sender());
        poll_once(sender.as_mut()).await;
        a.send(b"abc").await.unwrap();
        assert_eq!(sender.await.unwrap(), from);
        let mut buf = [0; 8];
        assert_eq!(b.peek(&mut buf).await.unwrap(), 3);
        assert_eq!(b.peek_from(&mut buf[..2]).await.unwrap(), (2, from));
        assert_eq!(b.try_peek(&mut buf).unwrap(), 3);
        assert_eq!(b.try_peek_from(&mut buf).unwrap(), (3, from));
        assert_eq!(b.try_peek_sender().unwrap(), from);
        assert_eq!(poll_fn(|cx| b.poll_peek_sender(cx)).await.unwrap(), from);
        let mut room = ReadBuf::new(&mut buf);
        poll_fn(|cx| b.poll_peek(cx, &mut room)).await.unwrap();
        assert_eq!(poll_fn(|cx| b.poll_peek_from(cx, &mut room)).await.unwrap(), from);
        assert_eq!(room.filled(), b"abcabc");
        assert_eq!(b.recv(&mut [0; 8]).await.unwrap(), 3);
    });
}

#[test]
fn polls_and_growing_buffers() {
    run(async {
        let (a, b) = connected().await;
        let (from, to) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        poll_fn(|cx| a.poll_send_ready(cx)).await.unwrap();
        assert_eq!(poll_fn(|cx| a.poll_send(cx, b"one")).await.unwrap(), 3);
        assert_eq!(poll_fn(|cx| a.poll_send_to(cx, b"two", to)).await.unwrap(), 3);
        for text in ["three", "four", "five", "six"] {
            a.send(text.as_bytes()).await.unwrap();
        }
        poll_fn(|cx| b.poll_recv_ready(cx)).await.unwrap();
        let mut memory = [0; 32];
        let mut room = ReadBuf::new(&mut memory);
        poll_fn(|cx| b.poll_recv(cx, &mut room)).await.unwrap();
        assert_eq!(poll_fn(|cx| b.poll_recv_from(cx, &mut room)).await.unwrap(), from);
        assert_eq!(room.filled(), b"onetwo");
        let mut bytes = Vec::with_capacity(64);
        assert_eq!(b.recv_buf(&mut bytes).await.unwrap(), 5);
        assert_eq!(b.try_recv_buf(&mut bytes).unwrap(), 4);
        assert_eq!(b.recv_buf_from(&mut bytes).await.unwrap(), (4, from));
        assert_eq!(b.try_recv_buf_from(&mut bytes).unwrap(), (3, from));
        assert_eq!(bytes, b"threefourfivesix");
        assert_eq!(b.try_recv_buf_from(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
        let none: &mut [u8] = &mut [];
        assert_eq!(b.recv_buf_from(&mut { none }).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn calls_of_ones_own_wait_as_well() {
    run(async {
        let (a, b) = connected().await;
        let receive = || {
            let mut buf = [0; 8];
            socket2_recv(&b, &mut buf)
        };
        assert_eq!(b.try_io(Interest::READABLE, receive).unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut waits = pin!(b.async_io(Interest::READABLE, receive));
        poll_once(waits.as_mut()).await;
        a.writable().await.unwrap();
        a.send(b"abc").await.unwrap();
        assert_eq!(waits.await.unwrap(), 3);
        let mut readable = pin!(b.readable());
        poll_once(readable.as_mut()).await;
        a.send(b"abc").await.unwrap();
        readable.await.unwrap();
        assert!(b.ready(Interest::READABLE).await.unwrap().is_readable());
    });
}

fn socket2_recv(socket: &UdpSocket, buf: &mut [u8]) -> std::io::Result<usize> {
    let socket = std::net::UdpSocket::from(socket.as_fd().try_clone_to_owned()?);
    socket.recv(buf)
}

#[test]
fn a_receive_that_is_dropped_loses_nothing() {
    run(async {
        let (a, b) = connected().await;
        for round in 0..200u32 {
            let mut buf = [0; 8];
            {
                let mut dropped = pin!(b.recv_from(&mut buf));
                poll_once(dropped.as_mut()).await;
                a.send(&round.to_ne_bytes()).await.unwrap();
                // Also with the wait's CQE in, but not polled.
                for _ in 0..round % 4 {
                    yield_now().await;
                }
            }
            assert_eq!(b.recv(&mut buf).await.unwrap(), 4);
            assert_eq!(buf[..4], round.to_ne_bytes());
        }
        assert_eq!(b.try_recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn an_op_that_is_cancelled_gives_back_what_it_received() {
    run(async {
        let (a, b) = connected().await;
        let mut received = 0;
        for round in 0..200u32 {
            let mut op = b.recv_msg(vec![0; 8]);
            poll_once(pin!(&mut op)).await;
            if round % 2 == 0 {
                a.send(&round.to_ne_bytes()).await.unwrap();
            }
            for _ in 0..round % 4 {
                yield_now().await;
            }
            let (result, buf) = op.cancel().await;
            match result {
                Ok(message) => {
                    assert_eq!((message.len, &buf[..4]), (4, &round.to_ne_bytes()[..]));
                    received += 1;
                }
                Err(_) => received += usize::from(b.try_recv(&mut [0; 8]).is_ok()),
            }
        }
        assert_eq!(received, 100);
    });
}

#[test]
fn datagrams_as_ops() {
    run(async {
        let (a, b) = (local().await, local().await);
        let (here, there) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let before = runtime::metrics();
        let sent = a.send_msg("static", there).await.into_result().unwrap();
        assert_eq!(sent, (6, "static"));
        let (received, bytes) = b.recv_msg(vec![0; 64]).await.into_result().unwrap();
        assert_eq!((received.len, received.from, &bytes[..6]), (6, here, &b"static"[..]));
        assert!(!received.truncated && received.fds.is_empty() && received.credentials.is_none());
        assert_eq!(runtime::metrics().enters - before.enters, 2);

        // An empty one is a success, and what is planned behind it is run.
        a.send_msg(Vec::new(), there).await.into_result().unwrap();
        let relay = b.recv_msg(vec![0; 8]).then(|datagram| b.send_msg(datagram, here));
        let ((received, _), (sent, _)) = relay.await.into_result().unwrap();
        assert_eq!((received.len, sent), (0, 0));
        assert_eq!(a.recv_from(&mut [0; 8]).await.unwrap(), (0, there));

        // As long as the datagram, not as the buffer.
        let relay = b.recv_msg(vec![0; 64]).then(|datagram| b.send_msg(datagram.slice(1..), here));
        a.send_to(b"abc", there).await.unwrap();
        let ((received, _), (sent, _)) = relay.await.into_result().unwrap();
        assert_eq!((received.len, sent), (3, 2));
        let mut buf = [0; 8];
        assert_eq!((a.recv(&mut buf).await.unwrap(), &buf[..2]), (2, &b"bc"[..]));

        let (failed, back) = a.send_msg(vec![1], None).await;
        assert_eq!((failed.unwrap_err().raw_os_error(), back), (Some(libc::EDESTADDRREQ), vec![1]));
        a.close().await.unwrap();
    });
}

#[test]
fn options_are_what_they_were_set_to() {
    run(async {
        let socket = local().await;
        macro_rules! round_trip {
            ($($get:ident $set:ident $value:expr),+ $(,)?) => { $(
                assert_ne!(socket.$get().unwrap(), $value, stringify!($get));
                socket.$set($value).unwrap();
                assert_eq!(socket.$get().unwrap(), $value, stringify!($get));
            )+ };
        }
        round_trip! {
            broadcast set_broadcast true,
            multicast_loop_v4 set_multicast_loop_v4 false,
            multicast_ttl_v4 set_multicast_ttl_v4 7,
            ttl set_ttl 99,
            tos_v4 set_tos_v4 0x10,
        }
        assert_eq!(socket.device().unwrap(), None);
        let (group, any) = (Ipv4Addr::new(224, 0, 0, 251), Ipv4Addr::LOCALHOST);
        socket.join_multicast_v4(group, any).unwrap();
        assert_eq!(socket.join_multicast_v4(group, any).unwrap_err().kind(), ErrorKind::AddrInUse);
        socket.leave_multicast_v4(group, any).unwrap();
        assert_eq!(socket.leave_multicast_v4(group, any).unwrap_err().kind(), ErrorKind::AddrNotAvailable);

        let Ok(socket) = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).await else {
            println!("skipped: no IPv6 here");
            return;
        };
        macro_rules! round_trip {
            ($($get:ident $set:ident $value:expr),+ $(,)?) => { $(
                socket.$set($value).unwrap();
                assert_eq!(socket.$get().unwrap(), $value, stringify!($get));
            )+ };
        }
        round_trip! { multicast_loop_v6 set_multicast_loop_v6 false, tclass_v6 set_tclass_v6 0x20 }
        // The loopback interface.
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
        socket.join_multicast_v6(&group, 1).unwrap();
        assert!(socket.join_multicast_v6(&group, 1).is_err());
        socket.leave_multicast_v6(&group, 1).unwrap();
    });
}

#[test]
fn multicast_and_broadcast_go_out() {
    run(async {
        let (group, here) = (Ipv4Addr::new(224, 0, 0, 251), Ipv4Addr::LOCALHOST);
        let receiver = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        receiver.join_multicast_v4(group, here).unwrap();
        let sender = local().await;
        let port = receiver.local_addr().unwrap().port();
        let mut buf = [0; 16];
        match sender.send_to(b"to the group", (group, port)).await {
            Err(error) if error.kind() == ErrorKind::NetworkUnreachable => println!("skipped: no route to the group"),
            sent => {
                sent.unwrap();
                assert_eq!(receiver.recv_from(&mut buf).await.unwrap(), (12, sender.local_addr().unwrap()));
            }
        }

        let everybody = SocketAddr::from(([127, 255, 255, 255], port));
        assert_eq!(sender.send_to(b"x", everybody).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
        sender.set_broadcast(true).unwrap();
        sender.send_to(b"to all", everybody).await.unwrap();
        assert_eq!(receiver.recv(&mut buf).await.unwrap(), 6);
    });
}

#[test]
fn sockets_of_std_and_back() {
    run(async {
        let std = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = std.local_addr().unwrap();
        let socket = UdpSocket::from_std(std).unwrap();
        assert_eq!(socket.local_addr().unwrap(), address);
        assert!(format!("{socket:?}").contains(&format!("addr: {address}")), "{socket:?}");
        let mut buf = [0; 8];
        // A wait is under way, and dropped with the borrow.
        poll_once(pin!(socket.recv(&mut buf))).await;
        let std = socket.into_std().unwrap();
        assert_eq!(std.recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        let socket = UdpSocket::try_from(std).unwrap();
        let number = socket.as_raw_fd();
        let socket = UdpSocket::from(OwnedFd::from(socket.into_std().unwrap()));
        local().await.send_to(b"x", address).await.unwrap();
        assert_eq!(socket.recv(&mut buf).await.unwrap(), 1);
        assert!(number >= 0 && socket.as_fd().as_raw_fd() >= 0);

        let taken = UdpSocket::bind(address).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let bound = UdpSocket::bind(&[address, "127.0.0.1:0".parse().unwrap()][..]).await.unwrap();
        assert_ne!(bound.local_addr().unwrap(), address);
    });
}

#[test]
fn a_socket_serves_tasks_on_several_shards() {
    let (server, address) = common::run(async {
        let server = local().await;
        let address = server.local_addr().unwrap();
        (Arc::new(server), address)
    });
    let echo = |server: Arc<UdpSocket>| {
        move || {
            run(async move {
                let mut buf = [0; 64];
                loop {
                    let (len, from) = server.recv_from(&mut buf).await.unwrap();
                    if len == 0 {
                        // The next one waits for its own end.
                        server.send_to(b"", server.local_addr().unwrap()).await.unwrap();
                        return;
                    }
                    server.send_to(&buf[..len], from).await.unwrap();
                }
            })
        }
    };
    let servers = [0; 3].map(|_| std::thread::spawn(echo(server.clone())));
    common::run_on(&mut Builder::new(), async move {
        let clients: Vec<_> = (0..8u8)
            .map(|id| {
                spawn(async move {
                    let client = local().await;
                    client.connect(address).await.unwrap();
                    for round in 1..100u8 {
                        client.send(&[id, round]).await.unwrap();
                        let mut buf = [0; 8];
                        assert_eq!(client.recv(&mut buf).await.unwrap(), 2);
                        assert_eq!(buf[..2], [id, round]);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        local().await.send_to(b"", address).await.unwrap();
    });
    for server in servers {
        server.join().unwrap();
    }
}
