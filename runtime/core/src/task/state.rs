//! The state word of a task: six bits and a count of references in one atomic, so that a transition and the reference
//! that it gives or takes are one step.
//!
//! | bit | set by | while it is set |
//! |---|---|---|
//! | [`SCHEDULED`] | `spawn`; a wake or an abort of an idle task | exactly one `Runnable` exists: on its way to a queue, in one, or being run. Excludes a second one. Cleared by the owner when a poll that nobody woke is over. |
//! | [`WOKEN`] | a wake or an abort of a scheduled task | the poll in progress, if there is one, may have missed an event. Cleared by the owner, before a poll (which will see the event) or after it (the task then runs again). Excludes going idle. |
//! | [`COMPLETE`] | the owner, last of all | the future is gone; the output is there, or was when the bit was set. Never cleared. Excludes polls, schedules, and any meaning of the two bits above. |
//! | [`ABORTED`] | `abort`, any thread | the owner drops the future instead of the next poll. Never cleared. |
//! | [`JOIN_INTEREST`] | `spawn` | the `JoinHandle` is alive, and from COMPLETE on it owns the output. Cleared by its drop, only before COMPLETE. |
//! | [`JOIN_WAKER`] | the `JoinHandle` | the join waker is there. Excludes any write to it. Cleared by the handle, only before COMPLETE; at COMPLETE it passes the join waker to the owner. |
//!
//! There is no RUNNING bit. Only the owner's thread polls, and only with the `Runnable` in hand, so SCHEDULED stays
//! set during the poll and a wake in that time sets WOKEN instead of queueing the task a second time. That is worth
//! one atomic step in each run: a run begins with a load, and ends with its only write.
//!
//! References are held by the `Runnable`, the `TaskRef`, the `JoinHandle`, each `AbortHandle` and each `Waker`. The
//! memory is freed with the last one.

use crate::primitives::atomic::{
    AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed},
};

const SCHEDULED: usize = 1 << 0;
const WOKEN: usize = 1 << 1;
const COMPLETE: usize = 1 << 2;
const ABORTED: usize = 1 << 3;
const JOIN_INTEREST: usize = 1 << 4;
const JOIN_WAKER: usize = 1 << 5;
const REFERENCE: usize = 1 << 6;

/// The count may not reach the top bit: between the check and the abort other threads may still add to it.
const REFERENCES_END: usize = 1 << (usize::BITS - 1);

/// A new task has three references: `Runnable`, `TaskRef` and `JoinHandle`.
const INITIAL: usize = SCHEDULED | JOIN_INTEREST | (3 * REFERENCE);

pub(super) struct State(AtomicUsize);

/// What a run has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// Poll the future.
    Poll,
    /// Drop the future and complete the task as cancelled.
    Cancel,
    /// The task completed while it was in a queue: only release the `Runnable`.
    Nothing,
}

/// What to do after a poll that gave `Pending`.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing: the reference of the `Runnable` is gone, the next wake makes a new one.
    Idle,
    /// The task was woken during the poll: queue the same `Runnable` again.
    Again,
}

/// What to do with output and join waker after completion.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// Drop the output: nobody will ask for it.
    Discard,
    /// Leave everything to the `JoinHandle`. The owner's references are released: do not look at the task again.
    Keep,
    /// Leave the output to the `JoinHandle`; take the join waker and wake it.
    Wake,
}

/// Which `Runnable` a wake or an abort has to hand to the scheduler.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notify {
    /// None: the task is complete, or there is a `Runnable` already.
    Nothing,
    /// A new one, whose reference has been counted in the same step.
    Schedule,
}

/// What a `JoinHandle` finds when it is polled.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joining {
    /// The output is the handle's.
    Complete,
    /// The join waker is uninitialised, and the handle's to write.
    Unregistered,
    /// The join waker is set, and may be compared but not written.
    Registered,
}

/// Who owns the join waker after the handle wanted to change it.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JoinWaker {
    /// The step was made while the task was alive.
    Changed,
    /// The task had completed: the step has no effect.
    Complete,
}

/// What the drop of a `JoinHandle` has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Detach {
    /// Nothing; its reference is released.
    Nothing,
    /// Drop the join waker, then release the reference.
    DropWaker,
    /// Drop the output if it was not taken, then release the reference.
    DropOutput,
}

