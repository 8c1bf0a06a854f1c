//! [`SetOnce`].

use std::{fmt, future::poll_fn, marker::PhantomData};

use super::{
    super::SetOnceError,
    OneThread,
    notify::{Notify, Wait},
    once_cell::Late,
};

/// A value that is set once, and that tasks can wait for.
pub struct SetOnce<T> {
    value: Late<T>,
    set: Notify,
    one_thread: OneThread,
}

impl<T> SetOnce<T> {
    /// Without a value.
    pub const fn new() -> SetOnce<T> {
        SetOnce { value: Late::new(), set: Notify::new(), one_thread: PhantomData }
    }

    /// The same as [`new`](SetOnce::new).
    pub const fn const_new() -> SetOnce<T> {
        SetOnce::new()
    }

    /// With this value, if there is one.
    pub fn new_with(value: Option<T>) -> SetOnce<T> {
        value.map_or_else(SetOnce::new, SetOnce::const_new_with)
    }

    /// With this value.
    pub const fn const_new_with(value: T) -> SetOnce<T> {
        SetOnce { value: Late::Given(value), set: Notify::new(), one_thread: PhantomData }
    }

    /// True if the value is there.
    pub fn initialized(&self) -> bool {
        self.get().is_some()
    }

    /// The value if it is there.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Sets the value, and wakes all that wait for it.
    ///
    /// # Errors
    /// If there is one already.
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        self.value.set(value).map_err(SetOnceError)?;
        self.set.notify_waiters();
        Ok(())
    }

    /// The value if it is there.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Waits for the value.
    ///
    /// # Cancel safety
    /// Nothing is lost by a drop.
    pub async fn wait(&self) -> &T {
        loop {
            let mut wait = Wait::new(&self.set);
            if let Some(value) = self.get() {
                return value;
            }
            poll_fn(|cx| wait.poll(Some(cx.waker()))).await;
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

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{Flag, now},
        *,
    };

    #[test]
    fn a_value_reaches_all_who_wait() {
        let cell = SetOnce::const_new();
        let flags: [Flag; 2] = Default::default();
        let mut waits: Vec<_> = flags.iter().map(|_| Box::pin(cell.wait())).collect();
        for (flag, wait) in flags.iter().zip(&mut waits) {
            assert!(flag.poll(wait.as_mut()).is_pending());
        }
        assert!(!cell.initialized());
        cell.set(1).unwrap();
        assert!(flags.iter().all(|flag| flag.take() == 1));
        assert!(waits.into_iter().all(|wait| *now(wait) == 1));
        assert_eq!((cell.set(2), cell.get(), *now(cell.wait())), (Err(SetOnceError(2)), Some(&1), 1));
        assert_eq!((cell.clone() == cell, format!("{cell:?}")), (true, "SetOnce { value: Some(1) }".into()));
        assert_eq!(
            (cell.into_inner(), SetOnce::from(3).get(), SetOnce::<u8>::default().get()),
            (Some(1), Some(&3), None)
        );
    }

    #[test]
    fn a_constant_may_bring_the_value() {
        thread_local!(static GIVEN: SetOnce<u8> = const { SetOnce::const_new_with(1) });
        GIVEN.with(|given| assert_eq!((given.get(), given.set(2)), (Some(&1), Err(SetOnceError(2)))));
    }
}
