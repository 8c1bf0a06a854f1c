//! Every limit has a test at the limit.

mod common;

use common::run_on;
use runtime::{Builder, IntoResult, Lowering, join, join_all, net::UnixStream, op, spawn};

#[test]
fn ten_thousand_completions_pass_through_a_queue_of_two() {
    for (sq, cq) in [(1, 1), (1, 2), (2, 2), (8, 8)] {
        run_on(Builder::new().sq_entries(sq).cq_entries(cq), async {
            let done = join_all((0..10_000).map(|_| op::nop())).await;
            assert!(done.len() == 10_000 && done.iter().all(|nop| nop.is_ok()));
        });
    }
}

#[test]
fn more_completions_than_the_queue_holds_come_at_once() {
    run_on(Builder::new().sq_entries(4).cq_entries(4), async {
        let (a, b) = UnixStream::pair().unwrap();
        // All wait until the peer is gone; then all complete in one go.
        let receives: Vec<_> = (0..500)
            .map(|_| {
                let receive = a.recv(vec![0; 1]);
                spawn(async move { receive.await.0.unwrap() })
            })
            .collect();
        while runtime::metrics().in_flight < 500 {
            runtime::task::yield_now().await;
        }
        drop(b);
        for receive in receives {
            assert_eq!(receive.await.unwrap(), 0);
        }
    });
}

#[test]
fn chains_fit_the_queue_or_are_told_so() {
    let chain = || op::nop().then(|_| op::nop()).then(|_| op::nop()).then(|_| op::nop());
    for sq in 1..=8 {
        run_on(Builder::new().sq_entries(sq), async {
            let entries = sq.next_power_of_two();
            let alone = chain().lowering(Lowering::Chain).await.into_result();
            assert_eq!(alone.is_ok(), entries >= 4, "a chain of 4 in a queue of {entries}");
            // Many at once: none may be cut, whatever is queued before it.
            let many = join_all((0..50).map(|_| chain())).await.into_result();
            assert_eq!(many.unwrap().len(), 50);
            let mixed = join!(op::nop(), chain(), op::nop(), chain()).await;
            assert!(mixed.into_result().is_ok());
        });
    }
}

#[test]
fn a_plan_of_more_rows_than_a_key_can_name_is_refused() {
    run_on(&mut Builder::new(), async {
        let before = runtime::metrics().sqes;
        let plans = join_all((0..(1 << 19) + 1).map(|_| op::nop())).await;
        let failure = plans.into_result().unwrap_err();
        assert_eq!(failure.kind(), std::io::ErrorKind::InvalidInput);
        assert!(failure.to_string().contains("524288"), "{failure}");
        assert_eq!(runtime::metrics().sqes, before, "nothing was submitted");
    });
}

#[test]
fn sizes_that_the_kernel_refuses_are_named() {
    for builder in [Builder::new().sq_entries(0), Builder::new().sq_entries(1 << 20), Builder::new().cq_entries(1)] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("sq_entries"), "{error}");
    }
}
