//! `cargo run --release -p benches [NAME...] [quick]`: plans against the same work op by op, interleaved, as medians.

#![forbid(unsafe_code)]

mod busy;
mod direct;
mod echo;
mod local;
mod measure;
mod net;
mod net_peers;
mod small_files;
mod tcp_reads;
mod timers;

type Named = (&'static str, fn());

/// The benches by name.
const BENCHES: [Named; 11] = [
    ("small-files", || small_files::bench().report()),
    ("small-files-together", || small_files::bench_together().report()),
    ("direct", || direct::bench().report()),
    ("echo", || echo::bench().report()),
    ("echo-modes", echo::report_modes),
    ("local-channel", || local::bench().report()),
    ("busy", busy::report),
    ("tcp-reads", tcp_reads::report),
    ("timers", timers::report),
    ("net", net::report),
    ("idle", net::report_idle),
];

fn main() {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.first().is_some_and(|word| word == net::server::SERVE) {
        return net::server::run(&wanted);
    }
    // Not benches: fewer rounds for those that take long, and what `net` is asked for.
    wanted.retain(|name| name != "quick" && !name.contains('='));
    if let Some(unknown) = wanted.iter().find(|name| !BENCHES.iter().any(|(known, _)| known == name)) {
        let known = BENCHES.map(|(name, _)| name).join(", ");
        eprintln!("error: no bench is called {unknown}; there are: {known}");
        std::process::exit(2);
    }
    println!("Linux {}", std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim());
    for (name, bench) in BENCHES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            bench();
        }
    }
}
