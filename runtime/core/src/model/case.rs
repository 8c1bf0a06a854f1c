//! One plan on one simulated kernel: what was seen, and the invariants.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{
    oracle::{self, Decided, Meaning, Outcome},
    tree::{BYTES, Leaf, STRIDE, Seen, Shape, Tree, Verb},
};
use crate::{
    encode::Lowering,
    fd::{SharedFd, Target},
    features::Groups,
    future::Io,
    shard::{Shard, ShardConfig},
    sim::{self, Fault, OnCancel, Script, Sim, SimConfig, SimHandle},
};

/// What the user does while the plan runs, after so many completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    Waits,
    Drops(u32),
    Cancels(u32),
}

/// A plan, its ops' outcomes, and the world it runs in.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) shape: Shape,
    pub(super) decided: Vec<Decided>,
    /// Which ops a cancel comes too late for.
    pub(super) late: Vec<bool>,
    pub(super) lowering: Lowering,
    pub(super) groups: Option<Groups>,
    pub(super) sq_entries: u32,
    pub(super) seed: u64,
    pub(super) user: User,
    /// The enter that fails, and how.
    pub(super) fault: Option<(u64, Fault)>,
    /// How many in a hundred ready ops complete at their issue.
    pub(super) inline_percent: u32,
}

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ran {
    /// Agrees with the oracle.
    Agreed,
    /// The engine refused it, and submitted nothing.
    Refused,
}

const EIO: i32 = libc::EIO;

impl Case {
    /// A case in which nothing unusual happens.
    pub(super) fn plain(shape: Shape, decided: Vec<Decided>, lowering: Lowering) -> Case {
        let late = vec![false; decided.len()];
        Case {
            shape,
            decided,
            late,
            lowering,
            groups: None,
            sq_entries: 8,
            seed: 0,
            user: User::Waits,
            fault: None,
            inline_percent: 0,
        }
    }

    /// Runs the plan and checks all there is to check; panics with the case otherwise.
    pub(super) fn check(&self) -> Ran {
        let mut features = SimConfig::default().features;
        features.groups = self.groups;
        let config = SimConfig {
            seed: self.seed,
            sq_entries: self.sq_entries,
            cq_entries: self.sq_entries.max(2) * 2,
            inline_percent: self.inline_percent,
            features,
            ..SimConfig::default()
        };
        let (sim, handle) = Sim::new(config);
        let limits = ShardConfig {
            slots: 0,
            accept_slots: 0,
            lowering: Lowering::Auto,
            shutdown_timeout: Duration::from_secs(60),
        };
        let shard = Shard::new(Box::new(sim), limits).expect("a shard");
        let entered = shard.enter();
        let keys = self.script(&handle);
        let device = Target::from(SharedFd::new(handle.device(1 << 20)));
        let leaf = |decided: &Decided| Leaf { verb: Verb::Read, target: device.clone(), variable: decided.variable };
        let tree = Tree::new(&self.shape, &self.decided.iter().map(leaf).collect::<Vec<_>>());
        let seen = self.run(&shard, &handle, tree);
        let meanings = oracle::meaning(&self.shape, &self.decided);
        let refused = seen.as_ref().is_some_and(|seen| seen.iter().any(|seen| matches!(seen, Seen::Refused(_))));
        if refused {
            assert!(keys.borrow().is_empty(), "{self:?}: refused after something was issued");
        } else {
            self.check_order(&handle, &keys.borrow(), &meanings);
            match (&seen, self.user) {
                (Some(seen), User::Waits) => self.check_meaning(seen, &meanings),
                (Some(seen), _) => self.check_cancelled(seen, &meanings),
                (None, _) => {}
            }
        }
        let metrics = shard.metrics();
        let left = (metrics.in_flight, metrics.activations, metrics.slots);
        assert_eq!(left, (0, 0, 0), "{self:?}: in flight, activations, slots");
        if !matches!(self.fault, Some((_, Fault::Partial(_)))) {
            assert_eq!(handle.counters().split_chains, 0, "{self:?}: a chain was split");
        }
        assert_eq!(shard.shut_down(), 0, "{self:?}: left to the kernel");
        drop(entered);
        if refused { Ran::Refused } else { Ran::Agreed }
    }

    /// Tells the kernel how each op ends. Ops are known by their offset; gives the user_data of those that were issued.
    fn script(&self, handle: &SimHandle) -> Rc<RefCell<BTreeMap<usize, u64>>> {
        let keys = Rc::new(RefCell::new(BTreeMap::new()));
        let (decided, late, noted) = (self.decided.clone(), self.late.clone(), keys.clone());
        handle.script_with(move |sqe| {
            let number = (sqe.off / STRIDE) as usize;
            if sqe.opcode != io_uring::opcode::Read::CODE || number >= decided.len() {
                return None;
            }
            noted.borrow_mut().insert(number, sqe.user_data);
            let outcome = match decided[number].outcome {
                Outcome::Full => sim::Outcome::Real,
                Outcome::Short => sim::Outcome::Short(3),
                Outcome::Zero => sim::Outcome::Zero,
                Outcome::Errno => sim::Outcome::Errno(EIO),
                Outcome::FullButCut => sim::Outcome::Severing,
                Outcome::Never => sim::Outcome::Never,
            };
            let on_cancel = if late[number] { OnCancel::Already } else { OnCancel::Obey };
            Some(Script { outcome, on_cancel })
        });
        if let Some((after, fault)) = self.fault {
            handle.fail_enter(after, fault);
        }
        keys
    }

