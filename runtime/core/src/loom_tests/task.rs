//! A task's state: wakes and aborts from other threads against runs, completion and shutdown, and who goes last.

use std::{cell::RefCell, future::poll_fn, rc::Rc, sync::Arc, task::Waker};

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use super::{block_on, check, wait_for_count};
use crate::{
    inbox::Inbox,
    task::{self, JoinHandle, Ran, Runnable, Schedule, TaskRef},
};

/// Woken tasks go to the inbox; nobody sleeps.
#[derive(Clone)]
pub(super) struct Queue(Arc<Inbox>);

impl Schedule for Queue {
    fn schedule(&self, task: Runnable) {
        let _pushed = self.0.push(task);
    }
}

/// The owner of one task.
pub(super) struct Owner {
    pub(super) queue: Queue,
    pub(super) task: Option<TaskRef>,
}

impl Owner {
    /// The task is queued.
    pub(super) fn spawn<F: Future + 'static>(future: F) -> (Owner, JoinHandle<F::Output>) {
        let queue = Queue(Arc::new(Inbox::new()));
        let (runnable, task, handle) = task::spawn(future, queue.clone());
        queue.schedule(runnable);
        (Owner { queue, task: Some(task) }, handle)
    }

    /// Runs what is queued now; gives how many runs that were.
    pub(super) fn turn(&mut self) -> usize {
        let mut runs = 0;
        for runnable in self.queue.0.drain() {
            runs += 1;
            if let Ran::Again(runnable) = runnable.run(|_| self.task.take().expect("a live task")) {
                self.queue.schedule(runnable);
            }
        }
        runs
    }

    pub(super) fn run_all(&mut self) {
        while self.turn() > 0 {}
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        drop((self.task.take(), self.queue.0.close()));
    }
}

/// Says that its drop is the owner's alone: loom sees if another thread has it.
pub(super) struct OwnersOnly(UnsafeCell<usize>, Arc<AtomicUsize>);

impl OwnersOnly {
    pub(super) fn new(drops: &Arc<AtomicUsize>) -> OwnersOnly {
        OwnersOnly(UnsafeCell::new(0), drops.clone())
    }

    fn touch(&self) {
        // SAFETY: a number, and not used beyond the closure.
        self.0.with_mut(|count| unsafe { *count += 1 });
    }
}

impl Drop for OwnersOnly {
    fn drop(&mut self) {
        self.touch();
        self.1.fetch_add(1, Relaxed);
    }
}

type Slot = Rc<RefCell<Option<Waker>>>;

#[test]
fn no_wake_is_lost_beside_a_poll() {
    for by_value in [true, false] {
        check(move || {
            let (count, slot) = (Arc::new(AtomicUsize::new(0)), Slot::default());
            let (mut owner, handle) = Owner::spawn(wait_for_count(count.clone(), 2, slot.clone()));
            owner.turn();
            let wakers = [0, 1].map(|_| {
                let (count, waker) = (count.clone(), slot.borrow().clone().unwrap());
                thread::spawn(move || {
                    count.fetch_add(1, Relaxed);
                    if by_value { waker.wake() } else { waker.wake_by_ref() }
                })
            });
            owner.turn();
            for waker in wakers {
                waker.join().unwrap();
            }
            owner.run_all();
            assert!(handle.is_finished(), "the task waits, and nobody will wake it");
            drop(slot.take());
        });
    }
}

/// The waker is the last that refers to the task, or the handle, or the owner.
#[test]
fn a_wake_may_come_beside_and_after_the_end() {
    check(|| {
        let (count, slot) = (Arc::new(AtomicUsize::new(0)), Slot::default());
        let drops = Arc::new(AtomicUsize::new(0));
        let guard = OwnersOnly::new(&drops);
        let wait = wait_for_count(count.clone(), 1, slot.clone());
        let (mut owner, handle) = Owner::spawn(async move {
            guard.touch();
            wait.await;
            guard.touch();
        });
        owner.turn();
        let waker = slot.take().unwrap();
        let (early, late) = (waker.clone(), waker);
        let waking = thread::spawn(move || {
            count.fetch_add(1, Relaxed);
            early.wake();
        });
        let dropping = thread::spawn(move || {
            drop(handle);
            late.wake();
        });
        owner.turn();
        drop(slot.take());
        waking.join().unwrap();
        owner.run_all();
        // If the other thread has the task in hand still, it ends here.
        drop(owner);
        assert_eq!(drops.load(Relaxed), 1);
        dropping.join().unwrap();
    });
}

