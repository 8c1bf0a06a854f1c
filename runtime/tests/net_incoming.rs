//! One op, many results: the connections of a listener. None that was given is reset, none is left over, whoever stops
//! when.

mod common;

use std::{
    future::{Future, poll_fn},
    io::{Read, Write},
    os::fd::{AsFd, AsRawFd},
    pin::pin,
    task::Poll,
    time::Duration,
};

use common::{Dice, alone, assert_clean, assert_send, is_emulated, open_fds, poll_once, ready_now};
use runtime::{
    Builder,
    net::{BufferPool, Incoming, TcpListener, TcpStream},
    op, spawn,
    task::yield_now,
    time::{sleep, timeout},
};

#[test]
fn a_thousand_connections_are_served() {
    let _alone = alone();
    let fds = open_fds();
    common::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients = std::thread::spawn(move || {
            for n in 0..1_000u32 {
                let mut client = std::net::TcpStream::connect(address).unwrap();
                client.write_all(&n.to_ne_bytes()).unwrap();
                let mut back = [0; 4];
                client.read_exact(&mut back).unwrap();
                assert_eq!(back, n.to_ne_bytes());
            }
        });
        let mut incoming = listener.incoming();
        assert_send(&incoming);
        let mut tasks = Vec::new();
        for _ in 0..1_000 {
            let stream = incoming.next().await.unwrap().unwrap();
            tasks.push(spawn(async move {
                let (result, bytes) = stream.recv_exact(vec![0; 4]).await;
                result.unwrap();
                stream.send_all(bytes).await.0.unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        clients.join().unwrap();
    });
    assert_eq!(open_fds(), fds);
}

/// Connections come while the stream is polled, stopped and dropped at random points: those that were given are never
/// reset, and no descriptor is left.
#[test]
fn dropped_at_random_points_no_descriptor_is_left_and_no_given_connection_reset() {
    let _alone = alone();
    let fds = open_fds();
    common::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut dice = Dice(5);
        let (mut given, mut served) = (0, 0);
        for _ in 0..300 {
            // A dropped one accepts until its cancel has reached the kernel.
            while runtime::metrics().activations > 0 {
                op::nop().await.unwrap();
            }
            let clients: Vec<_> = (0..1 + dice.throw(6))
                .map(|_| {
                    let client = std::net::TcpStream::connect(address).unwrap();
                    client.set_nonblocking(true).unwrap();
                    client
                })
                .collect();
            let mut incoming = listener.incoming().limit(1 + dice.throw(4) as usize);
            let mut taken = Vec::new();
            for _ in 0..dice.throw(5) {
                match dice.throw(3) {
                    0 => yield_now().await,
                    1 => {
                        let mut next = pin!(incoming.next());
                        if let Poll::Ready(next) = poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await {
                            taken.push(next.unwrap().unwrap());
                        }
                    }
                    _ if taken.len() < clients.len() => taken.push(incoming.next().await.unwrap().unwrap()),
                    _ => {}
                }
            }
            match dice.throw(3) {
                0 => {
                    incoming.stop();
                    while let Some(stream) = incoming.next().await {
                        taken.push(stream.unwrap());
                    }
                    // The others are still in the backlog.
                    while taken.len() < clients.len() {
                        taken.push(listener.accept().await.unwrap().0);
                    }
                    served += taken.len();
                }
                _ => drop(incoming),
            }
            given += taken.len();
            for stream in &taken {
                stream.send_all("hi").await.0.unwrap();
                stream.shutdown_how(std::net::Shutdown::Write).await.unwrap();
            }
            let peers: Vec<_> = taken.iter().map(|stream| stream.peer_addr().unwrap()).collect();
            for mut client in clients.into_iter().filter(|c| peers.contains(&c.local_addr().unwrap())) {
                client.set_nonblocking(false).unwrap();
                let mut text = String::new();
                client.read_to_string(&mut text).unwrap();
                assert_eq!(text, "hi");
            }
            // The next round begins with an empty backlog.
            while let Ok(Ok(_)) = timeout(Duration::ZERO, listener.accept()).await {}
        }
        assert!(given > 300 && served > 100, "{given} given, {served} served");
        while runtime::metrics().activations > 0 {
            op::nop().await.unwrap();
        }
    });
    assert_eq!(open_fds(), fds);
}

#[test]
fn untaken_connections_stop_the_accepting() {
    let _alone = alone();
    common::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = listener.incoming().limit(4);
        let first = std::net::TcpStream::connect(address).unwrap();
        drop(incoming.next().await.unwrap().unwrap());
        let fds = open_fds();
        let mut clients = vec![first];
        for n in 0..60 {
            clients.push(std::net::TcpStream::connect(address).unwrap());
            op::nop().await.unwrap();
            let accepted = open_fds() - fds - (n + 1);
            assert!(accepted <= 6, "{accepted} connections accepted of {n}, with a limit of 4");
        }
        for _ in 0..60 {
            drop(incoming.next().await.unwrap().unwrap());
        }
    });
}

#[test]
fn without_descriptors_it_says_so_and_goes_on() {
    let _alone = alone();
    common::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming: Incoming<TcpStream> = listener.incoming();
        let client = std::net::TcpStream::connect(address).unwrap();
        let next_fd = std::io::stdout().as_fd().try_clone_to_owned().unwrap().as_raw_fd();
        let limit = set_open_files(next_fd as u64);
        let first = incoming.next().await.unwrap();
        let started = std::time::Instant::now();
        let second = incoming.next().await.unwrap();
        let waited = started.elapsed();
        set_open_files(limit);
        for error in [first.unwrap_err(), second.unwrap_err()] {
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
        }
        assert!(waited >= Duration::from_millis(5), "asked again after {waited:?}");
        let stream = incoming.next().await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), client.local_addr().unwrap());
    });
}

