//! `cargo run --release -p benches [NAME...]`: plans against the same work op by op, interleaved, as medians.

#![forbid(unsafe_code)]

mod direct;
mod echo;
mod measure;
mod small_files;

use measure::Bench;

type Named = (&'static str, fn() -> Bench);

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let benches: [Named; 3] = [("small-files", small_files::bench), ("direct", direct::bench), ("echo", echo::bench)];
    if let Some(unknown) = wanted.iter().find(|name| !benches.iter().any(|(known, _)| known == name)) {
        eprintln!("error: no bench is called {unknown}; there are: small-files, direct, echo");
        std::process::exit(2);
    }
    println!("Linux {}", std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim());
    for (name, bench) in benches {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            bench().report();
        }
    }
}
