//! A piece of a channel's queue: room for some messages.

use std::{
    alloc::{Layout, alloc, handle_alloc_error},
    array,
    mem::MaybeUninit,
    ptr::{self, NonNull, addr_of_mut},
};

use crate::primitives::{
    self, Alive, UnsafeCell,
    atomic::{AtomicPtr, Ordering::*},
    sequential::AtomicBool,
};

/// Messages in a block. Few in models, which so come to its end.
pub(super) const CAPACITY: usize = if cfg!(all(test, loom)) { 2 } else { 31 };

pub(super) struct Block<T> {
    /// The block behind this one. Set by who takes the last place, before that place is full.
    pub(super) next: AtomicPtr<Block<T>>,
    /// Whether the message is there. A place belongs to the sender that took it while this is false, and to the receiver
    /// from then on.
    full: [AtomicBool; CAPACITY],
    places: [UnsafeCell<MaybeUninit<T>>; CAPACITY],
    alive: Alive,
}

impl<T> Block<T> {
    /// An empty block. To be freed by [`Block::free`].
    pub(super) fn new() -> NonNull<Block<T>> {
        let layout = Layout::new::<Block<T>>();
        // SAFETY: the layout has a size: `next` alone has one. Test: every one of this room.
        let block = unsafe { alloc(layout) }.cast::<Block<T>>();
        let Some(block) = NonNull::new(block) else { handle_alloc_error(layout) };
        // In place: a block of large messages has no room on the stack.
        // SAFETY: the memory is new and of this layout; the places need no initialisation.
        // Test: large_messages_need_no_stack.
        unsafe {
            addr_of_mut!((*block.as_ptr()).next).write(AtomicPtr::new(ptr::null_mut()));
            addr_of_mut!((*block.as_ptr()).full).write(array::from_fn(|_| AtomicBool::new(false)));
            #[cfg(all(test, loom))]
            addr_of_mut!((*block.as_ptr()).places).write(array::from_fn(|_| UnsafeCell::new(MaybeUninit::uninit())));
            addr_of_mut!((*block.as_ptr()).alive).write(Alive::new());
        }
        block
    }

    /// Makes a block new again whose messages have all been taken.
    pub(super) fn reset(&mut self) {
        self.next.store(ptr::null_mut(), Relaxed);
        self.full.iter().for_each(|full| full.store(false, Relaxed));
    }

    /// Frees a block, not what is in it.
    ///
    /// # Safety
    /// It was made by [`Block::new`], and nobody uses it any more.
    pub(super) unsafe fn free(block: NonNull<Block<T>>) {
        // SAFETY: by the contract; `new` allocates as a box does. A block has no destructor.
        // Test: messages_are_dropped_exactly_once, under AddressSanitizer.
        unsafe {
            block.as_ref().alive.end();
            primitives::free(block.as_ptr());
        }
    }

    /// Writes a message, and says that it is there. No reference to the block: it may be gone when this returns.
    ///
    /// # Safety
    /// The caller has taken this place of the block, and has not written it yet.
    pub(super) unsafe fn write(block: *const Block<T>, place: usize, message: T) {
        // SAFETY: the place is the caller's alone until it is full. The memory is the queue's: the receiver frees a block
        // only after all its places were full. Test: three_threads_send_in_order, under AddressSanitizer.
        unsafe {
            (*block).alive.touch();
            debug_assert!(!(*block).full[place].load(Relaxed));
            (*block).places[place].with_mut(|empty| (*empty).write(message));
            // SeqCst: who sends looks for a sleeping receiver after this (`WakerCell`).
            (*block).full[place].store(true, SeqCst);
        }
    }

    pub(super) fn is_full(&self, place: usize) -> bool {
        self.alive.touch();
        self.full[place].load(SeqCst)
    }

    /// The message, if it is there.
    ///
    /// # Safety
    /// The caller is the receiver, and has not read this place yet.
    pub(super) unsafe fn read(&self, place: usize) -> Option<T> {
        // SAFETY: full says that it was written, and is the receiver's from then on. Test: three_threads_send_in_order.
        self.is_full(place).then(|| self.places[place].with_mut(|message| unsafe { (*message).assume_init_read() }))
    }
}
