//! The words of the state: what a transition tells its caller to do, and what the owner notes beside it.

/// What the owner's thread does with the task right now. It guards against user code that comes back: a future, an
/// output or their drops may run the executor, shut it down, or drop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::task) enum Hold {
    /// Nothing.
    Free,
    /// A run or a shutdown is inside user code. Excludes another one.
    Busy,
    /// The same, and `shutdown` was called in there: the run drops the future when it has it back.
    Doomed,
    /// The same, and the `TaskRef` was dropped in there: besides, its reference is now the run's to release.
    Orphaned,
}

/// What is in a task's stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::task) enum Content {
    Future,
    Output,
    Nothing,
}

/// What a run has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(in crate::task) enum Begin {
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
pub(in crate::task) enum Rest {
    /// Nothing: the reference of the `Runnable` is gone, the next wake makes a new one.
    Idle,
    /// The task was woken during the poll: queue the same `Runnable` again.
    Again,
}

/// What to do with output and join waker after completion.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(in crate::task) enum Finish {
    /// Drop the output: nobody will ask for it.
    Discard,
    /// Leave everything to the `JoinHandle`. The owner's references are released: do not look at the task again.
    Keep,
    /// The same, and wake the join waker, which is the one that was there before the step.
    Wake,
    /// Leave the output to the `JoinHandle`; take the join waker, which is there now, and wake it.
    WakeAway,
}

/// Whether a wake or an abort has to hand a `Runnable` to the scheduler.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(in crate::task) enum Notify {
    /// No: the task is complete, or there is one already.
    Nothing,
    /// Yes, a new one, whose reference has been counted in the same step.
    Schedule,
}

/// What has become of a posted `Runnable` that has reached the owner.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(in crate::task) enum Arrival {
    /// It is the owner's `Runnable` now.
    Run,
    /// There is one already, or the task is complete: release it.
    Nothing,
}

/// What a `JoinHandle` finds when it is polled away.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(in crate::task) enum Joining {
    /// The output is the handle's.
    Complete,
    /// The join waker is uninitialised, and the handle's to write.
    Unregistered,
    /// The join waker is set, and may be compared but not written.
    Registered,
    /// It was set at home, and is now the handle's to move out.
    Brought,
}

/// Who owns the join waker after the handle wanted to change it.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(in crate::task) enum JoinWaker {
    /// The step was made while the task was alive.
    Changed,
    /// The task had completed: the step has no effect.
    Complete,
}

/// What the drop of a `JoinHandle` has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(in crate::task) enum Detach {
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
pub(in crate::task) enum Release {
    /// Nothing: others are left.
    Nothing,
    /// It was the last one: free the memory.
    Free,
}
