//! Servers of small messages on each runtime and by hand: rates, waits, CPU time and system calls per request.
//!
//! `benches net [quick] [only=NAME,...] [work=echo|http] [size=BYTES] [connections=COUNT]`. A server has core 0, the clients
//! have core 1: where those are the slower side, the rates are alike, and only the CPU time tells the servers apart.

mod load;
pub mod server;

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    measure::quantile,
    net_peers::{PEERS, Peer, Work},
};
use load::{Load, Seen};
use server::Server;

const CONNECTIONS: [usize; 4] = [1, 64, 256, 1024];
const SIZES: [usize; 2] = [64, 4096];
/// Connections of the bench `idle`.
const IDLE: usize = 10_000;

/// A server under load.
struct Contestant {
    peer: &'static Peer,
    server: Server,
    load: Load,
    rates: Vec<f64>,
    cpu: Vec<Duration>,
    waits: Vec<Duration>,
    calls: Option<f64>,
}

/// What one of the words `key=a,b` of the command line asks for.
fn asked(key: &str) -> Option<Vec<String>> {
    let words: Vec<String> = std::env::args().collect();
    let values = words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))?;
    Some(values.split(',').map(str::to_owned).collect())
}

fn wanted(key: &str, value: &str) -> bool {
    asked(key).is_none_or(|values| values.iter().any(|wanted| value.starts_with(wanted.as_str())))
}

/// The peers that were asked for, with their places.
fn peers() -> impl Iterator<Item = (usize, &'static Peer)> {
    const ALL: &[Peer] = &PEERS;
    ALL.iter().enumerate().filter(|(_, peer)| wanted("only", peer.name))
}

fn numbers(key: &str, default: &[usize]) -> Vec<usize> {
    match asked(key) {
        Some(values) => values.iter().map(|value| value.parse().expect("a number")).collect(),
        None => default.to_vec(),
    }
}

pub fn report() {
    server::on_core(1);
    server::raise_limit();
    let quick = std::env::args().any(|argument| argument == "quick");
    for size in numbers("size", &SIZES) {
        for work in [Work::Echo, Work::Http(size)] {
            if wanted("work", work.name()) {
                for connections in numbers("connections", &CONNECTIONS) {
                    compare(work, size, connections, quick);
                }
            }
        }
    }
}

fn compare(work: Work, size: usize, connections: usize, quick: bool) {
    let (rounds, time) = if quick { (3, Duration::from_millis(100)) } else { (7, Duration::from_millis(250)) };
    let mut contestants: Vec<Contestant> = peers()
        .map(|(index, peer)| {
            let server = Server::start(index, work).expect("a server");
            let mut load = Load::connect(server.address, work, size, connections).expect("connections");
            load.run(time / 4); // warm up
            Contestant { peer, server, load, rates: vec![], cpu: vec![], waits: vec![], calls: None }
        })
        .collect();
    for _ in 0..rounds {
        for contestant in &mut contestants {
            contestant.round(time);
        }
    }
    for contestant in &mut contestants {
        contestant.calls = contestant.count_calls(time / 2);
    }
    println!("\n{} of {size} bytes, {connections} connections ({rounds} interleaved rounds of {time:?})", work.name());
    println!(
        "{:<20} {:>11} {:>10} {:>9} {:>9} {:>9} {:>9}",
        "", "median k/s", "CPU µs/op", "p50 µs", "p99 µs", "p999 µs", "calls/op"
    );
    for contestant in &mut contestants {
        contestant.print();
    }
}

impl Contestant {
    fn round(&mut self, time: Duration) {
        let before = self.server.cpu().expect("a figure");
        let Seen { wall, waits } = self.load.run(time);
        let cpu = self.server.cpu().expect("a figure") - before;
        self.rates.push(waits.len() as f64 / wall.as_secs_f64());
        self.cpu.push(cpu.div_f64(waits.len() as f64));
        self.waits.extend(waits);
    }

    /// System calls per request, by perf(1) if there is one.
    fn count_calls(&mut self, time: Duration) -> Option<f64> {
        let mut command = Command::new("perf");
        command.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", &self.server.id().to_string()]);
        let perf = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
        // It counts from a moment that it does not tell, so the rest of the time is idle.
        std::thread::sleep(Duration::from_millis(300));
        let requests = self.load.run(time).waits.len() as f64;
        let _ = Command::new("kill").args(["-INT", &perf.id().to_string()]).status();
        let text = String::from_utf8(perf.wait_with_output().ok()?.stderr).ok()?;
        let line = text.lines().find(|line| line.contains("sys_enter"))?;
        Some(line.split(',').next()?.parse::<f64>().ok()? / requests)
    }

    fn print(&mut self) {
        self.rates.sort_by(f64::total_cmp);
        let rate = self.rates[self.rates.len() / 2] / 1e3;
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let cpu = quantile(&mut self.cpu, 0.5).as_nanos() as f64 / 1e3;
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|q| micros(quantile(&mut self.waits, q)));
        let calls = self.calls.map_or("–".to_owned(), |calls| format!("{calls:.2}"));
        println!("{:<20} {rate:>11.1} {cpu:>10.2} {p50:>9.0} {p99:>9.0} {p999:>9.0} {calls:>9}", self.peer.name);
    }
}

/// What a connection takes of a server's own memory while nothing comes, after one echo of 64 bytes.
pub fn report_idle() {
    server::raise_limit();
    let count = numbers("connections", &[IDLE])[0];
    println!("\nmemory of an idle connection, of {count}");
    println!("{:<36} {:>12}", "", "bytes");
    for (index, peer) in peers() {
        for (work, title) in [(Work::Echo, ""), (Work::Lean, ", no buffer held")] {
            if work == Work::Lean && !peer.lean {
                continue;
            }
            let server = Server::start(index, work).expect("a server");
            Load::connect(server.address, work, 64, 1).expect("a connection").once();
            let before = server.memory().expect("a figure");
            let mut load = Load::connect(server.address, work, 64, count).expect("connections");
            load.once();
            let after = server.memory().expect("a figure");
            println!("{:<36} {:>12}", format!("{}{title}", peer.name), after.saturating_sub(before) / count as u64);
        }
    }
}
