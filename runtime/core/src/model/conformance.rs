//! The same shapes on the running kernel, by io_uring and by the emulated one: real files, pipes and sockets for full, short,
//! empty and failing ops, and NOPs with injected results. What the kernel lacks is skipped aloud, and counted.

use std::{
    fs::File,
    future::Future,
    io::Write,
    os::fd::OwnedFd,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{
    oracle::{self, Decided, Outcome},
    small::{decisions, shapes},
    tree::{BYTES, Leaf, STRIDE, Seen, Shape, Tree, Verb},
};
use crate::{
    choose::{Interface, Kernel},
    encode::Lowering,
    fd::{SharedFd, Target},
    future::Io,
    ring::{RingConfig, TaskRun},
    shard::{Shard, ShardConfig},
};

const ENGINES: [Lowering; 5] = [Lowering::Auto, Lowering::Chain, Lowering::Staged, Lowering::Gate, Lowering::Groups];

/// What the ops of a run work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    Files,
    Pipes,
    Sockets,
    Nops,
}

fn shard(kernel: Kernel, task_run: TaskRun) -> Rc<Shard> {
    let opened = kernel.open(RingConfig { sq_entries: 64, cq_entries: 256, task_run }, false).expect("a kernel");
    let config =
        ShardConfig { slots: 0, accept_slots: 0, lowering: Lowering::Auto, shutdown_timeout: Duration::from_secs(10) };
    Shard::new(opened, config).expect("a shard")
}

fn run(shard: &Rc<Shard>, mut plan: Io<Tree>) -> Vec<Seen> {
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(seen) = Pin::new(&mut plan).poll(&mut cx) {
            return seen;
        }
        shard.turn(true).expect("a turn");
    }
}

/// The objects of one world, made once, but for what a read uses up.
struct Objects {
    world: World,
    full: SharedFd,
    short: Vec<SharedFd>,
    empty: SharedFd,
    directory: SharedFd,
}

impl Objects {
    fn new(world: World) -> Objects {
        let file = |len: usize| {
            let path = std::env::temp_dir().join(format!("conformance-{}-{world:?}-{len}", std::process::id()));
            let mut file =
                File::options().read(true).write(true).create(true).truncate(true).open(&path).expect("a file");
            file.write_all(&vec![7; len]).expect("a write");
            std::fs::remove_file(path).expect("a file that was made");
            SharedFd::new(file.into())
        };
        Objects {
            world,
            full: file(4096),
            short: (0..4).map(|number| file(number * STRIDE as usize + 3)).collect(),
            empty: file(0),
            directory: SharedFd::new(File::open("/").expect("/").into()),
        }
    }

    /// An op that ends as decided, and the errno of the failing one.
    fn leaf(&self, number: usize, decided: Decided) -> (Leaf, i32) {
        let shared = |fd: &SharedFd| Target::from(fd);
        let owned = |fd: OwnedFd| Target::from(SharedFd::new(fd));
        let bytes = match decided.outcome {
            Outcome::Full => BYTES,
            Outcome::Short => 3,
            _ => 0,
        };
        let (verb, target, errno) = match (self.world, decided.outcome) {
            (World::Nops, Outcome::Errno) => (Verb::Nop(-libc::EIO), shared(&self.full), libc::EIO),
            (World::Nops, _) => (Verb::Nop(BYTES as i32), shared(&self.full), 0),
            (World::Files, Outcome::Full) => (Verb::Read, shared(&self.full), 0),
            (World::Files, Outcome::Short) => (Verb::Read, shared(&self.short[number]), 0),
            (World::Files, Outcome::Errno) => (Verb::Read, shared(&self.directory), libc::EISDIR),
            (World::Files, _) => (Verb::Read, shared(&self.empty), 0),
            (World::Pipes, Outcome::Errno) => {
                (Verb::ReadNext, owned(std::io::pipe().expect("a pipe").1.into()), libc::EBADF)
            }
            (World::Pipes, _) => {
                let (reader, mut writer) = std::io::pipe().expect("a pipe");
                writer.write_all(&[7; BYTES][..bytes]).expect("a write");
                (Verb::ReadNext, owned(reader.into()), 0)
            }
            (World::Sockets, Outcome::Errno) => (Verb::Recv, shared(&self.directory), libc::ENOTSOCK),
            (World::Sockets, _) => {
                let (receiver, mut sender) = std::os::unix::net::UnixStream::pair().expect("a pair");
                sender.write_all(&[7; BYTES][..bytes]).expect("a write");
                (Verb::Recv, owned(receiver.into()), 0)
            }
        };
        (Leaf { verb, target, variable: decided.variable }, errno)
    }
}

/// What an op must give by itself.
fn own(decided: Decided, errno: i32) -> Seen {
    match decided.outcome {
        Outcome::Full => Seen::Done(BYTES),
        Outcome::Short if decided.variable => Seen::Done(3),
        Outcome::Zero if decided.variable => Seen::Done(0),
        Outcome::Short => Seen::Short(3),
        Outcome::Errno => Seen::Failed(errno),
        _ => Seen::Short(0),
    }
}

