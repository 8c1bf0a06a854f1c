//! Permits: a count of which each acquirer takes its share, in the order in which they asked.
//!
//! While somebody waits nothing is available: whatever is released goes to the first in the queue, piece by piece, until
//! it has all that it asked for. So none is overtaken, neither by a late comer nor by one who asks for less.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use super::{
    super::{AcquireError, TryAcquireError},
    waiters::{self, Key, Waiters},
};
use crate::coop;

#[derive(Debug)]
pub(super) struct Permits {
    available: Cell<usize>,
    closed: Cell<bool>,
    waiters: RefCell<Waiters<Share>>,
}

/// What a waiter has asked for. Once nothing is missing it is out of the queue, and the permits are its own.
#[derive(Clone, Copy, Debug)]
struct Share {
    asked: usize,
    missing: usize,
}

impl Permits {
    /// The most there may be, as tokio has it.
    pub(super) const MAX: usize = usize::MAX >> 3;

    pub(super) const fn new(count: usize) -> Permits {
        Permits { available: Cell::new(count), closed: Cell::new(false), waiters: RefCell::new(Waiters::new()) }
    }

    #[inline]
    pub(super) fn available(&self) -> usize {
        self.available.get()
    }

    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    #[inline]
    pub(super) fn try_acquire(&self, count: usize) -> Result<(), TryAcquireError> {
        if self.closed.get() {
            return Err(TryAcquireError::Closed);
        }
        let left = self.available.get().checked_sub(count).ok_or(TryAcquireError::NoPermits)?;
        self.available.set(left);
        Ok(())
    }

    #[inline]
    pub(super) fn acquire(&self, count: usize) -> Acquire<'_> {
        Acquire { permits: self, count, key: None }
    }

    /// Takes up to `count` of those available out of the world.
    pub(super) fn forget(&self, count: usize) -> usize {
        let gone = count.min(self.available.get());
        self.available.set(self.available.get() - gone);
        gone
    }

    /// Gives permits to those who wait, and the rest to whoever comes. User code runs: wakes.
    ///
    /// # Panics
    /// If there are more than [`MAX`](Permits::MAX) then.
    #[inline]
    pub(super) fn release(&self, count: usize) {
        if self.waiters.borrow().is_empty() {
            self.add(count);
        } else if count > 0 {
            self.hand_out(count);
        }
    }

    fn add(&self, count: usize) {
        let sum = self.available.get().checked_add(count).filter(|sum| *sum <= Permits::MAX);
        self.available.set(sum.expect("a semaphore may not have more than MAX_PERMITS permits"));
    }

    fn hand_out(&self, mut count: usize) {
        let mut waiters = self.waiters.borrow_mut();
        let mut batch = waiters.batch();
        while let Some(first) = waiters.first() {
            let given = first.missing.min(count);
            first.missing -= given;
            count -= given;
            if first.missing > 0 {
                break;
            }
            batch.push(waiters.pop_first().and_then(|(waker, _)| waker));
        }
        drop(waiters);
        self.add(count);
        waiters::wake_all(&self.waiters, batch);
    }

    /// Nobody acquires any more. Who waits gets an error, and what they had been given becomes available.
    pub(super) fn close(&self) {
        self.closed.set(true);
        let mut waiters = self.waiters.borrow_mut();
        if waiters.is_empty() {
            return;
        }
        let mut batch = waiters.batch();
        let mut given = 0;
        while let Some((waker, share)) = waiters.pop_first() {
            given += share.asked - share.missing;
            share.missing = share.asked;
            batch.push(waker);
        }
        drop(waiters);
        self.add(given);
        waiters::wake_all(&self.waiters, batch);
    }
}

/// The wait for permits. When it is ready they are the caller's, to be released by it.
///
/// Dropped before, it gives back what it has been given.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub(super) struct Acquire<'a> {
    permits: &'a Permits,
    count: usize,
    key: Option<Key>,
}

impl Acquire<'_> {
    /// Looks, registers, looks again: to register may run user code. Nothing is to be missed by that.
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AcquireError>> {
        let permits = self.permits;
        let mut registered = false;
        loop {
            let Some(key) = &self.key else {
                match permits.try_acquire(self.count) {
                    Ok(()) => return Poll::Ready(Ok(())),
                    Err(TryAcquireError::Closed) => return Poll::Ready(Err(AcquireError(()))),
                    Err(TryAcquireError::NoPermits) => {
                        let missing = self.count - permits.available.replace(0);
                        let share = Share { asked: self.count, missing };
                        self.key = Some(permits.waiters.borrow_mut().push(None, share));
                        continue;
                    }
                }
            };
            let missing = permits.waiters.borrow().state(key).missing;
            if missing == 0 || permits.closed.get() {
                let _taken_or_reclaimed = self.leave();
                return Poll::Ready(if missing == 0 { Ok(()) } else { Err(AcquireError(())) });
            }
            if std::mem::replace(&mut registered, true) {
                return Poll::Pending;
            }
            waiters::register(&permits.waiters, key, cx.waker());
        }
    }

    /// Ends the wait; says how many permits it had been given. The waker is the caller's to drop.
    fn leave(&mut self) -> (usize, Option<Waker>) {
        let Some(key) = self.key.take() else { return (0, None) };
        let (share, waker) = self.permits.waiters.borrow_mut().remove(key);
        (share.asked - share.missing, waker)
    }
}

impl Future for Acquire<'_> {
    type Output = Result<(), AcquireError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), AcquireError>> {
        let progress = ready!(coop::poll_proceed(cx));
        let acquired = ready!(self.get_mut().step(cx));
        progress.made();
        Poll::Ready(acquired)
    }
}

impl Drop for Acquire<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.key.is_some() {
            let (given, waker) = self.leave();
            self.permits.release(given);
            drop(waker);
        }
    }
}
