//! A running server, and what it is asked.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
};

use crate::support::{self, Program};

/// A server on a port of its own.
pub struct Server {
    pub program: Program,
    pub url: String,
}

impl Server {
    pub fn start(root: &Path, args: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_http"));
        let program = Program::start(command.args(["--port", "0", "--shards", "2", "--root"]).arg(root).args(args));
        let url = program.word(0).to_owned();
        Server { program, url }
    }

    pub fn connect(&self) -> TcpStream {
        support::connect(self.url.strip_prefix("http://").unwrap())
    }

    /// Sends bytes, and reads all that comes until the server closes.
    pub fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The value of a metric, over all shards.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.say(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let lines = text.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }
}
