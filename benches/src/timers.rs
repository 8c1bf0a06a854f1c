//! Timers, against tokio on one thread: many that all fire, and time limits around work that ends at once.

use std::time::{Duration, Instant};

use crate::measure::{cpu_time, median, quantile};

const LIMITS: u32 = 200_000;

/// The same program on each runtime.
macro_rules! contestant {
    ($name:ident, $root:ident, $builder:expr) => {
        mod $name {
            use super::*;

            /// Runs a task for each of these sleeps; gives how late each one ended.
            pub fn sleeps(lengths: &[Duration]) -> Vec<Duration> {
                let sleep = |length: Duration| {
                    $root::spawn(async move {
                        let deadline = Instant::now() + length;
                        $root::time::sleep_until(deadline.into()).await;
                        Instant::now().checked_duration_since(deadline).expect("no sleep ends early")
                    })
                };
                run(async {
                    let mut late = Vec::with_capacity(lengths.len());
                    for task in lengths.iter().copied().map(sleep).collect::<Vec<_>>() {
                        late.push(task.await.expect("no panic"));
                    }
                    late
                })
            }

            /// Sets limits that are never reached, beside 1000 others.
            pub fn limits() {
                run(async {
                    let limit = Duration::from_secs(30);
                    for _ in 0..1000 {
                        drop($root::spawn($root::time::timeout(limit, std::future::pending::<()>())));
                    }
                    for _ in 0..LIMITS {
                        let limited = $root::time::timeout(limit, $root::task::yield_now());
                        limited.await.expect("yielding takes less than 30 s");
                    }
                });
            }

            fn run<F: Future>(future: F) -> F::Output {
                let runtime = $builder.expect("a runtime");
                runtime.block_on(future)
            }
        }
    };
}

contestant!(on_runtime, runtime, runtime::Builder::new().build());
contestant!(on_tokio, tokio, tokio::runtime::Builder::new_current_thread().enable_time().build());

/// What one of them took.
#[derive(Default)]
struct Figures {
    cpu_times: Vec<Duration>,
    late: Vec<Duration>,
}

type Sleeps = fn(&[Duration]) -> Vec<Duration>;

/// `timers quick`: fewer rounds, and no million.
pub fn report() {
    let quick = std::env::args().any(|argument| argument == "quick");
    report_sleeps(
        "100,000 tasks, each sleeps for up to 1 s",
        100_000,
        Duration::from_secs(1),
        if quick { 1 } else { 5 },
    );
    if !quick {
        report_sleeps("1,000,000 tasks, each sleeps for 2 to 6 s", 1_000_000, Duration::from_secs(4), 1);
    }
    report_limits();
}

fn report_sleeps(title: &str, count: usize, span: Duration, rounds: usize) {
    let contestants: [(&str, Sleeps); 2] = [("runtime", on_runtime::sleeps), ("tokio", on_tokio::sleeps)];
    let mut figures = contestants.map(|_| Figures::default());
    // A million are all set before the first one ends.
    let least = if span > Duration::from_secs(1) { span / 2 } else { Duration::ZERO };
    let mut random = 88_172_645_463_325_252u64;
    for _ in 0..rounds {
        let lengths: Vec<Duration> = std::iter::repeat_with(|| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            least + Duration::from_nanos(random % span.as_nanos() as u64)
        })
        .take(count)
        .collect();
        for ((_, sleeps), figures) in contestants.iter().zip(&mut figures) {
            let cpu = cpu_time();
            figures.late.extend(sleeps(&lengths));
            figures.cpu_times.push(cpu_time() - cpu);
        }
    }
    println!("\n{title} ({rounds} interleaved rounds)");
    println!("{:<28} {:>12} {:>12} {:>12} {:>12}", "", "CPU s", "late p50 µs", "p99 µs", "max µs");
    for ((name, _), figures) in contestants.iter().zip(&mut figures) {
        let late = [0.5, 0.99, 1.0].map(|q| quantile(&mut figures.late, q).as_secs_f64() * 1e6);
        let cpu = median(&mut figures.cpu_times).as_secs_f64();
        println!("{name:<28} {cpu:>12.3} {:>12.0} {:>12.0} {:>12.0}", late[0], late[1], late[2]);
    }
}

fn report_limits() {
    const ROUNDS: usize = 11;
    let contestants: [(&str, fn()); 2] = [("runtime", on_runtime::limits), ("tokio", on_tokio::limits)];
    let mut times = contestants.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, limits), times) in contestants.iter().zip(&mut times) {
            let cpu = cpu_time();
            limits();
            times.push(cpu_time() - cpu);
        }
    }
    println!("\na time limit of 30 s around one yield ({ROUNDS} interleaved rounds of {LIMITS})");
    for ((name, _), times) in contestants.iter().zip(&mut times) {
        println!("{name:<28} {:>12.0} ns", median(times).as_secs_f64() * 1e9 / f64::from(LIMITS));
    }
}
