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
    slow: bool,
}

const fn case(name: &'static str, title: &'static str, work: Work, size: usize, connections: usize) -> Case {
    Case { name, title, work, size, connections, pipelined: 1, slow: false }
}

const SMALL: usize = 64;
const LARGE: usize = 4096;

const fn http(name: &'static str, title: &'static str, size: usize, connections: usize) -> Case {
    case(name, title, Work::Http(size), size, connections)
}

const fn echo(name: &'static str, title: &'static str, size: usize, connections: usize) -> Case {
    case(name, title, Work::Echo, size, connections)
}

/// No part of a quick run.
const fn slow(case: Case) -> Case {
    Case { slow: true, ..case }
}

const CASES: [Case; 19] = [
    http("net-http-1", "HTTP, 64 B, 1 connection", SMALL, 1),
    http("net-http-64", "HTTP, 64 B, 64 connections", SMALL, 64),
    slow(http("net-http-256", "HTTP, 64 B, 256 connections", SMALL, 256)),
    http("net-http-1024", "HTTP, 64 B, 1024 connections", SMALL, 1024),
    slow(http("net-http-4k-1", "HTTP, 4 KiB, 1 connection", LARGE, 1)),
    http("net-http-4k-64", "HTTP, 4 KiB, 64 connections", LARGE, 64),
    slow(http("net-http-4k-256", "HTTP, 4 KiB, 256 connections", LARGE, 256)),
    slow(http("net-http-4k-1024", "HTTP, 4 KiB, 1024 connections", LARGE, 1024)),
    Case { pipelined: 16, ..http("net-pipelined", "HTTP, 64 B, 64 connections, 16 requests at a time", SMALL, 64) },
    slow(echo("net-echo-1", "echo, 64 B, 1 connection", SMALL, 1)),
    echo("net-echo-64", "echo, 64 B, 64 connections", SMALL, 64),
    slow(echo("net-echo-256", "echo, 64 B, 256 connections", SMALL, 256)),
    slow(echo("net-echo-1024", "echo, 64 B, 1024 connections", SMALL, 1024)),
    slow(echo("net-echo-4k-1", "echo, 4 KiB, 1 connection", LARGE, 1)),
    slow(echo("net-echo-4k-64", "echo, 4 KiB, 64 connections", LARGE, 64)),
    echo("net-echo-4k-256", "echo, 4 KiB, 256 connections", LARGE, 256),
    slow(echo("net-echo-4k-1024", "echo, 4 KiB, 1024 connections", LARGE, 1024)),
    case("net-hyper", "hyper, 64 B, 64 connections", Work::Hyper(SMALL), SMALL, 64),
    Case {
        pipelined: 16,
        ..case(
            "net-hyper-pipelined",
            "hyper, 64 B, 64 connections, 16 requests at a time",
            Work::Hyper(SMALL),
            SMALL,
            64,
        )
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

/// What its bench is drawn with.
fn chapter(work: Work) -> &'static str {
    match work {
        Work::Http(_) => "HTTP servers",
        Work::Echo | Work::Lean => "Echo servers",
        Work::Hyper(_) => "Other servers",
    }
}

fn bench(case: &'static Case) -> Bench {
    let mut bench = Bench::new(case.name, chapter(case.work), case.title).headline(Metric::Cpu).count_calls();
    bench.slow = case.slow;
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
