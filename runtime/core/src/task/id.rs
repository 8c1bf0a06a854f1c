//! Numbers of tasks, and which task the thread is running.

use std::{
    cell::Cell,
    fmt,
    num::NonZeroU64,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Identifies a task. No two tasks of a process have the same, not even one after the other.
///
/// The numbers say nothing else: they rise on each thread, but with gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(NonZeroU64);

/// How many numbers a thread takes at a time, so that a spawn touches nothing that is shared.
const BATCH: u64 = 1024;

thread_local! {
    /// The number given last; a multiple of [`BATCH`] ends a batch. Zero, at first, does too.
    static LAST: Cell<u64> = const { Cell::new(0) };
    static CURRENT: Cell<Option<Id>> = const { Cell::new(None) };
}

impl Id {
    #[inline]
    pub(super) fn next() -> Id {
        #[cold]
        fn take_batch() -> u64 {
            static BATCHES: AtomicU64 = AtomicU64::new(0);
            // At a billion tasks per second this takes 584 years to come round.
            BATCHES.fetch_add(1, Relaxed) * BATCH
        }
        LAST.with(|last| {
            let mut before = last.get();
            if before % BATCH == 0 {
                before = take_batch();
            }
            let next = NonZeroU64::MIN.saturating_add(before);
            last.set(next.get());
            Id(next)
        })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The task that is running: its future is being polled or dropped.
///
/// # Panics
/// Outside a task. The future given to `block_on` is none.
#[track_caller]
pub fn id() -> Id {
    try_id().expect("`task::id` was called outside a task; the future given to `block_on` is not one")
}

/// As [`id`]; `None` outside a task.
pub fn try_id() -> Option<Id> {
    CURRENT.get()
}

/// Puts back the task that ran before, when dropped: tasks nest where one drives others.
#[must_use]
pub(super) struct Entered {
    before: Option<Id>,
}

#[inline]
pub(super) fn enter(id: Id) -> Entered {
    Entered { before: CURRENT.replace(Some(id)) }
}

/// Calls `f` as if no task was running: for the future given to `block_on`, which is a task only to its shard.
pub(crate) fn outside<R>(f: impl FnOnce() -> R) -> R {
    let _entered = Entered { before: CURRENT.take() };
    f()
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, thread};

    use super::*;

    #[test]
    fn ids_of_all_threads_differ() {
        const EACH: u64 = 3 * BATCH + 7;
        let threads: Vec<_> =
            (0..4).map(|_| thread::spawn(|| (0..EACH).map(|_| Id::next()).collect::<Vec<_>>())).collect();
        let all: Vec<Id> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4 * EACH as usize);
    }

    #[test]
    fn tasks_nest() {
        assert_eq!(try_id(), None);
        let (outer, inner) = (Id::next(), Id::next());
        let entered = enter(outer);
        {
            let _entered = enter(inner);
            assert_eq!(id(), inner);
        }
        assert_eq!(id(), outer);
        drop(entered);
        assert_eq!(try_id(), None);
    }
}
