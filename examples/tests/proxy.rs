//! The program `proxy`, between clients and servers of others' making.

#![forbid(unsafe_code)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

struct Proxy {
    child: Child,
    address: String,
}

impl Proxy {
    fn start(to: &str, args: &[&str]) -> Proxy {
        let mut child = Command::new(env!("CARGO_BIN_EXE_proxy"))
            .args(["--listen", "127.0.0.1:0", "--shards", "2", "--to", to])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Proxy { child, address: line.split(' ').next().unwrap().to_owned() }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    fn fds(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    fn rss(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn interrupt(&self) {
        assert!(Command::new("kill").args(["-s", "INT", &self.child.id().to_string()]).status().unwrap().success());
    }

    /// What it says at its end.
    fn end(mut self) -> (bool, String) {
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status.success(), said)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server on a thread of its own for each connection.
fn serve(each: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = each.clone();
            std::thread::spawn(move || each(stream));
        }
    });
    address
}

/// Sends back what comes, until the end.
fn echo(stream: TcpStream) {
    let _ = std::io::copy(&mut &stream, &mut &stream);
}

fn noise(count: usize) -> Vec<u8> {
    (0..count as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within 30 s");
        std::thread::yield_now();
    }
}

#[test]
fn every_byte_passes_both_ways_at_once_and_nothing_is_left() {
    let proxy = Proxy::start(&serve(echo), &[]);
    let before = proxy.fds();
    let sizes = [0, 1, 1_000, 65_536, 65_537, 5_000_000];
    std::thread::scope(|threads| {
        for n in 0..12 {
            let (proxy, size) = (&proxy, sizes[n % sizes.len()]);
            threads.spawn(move || {
                let stream = proxy.connect();
                let bytes = noise(size);
                std::thread::scope(|both| {
                    both.spawn(|| {
                        (&stream).write_all(&bytes).unwrap();
                        stream.shutdown(Shutdown::Write).unwrap();
                    });
                    let mut back = Vec::new();
                    (&stream).read_to_end(&mut back).unwrap();
                    assert!(back == bytes, "{size} bytes");
                });
            });
        }
    });
    until("descriptors are what they were", || proxy.fds() <= before);
}

#[test]
fn an_end_is_passed_on_and_the_other_direction_goes_on() {
    // It answers after it has heard all, and only then.
    let to = serve(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        write!(stream, "{} bytes", all.len()).unwrap();
    });
    let proxy = Proxy::start(&to, &[]);
    let mut stream = proxy.connect();
    stream.write_all(&noise(70_000)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "70000 bytes");
}

#[test]
fn curl_goes_through() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: curl is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bytes = noise(3_000_000);
    fs::write(dir.path().join("file"), &bytes).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_http"))
        .args(["--port", "0", "--shards", "1", "--quiet", "--root"])
        .arg(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let to = line.split(' ').next().unwrap().strip_prefix("http://").unwrap().to_owned();
    let proxy = Proxy::start(&to, &[]);
    let output = Command::new("curl").args(["-sS", &format!("http://{}/file", proxy.address)]).output().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(output.stdout == bytes, "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_reader_that_stops_holds_up_the_writer_and_takes_no_memory() {
    let to = serve(|stream| {
        let _ = stream.try_clone().map(std::mem::forget);
        std::thread::park();
    });
    let proxy = Proxy::start(&to, &[]);
    let before = proxy.rss();
    let stream = proxy.connect();
    stream.set_nonblocking(true).unwrap();
    let (block, mut sent, mut full_since) = (vec![0; 1 << 16], 0, None);
    loop {
        match (&stream).write(&block) {
            Ok(n) => (sent, full_since) = (sent + n, None),
            Err(_) if full_since.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(1) => break,
            Err(_) => std::thread::yield_now(),
        }
        assert!(sent < 1 << 30, "it takes all");
    }
    assert!(proxy.rss() < before + (4 << 10), "{} KiB, before {before}", proxy.rss());
}

#[test]
fn who_cannot_be_reached_is_named() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let proxy = Proxy::start(&nobody, &[]);
    assert_eq!(proxy.connect().read(&mut [0; 1]).unwrap_or(0), 0, "the client's connection ends");
    proxy.interrupt();
    let (_, said) = proxy.end();
    assert!(said.contains(&format!("cannot connect to {nobody}")), "{said}");
}

#[test]
fn connecting_has_a_limit() {
    // A backlog that is full answers nothing at all.
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = full.local_addr().unwrap();
    let mut fillers = Vec::new();
    while let Ok(filler) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        fillers.push(filler);
        assert!(fillers.len() < 10_000, "the backlog has no end");
    }
    let proxy = Proxy::start(&address.to_string(), &["--connect-seconds", "1"]);
    let start = Instant::now();
    assert_eq!(proxy.connect().read(&mut [0; 1]).unwrap_or(0), 0);
    assert!(start.elapsed() >= Duration::from_millis(900));
    proxy.interrupt();
    let (_, said) = proxy.end();
    assert!(said.contains("not within 1s"), "{said}");
}

#[test]
fn after_ctrl_c_connections_may_end_and_the_rest_is_cut_off() {
    let proxy = Proxy::start(&serve(echo), &["--drain-seconds", "1"]);
    let mut ends = proxy.connect();
    let mut stays = proxy.connect();
    for stream in [&mut ends, &mut stays] {
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0; 1]).unwrap();
    }
    proxy.interrupt();
    until("it accepts no more", || TcpStream::connect(&proxy.address).is_err());
    ends.write_all(b"still").unwrap();
    ends.read_exact(&mut [0; 5]).unwrap();
    drop(ends);
    assert_eq!(stays.read(&mut [0; 1]).unwrap_or(0), 0, "cut off after a second");
    let (success, said) = proxy.end();
    assert!(success && said.contains("tasks were cut off after 1 s"), "{said}");
}
