//! The program `hyper`, asked by curl and openssl. What is not installed is skipped, and said.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{self, Program, curl, has, noise, status};

/// A running server, which ends with the test.
struct Server {
    program: Program,
    url: String,
}

impl Server {
    fn start(folder: &Path, args: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hyper"));
        let program = Program::start(command.args(["--port", "0", "--shards", "2", "--root"]).arg(folder).args(args));
        let url = program.word(0).to_owned();
        Server { program, url }
    }

    /// The host and port.
    fn authority(&self) -> &str {
        self.url.split("//").nth(1).unwrap()
    }

    fn file(&self, name: &str) -> String {
        format!("{}/files/{name}", self.url)
    }
}

/// Puts a file there and gets it back, over the protocol that `version` asks curl for.
fn there_and_back(server: &Server, folder: &Path, version: &str) {
    let (sent, bytes) = (folder.join("sent"), noise(3 << 20));
    fs::write(&sent, &bytes).unwrap();
    let url = server.file("taken");
    let put = curl(&[version, "-w", "%{http_code}", "--upload-file", sent.to_str().unwrap(), &url]);
    assert_eq!(put.stdout, b"201");
    assert!(fs::read(folder.join("taken")).unwrap() == bytes);
    assert!(curl(&[version, &url]).stdout == bytes);
    let missing = curl(&[version, "-w", "%{http_code}", &server.file("nothing")]);
    assert_eq!(missing.stdout, b"404");
    let elsewhere = curl(&[version, "-w", "%{http_code}", &server.file("..%2Fsent")]);
    assert_eq!(elsewhere.stdout, b"400");
}

#[test]
fn curl_over_http() {
    if !has("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--service", "axum"]);
    there_and_back(&server, folder.path(), "--http1.1");
    let url = format!("{}/", server.url);
    let twice = curl(&["-w", "%{num_connects} ", &url, &url]);
    assert_eq!(
        String::from_utf8_lossy(&twice.stdout),
        "GET or PUT /files/NAME, GET /shard, POST /sum\n1 GET or PUT /files/NAME, GET /shard, POST /sum\n0 "
    );
}

#[test]
fn curl_over_tls() {
    if !has("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--service", "axum", "--tls"]);
    there_and_back(&server, folder.path(), "--http1.1");
    let version = Command::new("curl").arg("--version").output().unwrap().stdout;
    if !String::from_utf8_lossy(&version).contains("HTTP2") {
        eprintln!("skipped: this curl does not speak HTTP/2");
        return;
    }
    there_and_back(&server, folder.path(), "--http2");
    let spoken = curl(&["--http2", "-o", "/dev/null", "-w", "%{http_version}", &format!("{}/", server.url)]);
    assert_eq!(spoken.stdout, b"2");
}

#[test]
fn openssl_over_tls() {
    if !has("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--service", "axum", "--tls"]);
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-verify_quiet", "-connect", server.authority()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut request = client.stdin.take().unwrap();
    request.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let answer = client.wait_with_output().unwrap().stdout;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nGET or PUT /files/NAME, GET /shard, POST /sum\n"), "{answer}");
    drop(request);
}

#[test]
fn axum_answers_in_json() {
    if !has("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--service", "axum"]);
    let json = |args: &[&str]| serde_json::from_slice::<serde_json::Value>(&curl(args).stdout).unwrap();
    let shard = json(&[&format!("{}/shard", server.url)]);
    assert!(shard["shards"] == 2 && shard["shard"].as_u64().unwrap() < 2 && shard["enters"].as_u64().unwrap() > 0);
    let url = format!("{}/sum", server.url);
    let kind = "Content-Type: application/json";
    assert_eq!(json(&["-H", kind, "-d", "[1, 2.5]", &url]), serde_json::json!({ "sum": 3.5, "count": 2 }));
    assert_eq!(status(&["-H", kind, "-d", "[1, \"x\"]", &url]), 422);
}

#[test]
fn hyper_says_hello_and_serves_files() {
    if !has("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().parent().unwrap().join("beside_the_folder"), "secret").unwrap();
    let bytes = noise(300_000);
    fs::write(folder.path().join("a file"), &bytes).unwrap();
    for args in [&[][..], &["--tls"]] {
        let server = Server::start(folder.path(), args);
        let url = |path: &str| format!("{}{path}", server.url);
        assert_eq!(curl(&[&url("/")]).stdout, b"hello\n");
        assert!(curl(&[&url("/a%20file")]).stdout == bytes);
        assert_eq!(status(&[&url("/nothing")]), 404);
        assert_eq!(status(&[&url("/../beside_the_folder")]), 404);
        // Without a body: over HTTP/2 the answer may overtake one, and curl reports the reset of the rest.
        assert_eq!(status(&["-X", "DELETE", &url("/")]), 405);
    }
}

#[test]
fn ctrl_c_ends_idle_connections_and_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--service", "axum"]);
    let mut idle = support::connect(server.authority());
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    server.program.signal("INT");
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    assert!(server.program.wait().success());
}
