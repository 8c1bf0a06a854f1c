//! Cooperation: a task whose channels, locks and streams are always ready gives way after a while all the same.
//!
//! Each poll of a task starts with a budget. Whatever in this workspace can be ready at once without the kernel (a
//! receive from a channel, a permit, a read from memory) takes one unit when it makes progress; when none is left it
//! says Pending, after it has woken its task, which so has its next turn behind all others that are ready. Ops need no
//! budget: they suspend by nature.

use std::{
    cell::Cell,
    task::{Context, Poll},
};

/// Units per poll of a task.
const UNITS: u8 = 128;

thread_local! {
    /// What is left for the task being polled; `None` without a limit: outside tasks, and under [`unlimited`].
    static LEFT: Cell<Option<u8>> = const { Cell::new(None) };
}

/// Starts a task's poll.
pub fn refill() {
    LEFT.set(Some(UNITS));
}

/// No task is being polled any more.
pub fn lift() {
    LEFT.set(None);
}

/// Calls `f` without a limit.
pub fn unlimited<R>(f: impl FnOnce() -> R) -> R {
    let _restore = Restore { left: LEFT.replace(None) };
    f()
}

/// Puts back what was left before, when dropped.
struct Restore {
    left: Option<u8>,
}

impl Drop for Restore {
    fn drop(&mut self) {
        // A thread that is exiting polls no tasks.
        let _exiting = LEFT.try_with(|left| left.set(self.left));
    }
}

/// True if something is left, or no limit holds.
pub fn has_budget_remaining() -> bool {
    LEFT.try_with(Cell::get).ok().flatten() != Some(0)
}

/// Takes one unit. Pending if none is left: the task has been woken, and the caller returns Pending too.
///
/// The caller says [`Progress::made`] if it was ready; else the unit goes back when the value is dropped.
pub fn poll_proceed(cx: &Context<'_>) -> Poll<Progress> {
    let before = LEFT.try_with(Cell::get).ok().flatten();
    match before {
        None => {}
        Some(0) => {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Some(left) => LEFT.set(Some(left - 1)),
    }
    Poll::Ready(Progress { before: Cell::new(before) })
}

/// Takes one unit for good, for a caller that is ready. Pending as in [`poll_proceed`].
#[inline]
pub fn poll_spend(cx: &Context<'_>) -> Poll<()> {
    match LEFT.try_with(Cell::get).ok().flatten() {
        None => {}
        Some(0) => {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Some(left) => LEFT.set(Some(left - 1)),
    }
    Poll::Ready(())
}

/// Takes one unit for good if there is one. For those that can do without: they suspend instead.
pub fn try_spend() -> bool {
    match LEFT.try_with(Cell::get).ok().flatten() {
        None => true,
        Some(0) => false,
        Some(left) => {
            LEFT.set(Some(left - 1));
            true
        }
    }
}

/// A unit that was taken; it goes back unless progress was made.
#[derive(Debug)]
#[must_use]
pub struct Progress {
    before: Cell<Option<u8>>,
}

impl Progress {
    /// The unit is spent.
    pub fn made(&self) {
        self.before.set(None);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let before @ Some(_) = self.before.get() {
            let _exiting = LEFT.try_with(|left| left.set(before));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn progress_takes_units_until_none_is_left() {
        let cx = Context::from_waker(Waker::noop());
        refill();
        for _ in 0..1000 {
            assert!(poll_proceed(&cx).is_ready(), "a unit without progress goes back");
        }
        let mut spent = 0;
        while let Poll::Ready(progress) = poll_proceed(&cx) {
            progress.made();
            spent += 1;
        }
        assert_eq!((spent, has_budget_remaining()), (usize::from(UNITS), false));
        unlimited(|| assert!(poll_proceed(&cx).is_ready() && has_budget_remaining()));
        assert!(!has_budget_remaining());
        lift();
        assert!(poll_proceed(&cx).is_ready());
    }
}
