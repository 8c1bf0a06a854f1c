//! Contests: the same work by several contestants, each in a process of its own, in turns, round by round.
//!
//! On a noisy machine only ratios within one run mean something, and only rounds that alternate share the noise. A process
//! of its own gives each contestant a heap, a peak of memory and threads that no other one has touched; it is bounded in
//! time, and one that hangs or panics is a failed row.

mod calls;
mod child;
mod process;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::report::{Family, Figure, Kind, Metric, Row};
use calls::{Calls, Count};
pub use child::{counts_calls, run as run_child};
use process::Process;
pub use process::die_with_parent;

/// Where and how thoroughly a contest is run.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Shorter rounds.
    pub quick: bool,
    /// A folder for this bench, on the device of the working directory and not in memory.
    pub dir: PathBuf,
}

impl Scene {
    /// A count for the whole run, less for a quick one.
    pub fn scaled(&self, count: u32) -> u32 {
        if self.quick { count / 10 } else { count }
    }
}

/// What one round took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    pub operations: u64,
    /// Zero where a rate would say nothing.
    pub wall: Duration,
    /// Of all threads.
    pub cpu: Duration,
    /// p50, p99 and p999.
    pub waits: Option<[Duration; 3]>,
    /// By the runtime's own count.
    pub enters: Option<u64>,
    /// Bytes per task or connection.
    pub each: Option<u64>,
    /// The process that did the work, if it was not the contestant's own.
    pub process: Option<u32>,
    /// Its most resident memory; filled in for the contestant's own process.
    pub peak: Option<u64>,
}

impl Sample {
    /// Does work on this thread, and measures it.
    pub fn of(operations: u64, work: impl FnOnce()) -> Sample {
        let (start, cpu) = (Instant::now(), process_cpu());
        work();
        Sample { operations, wall: start.elapsed(), cpu: process_cpu() - cpu, ..Sample::default() }
    }

    /// The waits that were seen, in quantiles.
    pub fn waits(mut self, waits: &mut [Duration]) -> Sample {
        self.waits = (!waits.is_empty()).then(|| [0.5, 0.99, 0.999].map(|q| crate::measure::quantile(waits, q)));
        self
    }
}

/// What all threads of the process have spent on cores so far, the kernel's that work for it among them.
pub fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// One round of a contestant's work. Results are verified in there: wrong work is a panic.
pub type Round = Box<dyn FnMut() -> Sample>;

type Start = Box<dyn FnOnce(&Scene) -> Round>;

struct Contestant {
    name: String,
    kind: Kind,
    start: Start,
    /// Whether it can be run here.
    there: fn() -> bool,
}

/// A contest that can be run.
pub struct Bench {
    pub name: String,
    pub title: String,
    chapter: &'static str,
    headline: Metric,
    prepare: Option<fn(&Scene)>,
    contestants: Vec<Contestant>,
    once: bool,
    /// No part of a quick run unless asked for by name.
    pub slow: bool,
    counts_calls: bool,
}

impl Bench {
    /// `chapter` is what it is drawn with.
    pub fn new(name: impl Into<String>, chapter: &'static str, title: impl Into<String>) -> Bench {
        Bench {
            name: name.into(),
            title: title.into(),
            chapter,
            headline: Metric::Rate,
            prepare: None,
            contestants: Vec::new(),
            once: false,
            slow: false,
            counts_calls: false,
        }
    }

    /// Decided by another metric than the rate.
    pub fn headline(mut self, metric: Metric) -> Bench {
        self.headline = metric;
        self
    }

    /// Files that all contestants use.
    pub fn prepare(mut self, prepare: fn(&Scene)) -> Bench {
        self.prepare = Some(prepare);
        self
    }

    /// One round: memory, which does not vary.
    pub fn once(mut self) -> Bench {
        self.once = true;
        self
    }

    /// No part of a quick run.
    pub fn slow(mut self) -> Bench {
        self.slow = true;
        self
    }

    /// One more round, in which the system calls of each contestant's process are counted.
    pub fn count_calls(mut self) -> Bench {
        self.counts_calls = true;
        self
    }

