//! The state of a task: what its owner knows of it, and what other threads have said.
//!
//! Nearly all that happens to a task happens on its owner's thread, and an atomic step that writes costs as much as a poll.
//! So the owner's part is plain memory ("at home"), and other threads ("away") write to one atomic word only, which the
//! owner looks at where it must.
//!
//! At home, written by the owner's thread alone:
//!
//! | bit | set by | while it is set |
//! |---|---|---|
//! | [`SCHEDULED`] | `spawn`; a wake or an abort of an idle task | a `Runnable` of the owner's exists: in a queue, or being run. Excludes a second one. Cleared when a poll that nobody woke is over. |
//! | [`WOKEN`] | a wake or an abort of a scheduled task | the poll in progress, if there is one, may have missed an event. Cleared before a poll (which will see the event) or after it (the task then runs again). Excludes going idle. |
//! | [`HOME_COMPLETE`] | the owner, last of all | as COMPLETE. |
//! | [`HOME_ABORTED`], [`HOME_DETACHED`] | `abort`; the drop of the `JoinHandle` | as without HOME. |
//! | `home_join_waker` | the `JoinHandle` | the join waker is there, unless AWAY is set. |
//!
//! In the shared word, written by anyone, in atomic steps:
//!
//! | bit | set by | while it is set |
//! |---|---|---|
//! | [`COMPLETE`] | the owner | the future is gone; the output is there, or was when the bit was set. Never cleared. Excludes polls, schedules, and any meaning of the bits above but HOME_COMPLETE. |
//! | [`ABORTED`] | `abort`, away | the owner drops the future instead of the next poll. Never cleared. |
//! | [`POSTED`] | a wake or an abort, away; who puts a `Runnable` in an inbox | the header's `next` is taken: a posted `Runnable` is in an inbox, or on its way there. Excludes a second one. Cleared by the owner when it has it. |
//! | [`MERGED`] | who puts a `Runnable` of the owner's in an inbox | the posted one stands for that one, too: whoever gets it has the turn. Cleared with POSTED. |
//! | [`AWAY`] | the `JoinHandle`, away | JOIN_WAKER says whether the join waker is there, and no longer `home_join_waker`. Never cleared. |
//! | [`JOIN_WAKER`] | the `JoinHandle`, away | the join waker is there. Excludes any write to it. Cleared by the handle, only before COMPLETE; at COMPLETE it passes the join waker to the owner. |
//! | [`DETACHED`] | the drop of the `JoinHandle`, away | nobody asks for the output: the owner drops it. |
//!
//! There is no RUNNING bit. Only the owner's thread polls, and only with the `Runnable` in hand, so SCHEDULED stays set
//! during the poll, and a wake in that time sets WOKEN instead of queueing the task a second time. A wake from away is
//! posted whatever the task does, since the owner alone knows what it does; it comes to the same when it arrives.
//!
//! # References
//!
//! They are held by the `Runnable`s, the `TaskRef`, the `JoinHandle`, each `AbortHandle` and each `Waker`. There are two
//! counts: of what was counted at home, and of what was counted away. A reference that is made here and dropped there leaves
//! the one too high and the other too low, maybe below zero; only their sum means something. Until COMPLETE nobody needs
//! it, because the `TaskRef` is there. The step that sets COMPLETE adds the count at home to the shared one, and from then on
//! that alone counts, on all threads. The memory is freed with the last reference.

use crate::primitives::{
    Cell,
    atomic::{
        AtomicUsize,
        Ordering::{AcqRel, Acquire, Relaxed},
    },
};

mod order;
#[cfg(test)]
mod tests;

pub(super) use order::{Arrival, Begin, Content, Detach, Finish, Hold, JoinWaker, Joining, Notify, Release, Rest};

const SCHEDULED: u8 = 1 << 0;
const WOKEN: u8 = 1 << 1;
const HOME_COMPLETE: u8 = 1 << 2;
const HOME_ABORTED: u8 = 1 << 3;
const HOME_DETACHED: u8 = 1 << 4;

