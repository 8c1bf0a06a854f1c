//! Clients in one thread: each sends a request, waits for the whole answer, checks it, and sends the next one.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{buffer::spare_capacity, event::epoll};

use super::Seen;
use crate::net_peers::{MESSAGE_MAX, Work, hyper_response, request, response};

/// The first bytes of an echoed message: who sends it, and which one it is.
const HEADER: usize = 8;
const PATIENCE: Duration = Duration::from_secs(10);

struct Client {
    stream: TcpStream,
    sent_at: Instant,
    header: [u8; HEADER],
    received: usize,
}

/// Connections to one server.
pub struct Load {
    epoll: OwnedFd,
    clients: Vec<Client>,
    /// Of each message; the header of an echoed one differs.
    sends: Vec<u8>,
    expects: Vec<u8>,
    header: usize,
    /// Requests in a message.
    pipelined: usize,
    input: Vec<u8>,
}

impl Load {
    /// Connects `count` clients. Messages of an echo have `size` bytes.
    pub fn connect(address: SocketAddr, work: Work, size: usize, count: usize) -> io::Result<Load> {
        let (sends, expects, header) = match work {
            Work::Echo | Work::Lean => {
                assert!((HEADER..=MESSAGE_MAX).contains(&size), "a message of {size} bytes");
                let message: Vec<u8> = (0..size).map(|i| (i * 7) as u8).collect();
                (message.clone(), message, HEADER)
            }
            Work::Http(size) => (request(), response(size), 0),
            Work::Hyper(size) => (request(), hyper_response(size), 0),
        };
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut clients = Vec::new();
        for number in 0..count {
            let stream = connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)?;
            let mut header = [0; HEADER];
            header[4..].copy_from_slice(&(number as u32).to_le_bytes());
            clients.push(Client { stream, sent_at: Instant::now(), header, received: 0 });
        }
        Ok(Load { epoll, clients, sends, expects, header, pipelined: 1, input: vec![0; 2 * MESSAGE_MAX] })
    }

    /// From now on a message is so many requests.
    pub fn pipeline(&mut self, count: usize) {
        assert!(count == 1 || self.header == 0, "requests of HTTP");
        (self.sends, self.expects) = (self.sends.repeat(count), self.expects.repeat(count));
        self.pipelined = count;
    }

    /// Keeps each client busy for that long, and waits for the last answers.
    ///
    /// # Panics
    /// If an answer is wrong or does not come.
    pub fn run(&mut self, time: Duration) -> Seen {
        let mut seen = Seen::default();
        let start = Instant::now();
        for number in 0..self.clients.len() {
            self.send(number);
        }
        let mut under_way = self.clients.len();
        let mut events = Vec::with_capacity(256);
        let limit = rustix::event::Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
        while under_way > 0 {
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&limit)).expect("events");
            assert!(!events.is_empty(), "{under_way} answers have not come within {PATIENCE:?}");
            for event in events.drain(..) {
                let number = event.data.u64() as usize;
                if !self.receive(number) {
                    continue;
                }
                let now = Instant::now();
                seen.waits.push(now - self.clients[number].sent_at);
                if now - start < time {
                    self.send(number);
                } else {
                    under_way -= 1;
                }
            }
        }
        seen.wall = start.elapsed();
        seen.requests = (seen.waits.len() * self.pipelined) as u64;
        seen
    }

    /// One message and its answer on each connection, one after the other.
    pub fn once(&mut self) {
        for number in 0..self.clients.len() {
            self.send(number);
            self.clients[number].stream.set_nonblocking(false).expect("an option");
            while !self.receive(number) {}
            self.clients[number].stream.set_nonblocking(true).expect("an option");
        }
    }

    fn send(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if self.header > 0 {
            let count = u32::from_le_bytes(client.header[..4].try_into().expect("four bytes")).wrapping_add(1);
            client.header[..4].copy_from_slice(&count.to_le_bytes());
            self.sends[..HEADER].copy_from_slice(&client.header);
        }
        (client.received, client.sent_at) = (0, Instant::now());
        let sent = client.stream.write(&self.sends).expect("a server that lives");
        assert_eq!(sent, self.sends.len(), "a message does not fit into an empty socket");
    }

    /// True once the answer is whole.
    fn receive(&mut self, number: usize) -> bool {
        let client = &mut self.clients[number];
        let count = match client.stream.read(&mut self.input) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            result => result.expect("a server that lives"),
        };
        assert!(count > 0, "the server has ended connection {number}");
        let end = client.received + count;
        self.expects[..self.header].copy_from_slice(&client.header[..self.header]);
        assert!(self.expects.get(client.received..end) == Some(&self.input[..count]), "a wrong answer");
        client.received = end;
        end == self.expects.len()
    }
}

/// Again for a while, if the listener's queue is full.
fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let start = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Err(_) if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(10)),
            result => return result,
        }
    }
}
