//! The program `log`: what it acknowledges is there, whatever happens to it.

#![forbid(unsafe_code)]

mod support;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use self::support::{Program, text};

struct Server {
    program: Program,
    port: String,
    from: u64,
}

impl Server {
    /// Port 0 chooses one.
    fn start(dir: &Path, port: &str) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_log"));
        let program = Program::start(command.args(["serve", "--port", port, "--dir"]).arg(dir));
        let port = program.word(0).rsplit(':').next().unwrap().to_owned();
        let from = program.word(3).parse().unwrap();
        Server { program, port, from }
    }

    fn connect(&self) -> TcpStream {
        support::connect(("127.0.0.1", self.port.parse().unwrap()))
    }

    fn kill(&mut self) {
        self.program.signal("KILL");
        self.program.wait();
    }

    fn interrupt(&mut self) -> bool {
        self.program.signal("INT");
        self.program.wait().success()
    }
}

fn load(port: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_log"));
    command.args(["load", "--port", port]).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn frame(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind][..], &(bytes.len() as u32).to_le_bytes(), bytes].concat()
}

#[test]
fn records_come_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), "0");
    assert_eq!(server.from, 8);
    let output = load(&server.port, &["--clients", "7", "--records", "1001", "--verify"]).output().unwrap();
    assert!(
        output.status.success() && text(&output).contains("1001 acknowledged records, none missing; 1001 in the log"),
        "{}",
        text(&output)
    );
    assert!(server.interrupt(), "ctrl-c is no failure");
    let server = Server::start(dir.path(), "0");
    assert_eq!(server.from, 8 + 1001 * 108);
    let output = load(&server.port, &["--clients", "1", "--records", "1", "--verify"]).output().unwrap();
    assert!(text(&output).contains("1002 in the log"), "{}", text(&output));
}

/// `RUNTIME_KILLS` says how often.
#[test]
fn no_kill_loses_an_acknowledged_record() {
    let kills = std::env::var("RUNTIME_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_u64);
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), "0");
    let port = server.port.clone();
    let mut lost = 0;
    let mut dice = 1_u64;
    for _ in 0..kills.div_ceil(5) {
        let running =
            load(&port, &["--clients", "16", "--records", "3000", "--size", "300", "--verify"]).spawn().unwrap();
        for _ in 0..5 {
            // From the length of the file it is known that appends are under way.
            let path = dir.path().join("records.log");
            let length = || fs::metadata(&path).unwrap().len();
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let until = length() + (dice >> 33) % 100_000;
            let mut looks = 0;
            while length() < until && looks < 20_000 {
                looks += 1;
                std::thread::yield_now();
            }
            server.kill();
            lost += 1;
            server = Server::start(dir.path(), &port);
        }
        let output = running.wait_with_output().unwrap();
        assert!(output.status.success() && text(&output).contains("none missing"), "{}", text(&output));
    }
    println!("{lost} kills");
}

#[test]
fn a_torn_end_is_cut_off_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), "0");
    assert!(load(&server.port, &["--clients", "1", "--records", "10"]).output().unwrap().status.success());
    server.kill();
    let path = dir.path().join("records.log");
    let whole = fs::read(&path).unwrap();
    for extra in [&b"\x64\0\0\0half a record"[..], &[0; 5000], &[0xff; 3]] {
        fs::write(&path, [&whole[..], extra].concat()).unwrap();
        let mut server = Server::start(dir.path(), "0");
        assert_eq!(server.from, whole.len() as u64);
        server.kill();
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn what_is_no_log_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.log");
    fs::write(&path, "somebody's own notes").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_log"))
        .args(["serve", "--port", "0", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(!output.status.success() && text(&output).contains("is no log of this program"), "{}", text(&output));
    assert_eq!(fs::read(&path).unwrap(), b"somebody's own notes");
    fs::remove_file(&path).unwrap();
    let _first = Server::start(dir.path(), "0");
    let second = Command::new(env!("CARGO_BIN_EXE_log"))
        .args(["serve", "--port", "0", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(!second.status.success() && text(&second).contains("is in use"), "{}", text(&second));
}

#[test]
fn clients_that_do_not_keep_to_the_protocol_are_told_and_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), "0");
    let mut stream = server.connect();
    // The first is acknowledged all the same.
    stream.write_all(&[frame(1, b"one"), frame(99, b"")].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, [frame(3, &8_u64.to_le_bytes()), frame(6, b"no such request")].concat());
    let mut stream = server.connect();
    stream.write_all(&[1, 0xff, 0xff, 0xff, 0xff]).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
    // One that sends and never reads does not hold up the others for ever.
    let deaf = server.connect();
    deaf.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let appends = frame(1, b"x").repeat(10_000);
    // Until the server takes no more of it, or ends the connection.
    while (&deaf).write_all(&appends).is_ok() {}
    let output = load(&server.port, &["--clients", "4", "--records", "100"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn a_client_that_closes_its_side_gets_its_acknowledgements() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), "0");
    let mut stream = server.connect();
    stream.write_all(&frame(1, b"one").repeat(100)).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.len(), 100 * 13);
}
