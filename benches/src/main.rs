//! `cargo run --release -p benches`: where this runtime stands, against other runtimes, loops by hand and itself.

#![forbid(unsafe_code)]

mod busy;
mod cli;
mod contest;
mod echo;
mod engines;
mod files;
mod local;
mod measure;
mod million;
mod net;
mod net_peers;
mod peers;
mod report;
mod small_files;
mod tcp_reads;
mod timers;

use std::{io, process::ExitCode};

use clap::Parser;
use contest::{Bench, Scene};
use report::{Machine, Report};

/// Every bench, in the order of the report.
fn benches() -> Vec<Bench> {
    let mut benches = vec![small_files::bench(), small_files::bench_together()];
    benches.extend(engines::benches());
    benches.extend([echo::bench(), local::bench()]);
    benches.extend(peers::benches());
    benches.extend(timers::benches());
    benches.extend(files::benches());
    benches.extend(net::benches());
    benches.extend([net::idle(), million::bench()]);
    benches.extend(echo::mode_benches());
    benches.extend(tcp_reads::benches());
    benches.extend(busy::benches());
    benches
}

fn main() -> ExitCode {
    match run(&cli::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &cli::Arguments) -> io::Result<()> {
    match &arguments.command {
        Some(cli::Part::Contestant { bench, index, dir, quick }) => {
            let scene = Scene { quick: *quick, dir: dir.clone() };
            let bench = benches().into_iter().find(|known| known.name == *bench).ok_or(io::ErrorKind::NotFound)?;
            return contest::run_child(bench, *index, &scene);
        }
        Some(cli::Part::Serve { peer, work, size }) => return net::server::run(*peer, work, *size),
        None => {}
    }
    let report = match &arguments.from {
        Some(file) => report::load(file)?,
        None => measure(arguments)?,
    };
    if let Some(file) = &arguments.json {
        report::save(&report, file)?;
    }
    if arguments.report {
        report::publish(&report)?;
    }
    let failed = report.families.iter().flat_map(|family| &family.rows).filter(|row| row.failed.is_some()).count();
    if failed > 0 {
        return Err(io::Error::other(format!("{failed} rows have failed")));
    }
    Ok(())
}

fn measure(arguments: &cli::Arguments) -> io::Result<Report> {
    let benches = benches();
    if arguments.list {
        for bench in &benches {
            println!("{:<26} {}", bench.name, bench.title);
        }
    }
    let chosen = arguments.choose(&benches)?;
    let mut report = Report { machine: Machine::here(arguments.mode()), families: Vec::new() };
    if arguments.list {
        return Ok(report);
    }
    report.machine.lines().iter().for_each(|line| println!("{line}"));
    let begun = std::time::Instant::now();
    for bench in chosen {
        // Not in /tmp, which may lie in memory.
        let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
        let scene = Scene { quick: arguments.quick, dir: dir.path().to_owned() };
        let family = bench.run(&scene, arguments.rounds(), &arguments.contestants);
        report::print(&family);
        report.families.push(family);
    }
    println!("\nall in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(report)
}
