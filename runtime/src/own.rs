//! Which shards live on this thread: how a [`Handle`](crate::Handle), which may be anywhere, finds that it is at home.

use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};

use runtime_core::shard::Shard;

use crate::handle::Id;

thread_local! {
    /// One entry per runtime that was built here, and that of the runtime whose shard this thread is.
    static OWN: RefCell<Vec<(Id, Weak<Shard>)>> = const { RefCell::new(Vec::new()) };
}

/// Says that this thread's shard of a runtime is this one.
pub(crate) fn note(runtime: Id, shard: &Rc<Shard>) {
    OWN.with(|own| {
        let mut own = own.borrow_mut();
        own.retain(|(_, shard)| shard.strong_count() > 0);
        own.push((runtime, Rc::downgrade(shard)));
    });
}

/// This thread's shard of a runtime, if it has one.
pub(crate) fn find(runtime: Id) -> Option<Rc<Shard>> {
    let find = |own: &RefCell<Vec<(Id, Weak<Shard>)>>| {
        own.borrow().iter().find(|(id, _)| *id == runtime).and_then(|(_, shard)| shard.upgrade())
    };
    OWN.try_with(find).ok().flatten()
}
