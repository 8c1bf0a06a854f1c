//! Which shard a thread runs.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use super::Shard;
use crate::primitives::thread_local;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Shard>>> = const { RefCell::new(None) };
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f` with the shard that this thread has entered; `None` if there is none, or the thread is exiting.
#[inline]
pub fn with_current<R>(f: impl FnOnce(&Shard) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.borrow().as_deref().map(f)).ok().flatten()
}

/// True inside [`Shard::run`]: blocking this thread would stop all tasks of its shard.
pub fn is_running() -> bool {
    RUNNING.try_with(Cell::get).is_ok_and(|running| running)
}

/// Calls `f` as if no shard ran on this thread, for code that knows that it blocks.
pub fn not_running<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            RUNNING.with(|running| running.set(self.0));
        }
    }
    let _restore = Restore(RUNNING.with(|running| running.replace(false)));
    f()
}

/// Marks a shard as the one of its thread, until dropped.
#[derive(Debug)]
pub struct Entered {
    previous: Option<Rc<Shard>>,
    was_running: bool,
}

impl Drop for Entered {
    fn drop(&mut self) {
        RUNNING.with(|running| running.set(self.was_running));
        CURRENT.with(|current| current.replace(self.previous.take()));
    }
}

impl Shard {
    /// Makes this the shard of its thread, in place of the one that may be.
    pub fn enter(self: &Rc<Shard>) -> Entered {
        let previous = CURRENT.with(|current| current.replace(Some(self.clone())));
        Entered { previous, was_running: RUNNING.with(Cell::get) }
    }

    /// As [`enter`](Shard::enter), for a thread that is going to poll tasks.
    pub fn run(self: &Rc<Shard>) -> Entered {
        let entered = self.enter();
        RUNNING.with(|running| running.set(true));
        entered
    }
}
