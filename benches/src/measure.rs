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
    cpu_times: Vec<Duration>,
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
        self.contestants.push(Contestant {
            name,
            runtime,
            work: Box::new(work),
            times: Vec::new(),
            cpu_times: Vec::new(),
        });
    }

    /// Runs all ways in turn, round by round, and prints a row for each.
    pub fn report(mut self) {
        let before: Vec<Metrics> = self
            .contestants
            .iter_mut()
            .map(|c| {
                (c.work)(&mut c.runtime); // warm up
                c.runtime.counters()
            })
            .collect();
        for _ in 0..ROUNDS {
            for contestant in &mut self.contestants {
                let (start, cpu) = (Instant::now(), cpu_time());
                (contestant.work)(&mut contestant.runtime);
                contestant.times.push(start.elapsed());
                contestant.cpu_times.push(cpu_time() - cpu);
            }
        }
        println!("\n{} ({ROUNDS} interleaved rounds of {} operations)", self.title, self.operations);
        println!(
            "{:<28} {:>12} {:>9} {:>10} {:>10} {:>10}",
            "", "median µs/op", "spread", "speed-up", "enters/op", "CPU µs/op"
        );
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(self.operations);
        let mut base = None;
        for (contestant, before) in self.contestants.iter_mut().zip(before) {
            let cpu = micros(median(&mut contestant.cpu_times));
            contestant.times.sort();
            let median = micros(contestant.times[ROUNDS / 2]);
            let spread = micros(contestant.times[ROUNDS * 3 / 4]) - micros(contestant.times[ROUNDS / 4]);
            let base = *base.get_or_insert(median);
            let enters = contestant.runtime.counters().since(&before).enters as f64;
            let enters = enters / f64::from(self.operations) / ROUNDS as f64;
            println!(
                "{:<28} {median:>12.2} {:>8.0}% {:>9.2}x {enters:>10.2} {cpu:>10.2}",
                contestant.name,
                100.0 * spread / median,
                base / median
            );
        }
    }
}

/// The time below which a share `q` of the times lie.
pub fn quantile(times: &mut [Duration], q: f64) -> Duration {
    times.sort();
    times[((times.len() as f64 * q) as usize).min(times.len() - 1)]
}

/// The time in the middle.
pub fn median(times: &mut [Duration]) -> Duration {
    quantile(times, 0.5)
}

/// What this thread has spent on a core so far.
pub fn cpu_time() -> Duration {
    // The kernel brings the figure up to date when the thread yields; otherwise it is up to a tick old.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel with CONFIG_SCHED_INFO");
    let nanos = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanos.expect("nanoseconds come first"))
}

/// The number of this thread, by which other programs know it.
pub fn this_thread() -> String {
    let link = std::fs::read_link("/proc/thread-self").expect("a mounted /proc");
    link.file_name().expect("a thread's number").to_string_lossy().into_owned()
}

/// Keeps a thread, and those that it starts from now on, on one core.
pub fn pin(core: usize, thread: &str) {
    // std has no call for this, and the crate has no unsafe code.
    let done = std::process::Command::new("taskset").args(["-p", "-c", &core.to_string(), thread]).output();
    if !done.is_ok_and(|output| output.status.success()) {
        static NOTE: std::sync::Once = std::sync::Once::new();
        NOTE.call_once(|| eprintln!("note: no taskset(1), or no two cores: threads run where the kernel puts them"));
    }
}

/// The memory of this process that is resident now, in bytes.
pub fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("a mounted /proc");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel's name for it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") * 1024
}
