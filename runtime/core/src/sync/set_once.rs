//! A value that is set once, and for which others wait.

use std::{error::Error, fmt};

use super::{notify::Notify, once_value::OnceValue};

#[cfg(test)]
mod tests;

/// A cell that is filled once, and for whose value any number of tasks may wait.
///
/// It works on any thread, with or without a runtime. Cost: reading a filled cell is one load; one who waits allocates
/// nothing.
///
/// ```
/// # use runtime_core as runtime;
/// use runtime::sync::SetOnce;
///
/// static PORT: SetOnce<u16> = SetOnce::const_new();
/// assert_eq!(PORT.get(), None);
/// PORT.set(80).unwrap();
/// assert_eq!(PORT.set(8080).unwrap_err().0, 8080);
/// assert_eq!(PORT.get(), Some(&80));
/// ```
pub struct SetOnce<T> {
    value: OnceValue<T>,
    set: Notify,
}

impl<T> SetOnce<T> {
    /// An empty cell.
    pub fn new() -> SetOnce<T> {
        SetOnce::const_new()
    }

    /// As [`SetOnce::new`], for statics.
    pub const fn const_new() -> SetOnce<T> {
        SetOnce { value: OnceValue::empty(), set: Notify::const_new() }
    }

    /// A cell that holds `value`, if there is one.
    pub fn new_with(value: Option<T>) -> SetOnce<T> {
        value.map_or_else(SetOnce::new, SetOnce::from)
    }

    /// As the conversion from a value, for statics.
    pub const fn const_new_with(value: T) -> SetOnce<T> {
        SetOnce { value: OnceValue::filled(value), set: Notify::const_new() }
    }

    /// The value is there.
    pub fn initialized(&self) -> bool {
        self.value.get().is_some()
    }

    /// The value, if it is there.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Fills the cell and wakes all who wait.
    ///
    /// # Errors
    /// With the value, if the cell is filled.
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        self.value.set(value).map_err(SetOnceError)?;
        self.set.notify_waiters();
        Ok(())
    }

    /// The value, if it is there.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// The value, once it is there.
    ///
    /// # Cancel safety
    /// Nothing is lost by a dropped call: all who wait are served at a time.
    pub async fn wait(&self) -> &T {
        loop {
            // First to listen, then to look: what is set in between is heard.
            let set = self.set.notified();
            if let Some(value) = self.get() {
                return value;
            }
            set.await;
        }
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> SetOnce<T> {
        SetOnce::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnce").field("value", &self.get()).finish()
    }
}

impl<T: Clone> Clone for SetOnce<T> {
    fn clone(&self) -> SetOnce<T> {
        SetOnce::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for SetOnce<T> {
    fn eq(&self, other: &SetOnce<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for SetOnce<T> {}

impl<T> From<T> for SetOnce<T> {
    fn from(value: T) -> SetOnce<T> {
        SetOnce::const_new_with(value)
    }
}

/// The cell was filled before: here is the value that came too late.
#[derive(Debug, PartialEq, Eq)]
pub struct SetOnceError<T>(pub T);

impl<T> fmt::Display for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetOnceError")
    }
}

impl<T: fmt::Debug> Error for SetOnceError<T> {}