/// One plan on one engine; false if the engine refuses it.
fn agrees(shard: &Rc<Shard>, objects: &Objects, shape: &Shape, decided: &[Decided], lowering: Lowering) -> bool {
    let made: Vec<(Leaf, i32)> =
        decided.iter().enumerate().map(|(number, decided)| objects.leaf(number, *decided)).collect();
    let leaves: Vec<Leaf> = made.iter().map(|(leaf, _)| leaf.clone()).collect();
    let seen = run(shard, Io::new(Tree::new(shape, &leaves)).lowering(lowering));
    if seen.iter().any(|seen| matches!(seen, Seen::Refused(_))) {
        return false;
    }
    for (number, meaning) in oracle::meaning(shape, decided).iter().enumerate() {
        let as_meant = match &seen[number] {
            Seen::NotRun(Some(cause)) => !meaning.runs && meaning.causes.contains(cause),
            seen => meaning.runs && *seen == own(decided[number], made[number].1),
        };
        assert!(as_meant, "{shape:?} {decided:?} {lowering:?}: op {number} of {seen:?} means {meaning:?}");
    }
    true
}

/// Whether NOPs give the results that are asked for (IORING_NOP_INJECT_RESULT, Linux 6.10).
fn nops_take_results(shard: &Rc<Shard>, objects: &Objects) -> bool {
    let decided = Decided { outcome: Outcome::Full, variable: false };
    let leaf = objects.leaf(0, decided).0;
    run(shard, Io::new(Tree::new(&Shape::Op, &[leaf]))) == [Seen::Done(BYTES)]
}

/// On the kernel that the environment asks for, and on the emulated one.
fn conform(world: World, outcomes: &[Outcome], variable: bool, task_run: TaskRun) {
    let asked = Kernel::from_environment().expect("a kernel's name");
    // Where io_uring is refused, both are the emulated one.
    let opened = asked.open(RingConfig { sq_entries: 2, cq_entries: 4, task_run }, false).expect("a kernel");
    let twice = opened.interface() == Interface::Emulated;
    for kernel in [asked, Kernel::Emulated].into_iter().skip(usize::from(twice)) {
        conform_on(kernel, world, outcomes, variable, task_run);
    }
}

fn conform_on(kernel: Kernel, world: World, outcomes: &[Outcome], variable: bool, task_run: TaskRun) {
    let shard = shard(kernel, task_run);
    let entered = shard.enter();
    let objects = Objects::new(world);
    if world == World::Nops && !nops_take_results(&shard, &objects) {
        println!("skipped: {world:?}: this kernel's NOP does not take a result (IORING_NOP_INJECT_RESULT)");
    } else {
        let outcomes: Vec<_> = outcomes.iter().map(|outcome| Decided { outcome: *outcome, variable }).collect();
        let (mut plans, mut refused) = (0, [0; ENGINES.len()]);
        for ops in 1..=4 {
            for shape in shapes(ops) {
                // Of the plans of four ops, every seventh: the simulated kernel has seen all of them.
                for decided in decisions(ops, &outcomes).step_by(if ops == 4 { 7 } else { 1 }) {
                    for (lowering, refused) in ENGINES.iter().zip(&mut refused) {
                        plans += 1;
                        *refused += !agrees(&shard, &objects, &shape, &decided, *lowering) as u32;
                    }
                }
            }
        }
        println!(
            "{world:?}, {kernel:?}, {task_run:?}: {plans} plans of 86 shapes agree; refused: {ENGINES:?} {refused:?}"
        );
        if shard.features().groups.is_none() {
            println!("skipped: {} plans for Lowering::Groups: this kernel has no SQE groups", refused[4]);
        }
        assert_eq!((refused[0], refused[2]), (0, 0), "Auto and Staged serve every plan");
    }
    assert_eq!(shard.metrics().in_flight, 0);
    assert_eq!(shard.shut_down(), 0);
    drop(entered);
}

const ALL: [Outcome; 4] = [Outcome::Full, Outcome::Short, Outcome::Zero, Outcome::Errno];

#[test]
fn files_conform() {
    conform(World::Files, &ALL, false, TaskRun::Coop);
}

#[test]
fn pipes_conform() {
    conform(World::Pipes, &ALL, false, TaskRun::Defer);
}

#[test]
fn sockets_conform() {
    conform(World::Sockets, &ALL, false, TaskRun::Interrupt);
}

#[test]
fn nops_conform() {
    conform(World::Nops, &[Outcome::Full, Outcome::Errno], false, TaskRun::Coop);
}

#[test]
fn variable_lengths_conform() {
    conform(World::Pipes, &[Outcome::Full, Outcome::Short, Outcome::Zero], true, TaskRun::Coop);
}