    /// Polls the plan to its end, or as far as the user lets it; `None` if it was dropped.
    fn run(&self, shard: &Rc<Shard>, handle: &SimHandle, tree: Tree) -> Option<Vec<Seen>> {
        let mut plan = Io::new(tree).lowering(self.lowering);
        let mut cx = Context::from_waker(Waker::noop());
        let steps = match self.user {
            User::Waits => 0,
            User::Drops(steps) | User::Cancels(steps) => steps,
        };
        if (steps > 0 || self.user == User::Waits)
            && let Poll::Ready(seen) = Pin::new(&mut plan).poll(&mut cx)
        {
            return Some(seen);
        }
        for step in 1..steps {
            shard.turn(false).expect("a turn");
            if step > 1 {
                handle.step();
            }
        }
        let mut finish: Pin<Box<dyn Future<Output = Vec<Seen>>>> = match self.user {
            User::Waits => Box::pin(plan),
            User::Cancels(_) => Box::pin(plan.cancel()),
            User::Drops(_) => {
                drop(plan);
                for _ in 0..10_000 {
                    if shard.metrics().activations == 0 {
                        return None;
                    }
                    shard.turn(true).expect("a turn");
                }
                panic!("{self:?}: a dropped plan does not end\n{}", handle.dump());
            }
        };
        for _ in 0..10_000 {
            if let Poll::Ready(seen) = finish.as_mut().poll(&mut cx) {
                return Some(seen);
            }
            shard.turn(true).expect("a turn");
        }
        panic!("{self:?}: the plan does not end\n{}", handle.dump());
    }

    /// I7: no op was started before all that it needs had succeeded.
    fn check_order(&self, handle: &SimHandle, keys: &BTreeMap<usize, u64>, meanings: &[Meaning]) {
        let log = handle.log();
        for (number, user_data) in keys {
            for event in log.iter().filter(|event| event.user_data == *user_data && event.started_at.is_some()) {
                for need in &meanings[*number].needs {
                    let before = keys.get(need).and_then(|key| {
                        log.iter().rev().find(|event| event.user_data == *key && event.started_at.is_some())
                    });
                    let ended = before.and_then(|event| event.ended_at);
                    assert!(
                        ended.is_some() && ended <= event.started_at && self.decided[*need].leads_on(),
                        "{self:?}: op {number} ran before op {need} had succeeded\n{}",
                        handle.dump()
                    );
                }
            }
        }
    }

    fn check_meaning(&self, seen: &[Seen], meanings: &[Meaning]) {
        assert_eq!(seen.len(), meanings.len(), "{self:?}");
        for (number, (seen, meaning)) in seen.iter().zip(meanings).enumerate() {
            let agrees = if meaning.runs { *seen == self.own(number) } else { self.is_caused(seen, meaning) };
            assert!(agrees, "{self:?}: op {number} gave {seen:?}, and means {meaning:?}");
        }
    }

    /// What an op gives by itself.
    fn own(&self, number: usize) -> Seen {
        let Decided { outcome, variable } = self.decided[number];
        match (outcome, variable) {
            (Outcome::Full | Outcome::FullButCut, _) => Seen::Done(BYTES),
            (Outcome::Short, true) => Seen::Done(3),
            (Outcome::Short, false) => Seen::Short(3),
            (Outcome::Zero, true) => Seen::Done(0),
            (Outcome::Zero, false) => Seen::Short(0),
            (Outcome::Errno, _) => Seen::Failed(EIO),
            (Outcome::Never, _) => Seen::Failed(libc::ECANCELED),
        }
    }

    fn is_caused(&self, seen: &Seen, meaning: &Meaning) -> bool {
        matches!(seen, Seen::NotRun(Some(cause)) if meaning.causes.contains(cause))
    }

    /// Rule 7: what the kernel started before the cancel met it runs, and its report is true; nothing else runs.
    fn check_cancelled(&self, seen: &[Seen], meanings: &[Meaning]) {
        assert_eq!(seen.len(), meanings.len(), "{self:?}");
        let succeeded = |number: usize| seen[number] == self.own(number) && self.decided[number].leads_on();
        for (number, meaning) in meanings.iter().enumerate() {
            let allowed = match &seen[number] {
                // It ran: then all that it needs had succeeded.
                own if *own == self.own(number) => meaning.needs.iter().all(|need| succeeded(*need)),
                Seen::Failed(libc::ECANCELED) => meaning.needs.iter().all(|need| succeeded(*need)),
                Seen::NotRun(None) => true,
                Seen::NotRun(Some(cause)) => meaning.needs.contains(cause) && !succeeded(*cause),
                _ => false,
            };
            assert!(allowed, "{self:?}: op {number} gave {:?} of {seen:?}, and means {meaning:?}", seen[number]);
        }
    }
}
