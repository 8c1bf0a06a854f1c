//! A copy of a file or a block device in groups: four reads at once, and one write of what they have read, many groups in
//! flight.
//!
//! ```sh
//! cargo run --release -p examples --bin cp -- big.iso copy.iso --direct --verify
//! ```
//!
//! Where to begin: `group` has the plan, `window` keeps as many of them in flight as are wanted.

#![forbid(unsafe_code)]

mod ends;
mod group;
mod verify;
mod window;

use std::{
    error::Error,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Parser, ValueEnum};
use indicatif::{BinaryBytes, ProgressBar, ProgressStyle};
use runtime::{Builder, Metrics};

/// Copies a file or a block device.
#[derive(Clone, Debug, Parser)]
#[command(name = "cp")]
struct Options {
    /// What is copied.
    source: PathBuf,
    /// Where to: a file, which is made or replaced, or with --device a block device.
    destination: PathBuf,
    /// KiB of a read, a multiple of 4.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(4..=16384))]
    block: u32,
    /// Reads of a group.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    group: u32,
    /// Groups in flight.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    depth: u32,
    /// Pass the page cache by (O_DIRECT), on both sides.
    #[arg(long)]
    direct: bool,
    /// Overwrite the block device that the destination is.
    #[arg(long)]
    device: bool,
    /// How groups go to the kernel.
    #[arg(long, value_enum, default_value_t = Lowering::Auto)]
    lowering: Lowering,
    /// Read both back, and compare.
    #[arg(long)]
    verify: bool,
    /// No progress bar.
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Lowering {
    Auto,
    Staged,
    Groups,
    Gate,
}

impl From<Lowering> for runtime::Lowering {
    fn from(lowering: Lowering) -> runtime::Lowering {
        match lowering {
            Lowering::Auto => runtime::Lowering::Auto,
            Lowering::Staged => runtime::Lowering::Staged,
            Lowering::Groups => runtime::Lowering::Groups,
            Lowering::Gate => runtime::Lowering::Gate,
        }
    }
}

impl Options {
    fn block_bytes(&self) -> usize {
        self.block as usize * 1024
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cp: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if !options.block.is_multiple_of(4) {
        return Err(format!(
            "--block {}: not a multiple of 4 KiB, as O_DIRECT and registered buffers want it",
            options.block
        )
        .into());
    }
    let mut builder = Builder::new();
    builder.lowering(options.lowering.into());
    builder.build()?.block_on(copy(options))
}

async fn copy(options: &Options) -> Result<(), Box<dyn Error>> {
    let ends = ends::open(options).await?;
    let progress = if options.quiet { ProgressBar::hidden() } else { ProgressBar::new(ends.size) };
    progress.set_style(ProgressStyle::with_template(
        "{bar:40} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}",
    )?);
    let (start, before) = (Instant::now(), runtime::metrics());
    window::copy(&ends, options, &progress).await?;
    ends.destination
        .sync_all()
        .await
        .map_err(|error| format!("cannot sync {}: {error}", options.destination.display()))?;
    let (elapsed, cost) = (start.elapsed(), runtime::metrics().since(&before));
    progress.finish_and_clear();
    report(ends.size, elapsed, &cost);
    if options.verify {
        verify::verify(&ends, options).await?;
        println!("both are the same, byte by byte");
    }
    Ok(())
}

fn report(size: u64, elapsed: Duration, cost: &Metrics) {
    let seconds = elapsed.as_secs_f64().max(1e-9);
    let engines = [
        ("groups", cost.plans_groups),
        ("gate", cost.plans_gate),
        ("chain", cost.plans_chain),
        ("staged", cost.plans_staged),
    ];
    let used: Vec<&str> = engines.iter().filter(|(_, plans)| *plans > 0).map(|(name, _)| *name).collect();
    println!(
        "{} in {seconds:.3} s, {}/s; {} plans, {} SQEs, {} enters; engine: {}",
        BinaryBytes(size),
        BinaryBytes((size as f64 / seconds) as u64),
        engines.iter().map(|(_, plans)| plans).sum::<u64>(),
        cost.sqes,
        cost.enters,
        if used.is_empty() { "none".to_owned() } else { used.join("+") },
    );
}
