//! Interleaved rounds and medians: on a noisy machine only ratios within one run mean something.

use std::time::{Duration, Instant};

use runtime::{Metrics, Runtime};

const ROUNDS: usize = 11;

/// One way to do the work.
pub struct Contestant {
    name: &'static str,
    runtime: Runtime,
    work: Box<dyn FnMut(&mut Runtime)>,
    times: Vec<Duration>,
}

/// Ways to do the same work, side by side. The first one is what the others are compared with.
pub struct Bench {
    title: &'static str,
    operations: u32,
    contestants: Vec<Contestant>,
}

impl Bench {
    /// A bench whose work is `operations` operations.
    pub fn new(title: &'static str, operations: u32) -> Bench {
        Bench { title, operations, contestants: Vec::new() }
    }

    /// Adds a way, with a runtime of its own.
    pub fn add(&mut self, name: &'static str, runtime: Runtime, work: impl FnMut(&mut Runtime) + 'static) {
        self.contestants.push(Contestant { name, runtime, work: Box::new(work), times: Vec::new() });
    }

    /// Runs all ways in turn, round by round, and prints a row for each.
    pub fn report(mut self) {
        let before: Vec<Metrics> = self
            .contestants
            .iter_mut()
            .map(|c| {
                (c.work)(&mut c.runtime); // warm up
                c.runtime.metrics()
            })
            .collect();
        for _ in 0..ROUNDS {
            for contestant in &mut self.contestants {
                let start = Instant::now();
                (contestant.work)(&mut contestant.runtime);
                contestant.times.push(start.elapsed());
            }
        }
        println!("\n{} ({ROUNDS} interleaved rounds of {} operations)", self.title, self.operations);
        println!("{:<28} {:>12} {:>9} {:>10} {:>10}", "", "median µs/op", "spread", "speed-up", "enters/op");
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(self.operations);
        let mut base = None;
        for (contestant, before) in self.contestants.iter_mut().zip(before) {
            contestant.times.sort();
            let median = micros(contestant.times[ROUNDS / 2]);
            let spread = micros(contestant.times[ROUNDS * 3 / 4]) - micros(contestant.times[ROUNDS / 4]);
            let base = *base.get_or_insert(median);
            let enters = contestant.runtime.metrics().since(&before).enters as f64;
            let enters = enters / f64::from(self.operations) / ROUNDS as f64;
            println!(
                "{:<28} {median:>12.2} {:>8.0}% {:>9.2}x {enters:>10.2}",
                contestant.name,
                100.0 * spread / median,
                base / median
            );
        }
    }
}