/// What the release of a reference has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// Nothing: others are left.
    Nothing,
    /// It was the last one: free the memory.
    Free,
}

impl State {
    #[inline]
    pub(super) fn new() -> State {
        State(AtomicUsize::new(INITIAL))
    }

    #[inline]
    pub(super) fn is_complete(&self) -> bool {
        self.0.load(Acquire) & COMPLETE != 0
    }

    /// Owner, before a poll, with the `Runnable` in hand.
    ///
    /// A load is enough. A wake whose step comes before the value read here is seen by the poll (acquire); one that
    /// comes after it finds SCHEDULED and sets WOKEN, which [`rest`](State::rest) finds.
    #[inline]
    pub(super) fn begin(&self) -> Begin {
        let mut now = self.0.load(Acquire);
        if now & (WOKEN | COMPLETE) == WOKEN {
            // Without this a task that was woken twice while it lay in the queue would be polled twice.
            now = self.0.fetch_and(!WOKEN, AcqRel);
        }
        match now {
            _ if now & COMPLETE != 0 => Begin::Nothing,
            _ if now & ABORTED != 0 => Begin::Cancel,
            _ => Begin::Poll,
        }
    }

    /// Owner, after a poll that gave `Pending`. With [`Rest::Idle`] the reference of the `Runnable` is released.
    #[inline]
    pub(super) fn rest(&self) -> Rest {
        let mut now = self.0.load(Relaxed);
        loop {
            debug_assert!(now & SCHEDULED != 0 && now & COMPLETE == 0);
            debug_assert!(references(now) >= 2, "the TaskRef outlives the poll");
            let (next, order) = match now & WOKEN {
                0 => ((now & !SCHEDULED) - REFERENCE, Rest::Idle),
                _ => (now & !WOKEN, Rest::Again),
            };
            match self.0.compare_exchange_weak(now, next, AcqRel, Relaxed) {
                Ok(_) => return order,
                Err(seen) => now = seen,
            }
        }
    }

    /// Owner, after the output was stored, holding the reference of the `TaskRef`. It brings the `held` references that
    /// it wants to release; they are released in the same step if the order is [`Finish::Keep`]. Otherwise the owner
    /// needs them still.
    #[inline]
    pub(super) fn complete(&self, held: usize) -> Finish {
        let mut now = self.0.load(Acquire);
        loop {
            assert!(now & COMPLETE == 0, "a task completes once");
            debug_assert!(references(now) >= held.max(1), "the TaskRef outlives the completion");
            let (next, order) = match now & (JOIN_INTEREST | JOIN_WAKER) {
                0 => (now | COMPLETE, Finish::Discard),
                JOIN_INTEREST => ((now | COMPLETE) - held * REFERENCE, Finish::Keep),
                _ => (now | COMPLETE, Finish::Wake),
            };
            if references(now) == held {
                // Nobody else refers to the task, so nobody looks on. That saves the step for detached tasks.
                self.0.store(next, Relaxed);
                return order;
            }
            match self.0.compare_exchange_weak(now, next, AcqRel, Acquire) {
                Ok(_) => return order,
                Err(seen) => now = seen,
            }
        }
    }

    /// Any thread, holding a reference.
    pub(super) fn wake(&self) -> Notify {
        self.notify(0)
    }

    /// Any thread, holding a reference.
    pub(super) fn abort(&self) -> Notify {
        self.notify(ABORTED)
    }

    fn notify(&self, extra: usize) -> Notify {
        let mut now = self.0.load(Relaxed);
        loop {
            if now & COMPLETE != 0 {
                return Notify::Nothing;
            }
            let (next, order) = match now & SCHEDULED {
                0 => (one_more(now) | SCHEDULED | extra, Notify::Schedule),
                _ => (now | WOKEN | extra, Notify::Nothing),
            };
            // Also where it changes nothing this must be a write, not a look: only a write releases what the caller
            // did before, and only a write is sure to meet the newest state. With a look a poll could miss the event
            // while the caller misses that the poll is over.
            match self.0.compare_exchange_weak(now, next, AcqRel, Relaxed) {
                Ok(_) => return order,
                Err(seen) => now = seen,
            }
        }
    }