const COMPLETE: usize = 1 << 0;
const ABORTED: usize = 1 << 1;
const POSTED: usize = 1 << 2;
const MERGED: usize = 1 << 3;
const AWAY: usize = 1 << 4;
const JOIN_WAKER: usize = 1 << 5;
const DETACHED: usize = 1 << 6;
const REFERENCE: usize = 1 << 7;

/// The counts may not get near their top bit: between a check and the abort other threads may still add.
const REFERENCES_END: isize = isize::MAX / REFERENCE as isize / 2;
/// At most so many are counted at home, above or below zero.
const CARRY: u32 = if cfg!(all(test, loom)) { 4 } else { 1 << 30 };

/// A new task has three references: `Runnable`, `TaskRef` and `JoinHandle`.
const INITIAL: i32 = 3;

/// Functions with "home" in their names, and those said to be the owner's, are for the owner's thread, those with "away" for
/// the others. Each is one step: of those on one word one comes first, and the other one sees it.
pub(super) struct State {
    shared: AtomicUsize,
    /// The owner's alone.
    home: Cell<u8>,
    /// The owner's alone.
    home_references: Cell<i32>,
    /// Whether the join waker is there, until AWAY is set. Written by the `JoinHandle` at home. The owner may read it while
    /// the handle, which has gone away, does: it is not written any more then.
    home_join_waker: Cell<bool>,
    /// The owner's alone.
    pub(super) hold: Cell<Hold>,
    /// Belongs to whoever the stage belongs to.
    pub(super) content: Cell<Content>,
}

impl State {
    #[inline]
    pub(super) fn new() -> State {
        State {
            shared: AtomicUsize::new(0),
            home: Cell::new(SCHEDULED),
            home_references: Cell::new(INITIAL),
            home_join_waker: Cell::new(false),
            hold: Cell::new(Hold::Free),
            content: Cell::new(Content::Future),
        }
    }

    /// Any thread. What led to the completion is visible to whoever finds it.
    #[inline]
    pub(super) fn is_complete(&self) -> bool {
        self.shared.load(Acquire) & COMPLETE != 0
    }

    #[inline]
    fn home(&self, bit: u8) -> bool {
        self.home.get() & bit != 0
    }

    /// Owner.
    #[inline]
    fn set_home(&self, set: u8, clear: u8) {
        self.home.set((self.home.get() & !clear) | set);
    }

    /// Owner.
    #[inline]
    fn count_home(&self, more: i32) {
        let references = self.home_references.get() + more;
        if references.unsigned_abs() >= CARRY {
            return self.carry(references);
        }
        self.home_references.set(references);
    }

    /// Owner, before COMPLETE: moves what is counted at home to the shared count. References that all come in here and go out
    /// there drive the two apart without end, though few are alive: each wake from away does so by one.
    #[cold]
    fn carry(&self, references: i32) {
        self.home_references.set(0);
        let before = self.shared.fetch_add(in_shared(references), Relaxed);
        if count(before) + references as isize >= REFERENCES_END {
            too_many();
        }
    }

    // ---------------------------------------------------------------- runs

    /// Owner, before a poll, with its `Runnable` in hand.
    ///
    /// A wake that comes before is seen by the poll; one that comes later sets WOKEN, which [`rest`](State::rest) finds, or
    /// is posted.
    #[inline]
    pub(super) fn begin(&self) -> Begin {
        let home = self.home.get();
        if home & HOME_COMPLETE != 0 {
            return Begin::Nothing;
        }
        self.set_home(0, WOKEN);
        match home & HOME_ABORTED != 0 || self.shared.load(Relaxed) & ABORTED != 0 {
            true => Begin::Cancel,
            false => Begin::Poll,
        }
    }

    /// Owner, after a poll that gave `Pending`. With [`Rest::Idle`] the reference of the `Runnable` is released.
    #[inline]
    pub(super) fn rest(&self) -> Rest {
        debug_assert!(self.home(SCHEDULED) && !self.home(HOME_COMPLETE));
        if self.home(WOKEN) {
            self.set_home(0, WOKEN);
            return Rest::Again;
        }
        self.set_home(0, SCHEDULED);
        self.count_home(-1);
        Rest::Idle
    }

