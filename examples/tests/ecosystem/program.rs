//! The program `hyper`, asked by curl and openssl. What is not installed is skipped, and said.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use crate::noise;

/// A running server, which ends with the test.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(folder: &Path, args: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hyper"))
            .args(["--port", "0", "--shards", "2", "--root"])
            .arg(folder)
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Server { child, url: url.trim().to_owned() }
    }

    /// The host and port.
    fn authority(&self) -> &str {
        self.url.split("//").nth(1).unwrap()
    }

    fn file(&self, name: &str) -> String {
        format!("{}/files/{name}", self.url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a tool is there; says so if it is not.
fn has(tool: &str, argument: &str) -> bool {
    let found = Command::new(tool).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: {tool} is not installed");
    }
    found
}

fn curl(args: &[&str]) -> Output {
    let output = Command::new("curl").args(["-sS", "-k", "--max-time", "30"]).args(args).output().unwrap();
    assert!(output.status.success(), "curl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
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
    if !has("curl", "--version") {
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
    if !has("curl", "--version") {
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
    if !has("openssl", "version") {
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
    if !has("curl", "--version") {
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
    let refused = curl(&["-o", "/dev/null", "-w", "%{http_code}", "-H", kind, "-d", "[1, \"x\"]", &url]);
    assert_eq!(refused.stdout, b"422");
}

#[test]
fn hyper_says_hello_and_serves_files() {
    if !has("curl", "--version") {
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
        let status = |args: &[&str]| {
            let mut all = vec!["-o", "/dev/null", "-w", "%{http_code}", "--path-as-is"];
            all.extend_from_slice(args);
            String::from_utf8(curl(&all).stdout).unwrap()
        };
        assert_eq!(status(&[&url("/nothing")]), "404");
        assert_eq!(status(&[&url("/../beside_the_folder")]), "404");
        // Without a body: over HTTP/2 the answer may overtake one, and curl reports the reset of the rest.
        assert_eq!(status(&["-X", "DELETE", &url("/")]), "405");
    }
}
