//! Who looks at the value.

use std::sync::{Arc, atomic::Ordering::AcqRel};

use super::{CHANGE, Ref, Shared, error::RecvError};

/// Looks at the value, and remembers which change it saw last. Clones remember on their own.
#[derive(Debug)]
pub struct Receiver<T> {
    pub(super) shared: Arc<Shared<T>>,
    /// The number of the last change that was seen.
    pub(super) version: usize,
}

impl<T> Receiver<T> {
    /// The value, under a read lock. It does not count as seen: [`changed`](Receiver::changed) is ready still.
    pub fn borrow(&self) -> Ref<'_, T> {
        let value = self.shared.read();
        Ref { value, has_changed: self.shared.version() != self.version }
    }

    /// The value, under a read lock. It counts as seen.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.read();
        let seen = std::mem::replace(&mut self.version, self.shared.version());
        Ref { value, has_changed: seen != self.version }
    }

    /// True if there is a change that was not seen. It does not count as seen now.
    ///
    /// # Errors
    /// If all senders are gone, whatever was seen.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        if self.is_closed() { Err(RecvError(())) } else { Ok(self.shared.version() != self.version) }
    }

    /// True if all senders are gone: the value will not change any more.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Counts the value as not seen.
    pub fn mark_changed(&mut self) {
        self.version = self.shared.version().wrapping_sub(CHANGE);
    }

    /// Counts the value as seen.
    pub fn mark_unchanged(&mut self) {
        self.version = self.shared.version();
    }

    /// Waits for a change that was not seen, and counts it as seen. Ready at once if there is one.
    ///
    /// # Errors
    /// If all senders are gone and the last change was seen.
    ///
    /// # Cancel safety
    /// Dropped, it has counted nothing as seen.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        let (shared, seen) = (&self.shared, self.version);
        let change = shared.changed.until(|| {
            // Closed is read first: after it there is no change.
            let closed = shared.is_closed();
            let version = shared.version();
            if version != seen { Some(Ok(version)) } else { closed.then_some(Err(RecvError(()))) }
        });
        self.version = change.await?;
        Ok(())
    }

    /// Waits for a value that `condition` likes, beginning with the one that is there, and borrows it. Each value that
    /// was looked at counts as seen. Not every value that is sent is looked at, but the last one before a pause is.
    ///
    /// # Errors
    /// If all senders are gone and `condition` does not like the last value.
    ///
    /// # Panics
    /// If `condition` does.
    ///
    /// # Cancel safety
    /// Dropped, it has counted as seen what it looked at and did not like.
    ///
    /// ```
    /// # use runtime_core::sync::watch;
    /// # async fn example(mut connections: watch::Receiver<usize>) -> Result<(), watch::error::RecvError> {
    /// connections.wait_for(|open| *open == 0).await?;
    /// # Ok(()) }
    /// ```
    pub async fn wait_for(&mut self, mut condition: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        let mut over = false;
        loop {
            {
                let value = self.shared.read();
                let version = self.shared.version();
                let has_changed = version != self.version;
                self.version = version;
                // The last value was looked at before, unless it came with the end.
                if (!over || has_changed) && condition(&value) {
                    return Ok(Ref { value, has_changed });
                }
            }
            if over {
                return Err(RecvError(()));
            }
            // The change is not marked as seen here: the look above does that.
            let (shared, seen) = (&self.shared, self.version);
            let change = shared.changed.until(|| {
                let closed = shared.is_closed();
                if shared.version() != seen { Some(false) } else { closed.then_some(true) }
            });
            over = change.await;
        }
    }

    /// True if both look at the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Shared::receiver(&self.shared, self.version)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.shared.receivers.fetch_sub(1, AcqRel) == 1 {
            self.shared.abandoned.wake_all();
        }
    }
}
