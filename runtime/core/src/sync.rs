//! Channels and locks between tasks.
//!
//! | layer | modules |
//! |---|---|
//! | the base | `wait_list` (who waits, in order), `wake_batch` (who is to be woken), `batch_semaphore` (permits) |
//! | locks | `semaphore`, `mutex`, `rwlock`, `notify`, `barrier`, `once_cell`, `set_once` |

mod barrier;
pub(crate) mod batch_semaphore;
pub(crate) mod blocking;
mod held;
mod mutex;
mod notify;
mod once_cell;
mod once_value;
mod rwlock;
mod semaphore;
mod set_once;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod wait_list;
pub(crate) mod wake_batch;

pub use barrier::{Barrier, BarrierWaitResult};
pub use batch_semaphore::{AcquireError, TryAcquireError};
pub use held::TryLockError;
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard};
pub use notify::Notify;
pub use once_cell::{OnceCell, SetError};
pub use rwlock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockMappedWriteGuard,
    RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
pub use set_once::{SetOnce, SetOnceError};

/// Futures that have a name.
pub mod futures {
    pub use super::notify::{Notified, OwnedNotified};
}
