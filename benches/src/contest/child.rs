//! A contestant's process: a round for each line of input, its sample as a line of output.

use std::io::{self, BufRead, Write};

use super::{Bench, Scene};
use crate::measure::peak_resident;

/// Until the input ends.
pub fn run(bench: Bench, index: usize, scene: &Scene) -> io::Result<()> {
    super::die_with_parent();
    let contestant = bench.contestants.into_iter().nth(index).ok_or(io::ErrorKind::NotFound)?;
    let mut work = (contestant.start)(scene);
    for line in io::stdin().lock().lines() {
        line?;
        let mut sample = work();
        sample.peak = sample.peak.or_else(|| Some(peak_resident()));
        let mut out = io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&sample)?)?;
        out.flush()?;
    }
    Ok(())
}
