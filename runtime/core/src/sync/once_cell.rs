//! A value that is made once, by a future.

use std::{error::Error, fmt};

use super::{
    batch_semaphore::{Semaphore, TryAcquireError},
    once_value::OnceValue,
};

#[cfg(test)]
mod tests;

/// A cell that is filled once, and whose value may take a future to make.
///
/// Of several tasks that ask for the value at a time, one makes it and the others wait. If it fails, panics or is dropped,
/// the next one in the queue makes it. It works on any thread, with or without a runtime.
///
/// Cost: reading a filled cell is one load. No allocation.
///
/// ```
/// # use runtime_core as runtime;
/// use runtime::sync::OnceCell;
///
/// static NAME: OnceCell<String> = OnceCell::const_new();
/// assert_eq!(NAME.get(), None);
/// NAME.set("first".to_string()).unwrap();
/// assert!(NAME.set("second".to_string()).unwrap_err().is_already_init_err());
/// assert_eq!(NAME.get().unwrap(), "first");
/// ```
pub struct OnceCell<T> {
    value: OnceValue<T>,
    /// One permit, for whoever makes the value. Closed once that is there.
    maker: Semaphore,
}

impl<T> OnceCell<T> {
    /// An empty cell.
    pub fn new() -> OnceCell<T> {
        OnceCell::const_new()
    }

    /// As [`OnceCell::new`], for statics.
    pub const fn const_new() -> OnceCell<T> {
        OnceCell { value: OnceValue::empty(), maker: Semaphore::const_new(1) }
    }

    /// A cell that holds `value`, if there is one.
    pub fn new_with(value: Option<T>) -> OnceCell<T> {
        value.map_or_else(OnceCell::new, OnceCell::from)
    }

    /// The value is there.
    pub fn initialized(&self) -> bool {
        self.value.get().is_some()
    }

    /// The value, if it is there.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, if it is there, to be changed.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Fills the cell.
    ///
    /// # Errors
    /// With the value, if the cell is filled, or someone is making its value.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.maker.try_acquire(1) {
            Ok(()) => {
                Making(self).done(value);
                Ok(())
            }
            Err(TryAcquireError::NoPermits) => Err(SetError::InitializingError(value)),
            Err(TryAcquireError::Closed) => Err(SetError::AlreadyInitializedError(value)),
        }
    }

    /// The value, made by the future of `f` if the cell is empty and nobody else makes it.
    ///
    /// A future that asks for the value that it is to make waits for itself.
    ///
    /// # Cancel safety
    /// Dropped, it stops making the value, if it was the one; the next who waits starts anew.
    pub async fn get_or_init<F, Fut>(&self, f: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        enum Never {}
        match self.get_or_try_init(|| async { Ok::<T, Never>(f().await) }).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// As [`OnceCell::get_or_init`], with a future that may fail.
    ///
    /// # Errors
    /// Those of the future; the cell stays empty, and the next who waits makes the value.
    ///
    /// # Cancel safety
    /// As for [`OnceCell::get_or_init`].
    pub async fn get_or_try_init<E, F, Fut>(&self, f: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        if self.maker.acquire(1).await.is_ok() {
            let making = Making(self);
            making.done(f().await?);
        }
        Ok(self.get().expect("closed once the value is there"))
    }

    /// The value, if it is there.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out: the cell is empty afterwards.
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }

    /// As the conversion from a value, for statics.
    pub const fn const_new_with(value: T) -> OnceCell<T> {
        OnceCell { value: OnceValue::filled(value), maker: Semaphore::new_closed() }
    }
}

/// The permit to make the value. Dropped, it lets the next one try.
struct Making<'a, T>(&'a OnceCell<T>);

impl<T> Making<'_, T> {
    fn done(self, value: T) {
        let set = self.0.value.set(value);
        assert!(set.is_ok(), "only the holder of the permit fills the cell");
        self.0.maker.close();
    }
}

impl<T> Drop for Making<'_, T> {
    fn drop(&mut self) {
        self.0.maker.release(1);
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

/// Why [`OnceCell::set`] has not filled the cell, with the value.
#[derive(Debug, PartialEq, Eq)]
pub enum SetError<T> {
    /// The cell is filled.
    AlreadyInitializedError(T),
    /// Someone is making the value.
    InitializingError(T),
}

impl<T> SetError<T> {
    /// The cell is filled.
    pub fn is_already_init_err(&self) -> bool {
        matches!(self, SetError::AlreadyInitializedError(_))
    }

    /// Someone is making the value.
    pub fn is_initializing_err(&self) -> bool {
        matches!(self, SetError::InitializingError(_))
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::AlreadyInitializedError(_) => "AlreadyInitializedError",
            SetError::InitializingError(_) => "InitializingError",
        })
    }
}

impl<T: fmt::Debug> Error for SetError<T> {}
