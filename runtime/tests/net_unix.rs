//! Unix sockets as tokio has them, and packets in order.

mod common;

use std::{
    future::poll_fn,
    io::{ErrorKind, Read, Write},
    net::Shutdown,
    os::{
        fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd},
        linux::net::SocketAddrExt,
    },
    path::{Path, PathBuf},
    pin::pin,
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering},
};

use common::{poll_once, run};
use runtime::{
    IntoResult,
    io::{AsyncReadExt, AsyncWriteExt, Interest, ReadBuf},
    net::{
        UnixDatagram, UnixListener, UnixSocket, UnixStream,
        unix::{SocketAddr, UnixSeqpacket, UnixSeqpacketListener, gid_t, pid_t, uid_t},
    },
    spawn,
    task::yield_now,
};

/// A name that no other test has.
fn abstract_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("\0net_unix {} {}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn fresh_path() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    (dir, path)
}

#[test]
fn streams_meet_at_a_path() {
    run(async {
        let (_dir, path) = fresh_path();
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path));
        let mut client = UnixStream::connect(&path).await.unwrap();
        let (mut server, peer) = listener.accept().await.unwrap();
        assert!(peer.is_unnamed() && peer.as_pathname().is_none() && peer.as_abstract_name().is_none());
        assert_eq!(server.local_addr().unwrap().as_pathname(), Some(&*path));
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
        assert!(client.local_addr().unwrap().is_unnamed());
        client.write_all(b"question").await.unwrap();
        let mut buf = [0; 8];
        server.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"question");
        // The other face.
        let (sent, received) =
            runtime::join!(server.send_all("answer"), client.recv_exact(vec![0; 6])).await.into_result().unwrap();
        assert_eq!((sent, &received[..]), ("answer", &b"answer"[..]));
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut buf).await.unwrap(), 0);
        assert!(listener.take_error().unwrap().is_none() && client.take_error().unwrap().is_none());
        server.close().await.unwrap();
    });
}

#[test]
fn an_accept_waits_and_a_dropped_one_takes_nothing() {
    run(async {
        let name = abstract_name();
        let listener = UnixListener::bind(&name).unwrap();
        for round in 0..100 {
            let client = {
                let mut accept = pin!(listener.accept());
                poll_once(accept.as_mut()).await;
                let client = UnixStream::connect(&name).await.unwrap();
                for _ in 0..round % 4 {
                    yield_now().await;
                }
                client
            };
            client.try_write(&[round]).unwrap();
            let (server, _) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
            server.readable().await.unwrap();
            let mut buf = [0; 4];
            assert_eq!((server.try_read(&mut buf).unwrap(), buf[0]), (1, round));
        }
    });
}