    /// Owner, after the output was stored, holding the reference of the `TaskRef`. It brings the `held` references that
    /// it wants to release; they are released in the same step if the order is [`Finish::Keep`] or [`Finish::Wake`]. Otherwise
    /// the owner needs them still.
    ///
    /// With [`Finish::Wake`] what the owner saw in the slot before this call is the join waker: until AWAY is set only this
    /// thread writes to the slot, and who sets AWAY after this step and then writes does so after that look.
    #[inline]
    pub(super) fn complete(&self, held: usize) -> Finish {
        let home = self.home.get();
        let references = self.home_references.get();
        // First, since the step below may leave the task to others.
        self.set_home(HOME_COMPLETE, 0);
        self.home_references.set(0);
        let mut now = self.shared.load(Acquire);
        loop {
            assert!(now & COMPLETE == 0, "a task completes once");
            let order = match now & AWAY != 0 {
                _ if now & DETACHED != 0 || home & HOME_DETACHED != 0 => Finish::Discard,
                false if self.home_join_waker.get() => Finish::Wake,
                true if now & JOIN_WAKER != 0 => Finish::WakeAway,
                _ => Finish::Keep,
            };
            let merged = now.wrapping_add(in_shared(references)) | COMPLETE;
            debug_assert!(count(merged) >= held.max(1) as isize, "the TaskRef outlives the completion");
            if count(merged) == held as isize {
                // Nobody else refers to the task, so nobody looks on. That saves the step for detached tasks.
                debug_assert!(order == Finish::Discard);
                self.shared.store(merged, Relaxed);
                return order;
            }
            let released = matches!(order, Finish::Keep | Finish::Wake);
            let next = if released { merged - held * REFERENCE } else { merged };
            match self.shared.compare_exchange_weak(now, next, AcqRel, Acquire) {
                Ok(_) => return order,
                Err(seen) => now = seen,
            }
        }
    }

    // ---------------------------------------------------------------- wakes and aborts

    #[inline]
    pub(super) fn wake_at_home(&self) -> Notify {
        self.notify_at_home(0)
    }

    pub(super) fn abort_at_home(&self) -> Notify {
        self.notify_at_home(HOME_ABORTED)
    }

    #[inline]
    fn notify_at_home(&self, extra: u8) -> Notify {
        let home = self.home.get();
        if home & HOME_COMPLETE != 0 {
            return Notify::Nothing;
        }
        if home & SCHEDULED != 0 {
            self.home.set(home | WOKEN | extra);
            return Notify::Nothing;
        }
        self.home.set(home | SCHEDULED | extra);
        self.count_home(1);
        Notify::Schedule
    }

    pub(super) fn wake_away(&self) -> Notify {
        self.notify_away(0)
    }

    pub(super) fn abort_away(&self) -> Notify {
        self.notify_away(ABORTED)
    }

    fn notify_away(&self, extra: usize) -> Notify {
        let mut now = self.shared.load(Relaxed);
        loop {
            if now & COMPLETE != 0 {
                return Notify::Nothing;
            }
            let (next, order) = match now & POSTED {
                0 => (one_more(now) | POSTED | extra, Notify::Schedule),
                _ => (now | extra, Notify::Nothing),
            };
            // Also where it changes nothing this must be a write, not a look: only a write releases what the caller
            // did before, and only a write is sure to meet the newest state. With a look a poll could miss the event
            // while the caller misses that the posted `Runnable` has arrived.
            match self.shared.compare_exchange_weak(now, next, AcqRel, Relaxed) {
                Ok(_) => return order,
                Err(seen) => now = seen,
            }
        }
    }

    /// Any thread, before it puts a `Runnable` of the owner's in an inbox. False if a posted one is on its way there: that
    /// stands for both from now on.
    pub(super) fn post(&self) -> bool {
        self.shared.fetch_or(POSTED | MERGED, AcqRel) & POSTED == 0
    }

