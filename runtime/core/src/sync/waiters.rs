//! Many tasks that wait for one thing, all of which are woken when it comes.
//!
//! A place is a slot of a slab: waiting allocates only while more wait than ever did before.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicUsize,
            Ordering::{Relaxed, SeqCst},
            fence,
        },
    },
    task::{Context, Poll, Waker},
};

use slab::Slab;

/// The places of those who wait. It lives behind a lock; what it hands out is woken and dropped after that.
#[derive(Debug)]
pub(super) struct Places {
    /// A waker is missing from a place whose owner has been woken and has not been polled since.
    slab: Slab<Option<Waker>>,
    /// Places with a waker.
    armed: usize,
}

/// Where one waits. To be given back before it is dropped.
pub(super) type Place = Option<usize>;

/// Taken out, to be woken after the lock is released; wakes them even if one of them panics.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Wakers {
    /// One is the usual case, and needs no memory.
    first: Option<Waker>,
    rest: std::vec::IntoIter<Waker>,
}

impl Places {
    pub(super) const fn new() -> Places {
        Places { slab: Slab::new(), armed: 0 }
    }

    /// True if the place holds this waker.
    pub(super) fn holds(&self, place: Place, waker: &Waker) -> bool {
        place.is_some_and(|key| self.slab[key].as_ref().is_some_and(|held| held.will_wake(waker)))
    }

    /// Waits in this place, a new one if there is none yet. The waker given back is to be dropped without the lock.
    #[must_use]
    pub(super) fn set(&mut self, place: &mut Place, waker: Waker) -> Option<Waker> {
        let key = *place.get_or_insert_with(|| self.slab.insert(None));
        let old = self.slab[key].replace(waker);
        self.armed += usize::from(old.is_none());
        old
    }

    /// Gives a place back. The waker is to be dropped without the lock.
    #[must_use]
    pub(super) fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        let left = place.take().and_then(|key| self.slab.remove(key));
        self.armed -= usize::from(left.is_some());
        left
    }

    /// Takes all wakers out.
    pub(super) fn take_all(&mut self) -> Wakers {
        if self.armed == 0 {
            return Wakers::default();
        }
        let mut wakers = self.slab.iter_mut().filter_map(|(_, place)| place.take());
        let first = wakers.next();
        let rest = if self.armed > 1 { wakers.collect() } else { Vec::new() };
        self.armed = 0;
        Wakers { first, rest: rest.into_iter() }
    }
}

impl Wakers {
    /// Wakes them in the order of their places.
    pub(super) fn wake(mut self) {
        self.wake_all();
    }

    fn wake_all(&mut self) {
        while let Some(waker) = self.first.take().or_else(|| self.rest.next()) {
            waker.wake();
        }
    }
}

impl Drop for Wakers {
    fn drop(&mut self) {
        self.wake_all();
    }
}

/// [`Places`] with a lock of their own, and one atomic load for who finds nobody waiting.
pub(super) struct Waiters {
    /// `Places::armed`, written under the lock. One who waits raises it and *then* looks whether the thing has come; the
    /// others make it come and *then* look here. A fence between the two on either side: one sees the other.
    armed: AtomicUsize,
    places: Mutex<Places>,
}

impl Waiters {
    pub(super) const fn new() -> Waiters {
        Waiters { armed: AtomicUsize::new(0), places: Mutex::new(Places::new()) }
    }

    /// Wakes all that wait.
    pub(super) fn wake_all(&self) {
        fence(SeqCst);
        if self.armed.load(Relaxed) != 0 {
            let mut places = self.lock();
            let wakers = places.take_all();
            self.armed.store(0, Relaxed);
            drop(places);
            wakers.wake();
        }
    }

    /// Ready once `check` gives something; the place is given back then.
    pub(super) fn poll_until<R>(
        &self,
        place: &mut Place,
        cx: &Context<'_>,
        mut check: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        let mut found = check();
        if found.is_none() {
            self.set(place, cx.waker());
            fence(SeqCst);
            found = check();
        }
        match found {
            Some(found) => {
                self.leave(place);
                Poll::Ready(found)
            }
            None => Poll::Pending,
        }
    }

    /// Waits until `check` gives something.
    ///
    /// Cancel safe: dropped, it has done nothing.
    pub(super) async fn until<R>(&self, mut check: impl FnMut() -> Option<R>) -> R {
        let mut waiting = Waiting { waiters: self, place: None };
        std::future::poll_fn(|cx| {
            let progress = std::task::ready!(crate::coop::poll_proceed(cx));
            let found = waiting.waiters.poll_until(&mut waiting.place, cx, &mut check);
            if found.is_ready() {
                progress.made();
            }
            found
        })
        .await
    }

    fn set(&self, place: &mut Place, waker: &Waker) {
        if place.is_some() && self.lock().holds(*place, waker) {
            return;
        }
        let waker = waker.clone();
        let mut places = self.lock();
        let old = places.set(place, waker);
        self.armed.store(places.armed, Relaxed);
        drop(places);
        drop(old);
    }

    /// Gives a place back.
    pub(super) fn leave(&self, place: &mut Place) {
        if place.is_some() {
            let mut places = self.lock();
            let left = places.leave(place);
            self.armed.store(places.armed, Relaxed);
            drop(places);
            drop(left);
        }
    }

    /// No user code runs under this lock, so it is never poisoned by one.
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Waiters").field(&self.armed.load(Relaxed)).finish()
    }
}

/// A place that is given back when dropped.
struct Waiting<'a> {
    waiters: &'a Waiters,
    place: Place,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waiters.leave(&mut self.place);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        pin::pin,
        sync::Arc,
        task::Wake,
    };

    use super::*;
    use crate::sync::testing::poll;

    #[derive(Default)]
    struct Count(AtomicUsize, bool);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
            assert!(!self.1, "a waker that panics");
        }
    }

    #[test]
    fn a_waker_that_panics_does_not_keep_the_others_asleep() {
        let (good, bad) = (Arc::new(Count::default()), Arc::new(Count(AtomicUsize::new(0), true)));
        let waiters = Waiters::new();
        let mut places = [None; 3];
        for (place, count) in places.iter_mut().zip([&good, &bad, &good]) {
            let waker = Waker::from(Arc::clone(count));
            let cx = Context::from_waker(&waker);
            assert!(waiters.poll_until(place, &cx, || None::<()>).is_pending());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| waiters.wake_all())).is_err());
        assert_eq!((good.0.load(SeqCst), bad.0.load(SeqCst)), (2, 1));
        for place in &mut places {
            waiters.leave(place);
        }
        assert!(waiters.lock().slab.is_empty());
    }

    #[test]
    fn a_dropped_wait_gives_its_place_back() {
        let waiters = Waiters::new();
        {
            let mut wait = pin!(waiters.until(|| None::<()>));
            assert!(poll(wait.as_mut()).is_pending());
            assert_eq!(waiters.armed.load(SeqCst), 1);
        }
        assert_eq!((waiters.armed.load(SeqCst), waiters.lock().slab.len()), (0, 0));
    }
}
