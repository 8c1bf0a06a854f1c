//! The hot paths, one by one: `cargo bench -p benches`. What they allocate stands beside the times, and what they may
//! allocate is asserted by `tests/allocations.rs`.

#![forbid(unsafe_code)]

use std::{future::poll_fn, hint::black_box, pin::Pin, task::Poll};

use divan::{AllocProfiler, Bencher, counter::ItemsCount};
use runtime::{IntoResult, Lowering, Runtime, join_all, op::nop, spawn, sync::Notify, task::yield_now};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// So many times in one go, so that what a `block_on` costs does not show.
const TIMES: usize = 1000;

fn main() {
    divan::main();
}

/// One round is `TIMES` items of `work`.
fn on_runtime(bencher: Bencher<'_, '_>, work: impl AsyncFn()) {
    let runtime = Runtime::new().expect("a runtime");
    bencher.counter(ItemsCount::new(TIMES)).bench_local(|| {
        runtime.block_on(async {
            for _ in 0..TIMES {
                work().await;
            }
        });
    });
}

/// Push, enter and reap.
#[divan::bench]
fn op_alone(bencher: Bencher<'_, '_>) {
    on_runtime(bencher, async || nop().await.into_result().expect("an op"));
}

/// Push and reap: the enter is shared by all of them.
#[divan::bench]
fn op_among_1000(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("a runtime");
    bencher.counter(ItemsCount::new(TIMES)).bench_local(|| {
        runtime.block_on(async {
            let mut ops: Vec<_> = (0..TIMES).map(|_| Some(nop())).collect();
            poll_fn(|cx| {
                for slot in &mut ops {
                    let Some(op) = slot else { continue };
                    if let Poll::Ready(result) = Pin::new(op).poll(cx) {
                        result.into_result().expect("an op");
                        *slot = None;
                    }
                }
                if ops.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        });
    });
}

/// A wake and a poll.
#[divan::bench]
fn wake(bencher: Bencher<'_, '_>) {
    on_runtime(bencher, yield_now);
}

/// A wake of another task, and one back.
#[divan::bench]
fn wake_another(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("a runtime");
    bencher.counter(ItemsCount::new(TIMES)).bench_local(|| {
        runtime.block_on(async {
            let (there, back) = (std::rc::Rc::new(Notify::new()), std::rc::Rc::new(Notify::new()));
            let other = spawn({
                let (there, back) = (there.clone(), back.clone());
                async move {
                    for _ in 0..TIMES {
                        there.notified().await;
                        back.notify_one();
                    }
                }
            });
            for _ in 0..TIMES {
                there.notify_one();
                back.notified().await;
            }
            other.await.expect("no panic");
        });
    });
}

#[divan::bench]
fn spawn_and_await(bencher: Bencher<'_, '_>) {
    on_runtime(bencher, async || spawn(async { black_box(()) }).await.expect("no panic"));
}

#[divan::bench]
fn build_plan_of_3() {
    drop(black_box(nop().then(|_| nop()).then(|_| nop())));
}

#[divan::bench]
fn build_plan_of_4_to_1() {
    drop(black_box(join_all([nop(), nop(), nop(), nop()]).then(|_| nop())));
}

/// Build, lower, one enter, reap; the enter is most of it.
#[divan::bench(args = [Lowering::Chain, Lowering::Staged, Lowering::Gate])]
fn run_plan_of_3(bencher: Bencher<'_, '_>, lowering: Lowering) {
    on_runtime(bencher, async || {
        let plan = nop().then(|_| nop()).then(|_| nop()).lowering(lowering);
        assert!(plan.await.into_result().is_ok());
    });
}

#[divan::bench(args = [Lowering::Staged, Lowering::Gate])]
fn run_plan_of_4_to_1(bencher: Bencher<'_, '_>, lowering: Lowering) {
    on_runtime(bencher, async || {
        let plan = join_all([nop(), nop(), nop(), nop()]).then(|_| nop()).lowering(lowering);
        assert!(plan.await.into_result().is_ok());
    });
}
