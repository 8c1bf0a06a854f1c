//! Reads of sockets that wait: what arrives at any moment is seen, by whoever reads, on whatever shard.

mod common;

use std::{
    io::{Read, Write},
    os::fd::{AsFd, AsRawFd},
    pin::pin,
    rc::Rc,
};

use common::{alone, open_fds, poll_once, run, run_on, tcp_pair};
use runtime::{
    Builder,
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket, UnixStream},
    spawn, spawn_on,
    task::yield_now,
};

/// A stream of ours, and its peer of std, which acts at once.
fn with_std_peer() -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.set_nodelay(true).unwrap();
    (TcpStream::from_std(listener.accept().unwrap().0).unwrap(), peer)
}

/// Has the stream registered: a read of it has found nothing.
async fn wait_in_vain(stream: &mut TcpStream) {
    let mut buf = [0; 1];
    poll_once(pin!(stream.read(&mut buf))).await;
}

#[test]
fn the_end_is_seen_after_a_read_that_took_all_there_was() {
    let _alone = alone();
    run(async {
        // The end comes with the bytes, after them, and while the reader waits.
        for when in 0..3 {
            let (mut stream, mut peer) = with_std_peer();
            wait_in_vain(&mut stream).await;
            peer.write_all(b"last words").unwrap();
            let mut peer = Some(peer);
            if when == 0 {
                drop(peer.take());
            }
            let mut buf = [0; 64];
            assert_eq!(stream.read(&mut buf).await.unwrap(), 10);
            if when == 1 {
                drop(peer.take());
            }
            let reader = spawn(async move {
                let mut buf = [0; 64];
                (stream.read(&mut buf).await.unwrap(), stream.read(&mut buf).await.unwrap())
            });
            yield_now().await;
            drop(peer);
            assert_eq!(reader.await.unwrap(), (0, 0));
        }
    });
}

#[test]
fn bytes_behind_urgent_data_are_read() {
    let _alone = alone();
    run(async {
        let (mut stream, mut peer) = with_std_peer();
        wait_in_vain(&mut stream).await;
        peer.write_all(b"before").unwrap();
        socket2::SockRef::from(&peer).send_out_of_band(b"!").unwrap();
        peer.write_all(b"after").unwrap();
        // A read stops at the mark, with room left.
        let mut all = Vec::new();
        while all.len() < 11 {
            assert!(stream.read_buf(&mut all).await.unwrap() > 0);
        }
        assert_eq!(all, b"beforeafter");
    });
}

#[test]
fn shards_that_read_by_turns_miss_nothing() {
    let _alone = alone();
    run_on(Builder::new().shards(2), async {
        let (mut stream, mut peer) = with_std_peer();
        for round in 0..200u8 {
            // It waits on either shard, and is taken away before anything comes.
            wait_in_vain(&mut stream).await;
            stream = spawn_on(1, move || async move {
                wait_in_vain(&mut stream).await;
                stream
            })
            .await
            .unwrap();
            peer.write_all(&[round]).unwrap();
            if round % 2 == 0 {
                assert_eq!(stream.read_u8().await.unwrap(), round);
            } else {
                stream = spawn_on(1, move || async move {
                    assert_eq!(stream.read_u8().await.unwrap(), round);
                    stream
                })
                .await
                .unwrap();
            }
        }
    });
}

#[test]
fn halves_on_two_shards_read_and_write() {
    let _alone = alone();
    run_on(Builder::new().shards(2), async {
        let (stream, mut peer) = with_std_peer();
        let (mut reader, mut writer) = stream.into_split();
        let echo = std::thread::spawn(move || {
            let mut byte = [0];
            for _ in 0..500 {
                peer.read_exact(&mut byte).unwrap();
                peer.write_all(&byte).unwrap();
            }
        });
        let writes = spawn_on(1, move || async move {
            for round in 0..500u32 {
                writer.write_all(&[round as u8]).await.unwrap();
            }
            writer
        });
        for round in 0..500u32 {
            assert_eq!(reader.read_u8().await.unwrap(), round as u8);
        }
        drop(writes.await.unwrap());
        echo.join().unwrap();
    });
}

