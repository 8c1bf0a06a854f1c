//! A whole shard: its passes and sleeps against wakes, tasks and letters from other threads, and its end beside them.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Weak},
    task::Waker,
    time::Duration,
};

use loom::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use super::{
    block_on, bounded, check,
    kernel::{self, LoomKernel, Ring},
    task::OwnersOnly,
    wait_for_count,
};
use crate::{
    encode::Lowering,
    remote::Remote,
    shard::{Entered, Peer, Shard, ShardConfig},
    spin::set_looks,
    task::JoinHandle,
};

/// A shard of the calling thread's.
struct OnLoom {
    shard: Rc<Shard>,
    ring: Arc<Ring>,
    _entered: Entered,
}

impl OnLoom {
    /// Woken by messages to its ring, or else by the clapper.
    fn new(takes_messages: bool) -> OnLoom {
        let kernel = Box::new(LoomKernel::new(takes_messages));
        let ring = kernel.ring.clone();
        let limits = ShardConfig {
            slots: 0,
            accept_slots: 0,
            lowering: Lowering::Auto,
            shutdown_timeout: Duration::from_secs(3600),
        };
        let shard = Shard::new(kernel, limits).unwrap();
        OnLoom { _entered: shard.run(), shard, ring }
    }

    /// The loop of the executor: rounds of tasks, then a turn that sleeps, unless it is done.
    fn run_until(&self, done: impl Fn() -> bool) {
        loop {
            let (_, left) = self.shard.run_tasks(8, false).unwrap();
            if done() {
                return;
            }
            self.shard.turn(!left).unwrap();
        }
    }

    /// Ends the shard and closes its ring; gives what is left of it once no thread holds the way to it.
    fn end(self) -> Weak<Remote> {
        assert_eq!(self.shard.shut_down(), 0);
        Arc::downgrade(&self.shard.peer().0)
    }
}

fn spawn_on(peer: Peer, output: usize) -> thread::JoinHandle<Option<usize>> {
    thread::spawn(move || {
        let handle = peer.spawn(move || async move { output });
        drop(peer);
        output_or_cancelled(handle)
    })
}

fn output_or_cancelled(handle: JoinHandle<usize>) -> Option<usize> {
    match block_on(handle) {
        Ok(output) => Some(output),
        Err(error) => {
            assert!(error.is_cancelled());
            None
        }
    }
}

/// Two threads wake a task of a shard that sleeps, or is about to: by both ways, and with a spin before the sleep.
fn wakes_end_every_sleep(takes_messages: bool, looks: u32) {
    bounded(2, move || {
        set_looks(looks);
        let owner = OnLoom::new(takes_messages);
        let (count, slot) = (Arc::new(AtomicUsize::new(0)), Rc::<RefCell<Option<Waker>>>::default());
        let task = owner.shard.spawn(wait_for_count(count.clone(), 2, slot.clone()));
        owner.shard.run_tasks(1, false).unwrap();
        let wakers = [0, 1].map(|_| {
            let (count, waker) = (count.clone(), slot.borrow().clone().unwrap());
            thread::spawn(move || {
                count.fetch_add(1, Relaxed);
                waker.wake();
            })
        });
        owner.run_until(|| task.is_finished());
        for waker in wakers {
            waker.join().unwrap();
        }
        drop((task, slot.take()));
        assert_eq!(owner.end().strong_count(), 0);
    });
}

#[test]
fn wakes_by_the_clapper_end_every_sleep() {
    wakes_end_every_sleep(false, 0);
}

#[test]
fn wakes_by_messages_end_every_sleep() {
    wakes_end_every_sleep(true, 0);
}

#[test]
fn wakes_end_every_sleep_after_a_spin() {
    wakes_end_every_sleep(true, 1);
}

/// Letters of one thread, beside the wake of another.
#[test]
fn letters_end_every_sleep() {
    bounded(2, || {
        set_looks(0);
        let owner = OnLoom::new(true);
        let (count, slot) = (Arc::new(AtomicUsize::new(0)), Rc::<RefCell<Option<Waker>>>::default());
        let task = owner.shard.spawn(wait_for_count(count.clone(), 2, slot.clone()));
        owner.shard.run_tasks(1, false).unwrap();
        let sender = {
            let (peer, count) = (owner.shard.peer(), count.clone());
            let waker = slot.borrow().clone().unwrap();
            thread::spawn(move || {
                let handle = peer.spawn(move || {
                    count.fetch_add(1, Relaxed);
                    waker.wake();
                    async {}
                });
                drop((handle, peer));
            })
        };
        let waker = {
            let (count, waker) = (count, slot.borrow().clone().unwrap());
            thread::spawn(move || {
                count.fetch_add(1, Relaxed);
                waker.wake();
            })
        };
        owner.run_until(|| task.is_finished());
        sender.join().unwrap();
        waker.join().unwrap();
        drop((task, slot.take()));
        assert_eq!(owner.end().strong_count(), 0);
    });
}

