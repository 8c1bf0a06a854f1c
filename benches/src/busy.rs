//! The busy core: a task computes in slices, and plans of depth 3 run beside it on the same shard.
//!
//! What is measured is how long a plan takes from its first poll to when its task goes on, for each engine and each
//! task-run mode of the ring.

use std::{
    cell::{Cell, RefCell},
    io::{Read, Write},
    rc::Rc,
    time::{Duration, Instant},
};

use runtime::{
    Builder, IntoResult, IoBuf, Lowering, Runtime, TaskRun, buf::Slice, fs::File, join_all, net::TcpStream, spawn,
    task::yield_now,
};

use crate::{
    contest::{Bench, Sample},
    files::{
        peer::O_DIRECT,
        place::{self, BLOCK, BLOCKS, Place},
    },
    measure::{pin, this_thread},
    report::{Kind, Metric},
};

const MODES: [(&str, TaskRun); 3] =
    [("defer", TaskRun::Defer), ("coop", TaskRun::Coop), ("interrupt", TaskRun::Interrupt)];
const SLICES: [Duration; 2] = [Duration::from_micros(200), Duration::from_millis(1)];
const MESSAGE: usize = 64;

#[derive(Clone, Copy)]
enum Work {
    Reads,
    Trips,
    Joins,
}

/// Names of engines; `None` is op by op.
type Engines = &'static [(&'static str, Option<Lowering>)];

/// What is run: the work, its name and title, and the engines.
const KINDS: [(Work, &str, &str, Engines); 3] = [
    (
        Work::Reads,
        "reads",
        "3 O_DIRECT reads, one after the other",
        &[("op by op", None), ("staged", Some(Lowering::Staged)), ("chain", Some(Lowering::Chain))],
    ),
    (
        Work::Trips,
        "trips",
        "3 round trips over TCP (6 ops)",
        &[("op by op", None), ("staged", Some(Lowering::Staged)), ("chain", Some(Lowering::Chain))],
    ),
    (
        Work::Joins,
        "joins",
        "2 : 2 : 2 O_DIRECT reads",
        &[("op by op", None), ("staged", Some(Lowering::Staged)), ("gate", Some(Lowering::Gate))],
    ),
];

/// Computes for a time that was calibrated beforehand, so that what the kernel takes from the task makes it later, as
/// it would a real one. A loop that watches the clock would hide it.
#[derive(Clone, Copy)]
struct Computing {
    steps_per_us: f64,
}

