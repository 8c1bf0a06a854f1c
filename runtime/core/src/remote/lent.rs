//! References to a shard's remote part for the shard's own tasks: counted without atomic steps where they come and go on
//! the shard's thread, as nearly all do.
//!
//! The shard lends them. Each is the right to use the remote part, which one counted reference of the usual kind keeps for all of
//! them. There are two counts: of what the shard's thread lends and gets back, in plain memory, and of what is given back on
//! other threads, in an atomic word. Only their sum says how many are out, and nobody needs it as long as the shard is there.
//! When the shard goes it adds the one to the other, and from then on whoever brings back the last one lets go.

use std::{fmt, ops::Deref, ptr::NonNull, sync::Arc};

use super::Remote;
use crate::{
    primitives::{
        Cell,
        atomic::{
            AtomicIsize,
            Ordering::{AcqRel, Relaxed},
        },
    },
    task::{Runnable, Schedule, current_thread},
};

/// The shard is gone; a bit of [`Loans::away`], which counts in steps of [`ONE`].
const CLOSED: isize = 1;
const ONE: isize = 2;

/// The counts, in the remote part.
pub(crate) struct Loans {
    /// The shard's thread.
    owner: u32,
    /// How many are out, less those that were given back away. The owner's alone.
    home: Cell<isize>,
    /// How many were given back away, as a negative number; once CLOSED, how many are out.
    away: AtomicIsize,
}

// SAFETY: `home` is used by the owner's thread alone, as `give_back` sees to and the Lender, which does not leave it; the rest
// is atomic or never written. Test: lent_ones_come_back_on_all_threads.
unsafe impl Sync for Loans {}
// SAFETY: no part of it belongs to a thread once the shard is gone, and until then its Lender keeps it. Test: as above.
unsafe impl Send for Loans {}

impl fmt::Debug for Loans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loans").field("away", &self.away.load(Relaxed)).finish_non_exhaustive()
    }
}

impl Loans {
    /// For a shard of the calling thread.
    pub(super) fn new() -> Loans {
        Loans { owner: current_thread(), home: Cell::new(0), away: AtomicIsize::new(0) }
    }

    /// True while the shard is there, on its thread.
    #[inline]
    fn is_at_home(&self) -> bool {
        self.owner == current_thread() && self.away.load(Relaxed) & CLOSED == 0
    }

    /// One more is out; owner.
    #[inline]
    fn lend(&self) {
        self.home.set(self.home.get() + 1);
    }

    /// One has come back. True if it was the last one, and the shard is gone.
    #[inline]
    fn give_back(&self) -> bool {
        if self.is_at_home() {
            self.home.set(self.home.get() - 1);
            return false;
        }
        self.away.fetch_sub(ONE, AcqRel) == ONE | CLOSED
    }

    /// The shard goes; owner. True if none is out.
    fn close(&self) -> bool {
        let home = self.home.get() * ONE;
        self.away.fetch_add(home + CLOSED, AcqRel) + home == 0
    }
}

/// A shard's right to lend. Does not leave the shard's thread.
#[derive(Debug)]
pub(crate) struct Lender {
    /// Comes from [`Arc::into_raw`].
    remote: NonNull<Remote>,
}

impl Lender {
    /// For the shard that made this remote part, on this thread.
    pub(crate) fn new(remote: Arc<Remote>) -> Lender {
        assert_eq!(remote.loans.owner, current_thread(), "a shard lends on its own thread");
        // SAFETY: an Arc's pointer is not null.
        Lender { remote: unsafe { NonNull::new_unchecked(Arc::into_raw(remote).cast_mut()) } }
    }

    /// A reference for a task of the shard.
    #[inline]
    pub(crate) fn lend(&self) -> Lent {
        // SAFETY: the Arc's count keeps it until the lender is gone and none is out, and the lender is here.
        // Test: the_remote_part_goes_with_the_last_one.
        unsafe { self.remote.as_ref() }.loans.lend();
        Lent { remote: self.remote }
    }
}

impl Drop for Lender {
    fn drop(&mut self) {
        // SAFETY: as in `lend`; and if none is out, now and for ever, its count goes here, else with the last one that is out.
        // Test: the_remote_part_goes_with_the_last_one.
        unsafe {
            if self.remote.as_ref().loans.close() {
                Arc::decrement_strong_count(self.remote.as_ptr());
            }
        }
    }
}

/// A reference to the remote part of a shard, which it keeps.
pub(crate) struct Lent {
    remote: NonNull<Remote>,
}

// SAFETY: a counted shared reference to what is Send and Sync; what is not atomic in the counts is used on the owner's thread
// alone. Test: lent_ones_come_back_on_all_threads.
unsafe impl Send for Lent {}
// SAFETY: as above.
unsafe impl Sync for Lent {}

impl Deref for Lent {
    type Target = Remote;

    #[inline]
    fn deref(&self) -> &Remote {
        // SAFETY: the Arc's count goes only when none is out, and this one is. Test: lent_ones_come_back_on_all_threads.
        unsafe { self.remote.as_ref() }
    }
}

impl Schedule for Lent {
    #[inline]
    fn schedule(&self, task: Runnable) {
        Remote::schedule(self, task);
    }
}

impl Drop for Lent {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: as in `deref`, until it is given back; and if that was the last one, the count that kept all is ours to release.
        // Test: lent_ones_come_back_on_all_threads.
        unsafe {
            if self.remote.as_ref().loans.give_back() {
                Arc::decrement_strong_count(self.remote.as_ptr());
            }
        }
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lent").field(&self.id).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::clapper::Clapper;

    fn remote() -> (Arc<Remote>, Lender) {
        let remote = Remote::new(Arc::new(Clapper::new().unwrap()), None);
        (remote.clone(), Lender::new(remote))
    }

    #[test]
    fn the_remote_part_goes_with_the_last_one() {
        for out in 0..3 {
            let (remote, lender) = remote();
            let mut lent: Vec<_> = (0..5).map(|_| lender.lend()).collect();
            lent.truncate(out);
            assert_eq!(Arc::strong_count(&remote), 2, "one for all");
            drop(lender);
            while let Some(one) = lent.pop() {
                assert_eq!((Arc::strong_count(&remote), one.id), (2, remote.id));
            }
            assert_eq!(Arc::strong_count(&remote), 1);
        }
    }

    #[test]
    fn lent_ones_come_back_on_all_threads() {
        const THREADS: usize = 3;
        const EACH: usize = 10_000;
        let (remote, lender) = remote();
        thread::scope(|scope| {
            let senders: Vec<_> = (0..THREADS)
                .map(|_| {
                    let (sender, lent) = std::sync::mpsc::channel::<Lent>();
                    scope.spawn(move || lent.into_iter().for_each(drop));
                    sender
                })
                .collect();
            for _ in 0..EACH {
                senders.iter().for_each(|sender| sender.send(lender.lend()).unwrap());
                drop(lender.lend());
            }
            // While the others are still at it.
            drop(lender);
        });
        assert_eq!(Arc::strong_count(&remote), 1);
    }
}