    /// Owner, with a posted `Runnable` in hand. What was done before the wakes that it stands for is visible from here on.
    pub(super) fn arrive(&self) -> Arrival {
        let before = self.shared.fetch_and(!(POSTED | MERGED), AcqRel);
        debug_assert!(before & POSTED != 0);
        if before & MERGED != 0 {
            // Another one was left out: it is SCHEDULED, and this is it.
            return Arrival::Run;
        }
        match self.home.get() {
            home if home & HOME_COMPLETE != 0 => Arrival::Nothing,
            home if home & SCHEDULED != 0 => {
                self.home.set(home | WOKEN);
                Arrival::Nothing
            }
            home => {
                self.home.set(home | SCHEDULED);
                Arrival::Run
            }
        }
    }

    // ---------------------------------------------------------------- the JoinHandle

    /// The `JoinHandle`: true once it has been polled away. From then on it acts as if it was away for ever.
    #[inline]
    pub(super) fn has_gone_away(&self) -> bool {
        // Its own last word on it, wherever that was.
        self.shared.load(Relaxed) & AWAY != 0
    }

    /// The `JoinHandle`, at home and never away: whether the join waker is there. It can change it by plain accesses, as
    /// only this thread completes the task.
    #[inline]
    pub(super) fn has_join_waker_at_home(&self) -> bool {
        self.home_join_waker.get()
    }

    #[inline]
    pub(super) fn set_join_waker_at_home(&self) {
        self.home_join_waker.set(true);
    }

    #[inline]
    pub(super) fn is_complete_at_home(&self) -> bool {
        self.home(HOME_COMPLETE)
    }

    /// The `JoinHandle`, when it is polled away.
    pub(super) fn joining_away(&self) -> Joining {
        let mut now = self.shared.load(Acquire);
        if now & (COMPLETE | AWAY) == 0 {
            now = self.shared.fetch_or(AWAY, AcqRel);
            // Until the handle went away it was at home, where it wrote this bit last.
            if now & COMPLETE == 0 && self.home_join_waker.get() {
                return Joining::Brought;
            }
        }
        match now & (COMPLETE | JOIN_WAKER) {
            0 => Joining::Unregistered,
            JOIN_WAKER => Joining::Registered,
            _ => Joining::Complete,
        }
    }

    /// The `JoinHandle`, away, after it wrote the join waker. If the task was complete, nobody else will look at the join
    /// waker, whatever the bit says now.
    pub(super) fn publish_join_waker(&self) -> JoinWaker {
        join_waker_after(self.shared.fetch_or(JOIN_WAKER, AcqRel))
    }

    /// The `JoinHandle`, away, before it writes the join waker anew. If the task was complete, the join waker is the owner's.
    pub(super) fn retract_join_waker(&self) -> JoinWaker {
        join_waker_after(self.shared.fetch_and(!JOIN_WAKER, AcqRel))
    }

    /// The `JoinHandle`, when it is dropped at home and was never away.
    #[inline]
    pub(super) fn detach_at_home(&self) -> Detach {
        let home = self.home.get();
        if home & HOME_COMPLETE != 0 {
            return Detach::DropOutput;
        }
        self.home.set(home | HOME_DETACHED);
        if self.home_join_waker.replace(false) {
            return Detach::DropWaker;
        }
        self.count_home(-1);
        Detach::Nothing
    }

    /// The `JoinHandle`, when it is dropped away, or was there once.
    pub(super) fn detach_away(&self) -> Detach {
        let mut now = self.shared.load(Acquire);
        loop {
            if now & COMPLETE != 0 {
                return Detach::DropOutput;
            }
            let waker = match now & AWAY {
                0 => self.home_join_waker.get(),
                _ => now & JOIN_WAKER != 0,
            };
            let detached = (now | DETACHED | AWAY) & !JOIN_WAKER;
            let (next, order) = match waker {
                true => (detached, Detach::DropWaker),
                false => (detached.wrapping_sub(REFERENCE), Detach::Nothing),
            };
            match self.shared.compare_exchange_weak(now, next, AcqRel, Acquire) {
                Ok(_) => return order,
                Err(seen) => now = seen,
            }
        }
    }

