//! The guard that does not depend on the machine: allocations and calls of `io_uring_enter`, counted.
//!
//! One test, since the count of allocations is the process's.

use std::alloc::System;

use runtime::{
    Builder, CachedReads, IntoResult, Lowering, fs::File, join_all, metrics, op::nop, spawn, task::yield_now,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TIMES: u64 = 1000;

/// What a thousand runs of something cost, once it has run often enough to have its slabs and queues.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    allocations: u64,
    enters: u64,
}

async fn cost(mut work: impl AsyncFnMut()) -> Cost {
    for _ in 0..100 {
        work().await;
    }
    let (region, before) = (Region::new(ALLOCATOR), metrics());
    for _ in 0..TIMES {
        work().await;
    }
    let (change, enters) = (region.change(), metrics().since(&before).enters);
    assert_eq!(change.allocations, change.deallocations, "what is allocated on the way is freed");
    Cost { allocations: (change.allocations + change.reallocations) as u64, enters }
}

/// `each` allocations and `enters` calls for each run.
fn is(each: u64, enters: u64) -> Cost {
    Cost { allocations: each * TIMES, enters: enters * TIMES }
}

#[test]
fn hot_paths_cost_what_they_did() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::write(dir.path().join("f"), [7; 4096]).unwrap();
    Builder::new().cached_reads(CachedReads::Ring).build().unwrap().block_on(async {
        let file = File::open(dir.path().join("f")).await.unwrap();
        let mut buf = vec![0; 64];
        assert_eq!(cost(async || yield_now().await).await, is(0, 0), "a wake and a poll");
        assert_eq!(cost(async || spawn(async {}).await.unwrap()).await, is(1, 0), "a task is one allocation");
        assert_eq!(cost(async || nop().await.into_result().unwrap()).await, is(0, 1), "an op");
        let read = cost(async || {
            buf = file.read_exact_at(std::mem::take(&mut buf), 0).await.into_result().unwrap();
        });
        assert_eq!(read.await, is(0, 1), "a read into a buffer that comes back");
        for (lowering, each, enters) in [(Lowering::Chain, 1, 1), (Lowering::Staged, 1, 3), (Lowering::Gate, 4, 1)] {
            let plan = || nop().then(|_| nop()).then(|_| nop()).lowering(lowering);
            let cost = cost(async || assert!(plan().await.into_result().is_ok()));
            assert_eq!(cost.await, is(each, enters), "three ops, one after the other: {lowering:?}");
        }
        for (lowering, each, enters) in [(Lowering::Staged, 2, 2), (Lowering::Gate, 14, 1), (Lowering::Auto, 3, 2)] {
            let plan = || join_all([nop(), nop(), nop(), nop()]).then(|_| nop()).lowering(lowering);
            let cost = cost(async || assert!(plan().await.into_result().is_ok()));
            assert_eq!(cost.await, is(each, enters), "four ops, then one: {lowering:?}");
        }
    });
}
