//! A piece of a channel's queue: room for some messages.

use std::{
    alloc::{Layout, alloc, handle_alloc_error},
    cell::UnsafeCell,
    mem::MaybeUninit,
    ptr::{self, NonNull, addr_of_mut},
    sync::atomic::{AtomicBool, AtomicPtr, Ordering::*},
};

/// Messages in a block.
pub(super) const CAPACITY: usize = 31;

pub(super) struct Block<T> {
    /// The block behind this one. Set by who takes the last place, before that place is full.
    pub(super) next: AtomicPtr<Block<T>>,
    /// Whether the message is there. A place belongs to the sender that took it while this is false, and to the receiver
    /// from then on.
    full: [AtomicBool; CAPACITY],
    places: [UnsafeCell<MaybeUninit<T>>; CAPACITY],
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
            addr_of_mut!((*block.as_ptr()).full).write([const { AtomicBool::new(false) }; CAPACITY]);
        }
        block
    }

    /// Makes a block new again whose messages have all been taken.
    pub(super) fn reset(&mut self) {
        *self.next.get_mut() = ptr::null_mut();
        self.full = [const { AtomicBool::new(false) }; CAPACITY];
    }

    /// Frees a block, not what is in it.
    ///
    /// # Safety
    /// It was made by [`Block::new`], and nobody uses it any more.
    pub(super) unsafe fn free(block: NonNull<Block<T>>) {
        // SAFETY: by the contract; `new` allocates as a box does. A block has no destructor.
        // Test: messages_are_dropped_exactly_once, under AddressSanitizer.
        drop(unsafe { Box::from_raw(block.as_ptr()) });
    }

    /// Writes a message, and says that it is there. No reference to the block: it may be gone when this returns.
    ///
    /// # Safety
    /// The caller has taken this place of the block, and has not written it yet.
    pub(super) unsafe fn write(block: *const Block<T>, place: usize, message: T) {
        // SAFETY: the place is the caller's alone until it is full. The memory is the queue's: the receiver frees a block
        // only after all its places were full. Test: three_threads_send_in_order, under AddressSanitizer.
        unsafe {
            debug_assert!(!(*block).full[place].load(Relaxed));
            (*(*block).places[place].get()).write(message);
            // SeqCst: who sends looks for a sleeping receiver after this (`WakerCell`).
            (*block).full[place].store(true, SeqCst);
        }
    }

    pub(super) fn is_full(&self, place: usize) -> bool {
        self.full[place].load(SeqCst)
    }

    /// The message, if it is there.
    ///
    /// # Safety
    /// The caller is the receiver, and has not read this place yet.
    pub(super) unsafe fn read(&self, place: usize) -> Option<T> {
        // SAFETY: full says that it was written, and is the receiver's from then on. Test: three_threads_send_in_order.
        self.is_full(place).then(|| unsafe { (*self.places[place].get()).assume_init_read() })
    }
}