    // ---------------------------------------------------------------- references

    /// One reference more, for a caller that holds one.
    #[inline]
    pub(super) fn retain(&self, at_home: bool) {
        if at_home && !self.home(HOME_COMPLETE) {
            return self.count_home(1);
        }
        // Nothing is published by a new reference; handing it to another thread orders what needs order.
        one_more(self.shared.fetch_add(REFERENCE, Relaxed));
    }

    /// `released` references less, all of them the caller's.
    #[inline]
    pub(super) fn release(&self, at_home: bool, released: u8) -> Release {
        if at_home && !self.home(HOME_COMPLETE) {
            self.count_home(-i32::from(released));
            return Release::Nothing;
        }
        let wanted = isize::from(released);
        // Who finds only its own references is alone, since a reference is only ever made from another one; and the
        // acquire puts the other holders' last accesses before the free. That saves the write.
        let now = self.shared.load(Acquire);
        if now & COMPLETE != 0 && count(now) == wanted {
            return Release::Free;
        }
        let before = self.shared.fetch_sub(usize::from(released) * REFERENCE, AcqRel);
        if before & COMPLETE == 0 {
            // The TaskRef is there, and was counted at home.
            return Release::Nothing;
        }
        assert!(count(before) >= wanted, "a reference was released twice");
        if count(before) == wanted { Release::Free } else { Release::Nothing }
    }
}

fn join_waker_after(before: usize) -> JoinWaker {
    match before & COMPLETE {
        0 => JoinWaker::Changed,
        _ => JoinWaker::Complete,
    }
}

/// The references that are counted in the shared word. All of them once it is COMPLETE.
#[inline]
fn count(shared: usize) -> isize {
    // An arithmetic shift: it may be negative.
    shared.cast_signed() >> REFERENCE.trailing_zeros()
}

/// What adds so many references to the shared word, or takes them away.
#[inline]
fn in_shared(references: i32) -> usize {
    (references as usize).wrapping_mul(REFERENCE)
}

/// `shared` with one reference more.
#[inline]
fn one_more(shared: usize) -> usize {
    if count(shared) >= REFERENCES_END {
        too_many();
    }
    shared.wrapping_add(REFERENCE)
}

/// Wakers can be cloned and forgotten in safe code, so that a count can overflow, and an overflow would free a task in use:
/// the process ends instead.
#[cold]
fn too_many() -> ! {
    std::process::abort();
}

impl State {
    /// For Debug output; what is at home only there.
    pub(super) fn describe(&self, at_home: bool, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shared = self.shared.load(Relaxed);
        let in_shared = [
            (COMPLETE, "COMPLETE"),
            (ABORTED, "ABORTED"),
            (POSTED, "POSTED"),
            (MERGED, "MERGED"),
            (AWAY, "AWAY"),
            (JOIN_WAKER, "JOIN_WAKER"),
            (DETACHED, "DETACHED"),
        ];
        for (_, name) in in_shared.iter().filter(|(bit, _)| shared & bit != 0) {
            write!(f, "{name} ")?;
        }
        write!(f, "references: {}", count(shared))?;
        if at_home {
            let Self { home, home_references, home_join_waker, .. } = self;
            let names = [
                (SCHEDULED, "SCHEDULED"),
                (WOKEN, "WOKEN"),
                (HOME_ABORTED, "HOME_ABORTED"),
                (HOME_DETACHED, "HOME_DETACHED"),
            ];
            write!(f, " + {} at home, join waker: {}", home_references.get(), home_join_waker.get())?;
            for (_, name) in names.iter().filter(|(bit, _)| home.get() & bit != 0) {
                write!(f, " {name}")?;
            }
        }
        Ok(())
    }
}
