//! Direct descriptors: slots in the ring's own table, which a plan can open, use and close in one submission.
//!
//! A slot belongs to one shard. Its index is given out again only when its last owner is gone **and** the CQE of its
//! close is here, so an op never meets a stranger in the slot that it names.

use std::{
    cell::{Cell, RefCell},
    os::fd::{FromRawFd, OwnedFd, RawFd},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

use crate::shard::{self, Message, ShardId};

/// A share of a direct descriptor. Shards keep to their own: using it on another one fails with `InvalidInput`.
#[derive(Clone, Debug)]
pub struct SlotFd(Arc<SlotOwner>);

#[derive(Debug)]
struct SlotOwner {
    shard: ShardId,
    place: Place,
    /// [`RESERVED`] → [`OPEN`] by the op that opened it → [`CLOSED`] by the op that closed it. Written by the owning
    /// shard's thread; others only read it when they drop the last share, which the reference count orders.
    state: AtomicU8,
}

#[derive(Debug)]
enum Place {
    /// Index in the ring's table.
    Slot(u32),
    /// The table was full when the plan was lowered: an ordinary descriptor in the place of a slot.
    Fd(OnceLock<RawFd>),
}

const RESERVED: u8 = 0;
const OPEN: u8 = 1;
const CLOSED: u8 = 2;

impl SlotFd {
    /// The shard that the slot belongs to.
    pub(crate) fn shard(&self) -> ShardId {
        self.0.shard
    }

    /// Index in the ring's table; `None` for an ordinary descriptor.
    pub(crate) fn index(&self) -> Option<u32> {
        match self.0.place {
            Place::Slot(index) => Some(index),
            Place::Fd(_) => None,
        }
    }

    /// The ordinary descriptor in the place of a slot, once it is open.
    pub(crate) fn number(&self) -> Option<RawFd> {
        match &self.0.place {
            Place::Slot(_) => None,
            Place::Fd(fd) => fd.get().copied(),
        }
    }

    pub(crate) fn same(&self, other: &SlotFd) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The op that opens the slot has succeeded with this result.
    pub(crate) fn opened(&self, res: i32) {
        if let Place::Fd(fd) = &self.0.place {
            let _ = fd.set(res);
        }
        self.0.state.store(OPEN, Ordering::Relaxed);
    }

    /// An op has closed the slot: dropping the last share closes nothing more.
    pub(crate) fn closed(&self) {
        self.0.state.store(CLOSED, Ordering::Relaxed);
    }

    /// True once the slot was closed by an op.
    pub fn is_closed(&self) -> bool {
        self.0.state.load(Ordering::Relaxed) == CLOSED
    }
}

impl Drop for SlotOwner {
    fn drop(&mut self) {
        let state = *self.state.get_mut();
        match &self.place {
            Place::Slot(index) => {
                let (index, open) = (*index, state == OPEN);
                let here = shard::with_current(|current| {
                    current.id == self.shard && {
                        current.slots.give_back(index, open);
                        true
                    }
                });
                if here != Some(true) {
                    shard::send(self.shard, Message::SlotDropped { index, open });
                }
            }
            Place::Fd(fd) => {
                if let (Some(fd), true) = (fd.get(), state == OPEN) {
                    // SAFETY: the descriptor came from a successful open whose only owner this is, and no op has
                    // closed it (state). Test: drop_everywhere, with a table of one slot.
                    drop(unsafe { OwnedFd::from_raw_fd(*fd) });
                }
            }
        }
    }
}

/// Takes over the descriptor that an op's result names.
pub(crate) fn own_fd(res: i32) -> OwnedFd {
    debug_assert!(res >= 0);
    // SAFETY: `res` is the successful result of an op that makes a descriptor, taken once, by the op's `finish`; from
    // here the OwnedFd is its only owner. Test: drop_everywhere (descriptor count).
    unsafe { OwnedFd::from_raw_fd(res) }
}

/// The free slots of one shard.
#[derive(Debug)]
pub(crate) struct SlotTable {
    shard: ShardId,
    /// Slots that the shard chooses from: all below this. Behind them are those that the kernel does.
    own: u32,
    chosen: u32,
    free: RefCell<Vec<u32>>,
    /// Open slots whose last owner is gone; the driver closes them with its next submission.
    to_close: RefCell<Vec<u32>>,
    in_use: Cell<u32>,
}

impl SlotTable {
    /// `count` slots to choose from, and `chosen` ones that the kernel does.
    pub(crate) fn new(shard: ShardId, count: u32, chosen: u32) -> SlotTable {
        let free = RefCell::new((0..count).rev().collect());
        SlotTable { shard, own: count, chosen, free, to_close: RefCell::default(), in_use: Cell::new(0) }
    }

    /// True if the kernel has slots to choose from.
    pub(crate) fn has_chosen(&self) -> bool {
        self.chosen > 0
    }

    /// Takes over the slot that the kernel has chosen, as an op's result tells it.
    pub(crate) fn adopt(&self, res: i32) -> SlotFd {
        debug_assert!((self.own..self.own + self.chosen).contains(&(res as u32)));
        self.in_use.set(self.in_use.get() + 1);
        SlotFd(Arc::new(SlotOwner { shard: self.shard, place: Place::Slot(res as u32), state: AtomicU8::new(OPEN) }))
    }

    pub(crate) fn shard(&self) -> ShardId {
        self.shard
    }

    /// A slot to open something into; an ordinary descriptor if none is free.
    pub(crate) fn reserve(&self) -> SlotFd {
        let place = match self.free.borrow_mut().pop() {
            Some(index) => {
                self.in_use.set(self.in_use.get() + 1);
                Place::Slot(index)
            }
            None => Place::Fd(OnceLock::new()),
        };
        SlotFd(Arc::new(SlotOwner { shard: self.shard, place, state: AtomicU8::new(RESERVED) }))
    }

    /// The last owner of a slot is gone.
    pub(crate) fn give_back(&self, index: u32, open: bool) {
        if open {
            self.to_close.borrow_mut().push(index);
        } else {
            self.freed(index);
        }
    }

    /// A slot that the driver has to close.
    pub(crate) fn take_to_close(&self) -> Option<u32> {
        self.to_close.borrow_mut().pop()
    }

    pub(crate) fn has_to_close(&self) -> bool {
        !self.to_close.borrow().is_empty()
    }

    /// The slot is empty and can be given out again.
    pub(crate) fn freed(&self, index: u32) {
        self.in_use.set(self.in_use.get() - 1);
        if index < self.own {
            self.free.borrow_mut().push(index);
        }
    }

    /// Slots reserved, open or being closed.
    pub(crate) fn in_use(&self) -> u32 {
        self.in_use.get()
    }
}
