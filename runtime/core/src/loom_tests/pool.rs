//! Jobs for a pool whose threads come, spin, sleep and go: none is left without a thread.

use std::{sync::Arc, time::Duration};

use loom::thread;

use super::{block_on, for_at_most, time};
use crate::{
    blocking::{Pool, PoolConfig},
    primitives::Instant,
    spin::set_looks,
};

const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A pool's job is a task, a lock, a sleep and a spin: their orders run into the millions.
const LIMIT: Duration = Duration::from_secs(30);
const NEVER: Duration = Duration::from_secs(1_000_000);

fn pool(threads_max: usize) -> Arc<Pool> {
    let (name, around) = (Arc::new(|_| String::new()), Box::new(|body: &mut dyn FnMut()| body()));
    Arc::new(Pool::new(PoolConfig { threads_max, keep_alive: KEEP_ALIVE, name, stack_size: None, around }))
}

/// The second job finds a thread that sleeps, spins, wakes because its time is up, or is gone.
fn a_job_beside_a_thread_that_goes(looks: u32, preemptions: usize) {
    for_at_most(LIMIT, preemptions, move || {
        set_looks(looks);
        let pool = pool(1);
        let clock = {
            let pool = pool.clone();
            thread::spawn(move || {
                time::pass(KEEP_ALIVE);
                // Its lock is held by who has just looked at the clock.
                pool.wake_all_sleepers();
            })
        };
        assert_eq!(block_on(pool.spawn(|| 1)).unwrap(), 1);
        assert_eq!(block_on(pool.spawn(|| 2)).unwrap(), 2);
        clock.join().unwrap();
        assert_eq!(pool.close(Instant::now() + NEVER), 0);
        assert_eq!(pool.threads(), 0);
    });
}

#[test]
fn a_job_beside_a_thread_that_times_out() {
    a_job_beside_a_thread_that_goes(0, 1);
}

#[test]
fn a_job_beside_a_thread_that_spins() {
    a_job_beside_a_thread_that_goes(1, 1);
}

/// Two jobs at once do not count on the same thread: with a thread for each, each can wait for the other.
#[test]
fn two_jobs_have_two_threads() {
    for_at_most(LIMIT, 1, || {
        set_looks(0);
        let pool = pool(2);
        assert_eq!(block_on(pool.spawn(|| 0)).unwrap(), 0);
        let (sender, receiver) = loom::sync::mpsc::channel();
        let waits = pool.spawn(move || receiver.recv().unwrap());
        let sends = pool.spawn(move || sender.send(7).unwrap());
        block_on(sends).unwrap();
        assert_eq!(block_on(waits).unwrap(), 7);
        assert_eq!(pool.close(Instant::now() + NEVER), 0);
    });
}

/// It runs or is cancelled.
#[test]
fn a_job_beside_the_close() {
    for_at_most(LIMIT, 2, || {
        set_looks(0);
        let pool = pool(1);
        let closing = {
            let pool = pool.clone();
            thread::spawn(move || assert_eq!(pool.close(Instant::now() + NEVER), 0))
        };
        match block_on(pool.spawn(|| 1)) {
            Ok(output) => assert_eq!(output, 1),
            Err(error) => assert!(error.is_cancelled()),
        }
        closing.join().unwrap();
        assert_eq!(pool.threads(), 0);
    });
}