impl Computing {
    fn calibrated() -> Computing {
        const STEPS: u64 = 200_000;
        let mut rates: Vec<f64> = (0..31)
            .map(|seed| {
                let start = Instant::now();
                Computing::steps(seed, STEPS);
                STEPS as f64 / (start.elapsed().as_secs_f64() * 1e6)
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        Computing { steps_per_us: rates[rates.len() / 2] }
    }

    fn run(self, slice: Duration) {
        Computing::steps(1, (self.steps_per_us * slice.as_secs_f64() * 1e6) as u64);
    }

    fn steps(seed: u64, steps: u64) {
        let mut x = seed | 1;
        for _ in 0..steps {
            x ^= x << 13;
            x ^= x >> 7;
            x = std::hint::black_box(x ^ (x << 17));
        }
        assert_ne!(x, 0, "xorshift never gives 0");
    }
}

/// What the plans read from and talk to.
struct Peer {
    file: File,
    stream: TcpStream,
    next: Cell<usize>,
}

/// One contestant's.
struct Shard {
    runtime: Runtime,
    peer: Rc<Peer>,
}

pub fn benches() -> impl Iterator<Item = Bench> {
    SLICES.into_iter().flat_map(|slice| {
        KINDS.into_iter().map(move |(work, name, title, engines)| {
            let name = format!("busy-{name}-{}us", slice.as_micros());
            let title = format!("{title}, beside a task that computes in slices of {slice:?}");
            let mut bench =
                Bench::new(name, "Plans on a busy core", title).headline(Metric::P50).prepare(place::prepare_large);
            for &(engine, lowering) in engines {
                for (mode_name, mode) in MODES {
                    let kind = if lowering.is_none() { Kind::OpByOp } else { Kind::Ours };
                    bench.add(format!("{engine}, {mode_name}"), kind, move |scene| {
                        let time = Duration::from_millis(if scene.quick { 25 } else { 150 });
                        let (mut shard, computing) =
                            (Shard::new(mode, &Place::of(scene).large()), Computing::calibrated());
                        move || shard.round(work, lowering, computing, slice, time)
                    });
                }
            }
            bench
        })
    })
}

impl Shard {
    /// Keeps this thread on one core, and the one that it talks to on the other.
    fn new(mode: TaskRun, path: &std::path::Path) -> Shard {
        pin(0, &this_thread());
        let runtime = Builder::new().task_run(mode).build().expect("a runtime");
        let (stream, thread) = incrementing_peer();
        pin(1, &thread);
        let stream = TcpStream::from_std(stream).expect("a stream");
        let file = runtime.block_on(File::options().read(true).custom_flags(O_DIRECT).open(path)).expect("an open");
        Shard { runtime, peer: Rc::new(Peer { file, stream, next: Cell::new(0) }) }
    }

    /// The waits are those of plans.
    fn round(
        &mut self,
        work: Work,
        lowering: Option<Lowering>,
        computing: Computing,
        slice: Duration,
        time: Duration,
    ) -> Sample {
        let run = measure(work, lowering, self.peer.clone(), computing, slice, time);
        let (mut plans, slices) = self.runtime.block_on(run);
        assert!(!slices.is_empty(), "the other task has computed");
        Sample { operations: plans.len() as u64, wall: time, ..Sample::default() }.waits(&mut plans)
    }
}

/// Runs plans, one after the other, beside a computing task; gives what each plan and each slice took.
async fn measure(
    work: Work,
    lowering: Option<Lowering>,
    peer: Rc<Peer>,
    computing: Computing,
    slice: Duration,
    limit: Duration,
) -> (Vec<Duration>, Vec<Duration>) {
    let done = Rc::new(Cell::new(false));
    let slices = Rc::new(RefCell::new(Vec::new()));
    let computes = spawn({
        let (done, slices) = (done.clone(), slices.clone());
        async move {
            while !done.get() {
                let start = Instant::now();
                computing.run(slice);
                slices.borrow_mut().push(start.elapsed());
                yield_now().await;
            }
        }
    });
    let plans = spawn(async move {
        let end = Instant::now() + limit;
        let mut times = Vec::new();
        while Instant::now() < end {
            times.push(match work {
                Work::Reads => reads(&peer, lowering).await,
                Work::Trips => trips(&peer, lowering).await,
                Work::Joins => joins(&peer, lowering).await,
            });
        }
        done.set(true);
        times
    });
    let times = plans.await.expect("no panic");
    computes.await.expect("no panic");
    (times, slices.take())
}

async fn reads(peer: &Peer, lowering: Option<Lowering>) -> Duration {
    let at: [usize; 3] = peer.blocks();
    let [a, b, c] = [aligned(), aligned(), aligned()];
    let read = |buf, block: usize| peer.file.read_exact_at(buf, (block * BLOCK) as u64);
    let start = Instant::now();
    let blocks = match lowering {
        None => {
            let a = read(a, at[0]).await.into_result().expect("a read");
            let b = read(b, at[1]).await.into_result().expect("a read");
            (a, b, read(c, at[2]).await.into_result().expect("a read"))
        }
        Some(lowering) => {
            let plan = read(a, at[0]).then(|_| read(b, at[1])).then(|_| read(c, at[2])).lowering(lowering);
            plan.await.into_result().expect("a plan")
        }
    };
    let time = start.elapsed();
    check([&blocks.0, &blocks.1, &blocks.2].map(|block| &block[..]), &at);
    time
}

async fn joins(peer: &Peer, lowering: Option<Lowering>) -> Duration {
    let at: [usize; 6] = peer.blocks();
    let pair = |i: usize| join_all([i, i + 1].map(|i| peer.file.read_exact_at(aligned(), (at[i] * BLOCK) as u64)));
    let pairs = [pair(0), pair(2), pair(4)];
    let start = Instant::now();
    let [a, b, c] = pairs;
    let (a, b, c) = match lowering {
        None => {
            let a = a.await.into_result().expect("two reads");
            let b = b.await.into_result().expect("two reads");
            (a, b, c.await.into_result().expect("two reads"))
        }
        Some(lowering) => a.then(|_| b).then(|_| c).lowering(lowering).await.into_result().expect("a plan"),
    };
    let time = start.elapsed();
    check([&a[0], &a[1], &b[0], &b[1], &c[0], &c[1]].map(|block| &block[..]), &at);
    time
}

async fn trips(peer: &Peer, lowering: Option<Lowering>) -> Duration {
    let stream = &peer.stream;
    let (ask, [a, b, c]) = (vec![1u8; MESSAGE], [(); 3].map(|()| vec![0u8; MESSAGE]));
    let start = Instant::now();
    let answer = match lowering {
        None => {
            let mut message = ask;
            for answer in [a, b, c] {
                stream.send_all(message).await.into_result().expect("a send");
                message = stream.recv_exact(answer).await.into_result().expect("a receive");
            }
            message
        }
        Some(lowering) => {
            let plan = stream
                .send_all(ask)
                .then(|_| stream.recv_exact(a))
                .then(|(_, a)| stream.send_all(a))
                .then(|_| stream.recv_exact(b))
                .then(|(.., b)| stream.send_all(b))
                .then(|_| stream.recv_exact(c))
                .lowering(lowering);
            plan.await.into_result().expect("a plan").5
        }
    };
    let time = start.elapsed();
    assert_eq!(answer, [4; MESSAGE], "each trip adds one");
    time
}

impl Peer {
    /// The next blocks to read, spread over the file.
    fn blocks<const N: usize>(&self) -> [usize; N] {
        [(); N].map(|()| self.next.replace((self.next.get() + 389) % BLOCKS))
    }
}

fn aligned() -> Slice<Vec<u8>> {
    let (memory, range) = place::aligned(BLOCK);
    memory.slice(range)
}

fn check<const N: usize>(blocks: [&[u8]; N], at: &[usize; N]) {
    blocks.into_iter().zip(at).for_each(|(block, at)| place::check(block, *at));
}

/// A connection whose other end, a thread that blocks, sends each byte back with 1 added; and that thread's number.
fn incrementing_peer() -> (std::net::TcpStream, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let stream = std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let (mut peer, _) = listener.accept().expect("a connection");
    peer.set_nodelay(true).expect("an option");
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tell.send(this_thread()).expect("someone waits for it");
        let mut message = [0; MESSAGE];
        while peer.read_exact(&mut message).is_ok() && peer.write_all(&message.map(|byte| byte + 1)).is_ok() {}
    });
    (stream, told.recv().expect("a thread"))
}
