//! Values of a task. Between polls a value is in the future that it belongs to; during a poll it is in a thread-local,
//! and what was there before is in the future.

use std::{
    cell::RefCell,
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    thread,
};

use pin_project_lite::pin_project;

/// A value of a task, declared by [`task_local!`](crate::task_local!).
///
/// The value is set for the run of one future, or one closure, and what these call. Spawned tasks do not inherit it.
/// Scopes nest: the inner value hides the outer one.
pub struct LocalKey<T: 'static> {
    value: thread::LocalKey<RefCell<Option<T>>>,
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)] // for `task_local!`
    pub const fn __new(value: thread::LocalKey<RefCell<Option<T>>>) -> LocalKey<T> {
        LocalKey { value }
    }

    /// A future that runs `f`, with `value` set whenever it is polled, and when it is dropped. It holds `value` beside `f`,
    /// and keeps it when `f` is done. No allocation.
    ///
    /// # Panics
    /// The future, if it is polled after it is done, or inside [`with`](LocalKey::with) of the same key.
    ///
    /// ```
    /// runtime::task_local!(static NAME: String);
    ///
    /// # runtime::Builder::new().build().unwrap().block_on(async {
    /// let length = NAME.scope("worker".to_string(), async { NAME.with(|name| name.len()) }).await;
    /// assert_eq!(length, 6);
    /// # });
    /// ```
    pub fn scope<F>(&'static self, value: T, f: F) -> TaskLocalFuture<T, F>
    where
        F: Future,
    {
        TaskLocalFuture { key: self, value: Some(value), future: Some(f) }
    }

    /// Calls `f` with `value` set.
    ///
    /// # Panics
    /// Inside [`with`](LocalKey::with) of the same key; and on a thread that is exiting.
    ///
    /// ```
    /// runtime::task_local!(static LEVEL: u8);
    ///
    /// assert_eq!(LEVEL.sync_scope(3, || LEVEL.get()), 3);
    /// ```
    #[track_caller]
    pub fn sync_scope<F, R>(&'static self, value: T, f: F) -> R
    where
        F: FnOnce() -> R,
    {
        let mut value = Some(value);
        match self.set_during(&mut value, f) {
            Ok(result) => result,
            Err(refused) => refused.panic(),
        }
    }

    /// Calls `f` with a reference to the value. Inside `f` the key cannot be set anew.
    ///
    /// # Panics
    /// If no value is set.
    #[track_caller]
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("the value of a task was asked for outside its scope: {error}"),
        }
    }

    /// As [`with`](LocalKey::with).
    ///
    /// # Errors
    /// If no value is set; then `f` is not called.
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        let called = self.value.try_with(|value| value.borrow().as_ref().map(f));
        called.ok().flatten().ok_or(AccessError { _private: () })
    }

    /// Swaps `value` with the one in the thread-local, for the time of `f`, also if that panics.
    fn set_during<R>(&'static self, value: &mut Option<T>, f: impl FnOnce() -> R) -> Result<R, Refused> {
        struct SwapBack<'a, T: 'static> {
            key: &'static LocalKey<T>,
            value: &'a mut Option<T>,
        }
        impl<T: 'static> Drop for SwapBack<'_, T> {
            fn drop(&mut self) {
                // It worked before, and a borrow cannot outlast `f`. A thread that exits meanwhile has no value left.
                let _exiting = self.key.swap(self.value);
            }
        }
        self.swap(value)?;
        let _swap_back = SwapBack { key: self, value };
        Ok(f())
    }

    fn swap(&'static self, value: &mut Option<T>) -> Result<(), Refused> {
        let swapped = self.value.try_with(|current| match current.try_borrow_mut() {
            Ok(mut current) => {
                std::mem::swap(&mut *current, value);
                Ok(())
            }
            Err(_) => Err(Refused::Borrowed),
        });
        swapped.unwrap_or(Err(Refused::Exiting))
    }
}

impl<T: Clone + 'static> LocalKey<T> {
    /// A clone of the value.
    ///
    /// # Panics
    /// If no value is set.
    #[track_caller]
    pub fn get(&'static self) -> T {
        self.with(T::clone)
    }

    /// A clone of the value.
    ///
    /// # Errors
    /// If no value is set.
    pub fn try_get(&'static self) -> Result<T, AccessError> {
        self.try_with(T::clone)
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// Why a value cannot be set.
enum Refused {
    Borrowed,
    Exiting,
}

impl Refused {
    #[cold]
    #[track_caller]
    fn panic(self) -> ! {
        match self {
            Refused::Borrowed => panic!("a task-local scope was entered inside `with` of the same key"),
            Refused::Exiting => panic!("a task-local scope was entered by a thread that is exiting"),
        }
    }
}

pin_project! {
    /// A future with a value of its task set. Made by [`LocalKey::scope`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct TaskLocalFuture<T, F>
    where
        T: 'static,
    {
        key: &'static LocalKey<T>,
        value: Option<T>,
        #[pin]
        future: Option<F>,
    }

    impl<T: 'static, F> PinnedDrop for TaskLocalFuture<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let mut future = this.future;
            if future.is_some() {
                // Its destructors see the value too. Where it cannot be set they do without.
                let _refused = this.key.set_during(this.value, || future.set(None));
            }
        }
    }
}

impl<T, F> TaskLocalFuture<T, F>
where
    T: 'static,
{
    /// Takes the value out. `None` if it was taken before, or if the future is being polled. While the future has not
    /// ended, it goes on without the value.
    ///
    /// ```
    /// runtime::task_local!(static COUNT: u32);
    ///
    /// # runtime::Builder::new().build().unwrap().block_on(async {
    /// let mut future = Box::pin(COUNT.scope(1, async {}));
    /// future.as_mut().await;
    /// assert_eq!(future.as_mut().take_value(), Some(1));
    /// assert_eq!(future.as_mut().take_value(), None);
    /// # });
    /// ```
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        self.project().value.take()
    }
}

impl<T: 'static, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut future = this.future;
        let polled = this.key.set_during(this.value, || {
            let polled = future.as_mut().as_pin_mut()?.poll(cx);
            if polled.is_ready() {
                // Its destructors see the value too.
                future.set(None);
            }
            Some(polled)
        });
        match polled {
            Ok(Some(polled)) => polled,
            Ok(None) => panic!("a `TaskLocalFuture` was polled after it was done"),
            Err(refused) => refused.panic(),
        }
    }
}

impl<T: fmt::Debug + 'static, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value: &dyn fmt::Debug = match &self.value {
            Some(value) => value,
            None => &format_args!("<missing>"),
        };
        f.debug_struct("TaskLocalFuture").field("value", value).finish()
    }
}

/// No value is set: the code that asked does not run inside [`LocalKey::scope`] or [`LocalKey::sync_scope`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccessError {
    _private: (),
}

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError").finish()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no task-local value is set here")
    }
}

impl Error for AccessError {}
