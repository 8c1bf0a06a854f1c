//! Listening for TCP connections: none is lost, many tasks may accept, and what fails leaves the listener as it was.

mod common;

use std::{
    io::{self, ErrorKind},
    net::Ipv4Addr,
    pin::pin,
    rc::Rc,
};

use common::{alone, expect_rest, open_fds, poll_once, run, run_on, tcp_listener};
use runtime::{
    Builder,
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    spawn,
    task::yield_now,
};

#[test]
fn an_address_in_use_is_refused_and_is_free_once_its_listener_is_dropped() {
    let _alone = alone();
    run(async {
        let (listener, address) = tcp_listener().await;
        assert_eq!(TcpListener::bind(address).await.unwrap_err().kind(), ErrorKind::AddrInUse);
        // A dropped wait holds the descriptor until its cancel is through: nobody must notice.
        let mut accept = Box::pin(listener.accept());
        poll_once(accept.as_mut()).await;
        yield_now().await;
        drop(accept);
        drop(listener);
        TcpListener::bind(address).await.unwrap();
    });
}

#[test]
fn a_dropped_accept_loses_no_connection() {
    let _alone = alone();
    run(async {
        let (listener, address) = tcp_listener().await;
        for round in 0..60 {
            let mut accept = Box::pin(listener.accept());
            poll_once(accept.as_mut()).await;
            for _ in 0..round % 3 {
                yield_now().await;
            }
            let mut client = TcpStream::connect(address).await.unwrap();
            for _ in 0..round % 4 {
                yield_now().await;
            }
            drop(accept);
            let (mut server, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            server.write_all(b"hello").await.unwrap();
            drop(server);
            expect_rest(&mut client, b"hello").await;
        }
        let mut accept = pin!(listener.accept());
        poll_once(accept.as_mut()).await;
    });
}

#[test]
fn many_tasks_accept_at_once_and_share_a_thousand_connections() {
    let _alone = alone();
    let fds = open_fds();
    run(async {
        let (listener, address) = tcp_listener().await;
        let listener = Rc::new(listener);
        let servers: Vec<_> = (0..8)
            .map(|_| {
                let listener = listener.clone();
                spawn(async move {
                    loop {
                        let (mut stream, _) = listener.accept().await.unwrap();
                        spawn(async move {
                            let mut buf = [0; 4];
                            stream.read_exact(&mut buf).await.unwrap();
                            stream.write_all(&buf).await.unwrap();
                        });
                    }
                })
            })
            .collect();
        let clients: Vec<_> = (0..1000u32)
            .map(|number| {
                spawn(async move {
                    let mut stream = TcpStream::connect(address).await?;
                    stream.write_all(&number.to_le_bytes()).await?;
                    let mut buf = [0; 4];
                    stream.read_exact(&mut buf).await?;
                    assert_eq!(u32::from_le_bytes(buf), number);
                    io::Result::Ok(())
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap().unwrap();
        }
        for server in servers {
            server.abort();
            assert!(server.await.unwrap_err().is_cancelled());
        }
    });
    assert_eq!(open_fds(), fds);
}

/// Sets how many descriptors the process may have, until it is dropped.
struct Limit(libc::rlimit);

impl Limit {
    fn new(descriptors: u64) -> Limit {
        let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: both calls take a local.
        unsafe {
            assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut old), 0);
            let new = libc::rlimit { rlim_cur: descriptors, ..old };
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const new), 0);
        }
        Limit(old)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        // SAFETY: the call takes a local.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const self.0) };
    }
}

#[test]
fn too_many_descriptors_are_an_error_and_the_listener_goes_on() {
    let _alone = alone();
    run(async {
        let (listener, address) = tcp_listener().await;
        let client = TcpStream::connect(address).await.unwrap();
        let highest = std::fs::File::open("/dev/null").unwrap();
        let limit = Limit::new(std::os::fd::AsRawFd::as_raw_fd(&highest) as u64);
        let errno = |result: io::Result<_>| result.map(drop).unwrap_err().raw_os_error();
        for _ in 0..3 {
            assert_eq!(errno(listener.accept().await.map(drop)), Some(libc::EMFILE));
        }
        assert_eq!(errno(TcpStream::connect(address).await.map(drop)), Some(libc::EMFILE));
        drop(limit);
        assert_eq!(listener.accept().await.unwrap().1, client.local_addr().unwrap());
    });
}

#[test]
fn listeners_of_two_shards_share_an_address() {
    let _alone = alone();
    run_on(Builder::new().shards(2), async {
        let bind = |port| {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseport(true)?;
            assert!(socket.reuseport()?);
            socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
            socket.listen(1024)
        };
        let mine: TcpListener = bind(0).unwrap();
        let address = mine.local_addr().unwrap();
        const CLIENTS: usize = 200;
        // Each answers with its name, until it is aborted.
        async fn serve(listener: TcpListener, name: u8) {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(&[name]).await.unwrap();
            }
        }
        let (ready, is_ready) = std::sync::mpsc::channel();
        let theirs = runtime::spawn_on(1, move || async move {
            let listener = bind(address.port()).unwrap();
            ready.send(()).unwrap();
            serve(listener, 1).await;
        });
        while is_ready.try_recv().is_err() {
            yield_now().await;
        }
        let mine = spawn(serve(mine, 0));
        let mut served = [0; 2];
        for _ in 0..CLIENTS {
            let mut client = TcpStream::connect(address).await.unwrap();
            served[client.read_u8().await.unwrap() as usize] += 1;
        }
        println!("served by each: {served:?}");
        assert!(served.iter().all(|count| *count > 0), "{served:?}");
        mine.abort();
        theirs.abort();
        assert!(mine.await.is_err() && theirs.await.is_err());
    });
}