/// Sets the soft limit of open descriptors; gives what it was.
fn set_open_files(limit: u64) -> u64 {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a local, written and read during the calls.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limits), 0);
        let before = std::mem::replace(&mut limits.rlim_cur, limit);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limits), 0);
        before
    }
}

#[test]
fn a_socket_that_does_not_listen_ends_it() {
    let _alone = alone();
    common::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut incoming = listener.incoming();
        poll_once(pin!(incoming.next())).await;
        yield_now().await;
        socket2::SockRef::from(&listener).shutdown(std::net::Shutdown::Read).unwrap();
        assert_eq!(incoming.next().await.unwrap().unwrap_err().raw_os_error(), Some(libc::EINVAL));
        assert!(incoming.next().await.is_none());
        assert!(incoming.next().await.is_none());
    });
}

#[test]
fn a_shutdown_takes_all_of_it_down() {
    let _alone = alone();
    let fds = open_fds();
    let runtime = Builder::new().build().unwrap();
    runtime.block_on(async {
        let pool = BufferPool::new(8, 64).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut incoming = listener.incoming();
        let stream = incoming.next().await.unwrap().unwrap();
        client.send_all("never read").await.0.unwrap();
        let late = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut bytes = stream.recv_stream(&pool);
        let _ = ready_now(&mut bytes).await;
        yield_now().await;
        spawn(async move {
            let _all = (pool, listener, client, incoming, stream, late, bytes);
            std::future::pending::<()>().await;
        });
        sleep(Duration::from_millis(2)).await;
    });
    assert_clean(&runtime.shutdown());
    assert_eq!(open_fds(), fds);
}

// -------------------------------------------------------------------- into slots

/// Connections in slots are served by ops and plans, take no descriptor of the process, and give their slots back: many
/// more pass than there are slots.
#[test]
fn connections_come_in_slots_that_the_kernel_chooses() {
    let _alone = alone();
    common::run_on(Builder::new().slots(4).accept_slots(8), async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = listener.incoming_slots().limit(2);
        let fds = open_fds();
        for round in 0..50u8 {
            let clients: Vec<_> = (0..4)
                .map(|n| {
                    let mut client = std::net::TcpStream::connect(address).unwrap();
                    client.write_all(&[round, n]).unwrap();
                    client
                })
                .collect();
            let mut slots = Vec::new();
            for _ in 0..4 {
                slots.push(incoming.next().await.unwrap().unwrap());
            }
            // An emulated slot is a descriptor.
            let slots_fds = if is_emulated() { 4 } else { 0 };
            assert_eq!(open_fds(), fds + 4 + slots_fds, "the clients' own");
            for (n, slot) in slots.iter().enumerate() {
                // Received, and sent back as a plan.
                let ((received, bytes), (sent, _)) =
                    slot.recv_exact(vec![0; 2]).then(|bytes| slot.send_all(bytes)).await;
                received.unwrap();
                sent.unwrap();
                assert_eq!(bytes, [round, n as u8]);
            }
            // One by an op, the others with their owners.
            slots.pop().unwrap().close().await.unwrap();
            drop(slots);
            // Those are closed with the next submission.
            op::nop().await.unwrap();
            for (n, mut client) in clients.into_iter().enumerate() {
                let mut back = Vec::new();
                client.read_to_end(&mut back).unwrap();
                assert_eq!(back, [round, n as u8], "and the slot is closed");
            }
        }
    });
}

#[test]
fn slots_that_are_left_over_are_closed() {
    let _alone = alone();
    let fds = open_fds();
    common::run_on(Builder::new().accept_slots(16), async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut clients = Vec::new();
        for untaken in 0..6 {
            // A dropped one accepts until its cancel has reached the kernel.
            while runtime::metrics().activations > 0 {
                op::nop().await.unwrap();
            }
            let mut incoming = listener.incoming_slots();
            let first = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let slot = incoming.next().await.unwrap().unwrap();
            for _ in 0..untaken {
                clients.push(std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap());
            }
            op::nop().await.unwrap();
            drop(incoming);
            drop(slot);
            clients.push(first);
        }
        // Each sees its end, whether its slot was taken or not; the backlog's are closed with the listener.
        drop(listener);
        while runtime::metrics().slots > 0 || runtime::metrics().activations > 0 {
            op::nop().await.unwrap();
        }
        for mut client in clients {
            assert_eq!(client.read(&mut [0; 1]).unwrap_or(0), 0);
        }
    });
    assert_eq!(open_fds(), fds);
}

#[test]
fn without_slots_set_aside_it_says_so_and_with_all_taken_it_goes_on() {
    let _alone = alone();
    common::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let error = listener.incoming_slots().next().await.unwrap().unwrap_err();
        assert!(error.to_string().contains("Builder::accept_slots"), "{error}");
    });
    common::run_on(Builder::new().accept_slots(1), async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connect = || std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut incoming = listener.incoming_slots();
        let _first = connect();
        let slot = incoming.next().await.unwrap().unwrap();
        let mut second = connect();
        let error = incoming.next().await.unwrap().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENFILE), "{error}");
        assert_eq!(second.read(&mut [0; 1]).unwrap_or(0), 0, "the kernel has closed it");
        slot.close().await.unwrap();
        let mut third = connect();
        let slot = incoming.next().await.unwrap().unwrap();
        slot.send_all("x").await.0.unwrap();
        third.read_exact(&mut [0; 1]).unwrap();
    });
}