    /// The `JoinHandle`, when it is polled.
    #[inline]
    pub(super) fn joining(&self) -> Joining {
        let now = self.0.load(Acquire);
        match now & (COMPLETE | JOIN_WAKER) {
            0 => Joining::Unregistered,
            JOIN_WAKER => Joining::Registered,
            _ => Joining::Complete,
        }
    }

    /// The `JoinHandle`, after it wrote the join waker. If the task was complete, nobody else will look at the join
    /// waker, whatever the bit says now.
    pub(super) fn publish_join_waker(&self) -> JoinWaker {
        join_waker_after(self.0.fetch_or(JOIN_WAKER, AcqRel))
    }

    /// The `JoinHandle`, before it writes the join waker anew. If the task was complete, the join waker is the owner's.
    pub(super) fn retract_join_waker(&self) -> JoinWaker {
        join_waker_after(self.0.fetch_and(!JOIN_WAKER, AcqRel))
    }

    /// The `JoinHandle`, when it is dropped.
    #[inline]
    pub(super) fn detach(&self) -> Detach {
        let mut now = self.0.load(Acquire);
        loop {
            if now & COMPLETE != 0 {
                return Detach::DropOutput;
            }
            debug_assert!(references(now) >= 2, "the TaskRef is there until the task is complete");
            let cleared = now & !(JOIN_INTEREST | JOIN_WAKER);
            let (next, order) = match now & JOIN_WAKER {
                0 => (cleared - REFERENCE, Detach::Nothing),
                _ => (cleared, Detach::DropWaker),
            };
            match self.0.compare_exchange_weak(now, next, AcqRel, Acquire) {
                Ok(_) => return order,
                Err(seen) => now = seen,
            }
        }
    }

    /// One reference more, for a caller that holds one.
    #[inline]
    pub(super) fn retain(&self) {
        // Nothing is published by a new reference; handing it to another thread orders what needs order.
        one_more(self.0.fetch_add(REFERENCE, Relaxed));
    }

    /// `count` references less, all of them the caller's.
    #[inline]
    pub(super) fn release(&self, count: usize) -> Release {
        // Who finds only its own references is alone, since a reference is only ever made from another one; and the
        // acquire puts the other holders' last accesses before the free. That saves the write.
        if references(self.0.load(Acquire)) == count {
            return Release::Free;
        }
        let before = references(self.0.fetch_sub(count * REFERENCE, AcqRel));
        assert!(before >= count, "a reference was released twice");
        if before == count { Release::Free } else { Release::Nothing }
    }
}

fn join_waker_after(before: usize) -> JoinWaker {
    match before & COMPLETE {
        0 => JoinWaker::Changed,
        _ => JoinWaker::Complete,
    }
}

#[inline]
fn references(state: usize) -> usize {
    state / REFERENCE
}