#[test]
fn an_accept_in_a_plan() {
    run(async {
        let name = abstract_name();
        let listener = UnixListener::bind(&name).unwrap();
        let mut client = UnixStream::connect(&name).await.unwrap();
        let plan = listener.accept().then(|s| s.send_all("hello")).finally(|(s, _)| s.close());
        let ((slot, peer), _, ()) = plan.await.into_result().unwrap();
        assert!(slot.is_closed() && peer.is_unnamed());
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
        let _client = UnixStream::connect(&name).await.unwrap();
        let (server, _) = listener.accept().plan().await.unwrap();
        assert_eq!(server.try_read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_connect_waits_while_too_many_others_do() {
    run(async {
        let name = abstract_name();
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&name).unwrap();
        let listener = socket.listen(1).unwrap();
        let (first, second) = (UnixStream::connect(&name).await.unwrap(), UnixStream::connect(&name).await.unwrap());
        let mut third = pin!(UnixStream::connect(&name));
        poll_once(third.as_mut()).await;
        let mut dropped = Box::pin(UnixStream::connect(&name));
        poll_once(dropped.as_mut()).await;
        yield_now().await;
        drop(dropped);
        listener.accept().await.unwrap();
        listener.accept().await.unwrap();
        let third = third.await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        if let Err(error) = server.try_write(b"x") {
            // The kernel (Linux 6.1) may have connected the dropped one before the cancel met it; it was closed then.
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            server = listener.accept().await.unwrap().0;
            server.try_write(b"x").unwrap();
        }
        third.readable().await.unwrap();
        assert_eq!(third.try_read(&mut [0; 4]).unwrap(), 1);
        assert_eq!(third.try_read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock, "it does not block");
        drop((first, second));
    });
}

#[test]
fn names_in_use_stale_and_wrong() {
    run(async {
        let (dir, path) = fresh_path();
        assert_eq!(UnixStream::connect(&path).await.unwrap_err().kind(), ErrorKind::NotFound);
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(UnixDatagram::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(listener);
        // The file is there, and nobody listens.
        assert_eq!(UnixStream::connect(&path).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        std::fs::remove_file(&path).unwrap();
        let _listener = UnixListener::bind(&path).unwrap();

        let nul = UnixListener::bind(dir.path().join("a\0b")).unwrap_err();
        assert!(nul.kind() == ErrorKind::InvalidInput && nul.to_string().contains("NUL"), "{nul}");
    });
}

#[test]
fn a_name_that_is_too_long_is_told_with_the_limit() {
    run(async {
        let long = "x".repeat(108);
        let hidden = format!("\0{long}");
        let refused = [
            UnixListener::bind(&long).unwrap_err(),
            UnixListener::bind(&hidden).unwrap_err(),
            UnixStream::connect(&long).await.unwrap_err(),
            UnixDatagram::bind(&hidden).unwrap_err(),
            UnixDatagram::unbound().unwrap().connect(&long).unwrap_err(),
            UnixDatagram::unbound().unwrap().send_to(b"", &long).await.unwrap_err(),
            UnixSocket::new_stream().unwrap().bind(&long).unwrap_err(),
            UnixSeqpacketListener::bind(&long).unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let text = error.to_string();
            assert!(text.contains("108") && text.contains("107"), "{text}");
        }
        let longest = format!("\0{}", "y".repeat(107));
        let listener = UnixListener::bind(&longest).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_abstract_name(), Some(&longest.as_bytes()[1..]));
        UnixStream::connect(&longest).await.unwrap();
        listener.accept().await.unwrap();
    });
}

#[test]
fn abstract_names_and_addresses() {
    run(async {
        let name = abstract_name();
        let std = std::os::unix::net::SocketAddr::from_abstract_name(&name.as_bytes()[1..]).unwrap();
        let address = SocketAddr::from(std);
        let listener = UnixListener::bind_addr(&address).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_abstract_name(), Some(&name.as_bytes()[1..]));
        assert_eq!(UnixListener::bind(&name).unwrap_err().kind(), ErrorKind::AddrInUse);
        let client = UnixStream::connect_addr(&address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert_eq!(client.peer_addr().unwrap().as_abstract_name(), server.local_addr().unwrap().as_abstract_name());
        assert!(format!("{listener:?}").contains("net_unix"), "{listener:?}");
        assert_eq!(format!("{address:?}"), format!("{:?}", std::os::unix::net::SocketAddr::from(address.clone())));
        drop((listener, client, server));
        // Whether an op has kept it for a moment or not: the name ends with the socket.
        while let Err(error) = UnixListener::bind(&name) {
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
            yield_now().await;
        }
    });
}

#[test]
fn who_is_at_the_other_end() {
    run(async {
        let (a, _b) = UnixStream::pair().unwrap();
        let cred = a.peer_cred().unwrap();
        let (uid, gid): (uid_t, gid_t) = (cred.uid(), cred.gid());
        let owner = std::fs::metadata("/proc/self").unwrap();
        assert_eq!(
            (uid, gid),
            (std::os::unix::fs::MetadataExt::uid(&owner), std::os::unix::fs::MetadataExt::gid(&owner))
        );
        assert_eq!(cred.pid(), Some(std::process::id() as pid_t));
        assert_eq!(cred, UnixSeqpacket::pair().unwrap().0.peer_cred().unwrap());
    });
}

#[test]
fn halves_end_and_reunite() {
    run(async {
        let (mut a, b) = UnixStream::pair().unwrap();
        {
            let (mut read, mut write) = a.split();
            write.write_all(b"abc").await.unwrap();
            b.try_write(b"xyz").unwrap();
            let mut buf = [0; 3];
            read.read_exact(&mut buf).await.unwrap();
            assert!(read.peer_addr().unwrap().is_unnamed() && write.as_ref().local_addr().unwrap().is_unnamed());
        }
        let (read, write) = a.into_split();
        let (other, _) = UnixStream::pair().unwrap().0.into_split();
        let error = write.reunite(other).unwrap_err();
        let a = read.reunite(error.1).unwrap();
        let (mut read, write) = a.into_split();
        let reader = spawn(async move {
            let mut text = String::new();
            read.read_to_string(&mut text).await.unwrap();
            (text, read)
        });
        assert_eq!(b.try_read(&mut [0; 8]).unwrap(), 3);
        drop(write);
        assert_eq!(b.try_read(&mut [0; 8]).unwrap(), 0, "the half that writes ends its direction");
        b.try_write(b"still there").unwrap();
        drop(b);
        let (text, _read) = reader.await.unwrap();
        assert_eq!(text, "still there");
    });
}

#[test]
fn streams_without_waiting_and_with_std() {
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        assert_eq!(b.try_read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let pieces = [std::io::IoSlice::new(b"ab"), std::io::IoSlice::new(b"cd")];
        assert_eq!(a.try_write_vectored(&pieces).unwrap(), 4);
        let (mut one, mut two) = ([0; 1], [0; 2]);
        let mut bufs = [std::io::IoSliceMut::new(&mut one), std::io::IoSliceMut::new(&mut two)];
        assert_eq!(b.try_read_vectored(&mut bufs).unwrap(), 3);
        let mut rest = Vec::new();
        assert_eq!((b.try_read_buf(&mut rest).unwrap(), &rest[..]), (1, &b"d"[..]));
        assert!(a.ready(Interest::WRITABLE).await.unwrap().is_writable());
        let mut readable = pin!(b.async_io(Interest::READABLE, || b.try_read(&mut [0; 4])));
        poll_once(readable.as_mut()).await;
        let mut std = a.into_std().unwrap();
        std.write_all(b"x").unwrap();
        assert_eq!(readable.await.unwrap(), 1);
        let a = UnixStream::try_from(std).unwrap();
        b.try_write(b"y").unwrap();
        let mut std = a.into_std().unwrap();
        assert_eq!(std.read(&mut [0; 4]).unwrap(), 1);
        assert_eq!(std.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);

        let name = abstract_name();
        let listener = UnixListener::bind(&name).unwrap().into_std().unwrap();
        let listener = UnixListener::from_std(listener).unwrap();
        let listener = UnixListener::from(OwnedFd::from(listener.into_std().unwrap()));
        let _client = UnixStream::connect(&name).await.unwrap();
        listener.accept().await.unwrap();
    });
}

#[test]
fn sockets_become_what_they_are() {
    run(async {
        let (stream, name) = (UnixSocket::new_stream().unwrap(), abstract_name());
        stream.bind(&name).unwrap();
        let listener = stream.listen(8).unwrap();
        let client = UnixSocket::new_stream().unwrap();
        client.bind(abstract_name()).unwrap();
        let client = client.connect(&name).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.as_abstract_name(), client.local_addr().unwrap().as_abstract_name());

        assert_eq!(UnixSocket::new_stream().unwrap().datagram().unwrap_err().kind(), ErrorKind::Other);
        assert_eq!(UnixSocket::new_datagram().unwrap().listen(1).unwrap_err().kind(), ErrorKind::Other);
        assert_eq!(UnixSocket::new_datagram().unwrap().connect(&name).await.unwrap_err().kind(), ErrorKind::Other);
        let datagram = UnixSocket::new_datagram().unwrap();
        datagram.bind(abstract_name()).unwrap();
        let fd = datagram.as_fd().try_clone_to_owned().unwrap();
        let datagram = UnixSocket::from(fd).datagram().unwrap();
        assert!(datagram.local_addr().unwrap().as_abstract_name().is_some());
        // Not closed by its drop any more, so this takes it over.
        let number = UnixSocket::new_stream().unwrap().into_raw_fd();
        assert!(number > 2);
    });
}

#[test]
fn datagrams_keep_their_boundaries_and_senders() {
    run(async {
        let (_dir, path) = fresh_path();
        let server = UnixDatagram::bind(&path).unwrap();
        let (named, unnamed) = (UnixDatagram::bind(abstract_name()).unwrap(), UnixDatagram::unbound().unwrap());
        named.send_to(b"named", &path).await.unwrap();
        unnamed.connect(&path).unwrap();
        assert_eq!(unnamed.peer_addr().unwrap().as_pathname(), Some(&*path));
        unnamed.send(b"").await.unwrap();
        assert_eq!(named.try_send_to(b"longer than the buffer", &path).unwrap(), 22);
        assert_eq!(poll_fn(|cx| named.poll_send_to(cx, b"4", &path)).await.unwrap(), 1);
        assert_eq!(unnamed.try_send(b"5").unwrap(), 1);
        assert_eq!(poll_fn(|cx| unnamed.poll_send(cx, b"6")).await.unwrap(), 1);
        unnamed.send(b"7").await.unwrap();
        unnamed.send(b"8").await.unwrap();
        let mut buf = [0; 8];
        let (len, from) = server.recv_from(&mut buf).await.unwrap();
        assert_eq!((len, from.as_abstract_name()), (5, named.local_addr().unwrap().as_abstract_name()));
        let (len, from) = server.try_recv_from(&mut buf).unwrap();
        assert!(len == 0 && from.is_unnamed());
        assert_eq!(server.recv(&mut buf).await.unwrap(), 8, "cut");
        let mut room = ReadBuf::new(&mut buf);
        poll_fn(|cx| server.poll_recv_from(cx, &mut room)).await.unwrap();
        poll_fn(|cx| server.poll_recv(cx, &mut room)).await.unwrap();
        assert_eq!(room.filled(), b"45");
        let mut bytes = Vec::with_capacity(16);
        assert_eq!(server.recv_buf_from(&mut bytes).await.unwrap().0, 1);
        assert_eq!(server.try_recv_buf_from(&mut bytes).unwrap().0, 1);
        assert_eq!(server.recv_buf(&mut bytes).await.unwrap(), 1);
        assert_eq!(bytes, b"678");
        assert_eq!(server.try_recv_buf(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(unnamed.send(&vec![0; 16 << 20]).await.unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
        poll_fn(|cx| server.poll_send_ready(cx)).await.unwrap();

        drop(server);
        let gone = named.send_to(b"x", &path).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn pairs_of_datagrams_shut_down_and_std() {
    run(async {
        let (a, b) = UnixDatagram::pair().unwrap();
        let a = UnixDatagram::try_from(a.into_std().unwrap()).unwrap();
        let a = UnixDatagram::from(OwnedFd::from(a.into_std().unwrap()));
        for round in 0..100u8 {
            let mut buf = [0; 4];
            {
                let mut dropped = pin!(b.recv(&mut buf));
                poll_once(dropped.as_mut()).await;
                a.send(&[round]).await.unwrap();
                for _ in 0..round % 4 {
                    yield_now().await;
                }
            }
            assert_eq!((b.recv(&mut buf).await.unwrap(), buf[0]), (1, round));
        }
        a.shutdown(Shutdown::Both).unwrap();
        assert_eq!(b.send(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(a.recv(&mut [0; 4]).await.unwrap(), 0);
        assert!(format!("{a:?}").starts_with("UnixDatagram"), "{a:?}");

        let (waiting, _other) = UnixDatagram::pair().unwrap();
        let waiting = Rc::new(waiting);
        let waits = waiting.clone();
        let waits = spawn(async move { waits.recv_from(&mut [0; 4]).await });
        yield_now().await;
        waiting.shutdown(Shutdown::Read).unwrap();
        let (len, from) = waits.await.unwrap().unwrap();
        assert!(len == 0 && from.is_unnamed());
        assert_eq!(waiting.recv_fds(&mut [0; 4], 1).await.unwrap().0, 0);
    });
}

/// How many datagrams fit a receiver's queue.
fn fill(sender: &UnixDatagram, path: &Path) -> usize {
    let mut sent = 0;
    loop {
        match sender.try_send_to(b"x", path) {
            Ok(_) => sent += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return sent;
            }
        }
    }
}

#[test]
fn a_full_receiver_is_waited_for_without_going_round() {
    run(async {
        let (_dir, path) = fresh_path();
        let server = UnixDatagram::bind(&path).unwrap();
        let client = Rc::new(UnixDatagram::unbound().unwrap());
        let queued = fill(&client, &path);
        let (awaits, polls) = (client.clone(), client.clone());
        let (one, other) = (path.clone(), path.clone());
        let waits = spawn(async move { awaits.send_to(b"last", &one).await });
        let polled = spawn(async move { poll_fn(|cx| polls.poll_send_to(cx, b"polled", &other)).await });
        // Until both have found out whose room it is that they wait for.
        for _ in 0..20 {
            yield_now().await;
        }
        let before = runtime::metrics().sqes;
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!(runtime::metrics().sqes - before, 0, "SQEs of two tasks that wait");
        assert!(!waits.is_finished() && !polled.is_finished());
        for _ in 0..queued {
            server.recv(&mut [0; 8]).await.unwrap();
        }
        assert_eq!(waits.await.unwrap().unwrap(), 4);
        assert_eq!(polled.await.unwrap().unwrap(), 6);
        let mut buf = [0; 8];
        assert_eq!(server.recv(&mut buf).await.unwrap() + server.recv(&mut buf).await.unwrap(), 10);

        // Also where the client is connected, whose readiness is the receiver's.
        client.connect(&path).unwrap();
        fill(&client, &path);
        let mut waits = pin!(client.send(b"last"));
        poll_once(waits.as_mut()).await;
        server.recv(&mut buf).await.unwrap();
        waits.await.unwrap();
    });
}

#[test]
fn packets_keep_their_boundaries() {
    run(async {
        let name = abstract_name();
        let listener = UnixSeqpacketListener::bind(&name).unwrap();
        let mut accept = pin!(listener.accept());
        poll_once(accept.as_mut()).await;
        let client = UnixSeqpacket::connect(&name).await.unwrap();
        let (server, peer) = accept.await.unwrap();
        assert!(peer.is_unnamed() && client.peer_addr().unwrap().as_abstract_name().is_some());
        client.send(b"one").await.unwrap();
        client.try_send(b"longer").unwrap();
        client.send(b"three").await.unwrap();
        let mut buf = [0; 4];
        assert_eq!((server.recv(&mut buf).await.unwrap(), &buf[..3]), (3, &b"one"[..]));
        assert_eq!((server.try_recv(&mut buf).unwrap(), &buf), (4, b"long"));
        let (received, bytes) = server.recv_msg(vec![0; 16], 0).await.into_result().unwrap();
        assert_eq!((received.len, &bytes[..5]), (5, &b"three"[..]));
        server.send_msg("back", Vec::new()).await.into_result().unwrap();
        assert_eq!(client.recv(&mut buf).await.unwrap(), 4);
        assert_eq!(
            UnixStream::connect(&name).await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused,
            "of another kind"
        );

        server.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.recv(&mut buf).await.unwrap(), 0);
        drop(server);
        assert_eq!(client.send(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(client.as_raw_fd() > 2 && listener.as_raw_fd() > 2);
        assert!(poll_fn(|cx| std::task::Poll::Ready(listener.poll_accept(cx).is_pending())).await);
    });
}

#[test]
fn the_credentials_of_a_message() {
    run(async {
        let (a, b) = UnixDatagram::pair().unwrap();
        assert!(!b.passcred().unwrap());
        b.set_passcred(true).unwrap();
        assert!(b.passcred().unwrap());
        a.send(b"x").await.unwrap();
        let (received, _) = b.recv_msg(vec![0; 8], 0).await.into_result().unwrap();
        assert_eq!(received.credentials.unwrap().pid(), Some(std::process::id() as pid_t));
        // Nothing of it shows where nobody asks.
        a.send(b"x").await.unwrap();
        assert_eq!(b.recv_fds(&mut [0; 8], 4).await.unwrap().0, 1);
    });
}
