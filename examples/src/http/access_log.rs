//! One line per request, in the common log format.

use std::{
    cell::{Cell, RefCell},
    fmt::Write,
    net::IpAddr,
    time::Duration,
};

use runtime::{
    io::{self, AsyncWriteExt},
    time::sleep,
};

use super::{request::Method, status::Status};

/// How often lines are written out.
const PERIOD: Duration = Duration::from_millis(100);
/// What may wait for a slow terminal or pipe, in bytes. Lines beyond are counted and left out: a log never stops a server.
const WAITING: usize = 1 << 20;

/// A shard's log: lines are gathered in memory and written out ten times a second, so that no request waits for them.
#[derive(Debug)]
pub struct AccessLog {
    enabled: bool,
    lines: RefCell<String>,
    left_out: Cell<u64>,
}

impl AccessLog {
    pub fn new(enabled: bool) -> AccessLog {
        AccessLog { enabled, lines: RefCell::default(), left_out: Cell::new(0) }
    }

    /// Notes a request and its answer.
    pub fn note(&self, peer: IpAddr, date: &str, method: Method, path: &str, status: Status, bytes: u64) {
        if !self.enabled {
            return;
        }
        let mut lines = self.lines.borrow_mut();
        if lines.len() > WAITING {
            self.left_out.set(self.left_out.get() + 1);
            return;
        }
        let method = match method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Other => "-",
        };
        // What a client sends must not end the line, nor speak to a terminal.
        let path = path.escape_default();
        writeln!(lines, "{peer} - - [{date}] \"{method} {path}\" {} {bytes}", status.0).expect("a String takes all");
    }

    /// Writes lines out, for as long as the server runs and somebody takes them.
    pub async fn write_out(&self) {
        if !self.enabled {
            return;
        }
        let error = loop {
            sleep(PERIOD).await;
            if let Err(error) = self.flush().await {
                break error;
            }
        };
        // Serving goes on: whoever has closed the log did not ask for less than that.
        eprintln!("http: the access log ends: {error}");
    }

    /// Writes out what has been noted.
    pub async fn flush(&self) -> io::Result<()> {
        let mut lines = std::mem::take(&mut *self.lines.borrow_mut());
        let left_out = self.left_out.replace(0);
        if left_out > 0 {
            writeln!(lines, "# {left_out} lines left out: the log is read too slowly").expect("a String takes all");
        }
        if lines.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout();
        out.write_all(lines.as_bytes()).await?;
        out.flush().await
    }
}
