//! M1: random plans of up to 64 ops in random circumstances. 20,000 cases in the ordinary run; `RUNTIME_MODEL_CASES`
//! asks for more. A failure is shrunk and printed, with the seed that repeats it.

use std::cell::Cell;

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};

use super::{
    case::{Case, Ran, User},
    oracle::{Decided, Outcome},
    tree::Shape,
};
use crate::{encode::Lowering, features::Groups, sim::Fault};

const OPS_MAX: usize = 64;

/// Shapes of 1 to 64 ops, joins and sequences nested up to four deep.
fn shape() -> impl Strategy<Value = Shape> {
    Just(Shape::Op)
        .prop_recursive(4, OPS_MAX as u32, 6, |inner| {
            let parts = prop::collection::vec(inner, 2..6);
            let kinds = prop::collection::vec(prop::bool::weighted(0.2), 6);
            prop_oneof![
                parts.clone().prop_map(Shape::Join),
                (parts, kinds).prop_map(|(parts, kinds)| {
                    let kinds = std::iter::once(false).chain(kinds);
                    Shape::Seq(parts.into_iter().zip(kinds).collect())
                }),
            ]
        })
        .prop_filter("at most 64 ops", |shape| shape.ops() <= OPS_MAX)
}

fn decided() -> impl Strategy<Value = Decided> {
    let outcome = prop_oneof![
        12 => Just(Outcome::Full),
        1 => Just(Outcome::Short),
        1 => Just(Outcome::Zero),
        1 => Just(Outcome::Errno),
        1 => Just(Outcome::FullButCut),
    ];
    (outcome, prop::bool::weighted(0.05)).prop_map(|(outcome, variable)| Decided { outcome, variable })
}

fn engine() -> impl Strategy<Value = (Lowering, Option<Groups>)> {
    let groups = prop_oneof![Just(None), Just(Some(Groups::WithLeader)), Just(Some(Groups::AfterLeader))];
    let lowering = prop_oneof![
        2 => Just(Lowering::Auto),
        1 => Just(Lowering::Chain),
        2 => Just(Lowering::Staged),
        2 => Just(Lowering::Groups),
        2 => Just(Lowering::Gate),
    ];
    (lowering, groups)
}

/// What the kernel does to an enter: it fails before it takes anything, or a signal ends its wait.
fn fault() -> impl Strategy<Value = Option<(u64, Fault)>> {
    let refused = prop_oneof![Just(libc::EAGAIN), Just(libc::EBUSY), Just(libc::EINTR), Just(libc::ENOMEM)];
    let fault = prop_oneof![refused.prop_map(Fault::Refused), Just(Fault::Interrupted)];
    prop::option::weighted(0.3, (0..4u64, fault))
}

fn user() -> impl Strategy<Value = User> {
    prop_oneof![
        6 => Just(User::Waits),
        1 => (0..12u32).prop_map(User::Drops),
        1 => (0..12u32).prop_map(User::Cancels),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let sq_entries = prop_oneof![Just(1u32), Just(2), Just(3), Just(5), Just(8), Just(32), Just(256)];
    let world = (engine(), sq_entries, any::<u64>(), user(), fault(), 0..=100u32, any::<u64>());
    (shape(), world).prop_flat_map(|(shape, world)| {
        let ops = shape.ops();
        let ((lowering, groups), sq_entries, seed, user, fault, inline_percent, bits) = world;
        prop::collection::vec(decided(), ops).prop_map(move |mut decided| {
            let late: Vec<bool> = (0..ops).map(|op| bits >> (op % 64) & 3 == 0).collect();
            if user != User::Waits {
                // What never ends by itself is there for those who do not wait.
                for (op, decided) in decided.iter_mut().enumerate() {
                    if bits >> ((op * 7) % 61) & 7 == 0 && !late[op] {
                        decided.outcome = Outcome::Never;
                    }
                }
            }
            let plain = Case::plain(shape.clone(), decided, lowering);
            Case { late, groups, sq_entries, seed, user, fault, inline_percent, ..plain }
        })
    })
}

/// `RUNTIME_MODEL_CASES`, or what the ordinary run does.
pub(super) fn cases_or(usual: u32) -> u32 {
    std::env::var("RUNTIME_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

#[test]
fn random_plans_mean_what_the_oracle_says() {
    let cases = cases_or(20_000);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let (agreed, refused) = (Cell::new(0u32), Cell::new(0u32));
    let hook = std::panic::take_hook();
    // Shrinking panics a thousand times; the one that counts is printed at the end.
    std::panic::set_hook(Box::new(|_| {}));
    let result = TestRunner::new(config).run(&case(), |case| {
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case.check()));
        match checked {
            Ok(Ran::Agreed) => agreed.set(agreed.get() + 1),
            Ok(Ran::Refused) => refused.set(refused.get() + 1),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic".into());
                return Err(TestCaseError::fail(text));
            }
        }
        Ok(())
    });
    std::panic::set_hook(hook);
    println!("{} cases agree, {} were refused by their engine", agreed.get(), refused.get());
    if let Err(failure) = result {
        panic!("{failure}");
    }
    assert!(agreed.get() > cases / 2);
}
