//! Servers of small messages on each runtime and by hand: rates, waits, CPU time and system calls per request.
//!
//! A server has core 0, the clients have core 1: where those are the slower side, the rates are alike, and only the CPU time
//! tells the servers apart.

mod load;
mod memory;
pub mod server;
mod storm;

use std::time::Duration;

use crate::{
    contest::{Bench, Sample},
    net_peers::{Face, PEERS, Peer, Work},
    report::Metric,
};
use load::Load;
pub use memory::idle;
use server::Server;

/// What is served, to how many connections, with how many requests in a message.
struct Case {
    name: &'static str,
    title: &'static str,
    work: Work,
    /// Bytes of an echo or of a body.
    size: usize,
    connections: usize,
    pipelined: usize,
}

const fn case(name: &'static str, title: &'static str, work: Work, size: usize, connections: usize) -> Case {
    Case { name, title, work, size, connections, pipelined: 1 }
}

const HTTP: Work = Work::Http(64);

const CASES: [Case; 10] = [
    case("net-http-1", "HTTP, 64 B, 1 connection", HTTP, 64, 1),
    case("net-http-64", "HTTP, 64 B, 64 connections", HTTP, 64, 64),
    case("net-http-1024", "HTTP, 64 B, 1024 connections", HTTP, 64, 1024),
    case("net-http-4k", "HTTP, 4 KiB, 64 connections", Work::Http(4096), 4096, 64),
    Case { pipelined: 16, ..case("net-pipelined", "HTTP, 64 B, 64 connections, 16 requests at a time", HTTP, 64, 64) },
    case("net-echo-64", "echo, 64 B, 64 connections", Work::Echo, 64, 64),
    case("net-echo-256", "echo, 64 B, 256 connections", Work::Echo, 64, 256),
    case("net-echo-4k", "echo, 4 KiB, 256 connections", Work::Echo, 4096, 256),
    case("net-hyper", "hyper, 64 B, 64 connections", Work::Hyper(64), 64, 64),
    Case {
        pipelined: 16,
        ..case("net-hyper-pipelined", "hyper, 64 B, 64 connections, 16 requests at a time", Work::Hyper(64), 64, 64)
    },
];

/// The peers that can do this work, with their places.
fn peers(work: Work) -> impl Iterator<Item = (usize, &'static Peer)> {
    const ALL: &[Peer] = &PEERS;
    let face = if matches!(work, Work::Hyper(_)) { Face::Hyper } else { Face::Bytes };
    ALL.iter().enumerate().filter(move |(_, peer)| peer.face == face)
}

pub fn benches() -> impl Iterator<Item = Bench> {
    CASES.iter().map(bench).chain([storm::bench()])
}

fn bench(case: &'static Case) -> Bench {
    let mut bench = Bench::new(case.name, "Servers", case.title).headline(Metric::Cpu).count_calls();
    for (index, peer) in peers(case.work) {
        bench.add(peer.name, peer.kind, move |scene| {
            let time = Duration::from_millis(if scene.quick { 100 } else { 300 });
            server::on_core(1);
            server::raise_limit();
            let server = Server::start(index, case.work).expect("a server");
            let mut load = Load::connect(server.address, case.work, case.size, case.connections).expect("connections");
            load.pipeline(case.pipelined);
            move || measured(&server, || load.run(time))
        });
    }
    bench
}

/// What clients saw in a while.
#[derive(Default)]
struct Seen {
    wall: Duration,
    requests: u64,
    /// One per answer, or per message with several.
    waits: Vec<Duration>,
}

/// A round: CPU time and memory are the server's.
fn measured(server: &Server, work: impl FnOnce() -> Seen) -> Sample {
    let before = server.cpu().expect("a figure");
    let mut seen = work();
    let cpu = server.cpu().expect("a figure") - before;
    let sample = Sample {
        operations: seen.requests,
        wall: seen.wall,
        cpu,
        process: Some(server.id()),
        peak: server.peak(),
        ..Sample::default()
    };
    sample.waits(&mut seen.waits)
}
