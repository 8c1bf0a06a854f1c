//! What one client may ask of the server. Each limit has a status of its own, so that a client learns which it met.

use std::time::Duration;

/// The limits of a connection; `Limits::default()` suits a server that faces the world.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest request line, in bytes: 414 beyond. Browsers and proxies stop at 8 KiB as well.
    pub line: usize,
    /// Longest head, request line included, in bytes: 431 beyond. It is also what a client that has sent half a head
    /// can make the server hold.
    pub head: usize,
    /// Longest body, in bytes: 413 beyond. Bodies are kept until they are whole, since the only use for one here is to
    /// send it back.
    pub body: u64,
    /// How long a head may take from its first byte to its last: 408 beyond, whatever the client drips in meanwhile.
    pub head_time: Duration,
    /// How long a body may stand still: 408 beyond. On top of it, it has to come at [`SLOWEST`] or faster as a whole.
    pub body_time: Duration,
    /// How long a connection may stay open with nothing asked. It is then closed without a word.
    pub idle_time: Duration,
    /// How long the peer may take to accept 64 KiB of an answer. Then the connection is cut.
    pub send_time: Duration,
    /// Connections per shard. Above it none is accepted: they wait in the listener's backlog.
    pub connections: u32,
}

/// The slowest body that is waited for, in bytes per second.
pub const SLOWEST: u64 = 1 << 10;

/// Most header fields of a request: 431 beyond.
pub const FIELDS: usize = 64;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            line: 8 << 10,
            head: 16 << 10,
            body: 1 << 20,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            send_time: Duration::from_secs(20),
            connections: 10_000,
        }
    }
}
