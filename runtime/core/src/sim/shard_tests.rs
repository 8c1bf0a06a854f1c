//! A whole shard on the simulation: polled by hand, `shard.turn(true)` between the polls.

use std::{
    future::Future,
    os::fd::{OwnedFd, RawFd},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::*;
use crate::{
    encode::Lowering,
    fd::SharedFd,
    features::Groups,
    future::Io,
    handle::SlotHandle,
    join, op,
    op::{OpenHow, Resource},
    plan::Plan,
    results::is_not_run,
    shard::{Entered, Shard, ShardConfig},
    slot::SlotFd,
};

mod bell_race;
mod syncs;

/// A shard on a simulated kernel, entered.
pub(crate) struct OnSim {
    pub(crate) shard: Rc<Shard>,
    handle: SimHandle,
    _entered: Entered,
}

fn limits(lowering: Lowering) -> ShardConfig {
    ShardConfig { slots: 2, accept_slots: 0, lowering, shutdown_timeout: Duration::from_millis(2) }
}

pub(crate) fn on_sim(config: SimConfig) -> OnSim {
    let (sim, handle) = Sim::new(config);
    let shard = Shard::new(Box::new(sim), limits(Lowering::Auto)).unwrap();
    OnSim { _entered: shard.enter(), shard, handle }
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

impl OnSim {
    fn drive<F: Future + Unpin>(&self, mut future: F) -> F::Output {
        for _ in 0..1000 {
            if let Poll::Ready(output) = poll(&mut future) {
                return output;
            }
            self.shard.turn(true).unwrap();
        }
        panic!("it does not end\n{}", self.handle.dump());
    }

    fn run<P: Plan>(&self, plan: Io<P>, lowering: Lowering) -> P::Output {
        self.drive(plan.lowering(lowering))
    }

    fn device(&self) -> SharedFd {
        SharedFd::new(self.handle.device(1 << 20))
    }

    /// Nothing is left, here or in the kernel.
    pub(crate) fn ends(self) {
        for _ in 0..10 {
            self.shard.turn(false).unwrap();
        }
        let metrics = self.shard.metrics();
        assert_eq!((metrics.in_flight, metrics.activations, metrics.slots), (0, 0, 0));
        assert_eq!((self.shard.shut_down(), self.handle.open_slots()), (0, vec![]));
        assert_eq!(self.handle.counters().split_chains, 0);
    }
}

/// A file, in both forms.
#[derive(Debug)]
pub(crate) struct Plain(OwnedFd);

impl Resource for Plain {
    type Slot = SlotFd;
    type Handle = SlotHandle;

    fn from_fd(fd: OwnedFd) -> Plain {
        Plain(fd)
    }

    fn from_slot(slot: SlotFd) -> SlotFd {
        slot
    }

    fn from_handle(handle: SlotHandle) -> SlotHandle {
        handle
    }
}

fn open(path: &str) -> Io<crate::plan::One<op::Open<Plain>>> {
    op::open(path.as_ref(), Ok(OpenHow::default()))
}

#[test]
fn a_plan_runs_on_every_engine() {
    let features = Features { groups: Some(Groups::WithLeader), ..SimConfig::default().features };
    for lowering in [Lowering::Auto, Lowering::Staged, Lowering::Groups, Lowering::Gate] {
        for seed in 0..20 {
            let on = on_sim(SimConfig { seed, features: features.clone(), ..SimConfig::default() });
            let ((a, b), c) = on.run(join!(op::nop(), op::nop()).then(|_| op::nop()), lowering);
            assert!(a.is_ok() && b.is_ok() && c.is_ok());
            let key = |row| on.handle.event_of_row(row).unwrap().user_data;
            // Rows 2 is the barrier; with groups and gates it has no SQE either.
            let is_op = |event: &&Event| event.opcode == 0 && SimHandle::row(event.user_data).is_some();
            let last = on.handle.log().iter().rev().find(is_op).unwrap().user_data;
            assert!(on.handle.event(last).unwrap().started_at > on.handle.event(key(0)).unwrap().ended_at);
            assert!(on.handle.event(last).unwrap().started_at > on.handle.event(key(1)).unwrap().ended_at);
            on.ends();
        }
    }
}

/// N:M through buffers: what was read is what is written, in the right place.
#[test]
fn loans_pass_bytes_from_reads_to_writes() {
    for lowering in [Lowering::Staged, Lowering::Gate] {
        for inline_percent in [0, 50, 100] {
            let on = on_sim(SimConfig { inline_percent, seed: inline_percent as u64, ..SimConfig::default() });
            let (source, sink) = (on.device(), on.handle.device(1 << 20));
            let out = SharedFd::new(sink);
            let plan = join!(op::read_exact_at(&source, vec![0; 64], 0), op::read_exact_at(&source, vec![0; 64], 640))
                .then(|(a, b)| join!(op::write_all_at(&out, a, 0), op::write_all_at(&out, b, 64)))
                .then(|_| op::sync_data(&out));
            let ((first, second), writes, synced) = on.run(plan, lowering);
            assert!(first.0.is_ok() && second.0.is_ok() && writes.0.0.is_ok() && writes.1.0.is_ok() && synced.is_ok());
            let mut written = on.handle.written(&out);
            written.sort();
            let bytes = |from: u64| (from..from + 64).map(SimHandle::device_byte).collect::<Vec<u8>>();
            assert_eq!(written, [(0, bytes(0)), (64, bytes(640))]);
            assert_eq!(second.1, bytes(640));
            drop((source, out));
            on.ends();
        }
    }
}

#[test]
fn a_plan_passes_its_gates() {
    for seed in 0..50 {
        let on = on_sim(SimConfig { seed, ..SimConfig::default() });
        let plan = join!(op::nop(), op::nop(), op::nop()).then(|_| join!(op::nop(), op::nop()));
        let output = on.run(plan, Lowering::Gate);
        assert!(output.0.0.is_ok() && output.1.1.is_ok());
        // 2N + M + 1 SQEs more.
        let rows = on.handle.log().iter().filter(|event| SimHandle::row(event.user_data).is_some()).count();
        assert_eq!(rows, 5 + 2 * 3 + 2 + 1);
        assert_eq!(on.shard.metrics().enters_submitting, 1);
        on.ends();
    }
}

#[test]
fn a_failure_keeps_what_depends_on_it_from_running() {
    for lowering in [Lowering::Chain, Lowering::Staged] {
        let on = on_sim(SimConfig::default());
        let device = on.device();
        on.handle.script_row(1, Outcome::Short(3));
        let read = || op::read_exact_at(&device, vec![0; 8], 0);
        let (a, b, c) = on.run(read().then(|_| read()).then(|_| read()), lowering);
        assert!(a.0.is_ok());
        assert_eq!(b.0.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(is_not_run(&c.0.unwrap_err()));
        assert!(on.handle.event_of_row(2).is_none_or(|event| event.started_at.is_none()));
        drop(device);
        on.ends();
    }
}

#[test]
fn a_slot_is_opened_used_and_closed() {
    for lowering in [Lowering::Chain, Lowering::Staged] {
        let on = on_sim(SimConfig::default());
        drop(on.handle.file("a", b"abcdefgh"));
        let plan =
            || open("a").then(|slot| op::read_exact_at(slot, vec![0; 8], 0)).finally(|(slot, _)| op::close_slot(slot));
        let (slot, read, closed) = on.run(plan(), lowering);
        assert!(closed.is_ok() && slot.unwrap().is_closed());
        assert_eq!((read.0.is_ok(), &read.1[..]), (true, &b"abcdefgh"[..]));
        assert_eq!(on.handle.open_slots(), []);
        // The read fails: the close runs all the same.
        on.handle.script_row(1, Outcome::Errno(libc::EIO));
        let (_, read, closed) = on.run(plan(), lowering);
        assert_eq!((read.0.unwrap_err().raw_os_error(), closed.is_ok()), (Some(libc::EIO), true));
        on.ends();
    }
}

#[test]
fn ordinary_descriptors_are_closed_by_their_owners() {
    let on = on_sim(SimConfig::default());
    drop(on.handle.file("a", b"abc"));
    let file = SharedFd::new(on.drive(open("a")).unwrap().0);
    let (result, bytes) = on.drive(op::read_at(&file, vec![0; 8], 0));
    assert_eq!((result.unwrap(), &bytes[..3]), (3, &b"abc"[..]));
    on.drive(op::close_fd(file)).unwrap();
    // Opened and dropped before it is taken: closed, too.
    let mut opening = open("a");
    assert!(poll(&mut opening).is_pending());
    drop(opening);
    on.shard.turn(true).unwrap();
    on.ends();
}

/// With each answer to the cancel, at each moment.
#[test]
fn a_dropped_plan_keeps_its_memory_until_the_last_cqe() {
    for on_cancel in [OnCancel::Obey, OnCancel::Already, OnCancel::Unfound] {
        for lowering in [Lowering::Chain, Lowering::Staged] {
            for turns in 0..3 {
                let on = on_sim(SimConfig { seed: turns, ..SimConfig::default() });
                let device = on.device();
                on.handle.script_row(1, Script { outcome: Outcome::Real, on_cancel });
                let mut plan = op::read_exact_at(&device, vec![0; 64], 0)
                    .then(|_| op::read_exact_at(&device, vec![0; 64], 0))
                    .lowering(lowering);
                assert!(poll(&mut plan).is_pending());
                for _ in 0..turns {
                    on.shard.turn(false).unwrap();
                    on.handle.step();
                }
                drop(plan);
                while on.shard.metrics().activations > 0 {
                    on.shard.turn(true).unwrap();
                }
                drop(device);
                on.ends();
            }
        }
    }
}

#[test]
fn a_cancelled_plan_gives_its_buffers_back() {
    let on = on_sim(SimConfig::default());
    let (one, other) = on.handle.stream();
    let one = SharedFd::new(one);
    let mut receive = op::recv_exact(&one, vec![0; 8]);
    assert!(poll(&mut receive).is_pending());
    on.handle.write(&other, b"abc").unwrap();
    on.shard.turn(false).unwrap();
    while on.handle.step() {}
    let (result, bytes) = on.drive(receive.cancel());
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(&bytes[..3], b"abc", "no byte is lost");
    drop(one);
    on.ends();
}

/// An op that nothing ends is left to the kernel, which goes on to use its memory.
#[test]
fn shutdown_leaks_what_does_not_end_and_says_so() {
    let on = on_sim(SimConfig::default());
    let device = on.device();
    on.handle.script_with(|sqe| {
        let stuck = Script { outcome: Outcome::Never, on_cancel: OnCancel::Already };
        (sqe.opcode == io_uring::opcode::Read::CODE).then_some(stuck)
    });
    let mut read = op::read_exact_at(&device, vec![0; 64], 0);
    assert!(poll(&mut read).is_pending());
    on.shard.turn(false).unwrap();
    let user_data = on.handle.in_kernel()[0].user_data;
    std::mem::forget(read);
    assert_eq!(on.shard.shut_down(), 1);
    assert_eq!(on.shard.metrics().leaked, 1);
    let OnSim { shard, handle, _entered } = on;
    drop((_entered, shard));
    handle.complete_with(user_data, Outcome::Real);
    assert!(handle.in_kernel().iter().all(|op| op.user_data != user_data), "written into leaked memory");
}

/// Failures of every enter that the plan needs.
#[test]
fn enters_that_fail_are_tried_again() {
    let faults = [libc::EINTR, libc::EAGAIN, libc::EBUSY, libc::ENOMEM].map(Fault::Refused);
    for fault in faults.into_iter().chain([Fault::Partial(0), Fault::Partial(1), Fault::Partial(2), Fault::Interrupted])
    {
        for lowering in [Lowering::Chain, Lowering::Staged] {
            for after in 0..4 {
                let on = on_sim(SimConfig { seed: after, ..SimConfig::default() });
                on.handle.fail_enter(after, fault);
                let (a, b, c) = on.run(op::nop().then(|_| op::nop()).then(|_| op::nop()), lowering);
                assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{fault:?} {lowering:?} after {after}");
                on.shard.turn(false).unwrap();
                let shard = on.shard.clone();
                assert_eq!((shard.metrics().in_flight, shard.shut_down()), (0, 0));
            }
        }
    }
}

#[test]
fn queues_of_few_entries_serve_many_ops() {
    for sq_entries in [1, 2, 3] {
        let config = SimConfig { sq_entries, cq_entries: 2 * sq_entries, seed: 3, ..SimConfig::default() };
        let on = on_sim(config);
        let plan = crate::plan::join_all((0..20).map(|_| op::nop())).then(|_| op::nop());
        let (all, last) = on.run(plan, Lowering::Auto);
        assert!(last.is_ok() && all.iter().all(Result::is_ok));
        on.ends();
    }
}

/// Everything that chance can do at once, on plans with a time limit that are waited for, cancelled or dropped.
#[test]
fn chance_in_every_corner() {
    for seed in 0..400u64 {
        let config = SimConfig {
            seed,
            sq_entries: 4,
            cq_entries: 4,
            inline_percent: (seed % 3 * 40) as u32,
            steps_before_wait: (seed % 4) as u32,
            timers_race: seed % 2 == 0,
            late_cancel_percent: 30,
            unfound_cancel_percent: 30,
            ..SimConfig::default()
        };
        let on = on_sim(config);
        let device = on.device();
        let read = || op::read_exact_at(&device, vec![0; 16], 0);
        let lowering = [Lowering::Chain, Lowering::Staged][(seed / 8 % 2) as usize];
        let limited = || read().then(|_| read().timeout(Duration::from_micros(200))).lowering(lowering);
        let (mut waited, mut cancelled, mut dropped) = (limited(), limited(), limited());
        for plan in [&mut waited, &mut cancelled, &mut dropped] {
            let _ = poll(plan);
        }
        for _ in 0..seed % 5 {
            on.shard.turn(false).unwrap();
            on.handle.step();
        }
        drop(dropped);
        let (first, second) = on.drive(waited);
        assert!(first.0.is_ok() && (second.0.is_ok() || second.0.unwrap_err().kind() == io::ErrorKind::TimedOut));
        let (first, _) = on.drive(cancelled.cancel());
        assert_eq!(first.1.len(), 16);
        while on.shard.metrics().activations > 0 {
            on.shard.turn(true).unwrap();
        }
        drop(device);
        on.ends();
    }
}