#[test]
fn news_of_a_socket_that_is_gone_wake_nobody_else() {
    let _alone = alone();
    let fds = open_fds();
    run(async {
        for _ in 0..100 {
            let (mut old, mut old_peer) = with_std_peer();
            wait_in_vain(&mut old).await;
            // A duplicate keeps the connection open after the stream is gone.
            let duplicate = old.as_fd().try_clone_to_owned().unwrap();
            old_peer.write_all(b"to nobody").unwrap();
            drop(old);
            let (mut new, mut new_peer) = with_std_peer();
            let mut buf = [0; 8];
            {
                let mut read = pin!(new.read(&mut buf));
                poll_once(read.as_mut()).await;
                old_peer.write_all(b"to nobody").unwrap();
                yield_now().await;
                poll_once(read.as_mut()).await;
                new_peer.write_all(b"mine").unwrap();
                assert_eq!(read.await.unwrap(), 4);
            }
            assert_eq!(&buf[..4], b"mine");
            drop(duplicate);
        }
    });
    assert_eq!(open_fds(), fds);
}

#[test]
fn a_stream_outlives_the_runtime_that_it_has_waited_on() {
    let _alone = alone();
    let (mut stream, mut peer) = with_std_peer();
    stream = run(async {
        wait_in_vain(&mut stream).await;
        stream
    });
    peer.write_all(b"x").unwrap();
    run(async move {
        assert_eq!(stream.read_u8().await.unwrap(), b'x');
        wait_in_vain(&mut stream).await;
        // Dropped on a thread that has no shard.
        std::thread::spawn(move || drop(stream)).join().unwrap();
        let (mut stream, mut peer) = with_std_peer();
        wait_in_vain(&mut stream).await;
        peer.write_all(b"y").unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'y');
    });
}

#[test]
fn a_read_stops_where_descriptors_were_sent_and_goes_on() {
    let _alone = alone();
    run(async {
        let (a, mut b) = UnixStream::pair().unwrap();
        let mut buf = [0; 64];
        poll_once(pin!(b.read(&mut buf))).await;
        let file = std::fs::File::open("/dev/null").unwrap();
        a.send_fds(b"with", &[file.as_fd()]).await.unwrap();
        a.try_write(b"without").unwrap();
        let mut all = Vec::new();
        while all.len() < 11 {
            assert!(b.read_buf(&mut all).await.unwrap() > 0);
        }
        assert_eq!(all, b"withwithout");
    });
}

#[test]
fn an_idle_reader_costs_the_others_nothing() {
    let _alone = alone();
    run(async {
        let mut idle = Vec::new();
        for _ in 0..100 {
            let (mut client, server) = tcp_pair().await;
            wait_in_vain(&mut client).await;
            idle.push((client, server));
        }
        let metrics = runtime::metrics;
        let (mut a, mut b) = tcp_pair().await;
        let before = metrics();
        for round in 0..100u8 {
            let reader = spawn(async move {
                assert_eq!(b.read_u8().await.unwrap(), round);
                b
            });
            yield_now().await;
            a.write_all(&[round]).await.unwrap();
            b = reader.await.unwrap();
        }
        let spent = metrics().since(&before);
        assert!(spent.sqes <= 110, "{spent:?}");
    });
}

#[test]
fn empty_datagrams_arrive_and_are_no_end() {
    let _alone = alone();
    run(async {
        let a = Rc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let b = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        a.connect(b.local_addr().unwrap()).await.unwrap();
        b.connect(a.local_addr().unwrap()).await.unwrap();
        let reader = spawn({
            let a = a.clone();
            async move {
                let mut buf = [1; 4];
                for expected in [0, 3, 0, 0, 4] {
                    let mut buf = runtime::io::ReadBuf::new(&mut buf);
                    std::future::poll_fn(|cx| a.poll_recv(cx, &mut buf)).await.unwrap();
                    assert_eq!(buf.filled().len(), expected);
                }
                assert_eq!(a.recv_msg(vec![9; 4]).await.0.unwrap().len, 0);
            }
        });
        yield_now().await;
        for datagram in [&b""[..], b"abc", b"", b"", b"cut here", b""] {
            b.send(datagram).await.unwrap();
            yield_now().await;
        }
        reader.await.unwrap();
        assert!(a.as_raw_fd() > 0);
    });
}
