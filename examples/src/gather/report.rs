//! What a copy has cost, for people and for programs.

use std::{
    io::{self, Write},
    time::Duration,
};

use indicatif::BinaryBytes;
use runtime::{Interface, Lowering, Metrics};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    job::{How, Job, Settings},
};

/// The cost of one copy, by the runtime's own counters.
#[derive(Clone, Debug)]
pub struct Report {
    pub elapsed: Duration,
    pub plans: u64,
    pub sqes: u64,
    pub enters: u64,
    pub wakes: u64,
    pub kernel: Interface,
    /// One line for people.
    pub line: String,
    pub json: Value,
}

impl Report {
    pub fn new(
        job: &Job,
        settings: &Settings,
        bytes: u64,
        elapsed: Duration,
        before: &Metrics,
        after: &Metrics,
    ) -> Report {
        let engines = engines(before, after);
        let plans = engines.iter().map(|(_, plans)| plans).sum();
        let used: Vec<&str> = engines.iter().filter(|(_, plans)| *plans > 0).map(|(name, _)| *name).collect();
        let engine = if used.is_empty() { "single ops".to_string() } else { used.join("+") };
        let (sqes, enters) = (after.sqes - before.sqes, after.enters - before.enters);
        let wakes = after.wakes - before.wakes;
        let mode = job.mode.name();
        let line = format!(
            "{mode}: {} from {} to {} in {:.1} ms; {plans} plans, {sqes} SQEs, {enters} enters, {wakes} wakes; \
             engine: {engine}; kernel interface: {}",
            BinaryBytes(bytes),
            count(job.sources.len(), "file"),
            count(job.outputs.len(), "file"),
            elapsed.as_secs_f64() * 1e3,
            after.kernel,
        );
        let json = json!({
            "mode": mode,
            "lowering": lowering(settings),
            "engine": engine,
            "kernel": after.kernel.to_string(),
            "bytes": bytes,
            "plans": plans,
            "sqes": sqes,
            "enters": enters,
            "wakes": wakes,
            "seconds": elapsed.as_secs_f64(),
        });
        Report { elapsed, plans, sqes, enters, wakes, kernel: after.kernel, line, json }
    }
}

/// What was asked for.
fn lowering(settings: &Settings) -> &'static str {
    match (settings.how, settings.lowering) {
        (How::Each, _) => "await-each",
        (_, Lowering::Auto) => "auto",
        (_, Lowering::Chain) => "chain",
        (_, Lowering::Staged) => "staged",
        (_, Lowering::Groups) => "groups",
        (_, Lowering::Gate) => "gate",
    }
}

/// The plans that each engine took.
fn engines(before: &Metrics, after: &Metrics) -> [(&'static str, u64); 4] {
    [
        ("chain", after.plans_chain - before.plans_chain),
        ("groups", after.plans_groups - before.plans_groups),
        ("gate", after.plans_gate - before.plans_gate),
        ("staged", after.plans_staged - before.plans_staged),
    ]
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Prints a line. A reader that has gone away is no failure: it has seen what it wanted.
pub fn print(to: &mut dyn Write, line: &str) -> Result<(), Failure> {
    match writeln!(to, "{line}").and_then(|()| to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot print the report: {error}")))
        }
        _ => Ok(()),
    }
}
