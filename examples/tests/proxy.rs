//! The program `proxy`, between clients and servers of others' making.

#![forbid(unsafe_code)]

mod support;

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use self::support::{Program, curl, has, noise, until};

struct Proxy {
    program: Program,
    address: String,
}

impl Proxy {
    fn start(to: &str, args: &[&str]) -> Proxy {
        let mut command = Command::new(env!("CARGO_BIN_EXE_proxy"));
        command.args(["--listen", "127.0.0.1:0", "--shards", "2", "--to", to]).args(args).stderr(Stdio::piped());
        let program = Program::start(&mut command);
        let address = program.word(0).to_owned();
        Proxy { program, address }
    }

    fn connect(&self) -> TcpStream {
        support::connect(&self.address)
    }

    fn interrupt(&self) {
        self.program.signal("INT");
    }

    /// What it says at its end.
    fn end(mut self) -> (bool, String) {
        (self.program.wait().success(), self.program.complaints())
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

#[test]
fn every_byte_passes_both_ways_at_once_and_nothing_is_left() {
    let proxy = Proxy::start(&serve(echo), &[]);
    let before = proxy.program.fds();
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
    until("descriptors are what they were", || proxy.program.fds() <= before);
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
    if !has("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bytes = noise(3_000_000);
    fs::write(dir.path().join("file"), &bytes).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_http"));
    let server = Program::start(server.args(["--port", "0", "--shards", "1", "--quiet", "--root"]).arg(dir.path()));
    let proxy = Proxy::start(server.word(0).strip_prefix("http://").unwrap(), &[]);
    assert!(curl(&[&format!("http://{}/file", proxy.address)]).stdout == bytes);
}

#[test]
fn a_reader_that_stops_holds_up_the_writer_and_takes_no_memory() {
    let to = serve(|stream| {
        let _ = stream.try_clone().map(std::mem::forget);
        std::thread::park();
    });
    let proxy = Proxy::start(&to, &[]);
    let before = proxy.program.rss();
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
    assert!(proxy.program.rss() < before + (4 << 10), "{} KiB, before {before}", proxy.program.rss());
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
    assert!(success && said.contains("tasks were cut off after 1s"), "{said}");
}
