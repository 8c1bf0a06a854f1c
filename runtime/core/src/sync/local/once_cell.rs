//! [`OnceCell`].

use std::{cell, fmt, future::Future, marker::PhantomData};

use super::{
    super::{SetError, TryAcquireError},
    OneThread,
    guarded::Lease,
    permits::Permits,
};

/// A value that is set once, also by a future: whoever needs it meanwhile waits.
pub struct OnceCell<T> {
    value: Late<T>,
    /// The right to set the value. Closed once it is there.
    turn: Permits,
    one_thread: OneThread,
}

/// A value that was there from the start, which a constant can say, or is set later.
#[derive(Debug)]
pub(super) enum Late<T> {
    Given(T),
    Later(cell::OnceCell<T>),
}

impl<T> Late<T> {
    pub(super) const fn new() -> Late<T> {
        Late::Later(cell::OnceCell::new())
    }

    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Late::Given(value) => Some(value),
            Late::Later(cell) => cell.get(),
        }
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Late::Given(value) => Some(value),
            Late::Later(cell) => cell.get_mut(),
        }
    }

    pub(super) fn set(&self, value: T) -> Result<(), T> {
        match self {
            Late::Given(_) => Err(value),
            Late::Later(cell) => cell.set(value),
        }
    }

    pub(super) fn into_inner(self) -> Option<T> {
        match self {
            Late::Given(value) => Some(value),
            Late::Later(cell) => cell.into_inner(),
        }
    }
}

impl<T> OnceCell<T> {
    /// Without a value.
    pub const fn new() -> OnceCell<T> {
        OnceCell { value: Late::new(), turn: Permits::new(1), one_thread: PhantomData }
    }

    /// The same as [`new`](OnceCell::new).
    pub const fn const_new() -> OnceCell<T> {
        OnceCell::new()
    }

    /// With this value, if there is one.
    pub fn new_with(value: Option<T>) -> OnceCell<T> {
        value.map_or_else(OnceCell::new, OnceCell::const_new_with)
    }

    /// With this value.
    pub const fn const_new_with(value: T) -> OnceCell<T> {
        OnceCell { value: Late::Given(value), turn: Permits::new(0), one_thread: PhantomData }
    }

    /// True if the value is there.
    pub fn initialized(&self) -> bool {
        self.get().is_some()
    }

    /// The value if it is there.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value if it is there.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Sets the value.
    ///
    /// # Errors
    /// If it is there, or a future is about to give it.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        if self.initialized() {
            return Err(SetError::AlreadyInitializedError(value));
        }
        match self.turn.try_acquire(1) {
            Ok(()) => self.fill(Lease::new(&self.turn, 1), value),
            Err(TryAcquireError::NoPermits) => return Err(SetError::InitializingError(value)),
            Err(TryAcquireError::Closed) => unreachable!("it is closed once the value is there"),
        };
        Ok(())
    }

    /// The value; if it is not there, what `f` gives. One at a time tries, the others wait.
    ///
    /// # Cancel safety
    /// If the future is dropped while `f` runs, or `f` panics, the next one that waits calls its own.
    pub async fn get_or_init<F, Fut>(&self, f: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let filled = self.get_or_try_init(async || Ok::<T, std::convert::Infallible>(f().await)).await;
        match filled {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The value; if it is not there, what `f` gives. One at a time tries, the others wait.
    ///
    /// # Errors
    /// That of `f`; the next one that waits calls its own.
    ///
    /// # Cancel safety
    /// As for [`get_or_init`](OnceCell::get_or_init).
    pub async fn get_or_try_init<E, F, Fut>(&self, f: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        if self.turn.acquire(1).await.is_err() {
            return Ok(self.get().expect("it is closed once the value is there"));
        }
        let turn = Lease::new(&self.turn, 1);
        let value = f().await?;
        Ok(self.fill(turn, value))
    }

    /// For the one whose turn it is.
    fn fill(&self, turn: Lease<&Permits>, value: T) -> &T {
        let set = self.value.set(value);
        assert!(set.is_ok(), "who holds the turn is the only one to set the value");
        self.turn.close();
        drop(turn);
        self.get().expect("it was set just now")
    }

    /// The value if it is there.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// The value if it is there; the cell is as new then.
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> OnceCell<T> {
        OnceCell::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").field("value", &self.get()).finish()
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> OnceCell<T> {
        OnceCell::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &OnceCell<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> OnceCell<T> {
        OnceCell::const_new_with(value)
    }
}

#[cfg(test)]
mod tests;
