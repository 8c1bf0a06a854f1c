//! A number of permits for whatever there is only so much of.

use std::{fmt, mem, sync::Arc};

use super::{
    batch_semaphore::{self, AcquireError, TryAcquireError},
    blocking::block_on,
};

#[cfg(test)]
mod tests;

/// Permits that tasks take, hold and give back: for limits, and for handing work from one side to the other.
///
/// **Fair**: those who wait are served in the order in which their call was first polled. One who asks for many is not
/// overtaken by those who ask for few, even if a few are free meanwhile. It works on any thread, with or without a runtime.
///
/// Cost: taking and giving back are one atomic operation each while nobody waits, whatever the number. One who waits
/// allocates nothing.
///
/// ```
/// # use runtime_core as runtime;
/// use runtime::sync::Semaphore;
///
/// let places = Semaphore::new(2);
/// let (first, second) = (places.try_acquire().unwrap(), places.try_acquire().unwrap());
/// assert!(places.try_acquire().is_err());
/// drop(first);
/// assert_eq!(places.available_permits(), 1);
/// # drop(second);
/// ```
pub struct Semaphore {
    base: batch_semaphore::Semaphore,
}

/// Permits of a [`Semaphore`], given back when this is dropped.
#[must_use = "dropped at once, the permits go back at once"]
#[clippy::has_significant_drop]
#[derive(Debug)]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    permits: u32,
}

/// As [`SemaphorePermit`], holding the `Arc` of the semaphore: it may go wherever `'static` is asked for.
#[must_use = "dropped at once, the permits go back at once"]
#[clippy::has_significant_drop]
#[derive(Debug)]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    permits: u32,
}

impl Semaphore {
    /// The most permits that a semaphore can hold: `usize::MAX >> 3`.
    pub const MAX_PERMITS: usize = batch_semaphore::Semaphore::MAX_PERMITS;

    /// A semaphore with this many permits.
    ///
    /// # Panics
    /// Over [`Semaphore::MAX_PERMITS`].
    #[track_caller]
    pub fn new(permits: usize) -> Semaphore {
        Semaphore::const_new(permits)
    }

    /// As [`Semaphore::new`], for statics.
    ///
    /// # Panics
    /// As [`Semaphore::new`]; in a static that is an error of the compiler.
    #[track_caller]
    pub const fn const_new(permits: usize) -> Semaphore {
        Semaphore { base: batch_semaphore::Semaphore::const_new(permits) }
    }

    /// Permits that could be taken now. Zero while anyone waits.
    pub fn available_permits(&self) -> usize {
        self.base.available_permits()
    }

    /// Adds new permits, for those who wait first.
    ///
    /// # Panics
    /// If there were more than [`Semaphore::MAX_PERMITS`] then.
    #[track_caller]
    pub fn add_permits(&self, n: usize) {
        self.base.release(n);
    }

    /// Takes up to `n` of the free permits away for good and says how many that were. Those that are held stay.
    pub fn forget_permits(&self, n: usize) -> usize {
        self.base.forget_permits(n)
    }

