//! The accept storm: a connection for each request.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use super::{Seen, measured, peers, server, server::Server};
use crate::{
    contest::Bench,
    net_peers::{Work, request, response},
    report::Metric,
};

/// Client threads, all on one core.
const CLIENTS: usize = 16;
/// In a round, fewer than there are ports: a closed connection keeps its own for a minute.
const CONNECTIONS: u32 = 3200;

pub fn bench() -> Bench {
    let title = "accept storm: connect, one HTTP request, close";
    let mut bench = Bench::new("net-storm", "Other servers", title).headline(Metric::Cpu).count_calls();
    for (index, peer) in peers(Work::Http(64)) {
        bench.add(peer.name, peer.kind, move |scene| {
            let each = scene.scaled(CONNECTIONS) as usize / CLIENTS;
            server::on_core(1);
            server::raise_limit();
            let server = Server::start(index, Work::Http(64)).expect("a server");
            move || measured(&server, || storm(server.address, each))
        });
    }
    bench
}

fn storm(address: SocketAddr, each: usize) -> Seen {
    let (request, expected, start) = (request(), response(64), Instant::now());
    let client = || -> Vec<Duration> { (0..each).map(|_| one(address, &request, &expected)).collect() };
    let waits: Vec<Duration> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().expect("right answers")).collect()
    });
    Seen { wall: start.elapsed(), requests: waits.len() as u64, waits }
}

fn one(address: SocketAddr, request: &[u8], expected: &[u8]) -> Duration {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("an option");
    stream.write_all(request).expect("a server that lives");
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer, expected, "a wrong answer");
    stream.shutdown(Shutdown::Write).expect("a connection");
    assert_eq!(stream.read(&mut answer).expect("an end"), 0, "more than an answer");
    start.elapsed()
}
