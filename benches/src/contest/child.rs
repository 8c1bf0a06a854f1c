//! A contestant's process: a round for each line of input, its sample as a line of output.

use std::{
    io::{self, BufRead, Write},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use super::{Bench, Scene};
use crate::measure::peak_resident;

static COUNTS_CALLS: AtomicBool = AtomicBool::new(false);

/// System calls are counted in this round: there should be none but the work's.
pub fn counts_calls() -> bool {
    COUNTS_CALLS.load(Relaxed)
}

/// Until the input ends.
pub fn run(bench: Bench, index: usize, scene: &Scene) -> io::Result<()> {
    super::die_with_parent();
    let contestant = bench.contestants.into_iter().nth(index).ok_or(io::ErrorKind::NotFound)?;
    let mut work = (contestant.start)(scene);
    for line in io::stdin().lock().lines() {
        COUNTS_CALLS.store(line? == "count", Relaxed);
        let mut sample = work();
        sample.peak = sample.peak.or_else(|| Some(peak_resident()));
        let mut out = io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&sample)?)?;
        out.flush()?;
    }
    Ok(())
}
