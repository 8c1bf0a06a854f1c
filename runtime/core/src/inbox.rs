//! The inbox: tasks that other threads have woken, on their way to their owner.
//!
//! A stack that is pushed to by anyone and emptied as a whole, linked through the tasks' own headers: a push allocates
//! nothing and takes one atomic step. It is not a queue without a bound: a task is in an inbox once at most, so there are
//! never more of them here than the shard has tasks.

use std::{
    fmt, iter,
    ptr::{self, NonNull},
};

use crate::{
    primitives::atomic::{
        AtomicPtr,
        Ordering::{AcqRel, Relaxed},
    },
    task::{Header, Runnable},
};

/// One per shard.
///
/// Whoever closes it must do so: a scheduler that owns its inbox, and is owned by the tasks in it, would otherwise keep
/// itself alive.
pub struct Inbox {
    /// The task pushed last, from which the others hang by `Header::next`; null; or [`CLOSED`].
    ///
    /// A task's `next` is written only by the thread that holds its posted `Runnable`: the pusher, until its successful step
    /// here publishes it (release), then the one who detaches the whole list (acquire). Nobody ever takes a single
    /// task out, so that an address which returns to `head` meanwhile (the ABA problem) does no harm: a pusher links to
    /// whatever is the head in the step in which it replaces it.
    head: AtomicPtr<Header>,
}

/// No task has this address: headers are aligned to more than one byte.
const CLOSED: *mut Header = ptr::without_provenance_mut(1);

/// What became of a push.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The inbox was empty: ring the doorbell.
    First,
    /// There was something in it, or this very task is on its way: whoever pushed that rings, or has rung, and the owner
    /// takes all.
    Behind,
    /// The inbox is closed, and the task's reference was released.
    Closed,
}

impl Inbox {
    /// An empty inbox.
    pub fn new() -> Inbox {
        Inbox { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Puts a task in; any thread.
    pub fn push(&self, task: Runnable) -> Pushed {
        let Some(task) = task.post() else { return Pushed::Behind };
        let mut head = self.head.load(Relaxed);
        loop {
            if head == CLOSED {
                // SAFETY: the reference given up above, which keeps the task's memory; it was not published.
                // Test: a_closed_inbox_keeps_nothing.
                drop(unsafe { Runnable::from_inbox(task) });
                return Pushed::Closed;
            }
            // SAFETY: the task owns its memory. The Runnable is ours until the step below, so it is not freed before.
            // Test: tasks_of_all_threads_arrive_once_and_in_order.
            unsafe { task.as_ref() }.next.store(head, Relaxed);
            match self.head.compare_exchange_weak(head, task.as_ptr(), AcqRel, Relaxed) {
                Ok(_) if head.is_null() => return Pushed::First,
                Ok(_) => return Pushed::Behind,
                Err(seen) => head = seen,
            }
        }
    }

    /// True if there is nothing in it. For tests: an owner need not look before it sleeps, the doorbell says it.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        let head = self.head.load(Relaxed);
        head.is_null() || head == CLOSED
    }

    /// Takes out all that is in, first in first out. What is pushed during the iteration is left for the next time, so
    /// that tasks that wake each other cannot keep the owner here. What is not iterated over is dropped.
    pub fn drain(&self) -> Drain {
        let mut head = self.head.load(Relaxed);
        // No swap: it would open a closed inbox again.
        while !head.is_null() && head != CLOSED {
            match self.head.compare_exchange_weak(head, ptr::null_mut(), AcqRel, Relaxed) {
                Ok(_) => return Drain::reversed(head),
                Err(seen) => head = seen,
            }
        }
        Drain { next: None }
    }

    /// Drops, from now on, what is pushed, and hands back what was in.
    pub fn close(&self) -> Drain {
        match self.head.swap(CLOSED, AcqRel) {
            CLOSED => Drain { next: None },
            head => Drain::reversed(head),
        }
    }
}

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox::new()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        drop(self.close());
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.head.load(Relaxed) {
            CLOSED => "Inbox(closed)",
            head if head.is_null() => "Inbox(empty)",
            _ => "Inbox(tasks)",
        })
    }
}

/// Tasks taken out of an [`Inbox`], in the order in which they were put in. On the owner's thread those are left out that
/// are in a queue of its own already, or complete.
#[must_use = "the tasks in it are dropped with it"]
pub struct Drain {
    /// A list that nobody else can reach. Each task in it is a Runnable that was given up by `push`.
    next: Option<NonNull<Header>>,
}

// SAFETY: a list of Runnables, which are Send. Test: tasks_of_all_threads_arrive_once_and_in_order.
unsafe impl Send for Drain {}

impl Drain {
    /// Turns round a list that was just detached. The time is proportional to its length, and no task is touched that
    /// the caller would not touch next anyway.
    fn reversed(mut newest: *mut Header) -> Drain {
        let mut reversed = ptr::null_mut();
        while let Some(task) = NonNull::new(newest) {
            // SAFETY: the list is ours since it was detached, and each task in it is kept by the reference that its
            // push gave up. Test: tasks_of_all_threads_arrive_once_and_in_order.
            let next = unsafe { &task.as_ref().next };
            newest = next.load(Relaxed);
            next.store(reversed, Relaxed);
            reversed = task.as_ptr();
        }
        Drain { next: NonNull::new(reversed) }
    }
}

impl Iterator for Drain {
    type Item = Runnable;

