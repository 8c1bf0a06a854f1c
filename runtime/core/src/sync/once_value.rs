//! A value that is there from the start, or comes once.

use std::sync::OnceLock;

/// What a cell holds. Reading is one load.
pub(super) enum OnceValue<T> {
    /// From the start: a `OnceLock` cannot be made full in a static.
    Given(T),
    /// Filled later, or not yet.
    Later(OnceLock<T>),
}

impl<T> OnceValue<T> {
    pub(super) const fn empty() -> OnceValue<T> {
        OnceValue::Later(OnceLock::new())
    }

    pub(super) const fn filled(value: T) -> OnceValue<T> {
        OnceValue::Given(value)
    }

    pub(super) fn get(&self) -> Option<&T> {
        match self {
            OnceValue::Given(value) => Some(value),
            OnceValue::Later(value) => value.get(),
        }
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            OnceValue::Given(value) => Some(value),
            OnceValue::Later(value) => value.get_mut(),
        }
    }

    /// Fills it, or gives the value back. Waits while another thread moves its value in, and for nothing else.
    pub(super) fn set(&self, value: T) -> Result<(), T> {
        match self {
            OnceValue::Given(_) => Err(value),
            OnceValue::Later(place) => place.set(value),
        }
    }

    pub(super) fn into_inner(self) -> Option<T> {
        match self {
            OnceValue::Given(value) => Some(value),
            OnceValue::Later(value) => value.into_inner(),
        }
    }
}
