//! Channels and locks between tasks: tokio's, under tokio's names.
//!
//! All of them are `Send` and `Sync` where their values allow it, and work between tasks of one shard, of several, and of
//! threads that run no shard at all.
//!
//! ```
//! # runtime::Builder::new().build().unwrap().block_on(async {
//! use std::sync::Arc;
//! use runtime::sync::Mutex;
//!
//! let total = Arc::new(Mutex::new(0));
//! let task = runtime::spawn({
//!     let total = total.clone();
//!     async move {
//!         let mut total = total.lock().await;
//!         runtime::task::yield_now().await; // the lock is held meanwhile
//!         *total += 1;
//!     }
//! });
//! *total.lock().await += 1;
//! task.await.unwrap();
//! assert_eq!(*total.lock().await, 2);
//! # });
//! ```

// Locks.
pub use runtime_core::sync::{
    AcquireError, Barrier, BarrierWaitResult, MappedMutexGuard, Mutex, MutexGuard, Notify, OnceCell,
    OwnedMappedMutexGuard, OwnedMutexGuard, OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard,
    OwnedSemaphorePermit, RwLock, RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard, Semaphore,
    SemaphorePermit, SetError, SetOnce, SetOnceError, TryAcquireError, TryLockError, futures,
};

// Channels.
#[doc(inline)]
pub use runtime_core::sync::{
    CancellationToken, DropGuard, DropGuardRef, WaitForCancellationFuture, WaitForCancellationFutureOwned, broadcast,
    mpsc, oneshot, watch,
};

/// ```
/// use runtime::{spawn, sync::local::mpsc};
///
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let (sender, mut receiver) = mpsc::channel(8);
/// let task = spawn(async move {
///     for number in 0..3 {
///         sender.send(std::rc::Rc::new(number)).await.unwrap(); // what is sent need not be `Send`
///     }
/// });
/// let mut sum = 0;
/// while let Some(number) = receiver.recv().await {
///     sum += *number;
/// }
/// task.await.unwrap();
/// assert_eq!(sum, 3);
/// # });
/// ```
#[doc(inline)]
pub use runtime_core::sync::local;
