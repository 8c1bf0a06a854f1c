//! The statuses that this server gives, and why.

/// An answer's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16);

impl Status {
    pub const OK: Status = Status(200);
    pub const PARTIAL: Status = Status(206);
    pub const MOVED: Status = Status(301);
    pub const NOT_MODIFIED: Status = Status(304);
    pub const BAD_REQUEST: Status = Status(400);
    pub const FORBIDDEN: Status = Status(403);
    pub const NOT_FOUND: Status = Status(404);
    pub const NOT_ALLOWED: Status = Status(405);
    pub const TOO_SLOW: Status = Status(408);
    pub const BODY_TOO_LARGE: Status = Status(413);
    pub const LINE_TOO_LONG: Status = Status(414);
    pub const NO_SUCH_RANGE: Status = Status(416);
    pub const EXPECTATION: Status = Status(417);
    pub const HEAD_TOO_LARGE: Status = Status(431);
    pub const INTERNAL: Status = Status(500);
    pub const NOT_IMPLEMENTED: Status = Status(501);
    pub const VERSION: Status = Status(505);

    /// What stands behind the number in the status line.
    pub fn reason(self) -> &'static str {
        match self.0 {
            200 => "OK",
            206 => "Partial Content",
            301 => "Moved Permanently",
            304 => "Not Modified",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            413 => "Content Too Large",
            414 => "URI Too Long",
            416 => "Range Not Satisfiable",
            417 => "Expectation Failed",
            431 => "Request Header Fields Too Large",
            501 => "Not Implemented",
            505 => "HTTP Version Not Supported",
            _ => "Internal Server Error",
        }
    }
}

/// Why a request is not served: the status, and a sentence for the client.
///
/// What follows on the connection cannot be told apart from the rest of the refused request, so the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: Status,
    pub why: &'static str,
}

impl Refusal {
    pub fn new(status: Status, why: &'static str) -> Refusal {
        Refusal { status, why }
    }

    pub fn bad(why: &'static str) -> Refusal {
        Refusal::new(Status::BAD_REQUEST, why)
    }
}
