//! Answers, as bytes.

use std::io::Write;

use super::{
    request::{Method, Request},
    status::{Refusal, Status},
};

/// Most fields that an answer of this server has beside those that every answer has.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// Answers of one connection, ready to be sent, in order. Answers to requests that came together leave together.
#[derive(Debug, Default)]
pub struct Replies {
    pub bytes: Vec<u8>,
}

impl Replies {
    /// The head of an answer whose body, of `length` bytes, follows.
    pub fn head(&mut self, status: Status, length: u64, date: &str, keep_alive: bool, fields: Fields<'_>) {
        self.begin(status, date, keep_alive, fields);
        write!(self.bytes, "Content-Length: {length}\r\n\r\n").expect("a Vec takes all");
    }

    /// An answer that never has a body.
    pub fn bare(&mut self, status: Status, date: &str, keep_alive: bool, fields: Fields<'_>) {
        self.begin(status, date, keep_alive, fields);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn begin(&mut self, status: Status, date: &str, keep_alive: bool, fields: Fields<'_>) {
        let connection = if keep_alive { "keep-alive" } else { "close" };
        write!(
            self.bytes,
            "HTTP/1.1 {} {}\r\nDate: {date}\r\nServer: runtime\r\nConnection: {connection}\r\n",
            status.0,
            status.reason()
        )
        .expect("a Vec takes all");
        for (name, value) in fields {
            write!(self.bytes, "{name}: {value}\r\n").expect("a Vec takes all");
        }
    }

    /// A whole answer. The body is left out for HEAD, its length is not.
    pub fn whole(&mut self, request: &Request, status: Status, date: &str, keep_alive: bool, kind: &str, body: &[u8]) {
        self.head(status, body.len() as u64, date, keep_alive, &[("Content-Type", kind)]);
        if request.method != Method::Head {
            self.bytes.extend_from_slice(body);
        }
    }

    /// What went wrong, as a line of text.
    pub fn error(&mut self, request: &Request, status: Status, date: &str, keep_alive: bool, fields: Fields<'_>) {
        let body = format!("{} {}\n", status.0, status.reason());
        let mut all = vec![("Content-Type", "text/plain; charset=utf-8")];
        all.extend_from_slice(fields);
        self.head(status, body.len() as u64, date, keep_alive, &all);
        if request.method != Method::Head {
            self.bytes.extend_from_slice(body.as_bytes());
        }
    }

    /// Why a request is not even read. The connection ends with it.
    pub fn refusal(&mut self, refusal: Refusal, date: &str) {
        let body = format!("{} {}: {}\n", refusal.status.0, refusal.status.reason(), refusal.why);
        let kind = ("Content-Type", "text/plain; charset=utf-8");
        self.head(refusal.status, body.len() as u64, date, false, &[kind]);
        self.bytes.extend_from_slice(body.as_bytes());
    }
}
