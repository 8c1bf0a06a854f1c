//! Programs under test, and what their tests need beside them.

#![allow(dead_code, reason = "each test crate uses a part")]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::{TcpStream, ToSocketAddrs},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program. It ends with the test.
pub struct Program {
    child: Child,
    /// What it says once it serves.
    pub greeting: String,
}

impl Program {
    pub fn start(command: &mut Command) -> Program {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        Program { child, greeting }
    }

    /// A word of its greeting.
    pub fn word(&self, index: usize) -> &str {
        self.greeting.split_whitespace().nth(index).unwrap()
    }

    /// How many descriptors it has open.
    pub fn fds(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Its resident memory, in KiB.
    pub fn rss(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap().success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// What it has said on a piped stderr, once it has ended.
    pub fn complaints(&mut self) -> String {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that does not wait for ever.
pub fn connect(address: impl ToSocketAddrs) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Waits until something holds; connections end a moment after their clients.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// Bytes without a pattern, the same ones each time.
pub fn noise(count: usize) -> Vec<u8> {
    (0..count as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Whether a tool is there; says so if it is not.
pub fn has(tool: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("skipped: {tool} is not installed");
    }
    found
}

/// By a curl that takes paths as they are, and any certificate.
pub fn curl(args: &[&str]) -> Output {
    let always = ["-sS", "-k", "--path-as-is", "--max-time", "30"];
    let output = Command::new("curl").args(always).args(args).output().unwrap();
    assert!(output.status.success(), "curl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The status that curl gets.
pub fn status(args: &[&str]) -> u16 {
    let args = [&["-o", "/dev/null", "-w", "%{http_code}"], args].concat();
    String::from_utf8(curl(&args).stdout).unwrap().parse().unwrap()
}

/// What a program has said, in all.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