/// Letters of two threads: the second comes while the owner takes the first.
#[test]
fn letters_that_cross_are_both_taken() {
    bounded(2, || {
        set_looks(0);
        let owner = OnLoom::new(true);
        let arrived = Arc::new(AtomicUsize::new(0));
        let senders = [0, 1].map(|_| {
            let (peer, arrived) = (owner.shard.peer(), arrived.clone());
            thread::spawn(move || {
                let start = move || async move {
                    arrived.fetch_add(1, Relaxed);
                };
                drop((peer.spawn(start), peer));
            })
        });
        owner.run_until(|| arrived.load(Relaxed) == 2);
        for sender in senders {
            sender.join().unwrap();
        }
        assert_eq!(owner.end().strong_count(), 0);
    });
}

/// An unpark without anything in the inbox, as the shutdown of a cluster uses it.
#[test]
fn an_unpark_ends_the_sleep() {
    check(|| {
        set_looks(0);
        let owner = OnLoom::new(true);
        let stopping = Arc::new(AtomicUsize::new(0));
        let stopper = {
            let (peer, stopping) = (owner.shard.peer(), stopping.clone());
            thread::spawn(move || {
                stopping.store(1, Relaxed);
                peer.unpark();
            })
        };
        owner.run_until(|| stopping.load(Relaxed) == 1);
        stopper.join().unwrap();
        assert_eq!(owner.end().strong_count(), 0);
    });
}

/// A task comes from one thread and is waited for there, as the shard ends: it runs or is cancelled.
#[test]
fn a_task_sent_to_a_shard_that_ends() {
    check(|| {
        set_looks(0);
        let owner = OnLoom::new(true);
        let sender = spawn_on(owner.shard.peer(), 7);
        owner.shard.turn(false).unwrap();
        owner.shard.run_tasks(1, false).unwrap();
        let left = owner.end();
        assert!(matches!(sender.join().unwrap(), None | Some(7)));
        assert_eq!(left.strong_count(), 0);
    });
}

/// A waker on one thread and an abort on another, as the owner drops its tasks, closes inbox and mailbox, and its ring.
#[test]
fn the_end_beside_a_wake_and_an_abort() {
    bounded(2, move || {
        set_looks(0);
        let owner = OnLoom::new(true);
        let (count, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let slot = Rc::<RefCell<Option<Waker>>>::default();
        let (guard, wait) = (OwnersOnly::new(&drops), wait_for_count(count, 1, slot.clone()));
        let handle = owner.shard.spawn(async move {
            let _guard = guard;
            wait.await;
            0
        });
        owner.shard.run_tasks(1, false).unwrap();
        let waker = slot.take().unwrap();
        let waking = thread::spawn(move || waker.wake());
        let aborting = thread::spawn(move || {
            handle.abort();
            assert_eq!(output_or_cancelled(handle), None);
        });
        owner.shard.turn(false).unwrap();
        let left = owner.end();
        assert_eq!(drops.load(Relaxed), 1);
        waking.join().unwrap();
        aborting.join().unwrap();
        assert_eq!(left.strong_count(), 0);
    });
}

/// An op has ended the shard's sleep, and with it the shard; the thread that was to end it is on its way still.
fn the_end_beside_a_ring(takes_messages: bool) {
    check(move || {
        set_looks(0);
        let owner = OnLoom::new(takes_messages);
        let (peer, ring) = (owner.shard.peer(), owner.ring.clone());
        let ringing = thread::spawn(move || peer.unpark());
        let completing = thread::spawn(move || kernel::complete(&ring));
        owner.shard.turn(true).unwrap();
        let left = owner.end();
        ringing.join().unwrap();
        completing.join().unwrap();
        assert_eq!(left.strong_count(), 0);
    });
}

#[test]
fn the_end_beside_a_strike_of_the_clapper() {
    the_end_beside_a_ring(false);
}

#[test]
fn the_end_beside_a_message() {
    the_end_beside_a_ring(true);
}
