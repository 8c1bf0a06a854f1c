//! Many connections, and many calls that are dropped: no byte is lost, no connection reset, no descriptor left.
//!
//! `NET_LOAD_FULL=1` makes the numbers those of the promise: 100,000 dropped reads and 100,000 clients.

mod common;

use std::{
    io::{Read, Write},
    net::SocketAddr,
    process::{Command, Stdio},
    rc::Rc,
    time::Duration,
};

use common::{alone, open_fds, run, tcp_listener, tcp_pair};
use runtime::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{BufferPool, TcpStream},
    select, spawn,
    sync::local::Semaphore,
    task::yield_now,
    time::{self, MissedTickBehavior},
};

/// The short form in every run, the whole on demand.
fn scaled(short: usize, full: usize) -> usize {
    if std::env::var_os("NET_LOAD_FULL").is_some() { full } else { short }
}

/// The byte at a place of a stream.
fn pattern(place: usize) -> u8 {
    (place * 31 + place / 251) as u8
}

/// Numbers without a pattern (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % below
    }
}

/// A future that is ready at the n-th poll.
async fn after_polls(polls: usize) {
    for _ in 0..polls {
        yield_now().await;
    }
}

#[test]
fn no_byte_is_lost_by_reads_that_are_dropped() {
    let _alone = alone();
    let races = scaled(10_000, 100_000);
    run(async {
        let (mut client, mut server) = tcp_pair().await;
        let total = races * 4;
        let writer = spawn(async move {
            let (mut dice, mut place) = (Dice(7), 0);
            while place < total {
                let end = total.min(place + 1 + dice.next(16));
                let bytes: Vec<u8> = (place..end).map(pattern).collect();
                server.write_all(&bytes).await.unwrap();
                place = end;
                after_polls(dice.next(3)).await;
            }
            server
        });
        let (mut dice, mut place, mut dropped) = (Dice(3), 0, 0);
        while place < total {
            let mut buf = [0; 24];
            let room = 1 + dice.next(24);
            let polls = dice.next(4);
            // Dropped before its first poll, while it waits, and after it was woken.
            select! {
                biased;
                () = after_polls(polls), if dropped < races => dropped += 1,
                count = client.read(&mut buf[..room]) => {
                    for byte in &buf[..count.unwrap()] {
                        assert_eq!(*byte, pattern(place), "at {place}");
                        place += 1;
                    }
                }
            }
        }
        assert!(dropped > races / 4, "{dropped} of {races} races were lost by the read");
        drop(writer.await.unwrap());
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn no_byte_is_sent_twice_by_writes_that_are_dropped() {
    let _alone = alone();
    let races = scaled(10_000, 100_000);
    run(async {
        let (mut client, mut server) = tcp_pair().await;
        socket2::SockRef::from(&client).set_send_buffer_size(4096).unwrap();
        let reader = spawn(async move {
            let (mut dice, mut place, mut buf) = (Dice(5), 0, vec![0; 4096]);
            loop {
                let room = 1 + dice.next(buf.len());
                let count = server.read(&mut buf[..room]).await.unwrap();
                if count == 0 {
                    return place;
                }
                for byte in &buf[..count] {
                    assert_eq!(*byte, pattern(place), "at {place}");
                    place += 1;
                }
                after_polls(dice.next(3)).await;
            }
        });
        let (mut dice, mut place) = (Dice(11), 0);
        for _ in 0..races {
            let bytes: Vec<u8> = (place..place + 1 + dice.next(4096)).map(pattern).collect();
            let polls = dice.next(3);
            select! {
                biased;
                count = client.write(&bytes) => place += count.unwrap(),
                () = after_polls(polls) => {}
            }
        }
        drop(client);
        assert_eq!(reader.await.unwrap(), place, "a dropped write has sent something");
    });
}

#[test]
fn no_connection_is_reset_by_accepts_that_are_dropped() {
    let _alone = alone();
    let clients = scaled(5_000, 100_000) as u32;
    let fds = open_fds();
    run(async {
        let (listener, address) = tcp_listener().await;
        let server = spawn(async move {
            let mut tick = time::interval(Duration::from_millis(1));
            tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let (mut accepted, mut ticks) = (0, 0u32);
            while accepted < clients {
                select! {
                    biased;
                    _ = tick.tick() => ticks += 1,
                    connection = listener.accept() => {
                        let (mut stream, _) = connection.unwrap();
                        accepted += 1;
                        spawn(async move {
                            let number = stream.read_u32().await.unwrap();
                            stream.write_u32(number).await.unwrap();
                        });
                    }
                }
            }
            ticks
        });
        let at_once = Rc::new(Semaphore::new(200));
        let mut asked = Vec::new();
        for number in 0..clients {
            let permit = at_once.clone().acquire_owned().await.unwrap();
            asked.push(spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_u32(number).await.unwrap();
                assert_eq!(stream.read_u32().await.unwrap(), number, "reset or mixed up");
                drop(permit);
            }));
        }
        for client in asked {
            client.await.unwrap();
        }
        assert!(server.await.unwrap() > 0, "no accept was dropped");
    });
    assert_eq!(open_fds(), fds);
}

const CROWD: &str = "NET_LOAD_CROWD";

/// The other side of `a_crowd_is_served`, in a process of its own.
#[test]
fn crowd() {
    let Some(arguments) = std::env::var_os(CROWD) else { return };
    let arguments = arguments.into_string().unwrap();
    let (address, count) = arguments.split_once(' ').unwrap();
    raise_limit();
    let address: SocketAddr = address.parse().unwrap();
    let mut streams: Vec<_> =
        (0..count.parse::<u32>().unwrap()).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    for round in 0..2u32 {
        for (number, stream) in streams.iter_mut().enumerate() {
            stream.write_all(&(number as u32 + round).to_le_bytes()).unwrap();
        }
        for (number, stream) in streams.iter_mut().enumerate() {
            let mut bytes = [0; 4];
            stream.read_exact(&mut bytes).unwrap();
            assert_eq!(u32::from_le_bytes(bytes), number as u32 + round);
        }
    }
}

/// As many descriptors as the system allows; gives the number.
fn raise_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a local, written and read during the calls.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
    }
    limit.rlim_cur
}