    fn next(&mut self) -> Option<Runnable> {
        loop {
            let task = self.next?;
            // SAFETY: as in `reversed`. `next` is read before the Runnable is made, with which the task may be posted again
            // or freed. Test: tasks_of_all_threads_arrive_once_and_in_order.
            let posted = unsafe {
                self.next = NonNull::new(task.as_ref().next.load(Relaxed));
                Runnable::from_inbox(task)
            };
            if let Some(task) = posted.arrived() {
                return Some(task);
            }
        }
    }
}

impl iter::FusedIterator for Drain {}

impl Drop for Drain {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("next", &self.next).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;
    use crate::task::{self, JoinHandle, Schedule, TaskRef};

    struct Nowhere;

    impl Schedule for Nowhere {
        fn schedule(&self, _: Runnable) {}
    }

    fn indexed(index: usize, alive: &Arc<Nowhere>) -> (Runnable, TaskRef, JoinHandle<()>) {
        let parts = task::spawn(async {}, alive.clone());
        parts.1.set_index(index);
        parts
    }

    #[test]
    fn tasks_come_out_in_the_order_they_went_in() {
        let (inbox, alive) = (Inbox::new(), Arc::new(Nowhere));
        assert!(inbox.is_empty() && inbox.drain().next().is_none());
        let mut entries = Vec::new();
        for round in 0..3 {
            for index in 0..4 {
                let (runnable, entry, _) = indexed(index, &alive);
                let pushed = inbox.push(runnable);
                assert_eq!(pushed, if index == 0 { Pushed::First } else { Pushed::Behind });
                entries.push(entry);
            }
            assert!(!inbox.is_empty());
            let indices: Vec<_> = inbox.drain().take(2 + round).map(|task| task.index()).collect();
            assert_eq!(indices, (0..4).take(2 + round).collect::<Vec<_>>());
            assert!(inbox.is_empty(), "what was not taken is dropped");
        }
        drop(entries);
        assert_eq!(Arc::strong_count(&alive), 1);
    }

    #[test]
    fn a_closed_inbox_keeps_nothing() {
        let (inbox, alive) = (Inbox::new(), Arc::new(Nowhere));
        let (first, second) = (indexed(1, &alive), indexed(2, &alive));
        assert_eq!(inbox.push(first.0), Pushed::First);
        let left: Vec<_> = inbox.close().collect();
        assert_eq!(left.iter().map(Runnable::index).collect::<Vec<_>>(), [1]);
        assert_eq!(inbox.push(second.0), Pushed::Closed);
        assert!(inbox.is_empty());
        assert!(inbox.drain().next().is_none());
        let third = indexed(3, &alive);
        assert_eq!(inbox.push(third.0), Pushed::Closed, "a drain does not open it again");
        assert!(inbox.close().next().is_none());
        drop((left, first.1, first.2, second.1, second.2, third.1, third.2));
        assert_eq!(Arc::strong_count(&alive), 1);
    }

    #[test]
    fn a_dropped_inbox_drops_its_tasks() {
        let (inbox, alive) = (Inbox::new(), Arc::new(Nowhere));
        let (runnable, entry, handle) = indexed(1, &alive);
        assert_eq!(inbox.push(runnable), Pushed::First);
        drop((inbox, entry, handle));
        assert_eq!(Arc::strong_count(&alive), 1);
    }

    /// Some are pushed after the close: they are dropped, all others arrive.
    #[test]
    fn tasks_of_all_threads_arrive_once_and_in_order() {
        const SENDERS: usize = 3;
        const TASKS: usize = 20_000;
        let (inbox, alive) = (Inbox::new(), Arc::new(Nowhere));
        let mut entries = Vec::new();
        let batches = std::array::from_fn::<_, SENDERS, _>(|sender| {
            let tasks = (0..TASKS).map(|i| indexed(sender * TASKS + i, &alive));
            let (runnables, rest): (Vec<_>, Vec<_>) = tasks.map(|(runnable, entry, _)| (runnable, entry)).unzip();
            entries.push(rest);
            runnables
        });
        let mut seen = Vec::new();
        let (mut firsts, mut closed) = (0, 0);
        thread::scope(|scope| {
            let senders = batches.map(|batch| {
                let inbox = &inbox;
                scope.spawn(move || {
                    let pushed: Vec<_> = batch.into_iter().map(|task| inbox.push(task)).collect();
                    let count = |wanted| pushed.iter().filter(|found| **found == wanted).count();
                    (count(Pushed::First), count(Pushed::Closed))
                })
            });
            let mut drains = 0;
            while seen.len() < SENDERS * TASKS * 9 / 10 {
                let before = seen.len();
                seen.extend(inbox.drain());
                drains += (seen.len() > before) as usize;
            }
            let before = seen.len();
            seen.extend(inbox.close());
            drains += (seen.len() > before) as usize;
            for sender in senders {
                let (first, late) = sender.join().unwrap();
                firsts += first;
                closed += late;
            }
            assert_eq!(firsts, drains, "one ring for each time that the inbox filled");
        });
        assert_eq!(seen.len() + closed, SENDERS * TASKS);
        for sender in 0..SENDERS {
            let of_sender = seen.iter().map(Runnable::index).filter(|index| index / TASKS == sender);
            let positions: Vec<_> = of_sender.map(|index| index % TASKS).collect();
            assert!(positions.iter().copied().eq(0..positions.len()), "sender {sender}: out of order, lost or doubled");
        }
        drop((seen, entries));
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
