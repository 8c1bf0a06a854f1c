//! `cargo run --release -p benches [NAME...] [quick] [alone]`: plans against the same work op by op, and tasks, channels and timers
//! against other runtimes; interleaved, as medians.

#![forbid(unsafe_code)]
// The programs that all runtimes run are one file, compiled against each of them.
#![allow(clippy::duplicate_mod)]

mod busy;
mod direct;
mod echo;
mod files;
mod local;
mod measure;
mod million;
mod net;
mod net_peers;
mod peers;
mod small_files;
mod tcp_reads;
mod timers;

type Named = (&'static str, fn());

/// The benches by name; those of `peers` come after them.
const BENCHES: [Named; 16] = [
    ("small-files", || small_files::bench().report()),
    ("small-files-together", || small_files::bench_together().report()),
    ("direct", || direct::bench().report()),
    ("echo", || echo::bench().report()),
    ("echo-modes", echo::report_modes),
    ("local-channel", || local::bench().report()),
    ("busy", busy::report),
    ("tcp-reads", tcp_reads::report),
    ("timers", timers::report),
    ("million", million::report),
    ("net", net::report),
    ("idle", net::report_idle),
    ("files-appends", files::appends),
    ("files-small", files::small),
    ("files-reads", files::reads),
    ("files-writes", files::writes),
];

fn main() {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    if let [of, peer] = &wanted[..]
        && of == million::OF
    {
        return million::run(peer);
    }
    if wanted.first().is_some_and(|word| word == net::server::SERVE) {
        return net::server::run(&wanted);
    }
    // Not benches: fewer rounds for those that take long, no peers, and what `net` is asked for.
    wanted.retain(|name| name != "quick" && name != "alone" && !name.contains('='));
    let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).chain(peers::names()).collect();
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
        eprintln!("error: no bench is called {unknown}; there are: {}", names.join(", "));
        std::process::exit(2);
    }
    println!("Linux {}", std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim());
    for name in names.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)) {
        match BENCHES.iter().find(|(known, _)| *known == name) {
            Some((_, bench)) => bench(),
            None => peers::report(name),
        }
    }
}