/// Serves ten thousand connections at once by `serve`, or as many as the system allows.
fn a_crowd(serve: impl AsyncFn(TcpStream) + Clone + 'static) {
    let _alone = alone();
    let count = 10_000.min(raise_limit() - 200);
    let fds = open_fds();
    run(async {
        let (listener, address) = tcp_listener().await;
        let mut crowd = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crowd", "--nocapture"])
            .env(CROWD, format!("{address} {count}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut incoming = listener.incoming();
        let mut tasks = Vec::new();
        for _ in 0..count {
            let (stream, serve) = (incoming.next().await.unwrap().unwrap(), serve.clone());
            tasks.push(spawn(async move { serve(stream).await }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(crowd.wait().unwrap().success());
    });
    assert_eq!(open_fds(), fds);
}

#[test]
fn a_crowd_is_served_by_reads_and_writes() {
    a_crowd(async |mut stream| {
        let mut buf = [0; 64];
        loop {
            match stream.read(&mut buf).await.unwrap() {
                0 => return,
                count => stream.write_all(&buf[..count]).await.unwrap(),
            }
        }
    });
}

#[test]
fn a_crowd_is_served_by_streams_of_a_small_pool() {
    a_crowd(async |stream| {
        thread_local!(static POOL: std::cell::OnceCell<BufferPool> = const { std::cell::OnceCell::new() });
        let pool = POOL.with(|pool| pool.get_or_init(|| BufferPool::new(64, 256).unwrap()).clone());
        let mut bytes = stream.recv_stream(&pool);
        while let Some(lease) = bytes.next().await {
            stream.send_all(lease.unwrap()).await.0.unwrap();
        }
    });
}
