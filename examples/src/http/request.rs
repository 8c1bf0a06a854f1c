//! The head of a request: what of it this server looks at, and what it makes sure of.

use httparse::Header;

use super::status::{Refusal, Status};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    /// One that HTTP knows and nothing here serves: 405.
    Other,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes; none at all is 0.
    Length(u64),
    /// After a chunk of length 0.
    Chunked,
}

/// A request's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// The target's path as it was sent, percent signs and all, without the query.
    pub path: String,
    /// 0 or 1: of HTTP/1.0 and HTTP/1.1.
    pub minor_version: u8,
    /// Whether the client wants to go on with this connection.
    pub keep_alive: bool,
    pub framing: Framing,
    /// It waits for a word before it sends the body.
    pub expects_continue: bool,
    pub if_modified_since: Option<String>,
    /// What of the file is wanted, as it was sent.
    pub range: Option<String>,
    /// The state of the file for which `range` is meant.
    pub if_range: Option<String>,
}

impl Request {
    /// Reads what httparse has taken apart.
    pub fn read(method: &str, target: &str, minor_version: u8, headers: &[Header<'_>]) -> Result<Request, Refusal> {
        let mut request = Request {
            method: read_method(method)?,
            path: read_target(target)?,
            minor_version,
            keep_alive: minor_version == 1,
            framing: Framing::Length(0),
            expects_continue: false,
            if_modified_since: None,
            range: None,
            if_range: None,
        };
        let (mut hosts, mut length, mut chunked) = (0, None, false);
        for Header { name, value } in headers {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            if is("host") {
                hosts += 1;
            } else if is("connection") {
                request.read_connection(value);
            } else if is("content-length") {
                let value = read_length(value)?;
                if length.is_some_and(|other| other != value) {
                    return Err(Refusal::bad("two lengths of one body"));
                }
                length = Some(value);
            } else if is("transfer-encoding") {
                if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::new(Status::NOT_IMPLEMENTED, "the only transfer coding here is chunked"));
                }
                chunked = true;
            } else if is("expect") {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Refusal::new(Status::EXPECTATION, "nothing but 100-continue can be expected"));
                }
                request.expects_continue = minor_version == 1;
            } else if is("if-modified-since") {
                request.if_modified_since = text(value);
            } else if is("range") {
                request.range = text(value);
            } else if is("if-range") {
                request.if_range = text(value);
            }
        }
        if hosts > 1 || (minor_version == 1 && hosts == 0) {
            return Err(Refusal::bad("a request of HTTP/1.1 has one Host"));
        }
        request.framing = match (chunked, length) {
            // Two servers in a row that read this in different ways are what request smuggling lives on.
            (true, Some(_)) => return Err(Refusal::bad("a chunked body has no Content-Length")),
            (true, None) if minor_version == 0 => return Err(Refusal::bad("HTTP/1.0 has no chunked bodies")),
            (true, None) => Framing::Chunked,
            (false, length) => Framing::Length(length.unwrap_or(0)),
        };
        Ok(request)
    }

    fn read_connection(&mut self, value: &[u8]) {
        for word in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if word.eq_ignore_ascii_case(b"close") {
                self.keep_alive = false;
            } else if word.eq_ignore_ascii_case(b"keep-alive") && self.minor_version == 0 {
                self.keep_alive = true;
            }
        }
    }
}

fn read_method(method: &str) -> Result<Method, Refusal> {
    match method {
        "GET" => Ok(Method::Get),
        "HEAD" => Ok(Method::Head),
        "POST" => Ok(Method::Post),
        "PUT" | "DELETE" | "OPTIONS" | "PATCH" | "TRACE" | "CONNECT" => Ok(Method::Other),
        _ => Err(Refusal::new(Status::NOT_IMPLEMENTED, "no such method is known here")),
    }
}

/// The path of a target in one of the forms that requests have: `/path?query`, `http://host/path`, `*`, `host:port`.
fn read_target(target: &str) -> Result<String, Refusal> {
    let rest = match target.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => match rest.find('/') {
            Some(slash) => &rest[slash..],
            None => "/",
        },
        _ => target,
    };
    let path = rest.split(['?', '#']).next().unwrap_or(rest);
    Ok(path.to_owned())
}

fn read_length(value: &[u8]) -> Result<u64, Refusal> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let value = std::str::from_utf8(value).ok().filter(|_| digits).and_then(|value| value.parse().ok());
    value.ok_or(Refusal::bad("a Content-Length is a decimal number"))
}

/// A field's value, if it is text; no field that is looked at means anything otherwise.
fn text(value: &[u8]) -> Option<String> {
    std::str::from_utf8(value).ok().map(str::to_owned)
}
