//! Copies files by plans: many into one, one into many, and one into many with the result read back.
//!
//! These are the three uses that the kernel's SQE group series was made for, and what `runtime` has plans for. Where to
//! read first: [`gather`], [`scatter`] and [`mirror`] have one plan each, [`job`] keeps several of them in flight, and
//! [`demo`] compares them with awaiting every op.

#![forbid(unsafe_code)]

mod blocks;
mod buffers;
mod cleanup;
mod cli;
mod demo;
mod failure;
mod gather;
mod job;
mod mirror;
mod outputs;
mod report;
mod scatter;
mod settle;
mod sources;
mod window;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

use crate::{cli::Cli, failure::Failure, report::Report};

fn main() -> ExitCode {
    cleanup::on_interrupt();
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell if standard error is gone too.
            let _ = writeln!(io::stderr(), "gather: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let settings = cli.settings();
    let Some(job) = cli.job() else {
        return demo::run(&settings, cli.json);
    };
    let Report { line, json, .. } = &job::run(&job, &settings, !cli.json)?;
    let text = if cli.json { json.to_string() } else { line.clone() };
    // The data itself may be on its way through standard output.
    if job.writes_to_a_stream() {
        report::print(&mut io::stderr(), &text)
    } else {
        report::print(&mut io::stdout(), &text)
    }
}
