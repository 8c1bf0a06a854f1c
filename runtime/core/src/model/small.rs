//! M2: every plan of up to four ops, with every outcome, on every engine, in submission queues of 1 to 5. All of them,
//! always: this, not chance, is the proof.

use super::{
    case::{Case, Ran, User},
    oracle::{Decided, Outcome},
    tree::Shape,
};
use crate::{encode::Lowering, features::Groups};

/// Every engine, on the kernels where it differs.
const ENGINES: [(Lowering, Option<Groups>); 7] = [
    (Lowering::Auto, None),
    (Lowering::Auto, Some(Groups::WithLeader)),
    (Lowering::Chain, None),
    (Lowering::Staged, None),
    (Lowering::Groups, Some(Groups::WithLeader)),
    (Lowering::Groups, Some(Groups::AfterLeader)),
    (Lowering::Gate, None),
];

/// All shapes with `ops` ops; neither joins in joins nor sequences in sequences, which mean the same flattened (a
/// sequence in the last place of a sequence is another plan by its results only).
pub(super) fn shapes(ops: usize) -> Vec<Shape> {
    let mut all = joins(ops);
    all.extend(sequences(ops));
    all
}

/// Single ops, and joins.
fn joins(ops: usize) -> Vec<Shape> {
    if ops == 1 {
        return vec![Shape::Op];
    }
    let parts = compositions(ops);
    let mut all = Vec::new();
    for sizes in parts {
        let mut joins = vec![Vec::new()];
        for size in sizes {
            let choices = if size == 1 { vec![Shape::Op] } else { sequences(size) };
            joins = joins.iter().flat_map(|j: &Vec<Shape>| choices.iter().map(|c| with(j, c.clone()))).collect();
        }
        all.extend(joins.into_iter().map(Shape::Join));
    }
    all
}

/// Sequences, each part of which but the first may be a cleanup.
fn sequences(ops: usize) -> Vec<Shape> {
    let mut all = Vec::new();
    for sizes in compositions(ops) {
        let mut sequences = vec![Vec::new()];
        for (index, size) in sizes.into_iter().enumerate() {
            let kinds: &[bool] = if index == 0 { &[false] } else { &[false, true] };
            let choices: Vec<_> =
                joins(size).into_iter().flat_map(|j| kinds.iter().map(move |k| (j.clone(), *k))).collect();
            sequences = sequences
                .iter()
                .flat_map(|s: &Vec<(Shape, bool)>| choices.iter().map(|c| with(s, c.clone())))
                .collect();
        }
        all.extend(sequences.into_iter().map(Shape::Seq));
    }
    all
}

fn with<T: Clone>(list: &[T], item: T) -> Vec<T> {
    [list, &[item]].concat()
}

/// The ways to write `total` as a sum of two or more numbers.
fn compositions(total: usize) -> Vec<Vec<usize>> {
    fn rest(total: usize) -> Vec<Vec<usize>> {
        let mut all = vec![vec![total]];
        for first in 1..total {
            all.extend(rest(total - first).into_iter().map(|tail| [vec![first], tail].concat()));
        }
        all
    }
    rest(total).into_iter().filter(|parts| parts.len() > 1).collect()
}

/// All ways to decide about `ops` ops.
pub(super) fn decisions(ops: usize, outcomes: &[Decided]) -> impl Iterator<Item = Vec<Decided>> + '_ {
    let count = outcomes.len();
    (0..count.pow(ops as u32))
        .map(move |code| (0..ops).map(|op| outcomes[code / count.pow(op as u32) % count]).collect())
}

fn exact(outcome: Outcome) -> Decided {
    Decided { outcome, variable: false }
}

#[test]
fn the_shapes_are_all_of_them() {
    let counts: Vec<usize> = (1..=4).map(|ops| shapes(ops).len()).collect();
    println!("shapes: {counts:?}: {:?}", shapes(3));
    assert_eq!(counts, [1, 3, 13, 69]);
}

