//! Tasks, channels and timers, against other runtimes: the same programs (`work.rs`), compiled once for each of them.
//!
//! Each peer is used as its documentation says: with its own channels and its own yield where it has them, with the
//! crate it recommends, or the usual one, where it has not. A round builds a runtime, warms it up, and measures inside.

use std::time::Duration;

use crate::measure::quantile;

#[path = "peers/compio.rs"]
mod on_compio;
#[path = "peers/glommio.rs"]
mod on_glommio;
#[path = "peers/monoio.rs"]
mod on_monoio;
#[path = "peers/ours.rs"]
mod on_runtime;
#[path = "peers/tokio.rs"]
mod on_tokio;
#[path = "peers/tokio_threads.rs"]
mod on_tokio_threads;

/// Where the measured loop runs. They differ: to some runtimes the future of `block_on` is no task, and is woken otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a task that was spawned.
    Task,
    /// In the future that the thread blocks on.
    BlockOn,
}

/// What a loop took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub wall: Duration,
    /// Of all threads of the process.
    pub cpu: Duration,
}

/// What a sleep for each of many tasks came to.
pub struct Slept {
    pub cpu: Duration,
    /// How late each one ended.
    pub late: Vec<Duration>,
}

/// One runtime's versions of the programs.
pub struct Peer {
    pub name: &'static str,
    loops: [Loop; ROWS.len()],
    pub sleeps: fn(&[Duration]) -> Slept,
    pub limits: fn(u32) -> Taken,
    pub million: fn(u32),
}

type Loop = fn(u32, Place) -> Taken;

macro_rules! peer {
    ($name:literal, $root:ident) => {
        Peer {
            name: $name,
            loops: [
                $root::work::one_by_one,
                $root::work::batches,
                $root::work::yields,
                $root::work::ping_pong,
                $root::work::ping_pong_shared,
                $root::work::cross_thread,
                $root::work::blocking,
            ],
            sleeps: $root::work::sleeps,
            limits: $root::work::limits,
            million: $root::work::million,
        }
    };
}

/// All, the project's own first; with `alone`, that one only.
pub fn all() -> Vec<Peer> {
    let mut all = vec![
        peer!("runtime", on_runtime),
        peer!("tokio, current thread", on_tokio),
        peer!("tokio, multi thread", on_tokio_threads),
        peer!("monoio", on_monoio),
        peer!("compio", on_compio),
        peer!("glommio", on_glommio),
    ];
    if std::env::args().any(|argument| argument == "alone") {
        all.truncate(1);
    }
    all
}

struct Row {
    name: &'static str,
    title: &'static str,
    /// Per round.
    operations: u32,
    /// Where the loop can make a difference.
    places: &'static [Place],
}

const BOTH: &[Place] = &[Place::Task, Place::BlockOn];

const ROWS: [Row; 7] = [
    Row { name: "spawn", title: "spawn a task and await it, one by one", operations: 1_000_000, places: BOTH },
    Row { name: "spawn-batches", title: "spawn 1000 tasks, then await them", operations: 2_000_000, places: BOTH },
    Row { name: "yield", title: "yields of 100 tasks", operations: 5_000_000, places: &[Place::Task] },
    Row {
        name: "channel",
        title: "round trips between two tasks over local channels",
        operations: 1_000_000,
        places: BOTH,
    },
    Row {
        name: "channel-shared",
        title: "the same over channels that could cross threads",
        operations: 100_000,
        places: BOTH,
    },
    Row {
        name: "cross-thread",
        title: "round trips between two threads over channels",
        operations: 20_000,
        places: &[Place::Task],
    },
    Row {
        name: "spawn-blocking",
        title: "spawn_blocking and await it, one by one",
        operations: 20_000,
        places: &[Place::Task],
    },
];

/// The names of the benches in here.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

/// Runs one of them on all peers, interleaved.
pub fn report(name: &str) {
    let quick = std::env::args().any(|argument| argument == "quick");
    let (index, row) = ROWS.iter().enumerate().find(|(_, row)| row.name == name).expect("one of `names`");
    let (rounds, operations) = if quick { (3, row.operations / 10) } else { (11, row.operations) };
    for &place in row.places {
        let contestants: Vec<(&str, Loop)> = all().into_iter().map(|peer| (peer.name, peer.loops[index])).collect();
        let mut taken: Vec<Vec<Taken>> = contestants.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for ((_, work), taken) in contestants.iter().zip(&mut taken) {
                taken.push(work(operations, place));
            }
        }
        let place = match place {
            Place::Task => "in a task",
            Place::BlockOn => "in block_on",
        };
        println!("\n{}; {place} ({rounds} interleaved rounds of {operations})", row.title);
        println!("{:<24} {:>12} {:>10} {:>9} {:>10} {:>9}", "", "median /s", "ns/op", "spread", "CPU ns/op", "of best");
        let nanos = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(operations);
        let walls: Vec<[f64; 3]> = taken
            .iter()
            .map(|taken| {
                let mut walls: Vec<_> = taken.iter().map(|taken| taken.wall).collect();
                [0.25, 0.5, 0.75].map(|q| nanos(quantile(&mut walls, q)))
            })
            .collect();
        let best = walls.iter().map(|wall| wall[1]).fold(f64::INFINITY, f64::min);
        for (((name, _), taken), wall) in contestants.iter().zip(&taken).zip(walls) {
            let cpu = nanos(quantile(&mut taken.iter().map(|taken| taken.cpu).collect::<Vec<_>>(), 0.5));
            println!(
                "{name:<24} {:>12} {:>10.1} {:>8.0}% {cpu:>10.1} {:>8.2}x",
                rate(1e9 / wall[1]),
                wall[1],
                100.0 * (wall[2] - wall[0]) / wall[1],
                best / wall[1]
            );
        }
    }
}

fn rate(per_second: f64) -> String {
    match per_second {
        1e6.. => format!("{:.1} M", per_second / 1e6),
        _ => format!("{:.0} k", per_second / 1e3),
    }
}
