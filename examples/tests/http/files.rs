//! Files: byte by byte what is in the folder, and nothing else.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::symlink,
};

use crate::{
    server::Server,
    support::{curl, has, noise, status},
};

#[test]
fn files_come_as_they_are() {
    if !has("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    for length in [0, 1, 4096, 65_536, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 3_000_001] {
        let bytes = noise(length);
        fs::write(dir.path().join("file"), &bytes).unwrap();
        let url = format!("{}/file", server.url);
        assert!(curl(&[&url]).stdout == bytes, "{length} bytes");
        if length > 100 {
            for (range, expected) in [("0-0", 0..1), ("50-", 50..length), ("-9", length - 9..length), ("7-99", 7..100)]
            {
                assert!(curl(&["-r", range, &url]).stdout == bytes[expected], "{range} of {length} bytes");
            }
        }
    }
    assert_eq!(status(&["-r", "3000001-", &format!("{}/file", server.url)]), 416);
}

#[test]
fn names_kinds_and_dates() {
    if !has("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(dir.path().join("sub/index.html"), "<p>page").unwrap();
    fs::write(dir.path().join("with space.css"), "p {}").unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    let url = |path: &str| format!("{}{path}", server.url);
    assert_eq!(curl(&[&url("/sub/")]).stdout, b"<p>page");
    assert_eq!(curl(&["-L", &url("/sub")]).stdout, b"<p>page", "by a redirect");
    let headers = String::from_utf8(curl(&["-i", &url("/with%20space.css?version=2")]).stdout).unwrap();
    assert!(headers.contains("Content-Type: text/css\r\n") && headers.ends_with("p {}"), "{headers}");
    let changed = headers.lines().find_map(|line| line.strip_prefix("Last-Modified: ")).unwrap();
    let path = url("/with%20space.css");
    assert_eq!(status(&["-H", &format!("If-Modified-Since: {changed}"), &path]), 304);
    assert_eq!(status(&["-H", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", &path]), 200);
    assert_eq!(status(&["-H", "If-Modified-Since: yesterday", &path]), 200);
    assert_eq!(status(&["-r", "0-1", "-H", &format!("If-Range: {changed}"), &path]), 206);
    assert_eq!(status(&["-r", "0-1", "-H", "If-Range: Thu, 01 Jan 1970 00:00:00 GMT", &path]), 200);
}

#[test]
fn nothing_outside_the_folder_is_served() {
    if !has("curl") {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let dir = tempfile::tempdir_in(outside.path()).unwrap();
    fs::write(dir.path().join("inside"), "inside").unwrap();
    symlink(outside.path().join("secret"), dir.path().join("absolute")).unwrap();
    symlink("../secret", dir.path().join("relative")).unwrap();
    symlink("inside", dir.path().join("harmless")).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    symlink("..", dir.path().join("up")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("fifo")).status().unwrap();
    assert!(made.success());
    let server = Server::start(dir.path(), &["--quiet"]);
    let url = |path: &str| format!("{}{path}", server.url);
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/absolute",
        "/relative",
        "/up/secret",
        "/loop",
        "/inside/x",
        "/a%00b",
    ] {
        assert_eq!(status(&[&url(path)]), 404, "{path}");
    }
    assert_eq!(status(&[&url("/fifo")]), 403, "nobody writes to it: it would never end");
    assert_eq!(curl(&[&url("/harmless")]).stdout, b"inside");
    drop(server);
    let server = Server::start(dir.path(), &["--quiet", "--follow-links"]);
    assert_eq!(curl(&[&format!("{}/absolute", server.url)]).stdout, b"secret", "if it is asked for");
    assert_eq!(status(&[&format!("{}/../secret", server.url)]), 404);
}

#[test]
fn a_file_cut_while_it_is_sent_ends_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big");
    fs::write(&path, noise(64 << 20)).unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    let mut stream = server.connect();
    stream.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut some = vec![0; 1 << 16];
    stream.read_exact(&mut some).unwrap();
    // The rest does not fit the sockets' buffers, so the server is still at it.
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 20).unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(some.len() + rest.len() < 64 << 20, "the connection ends before the length that was promised");
}
