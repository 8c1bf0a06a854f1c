//! Tasks, channels and timers, against other runtimes: the same programs (`peers/programs.rs`), compiled once for each of them.
//!
//! Each peer is used as its documentation says: with its own channels and its own yield where it has them, with the
//! crate it recommends, or the usual one, where it has not. A round builds a runtime, warms it up, and measures inside.

use std::time::Duration;

use crate::{
    contest::{Bench, Sample},
    report::{Kind, Metric},
};

mod compio;
mod glommio;
mod lacking;
mod monoio;
mod ours;
mod programs;
mod tokio;
mod tokio_threads;

use programs::programs;

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

/// What many tasks that sleep at once came to.
pub struct Crowd {
    /// Resident bytes of each.
    pub each: u64,
    /// To spawn all, poll them once, and drop them.
    pub wall: Duration,
    /// What a yield of another task took meanwhile.
    pub yields: Vec<Duration>,
}

/// One runtime's versions of the programs.
pub struct Peer {
    pub name: &'static str,
    loops: [Loop; ROWS.len()],
    pub sleeps: fn(&[Duration]) -> Slept,
    pub limits: fn(u32) -> Taken,
    pub million: fn(u32) -> Crowd,
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

/// All, the project's own first.
pub fn all() -> Vec<Peer> {
    vec![
        peer!("runtime", ours),
        peer!("tokio, current thread", tokio),
        peer!("tokio, multi thread", tokio_threads),
        peer!("monoio", monoio),
        peer!("compio", compio),
        peer!("glommio", glommio),
    ]
}

impl Peer {
    pub fn kind(&self) -> Kind {
        if self.name == "runtime" { Kind::Ours } else { Kind::Peer }
    }
}

impl From<Taken> for Sample {
    fn from(taken: Taken) -> Sample {
        Sample { wall: taken.wall, cpu: taken.cpu, ..Sample::default() }
    }
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
    Row { name: "spawn", title: "spawn a task and await it, one by one", operations: 400_000, places: BOTH },
    Row { name: "spawn-batches", title: "spawn 1000 tasks, then await them", operations: 1_000_000, places: BOTH },
    Row { name: "yield", title: "yields of 100 tasks", operations: 2_000_000, places: &[Place::Task] },
    Row {
        name: "channel",
        title: "round trips between two tasks over local channels",
        operations: 400_000,
        places: BOTH,
    },
    Row {
        name: "channel-shared",
        title: "round trips between two tasks over channels that could cross threads",
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

/// The benches in here.
pub fn benches() -> impl Iterator<Item = Bench> {
    ROWS.iter().enumerate().flat_map(|(index, row)| {
        row.places.iter().map(move |&place| {
            let (suffix, word) = match place {
                Place::Task => ("", "in a task"),
                Place::BlockOn => ("-block-on", "in block_on"),
            };
            let mut bench = Bench::new(format!("{}{suffix}", row.name), "Tasks", format!("{}, {word}", row.title))
                .headline(Metric::Rate);
            for peer in all() {
                bench.add(peer.name, peer.kind(), move |scene| {
                    let operations = scene.scaled(row.operations);
                    move || Sample { operations: operations.into(), ..(peer.loops[index])(operations, place).into() }
                });
            }
            bench
        })
    })
}
