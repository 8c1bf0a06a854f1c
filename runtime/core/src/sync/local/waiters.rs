//! Those who wait, first in first out.
//!
//! A list threaded through a slab: a waiter is found by its key when its future is dropped, and slots are used again, so
//! that waiting allocates only when more wait than ever before. No function in here but [`wake_all`] runs user code.

use std::{cell::RefCell, task::Waker};

use slab::Slab;

const NONE: usize = usize::MAX;

/// A queue of waiters, with an `S` for each that says how its wait stands.
#[derive(Debug)]
pub(super) struct Waiters<S> {
    entries: Slab<Entry<S>>,
    first: usize,
    last: usize,
    /// What the last [`wake_all`] has emptied.
    spare: Vec<Waker>,
}

#[derive(Debug)]
struct Entry<S> {
    state: S,
    /// In the queue: until it is taken out to be woken, or removed.
    queued: bool,
    waker: Option<Waker>,
    before: usize,
    after: usize,
}

/// A waiter's place. It has one owner, its future, which gives it up to [`Waiters::remove`].
#[derive(Debug)]
pub(super) struct Key(usize);

impl<S> Waiters<S> {
    pub(super) const fn new() -> Waiters<S> {
        Waiters { entries: Slab::new(), first: NONE, last: NONE, spare: Vec::new() }
    }

    /// For how many there is memory.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// True if nobody is in the queue.
    pub(super) fn is_empty(&self) -> bool {
        self.first == NONE
    }

    pub(super) fn push(&mut self, waker: Option<Waker>, state: S) -> Key {
        let before = self.last;
        let key = self.entries.insert(Entry { state, queued: true, waker, before, after: NONE });
        match before {
            NONE => self.first = key,
            _ => self.entries[before].after = key,
        }
        self.last = key;
        Key(key)
    }

    /// The state of the first in the queue.
    pub(super) fn first(&mut self) -> Option<&mut S> {
        self.entries.get_mut(self.first).map(|entry| &mut entry.state)
    }

    /// Takes the first out of the queue: its waker, and its state, which stays for the future to find.
    pub(super) fn pop_first(&mut self) -> Option<(Option<Waker>, &mut S)> {
        self.pop(self.first)
    }

    /// As [`pop_first`](Waiters::pop_first), with the last.
    pub(super) fn pop_last(&mut self) -> Option<(Option<Waker>, &mut S)> {
        self.pop(self.last)
    }

    fn pop(&mut self, key: usize) -> Option<(Option<Waker>, &mut S)> {
        if key == NONE {
            return None;
        }
        self.unlink(key);
        let entry = &mut self.entries[key];
        Some((entry.waker.take(), &mut entry.state))
    }

    pub(super) fn state(&self, key: &Key) -> &S {
        &self.entries[key.0].state
    }

    fn waker(&mut self, key: &Key) -> &mut Option<Waker> {
        &mut self.entries[key.0].waker
    }

    /// Ends a wait. The waker is user code: drop it when nothing is borrowed.
    pub(super) fn remove(&mut self, key: Key) -> (S, Option<Waker>) {
        if self.entries[key.0].queued {
            self.unlink(key.0);
        }
        let entry = self.entries.remove(key.0);
        (entry.state, entry.waker)
    }

    fn unlink(&mut self, key: usize) {
        let entry = &mut self.entries[key];
        entry.queued = false;
        let (before, after) = (entry.before, entry.after);
        match before {
            NONE => self.first = after,
            _ => self.entries[before].after = after,
        }
        match after {
            NONE => self.last = before,
            _ => self.entries[after].before = before,
        }
    }

    /// An empty batch, with the memory of the one before.
    pub(super) fn batch(&mut self) -> Batch {
        Batch { wakers: std::mem::take(&mut self.spare) }
    }
}

/// Lets `waker` be what wakes the waiter. User code may run: look again, after this, whether the wait is over.
pub(super) fn register<S>(waiters: &RefCell<Waiters<S>>, key: &Key, waker: &Waker) {
    let registered = waiters.borrow_mut().waker(key).as_ref().is_some_and(|old| old.will_wake(waker));
    if !registered {
        let new = waker.clone();
        let old = waiters.borrow_mut().waker(key).replace(new);
        drop(old);
    }
}

/// Wakes all of a batch, in its order. It must not be called under a borrow.
pub(super) fn wake_all<S>(waiters: &RefCell<Waiters<S>>, batch: Batch) {
    let empty = batch.wake();
    let mut waiters = waiters.borrow_mut();
    // A wake may have led to another batch meanwhile: keep the larger of the two.
    if waiters.spare.capacity() < empty.capacity() {
        waiters.spare = empty;
    }
}

/// Wakers on their way to be woken. A wake that panics does not keep the others from theirs.
#[derive(Debug)]
#[must_use]
pub(super) struct Batch {
    wakers: Vec<Waker>,
}

impl Batch {
    pub(super) fn push(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    /// Wakes all, and gives the memory back.
    pub(super) fn wake(mut self) -> Vec<Waker> {
        self.wakers.reverse();
        self.wake_from_last();
        std::mem::take(&mut self.wakers)
    }

    fn wake_from_last(&mut self) {
        while let Some(waker) = self.wakers.pop() {
            waker.wake();
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.wake_from_last();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::{super::testing::Flag, *};

    #[test]
    fn waiters_leave_in_order_from_any_place() {
        let mut waiters = Waiters::new();
        let mut keys: Vec<_> = (0..5).map(|i| waiters.push(None, i)).collect();
        assert_eq!(waiters.remove(keys.remove(2)).0, 2);
        assert_eq!(waiters.pop_last().map(|(_, state)| *state), Some(4));
        assert_eq!(waiters.first().copied(), Some(0));
        assert_eq!(waiters.pop_first().map(|(_, state)| *state), Some(0));
        keys.push(waiters.push(None, 5));
        let left = std::iter::from_fn(|| waiters.pop_first().map(|(_, state)| *state));
        assert_eq!(left.collect::<Vec<_>>(), [1, 3, 5]);
        assert!(waiters.is_empty() && waiters.pop_last().is_none());
        // Popped entries keep their state until their owner is done with them.
        let states: Vec<_> = keys.into_iter().map(|key| waiters.remove(key).0).collect();
        assert_eq!(states, [0, 1, 3, 4, 5]);
        assert!(waiters.entries.is_empty());
    }

    #[test]
    fn a_panic_in_a_wake_leaves_no_one_asleep() {
        let flags: [Flag; 3] = Default::default();
        let waiters = RefCell::new(Waiters::<()>::new());
        let mut batch = waiters.borrow_mut().batch();
        batch.push(Some(flags[0].waker()));
        batch.push(Some(super::super::testing::calls(|| panic!("a waker's own"))));
        batch.push(Some(flags[1].waker()));
        batch.push(Some(flags[2].waker()));
        assert!(catch_unwind(AssertUnwindSafe(|| wake_all(&waiters, batch))).is_err());
        assert!(flags.iter().all(|flag| flag.take() == 1));
    }
}
