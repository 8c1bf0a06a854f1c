//! What a thread knows of the runtime it belongs to.

use std::cell::RefCell;

use runtime_core::blocking::PoolGuard;

use crate::handle::Handle;

/// A runtime, and which of its shards this thread is.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) handle: Handle,
    /// `None` on threads that are no shard of it: guests, and the blocking pool's.
    pub(crate) shard: Option<usize>,
}

thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

impl Context {
    /// Makes this the thread's context until the guard is dropped.
    pub(crate) fn set(self) -> ContextGuard {
        let pool = self.handle.pool().enter();
        ContextGuard { previous: CURRENT.with(|current| current.replace(Some(self))), _pool: pool }
    }

    /// True in a destructor of this thread's local storage.
    pub(crate) fn is_gone() -> bool {
        CURRENT.try_with(|_| ()).is_err()
    }

    /// `None` outside a runtime, and in a thread that is exiting.
    pub(crate) fn with<R>(f: impl FnOnce(&Context) -> R) -> Option<R> {
        CURRENT.try_with(|current| current.borrow().as_ref().map(f)).ok().flatten()
    }
}

/// Restores what was before.
#[derive(Debug)]
pub(crate) struct ContextGuard {
    previous: Option<Context>,
    _pool: PoolGuard,
}

impl Drop for ContextGuard {
    fn drop(&mut self) {
        let previous = self.previous.take();
        // The last handle may be in it: dropped outside the borrow.
        let _ended = CURRENT.try_with(|current| current.replace(previous));
    }
}