/// All small plans on some engines; returns how many cases agreed and how many their engine refused.
fn all_small_plans(engines: &[(Lowering, Option<Groups>)]) -> (u32, u32) {
    let outcomes = [Outcome::Full, Outcome::Short, Outcome::Errno, Outcome::FullButCut].map(exact);
    let (mut agreed, mut refused) = (0u32, 0u32);
    for ops in 1..=4 {
        for shape in shapes(ops) {
            for decided in decisions(ops, &outcomes) {
                for &(lowering, groups) in engines {
                    // 32: no engine lacks room.
                    for sq_entries in [1, 2, 3, 4, 5, 32] {
                        let seed = u64::from(agreed) * 7 + u64::from(refused);
                        let inline_percent = (agreed % 3) * 50;
                        let plain = Case::plain(shape.clone(), decided.clone(), lowering);
                        match (Case { groups, sq_entries, seed, inline_percent, ..plain }).check() {
                            Ran::Agreed => agreed += 1,
                            Ran::Refused => refused += 1,
                        }
                    }
                }
            }
        }
    }
    println!("{agreed} cases agree, {refused} were refused by their engine: {engines:?}");
    (agreed, refused)
}

// Two halves, for two cores.
#[test]
fn every_small_plan_means_the_same_on_engines_of_every_kernel() {
    let (agreed, refused) = all_small_plans(&ENGINES[..4]);
    assert!(agreed > 250_000 && refused > 0);
}

#[test]
fn every_small_plan_means_the_same_on_groups_and_gates() {
    let (agreed, refused) = all_small_plans(&ENGINES[4..]);
    assert!(agreed > 10_000 && refused > 0);
}

#[test]
fn variable_lengths_are_served_by_staged_and_auto_alone() {
    let outcomes = [Outcome::Full, Outcome::Short, Outcome::Zero].map(|outcome| Decided { outcome, variable: true });
    for ops in 1..=3 {
        for shape in shapes(ops) {
            for decided in decisions(ops, &outcomes) {
                for (lowering, groups) in ENGINES {
                    let case = Case { groups, ..Case::plain(shape.clone(), decided.clone(), lowering) };
                    let ran = case.check();
                    assert!(ran == Ran::Agreed || !matches!(lowering, Lowering::Staged | Lowering::Auto), "{case:?}");
                }
            }
        }
    }
}

#[test]
fn every_small_plan_is_cancelled_and_dropped_at_every_step() {
    let outcomes = [Outcome::Full, Outcome::Errno, Outcome::Never].map(exact);
    let mut cases = 0u32;
    for ops in 1..=3 {
        for shape in shapes(ops) {
            for decided in decisions(ops, &outcomes) {
                for (lowering, groups) in ENGINES {
                    for step in 0..=4 {
                        for user in [User::Drops(step), User::Cancels(step)] {
                            cases += 1;
                            let plain = Case::plain(shape.clone(), decided.clone(), lowering);
                            // What never ends by itself cannot be past the point of no return.
                            let late = decided.iter().enumerate().map(|(op, decided)| {
                                decided.outcome != Outcome::Never && (cases >> op).is_multiple_of(3)
                            });
                            let case = Case {
                                groups,
                                user,
                                late: late.collect(),
                                seed: cases.into(),
                                sq_entries: 1 + cases % 32,
                                ..plain
                            };
                            case.check();
                        }
                    }
                }
            }
        }
    }
    println!("{cases} cases");
}

#[test]
fn a_branch_may_wait_for_another_branchs_second_op() {
    use crate::{join, op, sim::Sim, sim::SimConfig};
    use std::{pin::Pin, task::Poll};

    for (lowering, groups) in ENGINES {
        let mut config = SimConfig { sq_entries: 32, ..SimConfig::default() };
        config.features.groups = groups;
        let (sim, handle) = Sim::new(config);
        let limits = crate::shard::ShardConfig {
            slots: 0,
            accept_slots: 0,
            lowering: Lowering::Auto,
            shutdown_timeout: std::time::Duration::from_secs(60),
        };
        let shard = crate::shard::Shard::new(Box::new(sim), limits).expect("a shard");
        let entered = shard.enter();
        let (a, b) = handle.stream();
        let (a, b) = (crate::fd::SharedFd::new(a), crate::fd::SharedFd::new(b));
        // Leveled into stages this would hang: the receive ends only once the other branch's second op has run.
        let waiting = op::recv_exact(&a, vec![0; 1]).then(|_| op::nop());
        let mut plan = join!(waiting, op::nop().then(|_| op::send_all(&b, "x"))).lowering(lowering);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let (((received, bytes), _), _) = loop {
            match std::future::Future::poll(Pin::new(&mut plan), &mut cx) {
                Poll::Ready(output) => break output,
                Poll::Pending => shard.turn(true).expect("a turn"),
            }
        };
        let flat_only = lowering == Lowering::Groups;
        assert_eq!(received.is_ok() && bytes == b"x", !flat_only, "{lowering:?}: {received:?}");
        shard.shut_down();
        drop(entered);
    }
}
