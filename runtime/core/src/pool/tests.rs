//! The pool's accounts, on CQEs made up here. What the kernel does with it is in runtime/tests/net_recv_stream.rs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Wake,
    time::Duration,
};

use super::*;
use crate::{
    choose::Kernel,
    encode::Lowering,
    ring::{RingConfig, TaskRun},
    shard::ShardConfig,
    shots::CQE_BUFFER,
};

fn shard() -> Rc<Shard> {
    let config = RingConfig { sq_entries: 4, cq_entries: 8, task_run: TaskRun::Coop };
    let kernel = Kernel::from_environment().and_then(|kernel| kernel.open(config, false)).unwrap();
    let config =
        ShardConfig { slots: 0, accept_slots: 0, lowering: Lowering::Auto, shutdown_timeout: Duration::from_secs(1) };
    Shard::new(kernel, config).unwrap()
}

/// A pool whose options hold whatever the kernel thinks of them.
fn pool(shard: &Shard, options: PoolOptions) -> Rc<Pool> {
    let mut pool = Pool::new(shard, PoolOptions { incremental: false, bundles: false, ..options }).unwrap();
    // Leaves the one share that the shard holds out for a moment.
    let mut listed = shard.pools.all.borrow_mut().pop().unwrap();
    drop(pool);
    Rc::get_mut(&mut listed).unwrap().options = options;
    pool = listed.clone();
    shard.pools.all.borrow_mut().push(listed);
    pool
}

/// What a CQE brings.
fn leases(pool: &Rc<Pool>, buffer: u16, res: i32, more: bool) -> Vec<Lease> {
    let flags = u32::from(buffer) << 16 | CQE_BUFFER | if more { CQE_BUF_MORE } else { 0 };
    let mut pieces = Vec::new();
    pool.filled(res, flags, |piece| pieces.push(piece));
    pieces.into_iter().map(|piece| Lease::new(pool.clone(), piece)).collect()
}

#[test]
fn a_buffer_is_out_until_its_lease_is_dropped() {
    let shard = shard();
    let pool = pool(&shard, PoolOptions::new().buffers(3).size(100));
    let first = leases(&pool, 1, 100, false);
    assert_eq!((pool.available(), first.len(), first[0].len()), (2, 1, 100));
    assert!(leases(&pool, 0, 0, false).is_empty(), "nothing came: it goes back at once");
    assert!(leases(&pool, 2, -libc::ECONNRESET, false).is_empty());
    assert_eq!(pool.available(), 2);
    drop(first);
    assert_eq!(pool.available(), 3);
    // Any number of rounds through the ring.
    for round in 0..200_000u32 {
        let lease = leases(&pool, (round % 3) as u16, 1, false);
        assert_eq!(pool.available(), 2);
        drop(lease);
    }
}

#[test]
fn a_buffer_filled_bit_by_bit_goes_back_after_its_last_lease() {
    let shard = shard();
    let pool = pool(&shard, PoolOptions::new().buffers(2).size(100).incremental(true));
    let mut all: Vec<Lease> = (0..3).flat_map(|n| leases(&pool, 0, 30 + n, n < 2)).collect();
    let starts: Vec<usize> = all.iter().map(|lease| lease.as_ptr() as usize - all[0].as_ptr() as usize).collect();
    assert_eq!(starts, [0, 30, 61]);
    assert_eq!(pool.available(), 1, "the kernel has done with it");
    all.remove(1);
    all.remove(0);
    assert_eq!(pool.available(), 1);
    all.clear();
    assert_eq!(pool.available(), 2);
    // All leases go while the kernel goes on: it has the buffer still.
    drop(leases(&pool, 0, 40, true));
    assert_eq!(pool.available(), 2);
    let rest = leases(&pool, 0, 60, false);
    assert_eq!((rest[0].len(), pool.available()), (60, 1));
    drop(rest);
    assert_eq!(pool.available(), 2);
}

#[test]
fn a_bundle_goes_on_in_the_order_of_the_ring() {
    let shard = shard();
    let pool = pool(&shard, PoolOptions::new().buffers(4).size(10).bundles(true));
    let all = leases(&pool, 0, 25, false);
    assert_eq!(all.iter().map(|lease| lease.len()).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(pool.available(), 1);
    // Back in another order: 2, 0, 1 behind 3.
    let mut all = all.into_iter();
    let (first, second) = (all.next(), all.next());
    drop(all);
    drop(first);
    drop(second);
    let buffer_of = |lease: &Lease| lease.piece.buffer;
    assert_eq!(leases(&pool, 3, 40, false).iter().map(buffer_of).collect::<Vec<_>>(), [3, 2, 0, 1]);
    assert_eq!(pool.available(), 4);
}

#[test]
#[should_panic(expected = "which it did not have")]
fn a_buffer_that_is_out_cannot_be_filled() {
    let shard = shard();
    let pool = pool(&shard, PoolOptions::new().buffers(2).size(10));
    let _held = leases(&pool, 0, 5, false);
    leases(&pool, 0, 5, false);
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Count>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn as_many_are_woken_as_there_are_buffers_in_the_order_they_came() {
    let shard = shard();
    let pool = pool(&shard, PoolOptions::new().buffers(1).size(10));
    let held = leases(&pool, 0, 5, false);
    let counts: Vec<_> = (0..3).map(|_| Arc::new(Count(AtomicUsize::new(0)))).collect();
    let woken = || counts.iter().map(|count| count.0.load(Relaxed)).collect::<Vec<_>>();
    let mut tickets = [None; 3];
    for _twice in 0..2 {
        for (ticket, count) in tickets.iter_mut().zip(&counts) {
            pool.wait(ticket, &Waker::from(count.clone()));
        }
    }
    drop(held);
    assert_eq!(woken(), [1, 0, 0]);
    pool.wait_no_more(&mut tickets[0], false);
    assert_eq!(woken(), [1, 1, 0], "it had no use for it");
    pool.wait_no_more(&mut tickets[1], true);
    assert_eq!(woken(), [1, 1, 0]);
    let held = leases(&pool, 0, 5, false);
    pool.wait(&mut tickets[1], &Waker::from(counts[1].clone()));
    drop(held);
    assert_eq!(woken(), [1, 1, 1], "the others before who comes again");
    assert_eq!(pool.state.borrow().waiting.len(), 1);
    pool.wait_no_more(&mut tickets[1], true);
    assert!(pool.state.borrow().waiting.is_empty());
}

#[test]
fn groups_are_used_again_and_memory_goes_after_the_ring() {
    let shard = shard();
    let groups: Vec<u16> = (0..3).map(|_| Pool::new(&shard, PoolOptions::new().buffers(1)).unwrap().group).collect();
    assert_eq!(groups, [0, 0, 0], "swept one by one");
    let kept = Pool::new(&shard, PoolOptions::new()).unwrap();
    assert_eq!(Pool::new(&shard, PoolOptions::new()).unwrap().group, kept.group + 1);
    drop(shard);
    assert_eq!(kept.available(), BUFFERS_DEFAULT);
}
