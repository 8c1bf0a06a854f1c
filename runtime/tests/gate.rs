//! Gates: joins in the middle of a plan in one submission, on any kernel.

mod common;

use std::{io, pin::Pin};

use common::{file, poll_once, run, run_on};
use runtime::{Builder, IntoResult, Lowering, fs::File, is_not_run, join, join_all, metrics, net::UnixStream, op};

#[test]
fn many_to_many_is_one_submission_and_every_byte_right() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..8 * 512u32).map(|i| ((i * 31) >> 3) as u8).collect();
        let input = file(&dir, &bytes).await;
        let middle = File::options().read(true).write(true).create(true).open(dir.path().join("m")).await.unwrap();
        for _ in 0..50 {
            let before = metrics();
            let plan = join_all((0..8).map(|i| input.read_exact_at(vec![0; 512], i * 512)))
                .then(|loans| join_all((0..8).zip(loans).map(|(i, loan)| middle.write_all_at(loan, i * 512))))
                .then(|_| join_all((0..8).map(|i| middle.read_exact_at(vec![0; 512], i * 512))))
                .then(|_| middle.sync_data());
            let (read, _, back, ()) = plan.lowering(Lowering::Gate).await.into_result().unwrap();
            let cost = metrics().since(&before);
            assert_eq!((cost.enters_submitting, cost.plans_gate, cost.task_polls), (1, 1, 1));
            assert_eq!((read.concat(), back.concat()), (bytes.clone(), bytes.clone()));
        }
    });
}

#[test]
fn every_shape_of_join() {
    run(async {
        let nops = |n: usize| join_all((0..n).map(|_| op::nop()));
        let gate = Lowering::Gate;
        for n in 1..5 {
            for m in 1..5 {
                let before = metrics();
                nops(n).then(|_| nops(m)).then(|_| nops(n)).lowering(gate).await.into_result().unwrap();
                assert_eq!(metrics().since(&before).enters_submitting, 1, "{n} to {m} to {n}");
            }
        }
        // Not flat: sequences inside a join, a join inside a sequence inside a join.
        let chain = || op::nop().then(|_| op::nop()).then(|_| op::nop());
        join!(chain(), op::nop(), chain()).then(|_| op::nop()).lowering(gate).await.into_result().unwrap();
        let inner = || op::nop().then(|_| nops(3)).then(|_| op::nop());
        join!(inner(), inner()).then(|_| nops(2)).lowering(gate).await.into_result().unwrap();
        assert_eq!(metrics().plans_gate, 4 * 4 + 2);
    });
}

#[test]
fn a_failure_leaves_exactly_its_descendants_not_run() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let input = file(&dir, b"abc").await;
        let bad = File::open(dir.path()).await.unwrap();
        for failing in 0..4 {
            for how in ["short", "error"] {
                let read = |i: usize| match (i == failing, how) {
                    (false, _) => input.read_exact_at(vec![0; 3], 0),
                    (true, "short") => input.read_exact_at(vec![0; 9], 0),
                    (true, _) => bad.read_exact_at(vec![0; 3], 0),
                };
                let independent = op::nop().then(|_| join!(op::nop(), op::nop())).then(|_| op::nop());
                let failing_part = join_all((0..4).map(read)).then(|_| join!(op::nop(), op::nop())).then(|_| op::nop());
                let plan = join!(failing_part, independent).lowering(Lowering::Gate);
                let ((reads, (x, y), last), other) = plan.await;
                for (i, (result, buf)) in reads.iter().enumerate() {
                    assert_eq!(result.is_err(), i == failing, "op {i}, {failing} is {how}: {result:?}");
                    assert!(result.is_err() || buf == b"abc");
                }
                for result in [x, y, last] {
                    assert!(is_not_run(&result.unwrap_err()));
                }
                other.into_result().unwrap();
                // What a failed plan has left in its pipes must not open the next one's gates.
                let (a, b) = UnixStream::pair().unwrap();
                let mut next = join!(a.recv_exact(vec![0; 1]), op::nop()).then(|_| op::nop()).lowering(Lowering::Gate);
                poll_once(Pin::new(&mut next)).await;
                for _ in 0..3 {
                    runtime::task::yield_now().await;
                }
                poll_once(Pin::new(&mut next)).await;
                b.send_all("x").await.into_result().unwrap();
                next.await.into_result().unwrap();
            }
        }
    });
}

#[test]
fn dropped_and_cancelled_at_any_point() {
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let plan = || {
            join!(a.recv_exact(vec![0; 8]), op::nop(), a.recv_exact(vec![0; 8]))
                .then(|_| join!(op::nop(), op::nop()))
                .then(|_| op::nop())
                .lowering(Lowering::Gate)
        };
        for turns in 0..5 {
            let mut dropped = Box::pin(plan());
            poll_once(dropped.as_mut()).await;
            let mut cancelled = plan();
            poll_once(Pin::new(&mut cancelled)).await;
            for _ in 0..turns {
                runtime::task::yield_now().await;
            }
            drop(dropped);
            let (((first, _), _, (second, _)), (x, y), z) = cancelled.cancel().await;
            assert!(first.is_err() && second.is_err());
            for result in [x, y, z] {
                assert!(is_not_run(&result.unwrap_err()));
            }
        }
        drop(b);
    });
}

#[test]
fn what_a_gate_cannot_mean_is_refused() {
    run_on(Builder::new().sq_entries(16), async {
        let (a, _b) = UnixStream::pair().unwrap();
        let refused = |result: io::Result<()>, why: &str| {
            let error = result.unwrap_err();
            assert!(error.kind() == io::ErrorKind::InvalidInput && error.to_string().contains(why), "{error}");
        };
        let variable = join!(a.recv(vec![0; 8]), op::nop()).then(|_| op::nop());
        refused(variable.lowering(Lowering::Gate).await.into_result().map(drop), "variable length");
        let large = join_all((0..8).map(|_| op::nop())).then(|_| op::nop());
        refused(large.lowering(Lowering::Gate).await.into_result().map(drop), "16 entries");
    });
}
