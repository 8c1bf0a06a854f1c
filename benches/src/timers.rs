//! Timers: many that all fire, and time limits around work that ends at once.

use std::time::Duration;

use crate::{
    measure::{median, quantile},
    peers::{self, Peer},
};

const LIMITS: u32 = 200_000;

/// What one of them took.
#[derive(Default)]
struct Figures {
    cpu_times: Vec<Duration>,
    late: Vec<Duration>,
}

/// `timers quick`: fewer rounds, and no million.
pub fn report() {
    let quick = std::env::args().any(|argument| argument == "quick");
    let peers = peers::all();
    let second = Duration::from_secs(1);
    report_sleeps(&peers, "100,000 tasks, each sleeps for up to 1 s", 100_000, second, if quick { 1 } else { 5 });
    if !quick {
        let of_all = "1,000,000 tasks, each sleeps for 2 to 6 s";
        report_sleeps(&peers, of_all, 1_000_000, Duration::from_secs(4), 1);
    }
    report_limits(&peers);
}

fn report_sleeps(peers: &[Peer], title: &str, count: usize, span: Duration, rounds: usize) {
    let mut figures: Vec<Figures> = peers.iter().map(|_| Figures::default()).collect();
    // A million are all set before the first one ends.
    let least = if span > Duration::from_secs(1) { span / 2 } else { Duration::ZERO };
    let mut random = 88_172_645_463_325_252u64;
    for _ in 0..rounds {
        let lengths: Vec<Duration> = std::iter::repeat_with(|| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            least + Duration::from_nanos(random % span.as_nanos() as u64)
        })
        .take(count)
        .collect();
        for (peer, figures) in peers.iter().zip(&mut figures) {
            let slept = (peer.sleeps)(&lengths);
            figures.late.extend(slept.late);
            figures.cpu_times.push(slept.cpu);
        }
    }
    println!("\n{title} ({rounds} interleaved rounds)");
    println!("{:<24} {:>12} {:>12} {:>12} {:>12}", "", "CPU s", "late p50 µs", "p99 µs", "max µs");
    for (peer, figures) in peers.iter().zip(&mut figures) {
        let late = [0.5, 0.99, 1.0].map(|q| quantile(&mut figures.late, q).as_secs_f64() * 1e6);
        let cpu = median(&mut figures.cpu_times).as_secs_f64();
        println!("{:<24} {cpu:>12.3} {:>12.0} {:>12.0} {:>12.0}", peer.name, late[0], late[1], late[2]);
    }
}

fn report_limits(peers: &[Peer]) {
    const ROUNDS: usize = 11;
    let mut times: Vec<Vec<Duration>> = peers.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (peer, times) in peers.iter().zip(&mut times) {
            times.push((peer.limits)(LIMITS).cpu);
        }
    }
    println!("\na time limit of 30 s around one yield ({ROUNDS} interleaved rounds of {LIMITS})");
    for (peer, times) in peers.iter().zip(&mut times) {
        println!("{:<24} {:>12.0} ns", peer.name, median(times).as_secs_f64() * 1e9 / f64::from(LIMITS));
    }
}