    /// Adds a contestant. `start` runs in its process and gives the work of one round.
    pub fn add<R>(&mut self, name: impl Into<String>, kind: Kind, start: impl FnOnce(&Scene) -> R + 'static)
    where
        R: FnMut() -> Sample + 'static,
    {
        let start: Start = Box::new(move |scene| Box::new(start(scene)));
        self.contestants.push(Contestant { name: name.into(), kind, start, there: || true });
    }

    /// The contestant that was added last is left out where this is false.
    pub fn only_where(&mut self, there: fn() -> bool) {
        self.contestants.last_mut().expect("one was added").there = there;
    }

    /// Runs all contestants whose names hold one of `wanted`, or all.
    pub fn run(&self, scene: &Scene, rounds: usize, wanted: &[String]) -> Family {
        let begun = Instant::now();
        let rounds = if self.once { 1 } else { rounds };
        if let Some(prepare) = self.prepare {
            prepare(scene);
        }
        let mut running: Vec<Running> = Vec::new();
        for (index, contestant) in self.contestants.iter().enumerate() {
            let asked = wanted.is_empty() || wanted.iter().any(|wanted| contestant.name.contains(wanted.as_str()));
            if asked && (contestant.there)() {
                running.push(Running {
                    contestant,
                    process: Process::start(self, index, scene),
                    samples: vec![],
                    calls: None,
                });
            }
        }
        for round in 0..=rounds {
            for one in running.iter_mut().filter(|_| round > 0 || !self.once) {
                one.round(round > 0);
            }
        }
        if self.counts_calls {
            count_calls(&mut running);
        }
        Family {
            name: self.name.clone(),
            chapter: self.chapter.to_owned(),
            title: self.title.clone(),
            headline: self.headline,
            rounds,
            took: begun.elapsed(),
            rows: running.into_iter().map(Running::row).collect(),
        }
    }
}

/// One more round of each.
fn count_calls(running: &mut [Running<'_>]) {
    let counts: Vec<Option<Count>> = running.iter().map(Running::start_count).collect();
    if counts.iter().any(Option::is_some) {
        Count::settle();
    }
    for (one, count) in running.iter_mut().zip(counts) {
        if let (Some(count), Ok(process)) = (count, &mut one.process) {
            one.calls = process.round("count").ok().and_then(|sample| count.finish(sample.operations));
        }
    }
}

struct Running<'a> {
    contestant: &'a Contestant,
    process: Result<Process, String>,
    samples: Vec<Sample>,
    calls: Option<Calls>,
}

impl Running<'_> {
    /// The first one is to warm up, and does not count.
    fn round(&mut self, counts: bool) {
        let Ok(process) = &mut self.process else { return };
        match process.round("round") {
            Ok(sample) if counts => self.samples.push(sample),
            Ok(_) => {}
            Err(error) => {
                eprintln!("{}: {error}", self.contestant.name);
                self.process = Err(error);
            }
        }
    }

    fn start_count(&self) -> Option<Count> {
        let process = self.process.as_ref().ok()?;
        Count::start(self.samples.last().and_then(|sample| sample.process).unwrap_or(process.id()))
    }

    fn row(self) -> Row {
        let samples = &self.samples;
        let mut figures = Vec::new();
        let mut add = |metric, of: &dyn Fn(&Sample) -> Option<f64>| {
            figures.extend(Figure::of(metric, samples.iter().filter_map(of).collect()));
        };
        let nanos = |time: Duration| time.as_secs_f64() * 1e9;
        let per = |value: f64, sample: &Sample| value / sample.operations as f64;
        let some = |time: Duration| (!time.is_zero()).then_some(time);
        add(Metric::Rate, &|s| Some(s.operations as f64 / some(s.wall)?.as_secs_f64()));
        add(Metric::Cpu, &|s| Some(per(nanos(some(s.cpu)?), s)));
        for (i, metric) in [Metric::P50, Metric::P99, Metric::P999].into_iter().enumerate() {
            add(metric, &|s| Some(nanos(s.waits?[i])));
        }
        add(Metric::Enters, &|s| Some(per(s.enters? as f64, s)));
        add(Metric::Each, &|s| Some(s.each? as f64));
        add(Metric::PeakMemory, &|s| Some(s.peak? as f64));
        if let Some(calls) = self.calls {
            figures.extend(Figure::of(Metric::Calls, vec![calls.all]));
            if !figures.iter().any(|figure| figure.metric == Metric::Enters) {
                figures.extend(Figure::of(Metric::Enters, vec![calls.enters]));
            }
        }
        Row {
            contestant: self.contestant.name.clone(),
            kind: self.contestant.kind,
            figures,
            failed: self.process.err(),
        }
    }
}
