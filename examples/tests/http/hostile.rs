//! Clients that do not behave. They get what is due to them, and leave nothing behind.

use std::{
    io::{Read, Write},
    net::Shutdown,
    time::{Duration, Instant},
};

use crate::{
    server::Server,
    support::{noise, until},
};

#[test]
fn a_slow_head_and_a_slow_body_are_408() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--quiet", "--head-seconds", "1", "--idle-seconds", "1"]);
    // A byte now and then does not help.
    let mut slow = server.connect();
    slow.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let start = Instant::now();
    let mut answer = Vec::new();
    while start.elapsed() < Duration::from_secs(20) {
        let _ = slow.write_all(b"G");
        let mut buffer = [0; 1024];
        match slow.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => answer.extend_from_slice(&buffer[..n]),
            Err(_) => {}
        }
    }
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!(start.elapsed() < Duration::from_secs(15));
    let mut idle = server.connect();
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0, "an idle connection is closed without a word");
}

#[test]
fn a_client_that_reads_nothing_stops_the_server_reading() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    let before = server.program.rss();
    let stream = server.connect();
    stream.set_nonblocking(true).unwrap();
    let request = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n".to_vec();
    let all = [request, vec![b'x'; 10_000]].concat().repeat(10);
    let (mut sent, mut full_since) = (0_usize, None);
    // Until nothing more has gone for a second: then the windows of both directions are full.
    loop {
        match (&stream).write(&all[sent % all.len()..]) {
            Ok(n) => (sent, full_since) = (sent + n, None),
            Err(_) if full_since.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(1) => break,
            Err(_) => std::thread::yield_now(),
        }
        assert!(sent < 1 << 30, "the server takes all and keeps it");
    }
    assert!(server.program.rss() < before + (16 << 10), "{} KiB, before {before}", server.program.rss());
}

/// A storm of garbage, cut requests, resets and half closes beside good requests. Afterwards descriptors, tasks and ops in
/// flight are what they were. `RUNTIME_STORM_SECONDS` makes it longer.
#[test]
fn a_storm_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), noise(300_000)).unwrap();
    let server = Server::start(dir.path(), &["--quiet", "--head-seconds", "2"]);
    let seconds = std::env::var("RUNTIME_STORM_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let end = Instant::now() + Duration::from_secs(seconds);
    // A first round warms what is kept for reuse.
    std::thread::scope(|threads| {
        for seed in 0..4 {
            let server = &server;
            threads.spawn(move || storm(server, seed, Instant::now() + Duration::from_secs(1)));
        }
    });
    let settled = |server: &Server| server.metric("http_connections") == 1.0;
    until("all connections end", || settled(&server));
    let before = (
        server.program.fds(),
        server.metric("runtime_tasks"),
        server.metric("runtime_in_flight"),
        server.program.rss(),
    );
    std::thread::scope(|threads| {
        for seed in 0..4 {
            let server = &server;
            threads.spawn(move || storm(server, seed + 10, end));
        }
    });
    until("all connections end", || settled(&server));
    until("descriptors, tasks and ops are what they were", || {
        let now = (server.program.fds(), server.metric("runtime_tasks"), server.metric("runtime_in_flight"));
        now.0 <= before.0 && now.1 <= before.1 && now.2 <= before.2
    });
    let (requests, rss) = (server.metric("http_requests_total"), server.program.rss());
    println!("{requests} requests in {seconds} s; RSS {} KiB before, {rss} after", before.3);
    assert!(rss < before.3 + (8 << 10), "RSS {} KiB before, {rss} after", before.3);
}

/// One client's part of the storm.
fn storm(server: &Server, seed: u64, end: Instant) {
    let mut dice = seed;
    let mut throw = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    while Instant::now() < end {
        let mut stream = server.connect();
        match throw(8) {
            0 => drop(stream),
            1 => {
                let garbage = noise(1 + throw(20_000) as usize);
                let _ = stream.write_all(&garbage);
            }
            2 => {
                let _ = stream.write_all(b"GET /file HTTP/1.1\r\nHo");
            }
            3 => {
                // Leaves while a file comes: unread bytes make it a reset.
                let _ = stream.write_all(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
                let _ = stream.read(&mut [0; 1000]);
            }
            4 => {
                let _ = stream.write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nxxx");
                let _ = stream.shutdown(Shutdown::Write);
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                assert!(answer.is_empty(), "half a request has no answer");
            }
            5 => {
                let _ = stream.write_all(&b"GET / HTTP/1.1\r\nHost: a\r\n\r\nnonsense ".repeat(20));
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                assert!(answer.starts_with(b"HTTP/1.1 200 "));
            }
            _ => {
                stream.write_all(b"GET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).unwrap();
                assert!(answer.ends_with(&noise(300_000)), "a good client gets its file meanwhile");
            }
        }
    }
}
