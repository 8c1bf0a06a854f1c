//! What the servers do, apart from waiting and moving bytes: the same code for all of them.

/// Bytes of a server's input buffer, and of the largest message.
pub const MESSAGE_MAX: usize = 4096;

const REQUEST: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";

/// What a server is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Sends back what comes.
    Echo,
    /// The same, with no buffer while nothing comes.
    Lean,
    /// Answers each request of HTTP/1.1 with a body of so many bytes.
    Http(usize),
    /// The same, by hyper.
    Hyper(usize),
}

impl Work {
    /// As arguments of a process.
    pub fn parse(kind: &str, size: usize) -> Option<Work> {
        match kind {
            "echo" => Some(Work::Echo),
            "lean" => Some(Work::Lean),
            "http" => Some(Work::Http(size)),
            "hyper" => Some(Work::Hyper(size)),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Work::Echo => "echo",
            Work::Lean => "lean",
            Work::Http(_) => "http",
            Work::Hyper(_) => "hyper",
        }
    }

    /// Bytes of a body.
    pub fn size(self) -> usize {
        match self {
            Work::Http(size) | Work::Hyper(size) => size,
            Work::Echo | Work::Lean => 0,
        }
    }

    /// What one connection needs. The response is made once and for good.
    pub fn session(self) -> Session {
        match self {
            Work::Echo | Work::Lean => Session::Echo,
            Work::Http(size) | Work::Hyper(size) => {
                static RESPONSE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
                let response = RESPONSE.get_or_init(|| response(size));
                Session::Http(Http { response, held: Vec::new() })
            }
        }
    }
}

/// One request.
pub fn request() -> Vec<u8> {
    REQUEST.to_vec()
}

/// The answer to each request.
pub fn response(size: usize) -> Vec<u8> {
    let mut response = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    response.extend(body(size));
    response
}

/// The answer that hyper makes of it. The date is left out, since it changes.
pub fn hyper_response(size: usize) -> Vec<u8> {
    let mut response = format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n").into_bytes();
    response.extend(body(size));
    response
}

pub fn body(size: usize) -> Vec<u8> {
    (0..size).map(|i| b'a' + (i % 26) as u8).collect()
}

/// A connection's share of the work.
pub enum Session {
    Echo,
    Http(Http),
}

impl Session {
    /// Puts the answer into `out`; an echo leaves it empty, and the input is sent.
    pub fn answer(&mut self, input: &[u8], out: &mut Vec<u8>) -> Answer {
        out.clear();
        match self {
            Session::Echo => Answer::Input,
            Session::Http(http) => {
                http.answer(input, out);
                Answer::Out
            }
        }
    }
}

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Input,
    Out,
}

/// A responder: parses, and answers.
pub struct Http {
    response: &'static [u8],
    /// The beginning of a request whose end has not come.
    held: Vec<u8>,
}

impl Http {
    fn answer(&mut self, input: &[u8], out: &mut Vec<u8>) {
        if self.held.is_empty() {
            let taken = requests(input, || out.extend_from_slice(self.response));
            self.held.extend_from_slice(&input[taken..]);
        } else {
            self.held.extend_from_slice(input);
            let taken = requests(&self.held, || out.extend_from_slice(self.response));
            self.held.drain(..taken);
        }
    }
}

/// Calls `each` for each complete request, and gives how many bytes those took.
fn requests(input: &[u8], mut each: impl FnMut()) -> usize {
    let mut taken = 0;
    while taken < input.len() {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        match httparse::Request::new(&mut headers).parse(&input[taken..]).expect("a request") {
            httparse::Status::Complete(len) => taken += len,
            httparse::Status::Partial => break,
        }
        each();
    }
    taken
}
