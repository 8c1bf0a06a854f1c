//! [`Semaphore`].

use std::{marker::PhantomData, rc::Rc};

use super::{
    super::{AcquireError, TryAcquireError},
    OneThread,
    permits::Permits,
};

/// A number of permits, handed out first come, first served.
///
/// Who asks for many waits for all of them, and those who come later wait behind, even if what they ask for is there: none
/// starves.
#[derive(Debug)]
pub struct Semaphore {
    permits: Permits,
    one_thread: OneThread,
}

/// Permits of a [`Semaphore`] that is borrowed; they go back when this is dropped.
#[must_use]
#[clippy::has_significant_drop]
#[derive(Debug)]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    count: usize,
}

/// Permits of a [`Semaphore`] that is owned; they go back when this is dropped.
#[must_use]
#[clippy::has_significant_drop]
#[derive(Debug)]
pub struct OwnedSemaphorePermit {
    semaphore: Rc<Semaphore>,
    count: usize,
}

impl Semaphore {
    /// The most permits there may be.
    pub const MAX_PERMITS: usize = Permits::MAX;

    /// A semaphore with this many permits.
    ///
    /// # Panics
    /// With more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
    pub const fn new(permits: usize) -> Semaphore {
        assert!(permits <= Semaphore::MAX_PERMITS, "a semaphore may not have more than MAX_PERMITS permits");
        Semaphore { permits: Permits::new(permits), one_thread: PhantomData }
    }

    /// The same as [`new`](Semaphore::new).
    ///
    /// # Panics
    /// As [`new`](Semaphore::new) does.
    pub const fn const_new(permits: usize) -> Semaphore {
        Semaphore::new(permits)
    }

    /// How many could be acquired at once. None while somebody waits.
    pub fn available_permits(&self) -> usize {
        self.permits.available()
    }

    /// Adds permits.
    ///
    /// # Panics
    /// If there are more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS) then.
    pub fn add_permits(&self, n: usize) {
        self.permits.release(n);
    }

    /// Removes up to `n` of the permits that are available, and says how many.
    pub fn forget_permits(&self, n: usize) -> usize {
        self.permits.forget(n)
    }

    /// Waits for one permit.
    ///
    /// # Errors
    /// If the semaphore is closed before.
    ///
    /// # Cancel safety
    /// Dropping the future loses its place in the queue, and no permit.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.acquire_many(1).await
    }

    /// Waits for `n` permits.
    ///
    /// # Errors
    /// If the semaphore is closed before.
    ///
    /// # Cancel safety
    /// Dropping the future loses its place in the queue; permits that were put by for it go to the next.
    pub async fn acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.permits.acquire(n as usize).await?;
        Ok(SemaphorePermit { semaphore: self, count: n as usize })
    }

    /// Takes one permit if it is there and nobody waits.
    ///
    /// # Errors
    /// If not, or if the semaphore is closed.
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if they are there and nobody waits.
    ///
    /// # Errors
    /// If not, or if the semaphore is closed.
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.permits.try_acquire(n as usize)?;
        Ok(SemaphorePermit { semaphore: self, count: n as usize })
    }

    /// As [`acquire`](Semaphore::acquire), for a permit that outlives the borrow.
    ///
    /// # Errors
    /// If the semaphore is closed before.
    ///
    /// # Cancel safety
    /// As for [`acquire`](Semaphore::acquire).
    pub async fn acquire_owned(self: Rc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.acquire_many_owned(1).await
    }

    /// As [`acquire_many`](Semaphore::acquire_many), for permits that outlive the borrow.
    ///
    /// # Errors
    /// If the semaphore is closed before.
    ///
    /// # Cancel safety
    /// As for [`acquire_many`](Semaphore::acquire_many).
    pub async fn acquire_many_owned(self: Rc<Self>, n: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.permits.acquire(n as usize).await?;
        Ok(OwnedSemaphorePermit { semaphore: self, count: n as usize })
    }

    /// As [`try_acquire`](Semaphore::try_acquire), for a permit that outlives the borrow.
    ///
    /// # Errors
    /// As [`try_acquire`](Semaphore::try_acquire).
    pub fn try_acquire_owned(self: Rc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Semaphore::try_acquire_many), for permits that outlive the borrow.
    ///
    /// # Errors
    /// As [`try_acquire_many`](Semaphore::try_acquire_many).
    pub fn try_acquire_many_owned(self: Rc<Self>, n: u32) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.permits.try_acquire(n as usize)?;
        Ok(OwnedSemaphorePermit { semaphore: self, count: n as usize })
    }

    /// No permit is given out any more; who waits gets an error.
    pub fn close(&self) {
        self.permits.close();
    }

    /// True once it was closed.
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }
}

/// What borrowed and owned permits have in common.
macro_rules! permit {
    ([$($life:lifetime)?] $name:ty, $semaphore:ty, $same:expr, $copy:expr) => {
        impl $(<$life>)? $name {
            /// The permits never go back: the semaphore has as many less.
            pub fn forget(mut self) {
                self.count = 0;
            }

            /// Adds those of `other` to these.
            ///
            /// # Panics
            /// If they belong to different semaphores.
            pub fn merge(&mut self, mut other: Self) {
                let same: fn(&Self, &Self) -> bool = $same;
                assert!(same(self, &other), "permits of different semaphores cannot be merged");
                self.count += std::mem::take(&mut other.count);
            }

            /// Splits off `n` of them; `None` if there are not as many.
            pub fn split(&mut self, n: usize) -> Option<Self> {
                self.count = self.count.checked_sub(n)?;
                let copy: fn(&Self) -> $semaphore = $copy;
                Some(Self { semaphore: copy(self), count: n })
            }

            /// How many there are.
            pub fn num_permits(&self) -> usize {
                self.count
            }
        }

        impl $(<$life>)? Drop for $name {
            fn drop(&mut self) {
                self.semaphore.add_permits(self.count);
            }
        }
    };
}

permit!(['a] SemaphorePermit<'a>, &'a Semaphore, |a, b| std::ptr::eq(a.semaphore, b.semaphore), |permit| permit.semaphore);
permit!([] OwnedSemaphorePermit, Rc<Semaphore>, |a, b| Rc::ptr_eq(&a.semaphore, &b.semaphore), |permit| {
    permit.semaphore.clone()
});

impl<'a> SemaphorePermit<'a> {
    /// Whose permits they are.
    pub fn semaphore(&self) -> &'a Semaphore {
        self.semaphore
    }
}

impl OwnedSemaphorePermit {
    /// Whose permits they are.
    pub fn semaphore(&self) -> &Rc<Semaphore> {
        &self.semaphore
    }
}

#[cfg(test)]
mod tests;