/// `state` with one reference more. Wakers can be cloned and forgotten in safe code, so that the count can overflow,
/// and an overflow would free a task in use: the process ends instead.
#[inline]
fn one_more(state: usize) -> usize {
    if state >= REFERENCES_END {
        std::process::abort();
    }
    state + REFERENCE
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let now = self.0.load(Relaxed);
        let names = [
            (SCHEDULED, "SCHEDULED"),
            (WOKEN, "WOKEN"),
            (COMPLETE, "COMPLETE"),
            (ABORTED, "ABORTED"),
            (JOIN_INTEREST, "JOIN_INTEREST"),
            (JOIN_WAKER, "JOIN_WAKER"),
        ];
        for (_, name) in names.iter().filter(|(bit, _)| now & bit != 0) {
            write!(f, "{name} ")?;
        }
        write!(f, "references: {}", references(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(bits: usize, references: usize) -> State {
        State(AtomicUsize::new(bits | (references * REFERENCE)))
    }

    fn is(state: &State, bits: usize, references: usize) {
        assert_eq!(state.0.load(Relaxed), bits | (references * REFERENCE), "{state:?}");
    }

    #[test]
    fn a_wake_makes_one_runnable_and_counts_its_reference() {
        let task = state(0, 2);
        assert_eq!(task.wake(), Notify::Schedule);
        is(&task, SCHEDULED, 3);
        assert_eq!(task.wake(), Notify::Nothing);
        assert_eq!(task.wake(), Notify::Nothing);
        is(&task, SCHEDULED | WOKEN, 3);
        assert_eq!(task.begin(), Begin::Poll);
        is(&task, SCHEDULED, 3);
        assert_eq!(task.rest(), Rest::Idle);
        is(&task, 0, 2);
    }

    #[test]
    fn a_wake_during_the_poll_runs_the_task_again() {
        let task = state(SCHEDULED, 2);
        assert_eq!(task.begin(), Begin::Poll);
        assert_eq!(task.wake(), Notify::Nothing);
        assert_eq!(task.rest(), Rest::Again);
        is(&task, SCHEDULED, 2);
        assert_eq!(task.rest(), Rest::Idle);
        is(&task, 0, 1);
    }

    #[test]
    fn an_abort_reaches_the_owner_in_every_state() {
        let idle = state(0, 2);
        assert_eq!(idle.abort(), Notify::Schedule);
        assert_eq!(idle.begin(), Begin::Cancel);
        let polled = state(SCHEDULED, 3);
        assert_eq!(polled.abort(), Notify::Nothing);
        assert_eq!(polled.rest(), Rest::Again);
        assert_eq!(polled.begin(), Begin::Cancel);
        let complete = state(COMPLETE, 1);
        assert_eq!(complete.abort(), Notify::Nothing);
        is(&complete, COMPLETE, 1);
    }

    #[test]
    fn completion_says_who_owns_output_and_join_waker() {
        for (bits, order) in
            [(0, Finish::Discard), (JOIN_INTEREST, Finish::Keep), (JOIN_INTEREST | JOIN_WAKER, Finish::Wake)]
        {
            let task = state(bits | SCHEDULED | WOKEN, 3);
            let left = if order == Finish::Keep { 1 } else { 3 };
            assert_eq!(task.complete(2), order);
            is(&task, bits | SCHEDULED | WOKEN | COMPLETE, left);
            assert_eq!(task.begin(), Begin::Nothing);
            assert_eq!(task.wake(), Notify::Nothing);
        }
    }

    #[test]
    fn the_handle_changes_the_join_waker_only_while_the_task_lives() {
        let task = state(JOIN_INTEREST, 2);
        assert_eq!(task.joining(), Joining::Unregistered);
        assert_eq!(task.publish_join_waker(), JoinWaker::Changed);
        assert_eq!(task.joining(), Joining::Registered);
        assert_eq!(task.retract_join_waker(), JoinWaker::Changed);
        assert_eq!(task.complete(0), Finish::Keep);
        assert_eq!(task.publish_join_waker(), JoinWaker::Complete);
        assert_eq!(task.retract_join_waker(), JoinWaker::Complete);
        assert_eq!(task.joining(), Joining::Complete);
        assert_eq!(task.detach(), Detach::DropOutput);
    }

    #[test]
    fn a_detached_task_loses_interest_and_reference_in_one_step() {
        let task = state(JOIN_INTEREST, 2);
        assert_eq!(task.detach(), Detach::Nothing);
        is(&task, 0, 1);
        let waited_for = state(JOIN_INTEREST | JOIN_WAKER, 2);
        assert_eq!(waited_for.detach(), Detach::DropWaker);
        is(&waited_for, 0, 2);
        assert_eq!(waited_for.release(1), Release::Nothing);
        assert_eq!(waited_for.release(1), Release::Free);
    }

    /// The abort is real, so it happens in a child process: this test again, told to go over the edge.
    #[test]
    fn an_overflow_of_the_references_ends_the_process() {
        const MARK: &str = "TASK_STATE_OVERFLOW";
        if std::env::var_os(MARK).is_some() {
            let task = State(AtomicUsize::new(REFERENCES_END - REFERENCE));
            task.retain();
            task.retain();
            unreachable!("the second one is over the edge");
        }
        let name = "an_overflow_of_the_references_ends_the_process";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--nocapture"])
            .env(MARK, "1")
            .output()
            .unwrap();
        let signal = std::os::unix::process::ExitStatusExt::signal(&child.status);
        assert_eq!(signal, Some(6), "{}", String::from_utf8_lossy(&child.stderr));
    }
}
