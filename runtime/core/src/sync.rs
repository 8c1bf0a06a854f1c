//! Channels and locks between tasks.
//!
//! | layer | modules |
//! |---|---|
//! | channels | `oneshot`, `mpsc`, `watch`, `broadcast`; `cancellation` |
//! | ends of channels | `waker_cell` (one waits), `waiters` (many wait for one thing) |
//! | for the tasks of one shard, without atomics | [`local`] |
//! | locks and signals | `mutex`, `rwlock`, `semaphore`, `notify`, `barrier`, `once_cell`, `set_once` |
//! | what guards hold, how threads wait | `held`, `blocking`, `once_value` |
//! | permits in order | `batch_semaphore` |
//! | who waits, who is to be woken | `wait_list`, `wake_batch` |

mod barrier;
pub(crate) mod batch_semaphore;
mod blocking;
pub mod broadcast;
mod cancellation;
mod held;
pub mod local;
pub mod mpsc;
mod mutex;
mod notify;
mod once_cell;
mod once_value;
pub mod oneshot;
mod rwlock;
mod semaphore;
mod set_once;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod wait_list;
mod waiters;
pub(crate) mod wake_batch;
mod waker_cell;
pub mod watch;

pub use barrier::{Barrier, BarrierWaitResult};
pub use batch_semaphore::{AcquireError, TryAcquireError};
pub use cancellation::{
    CancellationToken, DropGuard, DropGuardRef, WaitForCancellationFuture, WaitForCancellationFutureOwned,
};
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