#[test]
fn an_abort_reaches_the_owner_beside_a_run() {
    check(|| {
        let (count, slot) = (Arc::new(AtomicUsize::new(0)), Slot::default());
        let drops = Arc::new(AtomicUsize::new(0));
        let guard = OwnersOnly::new(&drops);
        let wait = wait_for_count(count.clone(), 1, slot.clone());
        let (mut owner, handle) = Owner::spawn(async move {
            let _guard = guard;
            wait.await;
        });
        let abort = handle.abort_handle();
        let aborting = thread::spawn(move || abort.abort());
        owner.turn();
        let waking = {
            let (count, waker) = (count.clone(), slot.take());
            thread::spawn(move || {
                count.fetch_add(1, Relaxed);
                if let Some(waker) = waker {
                    waker.wake();
                }
            })
        };
        owner.turn();
        aborting.join().unwrap();
        waking.join().unwrap();
        owner.run_all();
        assert!(handle.is_finished() && drops.load(Relaxed) == 1);
        if let Err(error) = block_on(handle) {
            assert!(error.is_cancelled());
        }
        drop(slot.take());
    });
}

#[test]
fn the_last_reference_is_dropped_anywhere() {
    check(|| {
        let slot = Slot::default();
        let count = Arc::new(AtomicUsize::new(1));
        let (mut owner, handle) = Owner::spawn(wait_for_count(count, 1, slot.clone()));
        owner.turn();
        let (waker, abort) = (slot.take().unwrap(), handle.abort_handle());
        let threads = [thread::spawn(move || drop(waker.clone())), thread::spawn(move || drop(abort))];
        drop(handle);
        drop(owner);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// The owner goes, and with it the future, while others hold what `beside` makes use of.
fn a_shutdown_beside(beside: fn(Waker, JoinHandle<()>)) {
    check(move || {
        let slot = Slot::default();
        let (count, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let guard = OwnersOnly::new(&drops);
        let wait = wait_for_count(count, 1, slot.clone());
        let (mut owner, handle) = Owner::spawn(async move {
            let _guard = guard;
            wait.await;
        });
        owner.turn();
        let waker = slot.take().unwrap();
        let other = thread::spawn(move || beside(waker, handle));
        drop(owner);
        assert_eq!(drops.load(Relaxed), 1);
        other.join().unwrap();
    });
}

#[test]
fn a_shutdown_beside_wakes() {
    a_shutdown_beside(|waker, handle| {
        drop(handle);
        waker.wake_by_ref();
        waker.wake();
    });
}

#[test]
fn a_shutdown_beside_an_abort_and_who_waits_for_it() {
    a_shutdown_beside(|waker, handle| {
        handle.abort();
        assert!(block_on(handle).unwrap_err().is_cancelled());
        drop(waker);
    });
}

#[test]
fn a_shutdown_beside_clones_of_a_waker() {
    a_shutdown_beside(|waker, handle| {
        let clones = [waker.clone(), waker];
        drop(handle);
        for clone in clones {
            clone.wake();
        }
    });
}

/// A task whose own waker is what it holds last.
#[test]
fn a_task_that_wakes_itself_beside_another_wake() {
    check(|| {
        let (count, slot) = (Arc::new(AtomicUsize::new(0)), Slot::default());
        let (seen, left) = (count.clone(), slot.clone());
        let mut polls = 0;
        let (mut owner, handle) = Owner::spawn(poll_fn(move |context| {
            polls += 1;
            *left.borrow_mut() = Some(context.waker().clone());
            if polls == 2 {
                context.waker().wake_by_ref();
            }
            if seen.load(Relaxed) == 1 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        }));
        owner.turn();
        let waker = slot.take().unwrap();
        let kicking = waker.clone();
        let waking = thread::spawn(move || {
            count.fetch_add(1, Relaxed);
            waker.wake();
        });
        kicking.wake();
        owner.turn();
        owner.turn();
        waking.join().unwrap();
        owner.run_all();
        assert!(handle.is_finished());
        drop(slot.take());
    });
}
