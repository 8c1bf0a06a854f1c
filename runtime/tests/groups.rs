//! SQE groups, on a kernel that has them; elsewhere each test says that it is skipped.

mod common;

use std::io;

use common::{file, run_on};
use runtime::{Builder, IntoResult, Lowering, fs::File, is_not_run, join, join_all, metrics, net::UnixStream, op};

/// Runs a test, or says why not. `RUNTIME_EXPECT_GROUPS` makes a missing group support a failure.
fn with_groups(test: impl AsyncFnOnce()) {
    run_on(&mut Builder::new(), async {
        let probe = join!(op::nop(), op::nop()).then(|_| op::nop()).lowering(Lowering::Groups).await.into_result();
        match probe {
            Ok(_) => test().await,
            Err(error) => {
                assert!(std::env::var_os("RUNTIME_EXPECT_GROUPS").is_none(), "{error}");
                println!("skipped: {error}");
            }
        }
    });
}

#[test]
fn eight_to_eight_at_depth_four_is_one_enter_and_every_byte_right() {
    with_groups(async || {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..8 * 512u32).map(|i| ((i * 31) >> 3) as u8).collect();
        let input = file(&dir, &bytes).await;
        let middle = File::options().read(true).write(true).create(true).open(dir.path().join("m")).await.unwrap();
        let before = metrics();
        let plan = join_all((0..8).map(|i| input.read_exact_at(vec![0; 512], i * 512)))
            .then(|loans| join_all((0..8).zip(loans).map(|(i, loan)| middle.write_all_at(loan, i * 512))))
            .then(|_| join_all((0..8).map(|i| middle.read_exact_at(vec![0; 512], i * 512))))
            .then(|_| join_all((0..8).map(|_| middle.sync_data())));
        let (read, _, back, _) = plan.lowering(Lowering::Groups).await.into_result().unwrap();
        let cost = metrics().since(&before);
        assert_eq!((cost.enters, cost.plans_groups, cost.task_polls), (1, 1, 1));
        assert_eq!(read.concat(), bytes);
        assert_eq!(back.concat(), bytes);
    });
}

#[test]
fn a_stage_waits_for_the_last_of_the_one_before() {
    with_groups(async || {
        let (a, b) = UnixStream::pair().unwrap();
        let (c, d) = UnixStream::pair().unwrap();
        let before = metrics();
        // Two receives that a later branch of the same join feeds, then an answer that needs both.
        let plan = join!(a.recv_exact(vec![0; 1]), c.recv_exact(vec![0; 1]), b.send_all("1"), d.send_all("2"))
            .then(|(one, two, _, _)| join!(a.send_all(one), c.send_all(two)))
            .then(|_| join!(b.recv_exact(vec![0; 1]), d.recv_exact(vec![0; 1])));
        let (_, _, (one, two)) = plan.lowering(Lowering::Groups).await.into_result().unwrap();
        assert_eq!((one, two), (b"1".to_vec(), b"2".to_vec()));
        assert_eq!(metrics().since(&before).enters, 1);
    });
}

#[test]
fn a_failing_or_short_member_leaves_exactly_its_descendants_not_run() {
    with_groups(async || {
        let dir = tempfile::tempdir().unwrap();
        let input = file(&dir, b"abc").await;
        let bad = File::open(dir.path()).await.unwrap();
        for failing in 0..4 {
            for how in ["short", "error"] {
                let read = |i: usize| match (i == failing, how) {
                    (false, _) => input.read_exact_at(vec![0; 3], 0),
                    (true, "short") => input.read_exact_at(vec![0; 9], 0),
                    (true, _) => bad.read_exact_at(vec![0; 3], 0),
                };
                let plan = op::nop()
                    .then(|_| join_all((0..4).map(read)))
                    .then(|_| join!(op::nop(), op::nop()))
                    .then(|_| op::nop());
                let (first, reads, (x, y), last) = plan.lowering(Lowering::Groups).await;
                assert!(first.is_ok());
                for (i, (result, buf)) in reads.iter().enumerate() {
                    assert_eq!(result.is_err(), i == failing, "op {i}, {failing} is {how}");
                    assert!(result.as_ref().err().is_none_or(|error| !is_not_run(error)));
                    assert!(result.is_err() || buf == b"abc");
                }
                for result in [x, y, last] {
                    assert!(is_not_run(&result.unwrap_err()));
                }
            }
        }
    });
}

#[test]
fn groups_are_dropped_and_cancelled_like_any_plan() {
    with_groups(async || {
        let (a, b) = UnixStream::pair().unwrap();
        let plan = || {
            join!(a.recv_exact(vec![0; 8]), a.recv_exact(vec![0; 8]), op::nop())
                .then(|_| join!(op::nop(), op::nop()))
                .lowering(Lowering::Groups)
        };
        for turns in 0..4 {
            let mut dropped = Box::pin(plan());
            common::poll_once(dropped.as_mut()).await;
            for _ in 0..turns {
                runtime::task::yield_now().await;
            }
            drop(dropped);
            let mut cancelled = plan();
            common::poll_once(std::pin::Pin::new(&mut cancelled)).await;
            runtime::task::yield_now().await;
            let (((first, _), (second, _), nop), (x, y)) = cancelled.cancel().await;
            assert!(first.is_err() && second.is_err() && nop.is_ok());
            assert!(is_not_run(&x.unwrap_err()) && is_not_run(&y.unwrap_err()));
        }
        drop(b);
    });
}

#[test]
fn auto_takes_groups_for_flat_plans() {
    with_groups(async || {
        let before = metrics();
        join!(op::nop(), op::nop()).then(|_| join!(op::nop(), op::nop())).await.into_result().unwrap();
        op::nop().then(|_| op::nop()).await.into_result().unwrap();
        join!(op::nop().then(|_| op::nop()), op::nop()).then(|_| op::nop()).await.into_result().unwrap();
        let cost = metrics().since(&before);
        assert_eq!((cost.plans_groups, cost.plans_chain, cost.plans_staged), (1, 1, 1));
    });
}

#[test]
fn what_groups_cannot_mean_is_refused() {
    with_groups(async || {
        let (a, _b) = UnixStream::pair().unwrap();
        let refused = |result: io::Result<()>, why: &str| {
            let error = result.unwrap_err();
            assert!(error.kind() == io::ErrorKind::InvalidInput && error.to_string().contains(why), "{error}");
        };
        let nested = join!(op::nop().then(|_| op::nop()), op::nop()).then(|_| op::nop());
        refused(nested.lowering(Lowering::Groups).await.into_result().map(drop), "not flat");
        let branch = join!(op::nop().then(|_| op::nop()), op::nop());
        refused(branch.lowering(Lowering::Groups).await.into_result().map(drop), "not flat");
        let variable = join!(a.recv(vec![0; 8]), op::nop()).then(|_| op::nop());
        refused(variable.lowering(Lowering::Groups).await.into_result().map(drop), "variable length");
        let large = join_all((0..300).map(|_| op::nop())).then(|_| op::nop());
        refused(large.lowering(Lowering::Groups).await.into_result().map(drop), "256 entries");
    });
}