    /// Takes one permit, waiting for it.
    ///
    /// # Errors
    /// If the semaphore is closed, before or meanwhile.
    ///
    /// # Cancel safety
    /// A dropped call has taken nothing. It loses its place: a new call queues behind all others.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.acquire_many(1).await
    }

    /// Takes `n` permits, waiting until it has them all. Those that come meanwhile are kept for it.
    ///
    /// # Errors
    /// If the semaphore is closed, before or meanwhile.
    ///
    /// # Cancel safety
    /// A dropped call gives back what was kept for it, once. It loses its place: a new call queues behind all others.
    pub async fn acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.base.acquire(n as usize).await?;
        Ok(SemaphorePermit { semaphore: self, permits: n })
    }

    /// Takes one permit if that needs no waiting.
    ///
    /// # Errors
    /// Closed, or none free.
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if that needs no waiting; else none.
    ///
    /// # Errors
    /// Closed, or too few free.
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.base.try_acquire(n as usize)?;
        Ok(SemaphorePermit { semaphore: self, permits: n })
    }

    /// Takes one permit on a thread that runs no tasks, which sleeps until its turn: that of [`Semaphore::acquire`], in the
    /// same queue.
    ///
    /// # Errors
    /// As for [`Semaphore::acquire`].
    ///
    /// # Panics
    /// Inside a runtime: it would stop every task of the shard, perhaps the one that holds the permits.
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_on(self.acquire(), "blocking_acquire", "acquire()")
    }

    /// As [`Semaphore::blocking_acquire`], for `n` permits.
    ///
    /// # Errors
    /// As for [`Semaphore::acquire`].
    ///
    /// # Panics
    /// As [`Semaphore::blocking_acquire`].
    #[track_caller]
    pub fn blocking_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_on(self.acquire_many(n), "blocking_acquire_many", "acquire_many(n)")
    }

    /// As [`Semaphore::acquire`], with a permit that holds the `Arc` instead of a borrow.
    ///
    /// # Errors
    /// As for [`Semaphore::acquire`].
    ///
    /// # Cancel safety
    /// As for [`Semaphore::acquire`].
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.acquire_many_owned(1).await
    }

    /// As [`Semaphore::acquire_many`], with a permit that holds the `Arc` instead of a borrow.
    ///
    /// # Errors
    /// As for [`Semaphore::acquire`].
    ///
    /// # Cancel safety
    /// As for [`Semaphore::acquire_many`].
    pub async fn acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.base.acquire(n as usize).await?;
        Ok(OwnedSemaphorePermit { semaphore: self, permits: n })
    }

    /// As [`Semaphore::try_acquire`], with a permit that holds the `Arc` instead of a borrow.
    ///
    /// # Errors
    /// As for [`Semaphore::try_acquire`].
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`Semaphore::try_acquire_many`], with a permit that holds the `Arc` instead of a borrow.
    ///
    /// # Errors
    /// As for [`Semaphore::try_acquire_many`].
    pub fn try_acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.base.try_acquire(n as usize)?;
        Ok(OwnedSemaphorePermit { semaphore: self, permits: n })
    }

    /// As [`Semaphore::blocking_acquire`], with a permit that holds the `Arc` instead of a borrow.
    ///
    /// # Errors
    /// As for [`Semaphore::acquire`].
    ///
    /// # Panics
    /// As [`Semaphore::blocking_acquire`].
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_on(self.acquire_owned(), "blocking_acquire_owned", "acquire_owned()")
    }

    /// As [`Semaphore::blocking_acquire_many`], with a permit that holds the `Arc` instead of a borrow.
    ///
    /// # Errors
    /// As for [`Semaphore::acquire`].
    ///
    /// # Panics
    /// As [`Semaphore::blocking_acquire`].
    #[track_caller]
    pub fn blocking_acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_on(self.acquire_many_owned(n), "blocking_acquire_many_owned", "acquire_many_owned(n)")
    }

    /// Hands out no permit any more: calls that wait, and all later ones, fail. Permits that are held stay valid.
    ///
    /// ```
    /// # use runtime_core as runtime;
    /// use runtime::sync::{Semaphore, TryAcquireError};
    ///
    /// let semaphore = Semaphore::new(1);
    /// semaphore.close();
    /// assert_eq!(semaphore.try_acquire().err(), Some(TryAcquireError::Closed));
    /// ```
    pub fn close(&self) {
        self.base.close();
    }

    /// True once [`Semaphore::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.base.is_closed()
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base.fmt(f)
    }
}

/// What both kinds of permits do, written once.
macro_rules! permit_methods {
    () => {
        /// Keeps the permits from ever going back: the semaphore has that many less.
        pub fn forget(mut self) {
            self.permits = 0;
        }

        /// The permits held.
        pub fn num_permits(&self) -> usize {
            self.permits as usize
        }

        /// Takes over the permits of `other`.
        ///
        /// # Panics
        /// If they are another semaphore's.
        #[track_caller]
        pub fn merge(&mut self, mut other: Self) {
            assert!(
                std::ptr::eq::<Semaphore>(&*self.semaphore, &*other.semaphore),
                "merging permits of different semaphores"
            );
            self.permits += mem::take(&mut other.permits);
        }
    };
}

impl<'a> SemaphorePermit<'a> {
    permit_methods!();

    /// Hands `n` of the permits over to a permit of their own; `None` if there are fewer.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        let permits = u32::try_from(n).ok().filter(|permits| *permits <= self.permits)?;
        self.permits -= permits;
        Some(SemaphorePermit { semaphore: self.semaphore, permits })
    }

    /// The semaphore that the permits came from.
    pub fn semaphore(&self) -> &Semaphore {
        self.semaphore
    }
}

impl OwnedSemaphorePermit {
    permit_methods!();

    /// Hands `n` of the permits over to a permit of their own; `None` if there are fewer.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        let permits = u32::try_from(n).ok().filter(|permits| *permits <= self.permits)?;
        self.permits -= permits;
        Some(OwnedSemaphorePermit { semaphore: self.semaphore.clone(), permits })
    }

    /// The semaphore that the permits came from.
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        self.semaphore.base.release(self.permits as usize);
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        self.semaphore.base.release(self.permits as usize);
    }
}
