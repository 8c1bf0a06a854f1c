//! What is not about files: the echo, the page, statuses, keep-alive, pipelining, the end.

use std::io::{Read, Write};

use crate::{
    server::Server,
    support::{curl, has, noise, status, until},
};

#[test]
fn it_gives_back_what_it_is_sent() {
    if !has("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    let body = dir.path().join("body");
    let url = format!("{}/echo", server.url);
    for length in [0, 1, 1_000, 70_000, 1 << 20] {
        let bytes = noise(length);
        std::fs::write(&body, &bytes).unwrap();
        let data = format!("@{}", body.display());
        assert!(curl(&["--data-binary", &data, &url]).stdout == bytes, "{length} bytes, with their length");
        let chunked = ["-H", "Transfer-Encoding: chunked", "-H", "Expect:", "--data-binary", &data, &url];
        assert!(curl(&chunked).stdout == bytes, "{length} bytes in chunks");
    }
    std::fs::write(&body, noise((1 << 20) + 1)).unwrap();
    assert_eq!(status(&["--data-binary", &format!("@{}", body.display()), &url]), 413);
}

#[test]
fn curl_sees_the_statuses() {
    if !has("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    let url = |path: &str| format!("{}{path}", server.url);
    let long = "x".repeat(9_000);
    assert_eq!(status(&[&url("/")]), 200);
    assert_eq!(status(&["-I", &url("/")]), 200);
    assert_eq!(status(&[&url("/metrics")]), 200);
    assert_eq!(status(&[&url("/nothing")]), 404);
    assert_eq!(status(&[&url("/echo")]), 405);
    assert_eq!(status(&["-X", "DELETE", &url("/")]), 405);
    assert_eq!(status(&["-d", "x", &url("/")]), 405);
    assert_eq!(status(&[&url(&format!("/{long}"))]), 414);
    assert_eq!(status(&["-H", &format!("X: {long}{long}"), &url("/")]), 431);
    assert_eq!(status(&["-H", "Host:", &url("/")]), 400);
    assert_eq!(status(&["-X", "BREW", &url("/")]), 501);
    assert_eq!(status(&["--http1.0", &url("/")]), 200);
    let headers = curl(&["-i", "-X", "PUT", &url("/echo")]).stdout;
    assert!(String::from_utf8_lossy(&headers).contains("Allow: POST"), "a 405 says what is allowed");
    assert!(server.say(b"GET / HTTP/3.0\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 505 "));
}

#[test]
fn many_requests_share_a_connection_and_a_packet() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("small"), "file").unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    let mut requests = Vec::new();
    for n in 0..100 {
        write!(requests, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{n:03}").unwrap();
        write!(requests, "GET /small HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    }
    write!(requests, "HEAD /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let answer = server.say(&requests);
    let bodies: Vec<&str> =
        answer.split("HTTP/1.1 200 OK\r\n").skip(1).map(|one| one.split("\r\n\r\n").nth(1).unwrap()).collect();
    assert_eq!(bodies.len(), 201);
    for n in 0..100 {
        assert_eq!((bodies[2 * n], bodies[2 * n + 1]), (format!("{n:03}").as_str(), "file"));
    }
    assert_eq!(bodies[200], "", "HEAD has no body");
}

#[test]
fn a_client_may_wait_for_the_word_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    let mut stream = server.connect();
    stream.write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n").unwrap();
    let mut word = [0; 25];
    stream.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hi").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hi"), "{answer}");
}

#[test]
fn ctrl_c_ends_it_cleanly_and_a_request_under_way_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &["--quiet"]);
    let mut idle = server.connect();
    let mut busy = server.connect();
    busy.write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel").unwrap();
    // Both have been accepted, and what was sent was read.
    until("two connections and our own", || server.metric("http_connections") == 3.0);
    server.program.signal("INT");
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0, "an idle connection ends at once");
    busy.write_all(b"lo").unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("Connection: close") && answer.ends_with("hello"), "{answer}");
    assert!(server.program.wait().success());
}

#[test]
fn what_cannot_be_served_is_said_at_the_start() {
    let run = |args: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_http")).args(args).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run(&["--port", "0", "--root", "/no/such/folder"]).contains("/no/such/folder"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = run(&["--port", &address.port().to_string()]);
    assert!(error.contains(&address.to_string()), "{error}");
    assert!(run(&["--shards", "0"]).contains("--shards"));
}
