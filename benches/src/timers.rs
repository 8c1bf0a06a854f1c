//! Timers: many that all fire, and time limits around work that ends at once.

use std::time::Duration;

use crate::{
    contest::{Bench, Sample},
    peers,
    report::Metric,
};

const LIMITS: u32 = 200_000;

pub fn benches() -> [Bench; 3] {
    let second = Duration::from_secs(1);
    let many = Bench::new("sleeps", "Timers", "100,000 tasks, each sleeps for up to 1 s; waits are how late they end");
    // A million are all set before the first one ends.
    let title = "1,000,000 tasks, each sleeps for 2 to 6 s; waits are how late they end";
    let million = Bench::new("sleeps-million", "Timers", title).once().slow();
    [sleeps(many, 100_000, Duration::ZERO, second), sleeps(million, 1_000_000, 2 * second, 4 * second), limits()]
}

fn sleeps(bench: Bench, count: u32, least: Duration, span: Duration) -> Bench {
    let mut bench = bench.headline(Metric::Cpu);
    for peer in peers::all() {
        bench.add(peer.name, peer.kind(), move |scene| {
            let count = scene.scaled(count);
            let mut random = 88_172_645_463_325_252u64;
            move || {
                let length = || {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    least + Duration::from_nanos(random % span.as_nanos() as u64)
                };
                let lengths: Vec<_> = std::iter::repeat_with(length).take(count as usize).collect();
                let mut slept = (peer.sleeps)(&lengths);
                assert_eq!(slept.late.len(), lengths.len());
                Sample { operations: count.into(), cpu: slept.cpu, ..Sample::default() }.waits(&mut slept.late)
            }
        });
    }
    bench
}

fn limits() -> Bench {
    let mut bench = Bench::new("time-limits", "Timers", "a time limit of 30 s around one yield").headline(Metric::Cpu);
    for peer in peers::all() {
        bench.add(peer.name, peer.kind(), move |scene| {
            let limits = scene.scaled(LIMITS);
            move || Sample { operations: limits.into(), ..(peer.limits)(limits).into() }
        });
    }
    bench
}
