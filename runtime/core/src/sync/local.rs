//! Channels and locks between the tasks of one shard: tokio's names and methods, without an atomic operation.
//!
//! Nothing in here is `Send`, so the compiler keeps all ends of a channel on one thread. What crosses shards is in the
//! module above. There are no `blocking_*` methods: the thread that waited would be the one that has to run the task it
//! waits for.
//!
//! | rooms | what they hold |
//! |---|---|
//! | `waiters`, `waker_slot` | the wakers of those who wait: many in a queue, or one in place |
//! | [`Notify`], `permits` | the two ways to wait: for news, and for a share of something |
//! | [`Semaphore`], [`Mutex`], [`RwLock`], [`OnceCell`], [`mpsc`] (bounded) | made of permits |
//! | [`watch`], [`broadcast`], [`Barrier`], [`SetOnce`], [`CancellationToken`], every `closed()` | made of notifications |
//!
//! # Re-entrancy
//! Wakers, and values that are cloned or dropped, are user code, and may call back into the very channel that runs them.
//! So none of them runs under a borrow, and whenever one has run, whoever called it looks at the state afresh.
//!
//! # Cost
//! A wake is the task's own: one atomic step, as wakers may cross threads. A queue of waiters, a channel's queue and a
//! list of wakers under way keep their memory for the next use, so nothing allocates per message or per wait once they
//! have grown to their size. The receiver of an [`mpsc`] channel also keeps its waker, so that it neither clones nor drops
//! one per message; that waker, and with it the memory of its task, stays until the channel goes or another task waits.

mod barrier;
pub mod broadcast;
mod cancellation;
mod guarded;
pub mod mpsc;
mod mutex;
mod notify;
mod once_cell;
pub mod oneshot;
mod permits;
mod rwlock;
mod semaphore;
mod set_once;
#[cfg(test)]
mod testing;
mod waiters;
mod waker_slot;
pub mod watch;

use std::{
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::pin,
    rc::Rc,
    task::ready,
};

pub use barrier::{Barrier, BarrierWaitResult};
pub use cancellation::{
    CancellationToken, DropGuard, DropGuardRef, WaitForCancellationFuture, WaitForCancellationFutureOwned,
};
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard};
pub use notify::Notify;
pub use once_cell::OnceCell;
pub use rwlock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockMappedWriteGuard,
    RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
pub use set_once::SetOnce;

pub use super::{AcquireError, SetError, SetOnceError, TryAcquireError, TryLockError};
use crate::coop;

/// Futures that have a name.
pub mod futures {
    pub use super::notify::{Notified, OwnedNotified};
}

/// Keeps a type on its thread.
type OneThread = PhantomData<Rc<()>>;

/// Polls `future` for one unit of its task's budget.
async fn cooperative<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let progress = ready!(coop::poll_proceed(cx));
        let polled = future.as_mut().poll(cx);
        if polled.is_ready() {
            progress.made();
        }
        polled
    })
    .await
}
