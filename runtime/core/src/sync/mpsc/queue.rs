//! The queue of a channel: many threads push, one pops.
//!
//! A list of blocks, and a number that says how many places have been taken. To push is to take a place by raising the
//! number (one atomic step), to write the message there, and to say that the place is full. To pop is to look whether
//! the next place is full. No step waits for another thread but one: who takes the last place of a block puts the next
//! block in, and whoever comes in these few instructions spins.
//!
//! **Who frees a block.** The receiver, after it has taken all messages in it. A sender touches a block only between taking
//! a place in it and saying that the place is full. It may have read the address earlier, but then it takes the place only
//! if the number is still the one it read before the address, so that the block still is the last one.
//!
//! **The end.** A flag in the same word keeps places from being taken. The receiver sets it when it goes, waits for the
//! places that were taken to be full, drops what is in them, and frees all blocks, while senders may live on.

use std::{
    panic::{RefUnwindSafe, UnwindSafe},
    ptr::{self, NonNull},
};

use super::block::{Block, CAPACITY};
use crate::primitives::{
    atomic::{AtomicPtr, Ordering::*},
    hint,
    sequential::AtomicUsize,
    thread,
};

/// Numbers per block. The last one has no place: it says that the next block is being put in.
const LAP: usize = CAPACITY + 1;
/// No place can be taken any more.
const CLOSED: usize = 1;
/// One place.
const PLACE: usize = 2;

/// The side of the senders, shared by all.
// Senders write these all the time; what lies beside it in memory is not to suffer.
#[repr(align(64))]
pub(super) struct Queue<T> {
    /// The number of the next place in units of `PLACE`, and `CLOSED`. It only grows.
    tail: AtomicUsize,
    /// The block of that place. Written only by who has taken the last place of the block before, and before `tail` gets
    /// beyond that block: who reads `tail` first sees this block or a later one.
    block: AtomicPtr<Block<T>>,
    /// An empty block that belongs to whoever swaps it out, or null.
    spare: AtomicPtr<Block<T>>,
}

/// The side of the receiver.
pub(super) struct Head<T> {
    /// The block of the next message.
    block: NonNull<Block<T>>,
    /// The number of its place.
    position: usize,
}

// SAFETY: messages go from thread to thread through blocks, one thread having a place at a time: `T: Send`. No shared
// access gives away a `&T`. Test: three_threads_send_in_order.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Queue<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Head<T> {}
// SAFETY: as above; a shared head tells numbers only.
unsafe impl<T: Send> Sync for Head<T> {}

// Messages are moved in and out whole; user code runs at neither.
impl<T> UnwindSafe for Queue<T> {}
impl<T> RefUnwindSafe for Queue<T> {}
impl<T> UnwindSafe for Head<T> {}
impl<T> RefUnwindSafe for Head<T> {}

/// How many messages come before this number.
const fn count(position: usize) -> usize {
    position / LAP * CAPACITY + position % LAP
}

/// Waits a little, longer from time to time, for another thread that is in the middle of a step.
fn spin(rounds: &mut u32) {
    *rounds += 1;
    // It may have been interrupted, perhaps on this very core.
    if rounds.is_multiple_of(32) { thread::yield_now() } else { hint::spin_loop() }
}

impl<T> Queue<T> {
    /// A queue, empty, of one block.
    pub(super) fn new() -> (Queue<T>, Head<T>) {
        let block = Block::new();
        let queue = Queue {
            tail: AtomicUsize::new(0),
            block: AtomicPtr::new(block.as_ptr()),
            spare: AtomicPtr::new(ptr::null_mut()),
        };
        (queue, Head { block, position: 0 })
    }

    /// Puts a message behind all others; it comes back if the queue is closed.
    pub(super) fn push(&self, message: T) -> Result<(), T> {
        let mut fresh: Option<NonNull<Block<T>>> = None;
        let (mut tail, mut rounds) = (self.tail.load(Acquire), 0);
        let refused = loop {
            if tail & CLOSED != 0 {
                break Err(message);
            }
            let place = tail / PLACE % LAP;
            if place == CAPACITY {
                spin(&mut rounds);
                tail = self.tail.load(Acquire);
                continue;
            }
            let block = self.block.load(Acquire);
            let is_last = place + 1 == CAPACITY;
            if is_last && fresh.is_none() {
                // Before the place is taken: nothing may fail after that.
                fresh = Some(self.fresh_block());
            }
            match self.tail.compare_exchange_weak(tail, tail + PLACE, AcqRel, Acquire) {
                Ok(_) => {
                    if is_last {
                        let next = fresh.take().expect("made above").as_ptr();
                        // SAFETY: the place is ours, so the block is alive until we say that it is full, and it is the
                        // place's block: `tail` has not changed since before `block` was read.
                        // Test: three_threads_send_in_order, under AddressSanitizer.
                        unsafe { &(*block).next }.store(next, Release);
                        self.block.store(next, Release);
                        // Not a store: the queue may be closed in between.
                        self.tail.fetch_add(PLACE, Release);
                    }
                    // SAFETY: as above. Test: as above.
                    unsafe { Block::write(block, place, message) };
                    break Ok(());
                }
                Err(now) => tail = now,
            }
        };
        if let Some(unused) = fresh {
            self.keep(unused);
        }
        refused
    }

    /// Keeps places from being taken, from now on.
    pub(super) fn close(&self) {
        self.tail.fetch_or(CLOSED, SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.tail.load(SeqCst) & CLOSED != 0
    }

    fn fresh_block(&self) -> NonNull<Block<T>> {
        let spare = self.spare.swap(ptr::null_mut(), Acquire);
        NonNull::new(spare).unwrap_or_else(Block::new)
    }

    /// Puts an empty block by, if there is none yet.
    fn keep(&self, block: NonNull<Block<T>>) {
        if self.spare.compare_exchange(ptr::null_mut(), block.as_ptr(), Release, Relaxed).is_err() {
            // SAFETY: the block is the caller's, and nobody else knows it. Test: messages_are_dropped_exactly_once.
            unsafe { Block::free(block) };
        }
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        if let Some(spare) = NonNull::new(self.spare.load(Relaxed)) {
            // SAFETY: a spare block belongs to who takes it out. The others are the head's to free.
            // Test: messages_are_dropped_exactly_once.
            unsafe { Block::free(spare) };
        }
    }
}

/// All take the queue that the head was made with.
impl<T> Head<T> {
    /// The next message, if it is there.
    ///
    /// # Safety
    /// `queue` was made with this head, and [`drain`](Head::drain) has not been called.
    pub(super) unsafe fn pop(&mut self, queue: &Queue<T>) -> Option<T> {
        let place = self.position % LAP;
        // SAFETY: the head's block is alive: only the head frees blocks, and only those it has left behind. It goes from
        // place to place and reads each once. Test: three_threads_send_in_order.
        let block = unsafe { self.block.as_ref() };
        // SAFETY: as above.
        let message = unsafe { block.read(place) }?;
        self.position += 1;
        if place + 1 == CAPACITY {
            self.position += 1;
            let next = block.next.load(Acquire);
            let mut left = std::mem::replace(&mut self.block, NonNull::new(next).expect("set before the last is full"));
            // SAFETY: all its places have been full, so no sender touches it any more, and the head has left it.
            // Test: three_threads_send_in_order, under AddressSanitizer.
            unsafe { left.as_mut() }.reset();
            queue.keep(left);
        }
        Some(message)
    }

    /// Messages whose places have been taken and that were not popped yet.
    pub(super) fn len(&self, queue: &Queue<T>) -> usize {
        count(queue.tail.load(SeqCst) / PLACE) - count(self.position)
    }

    /// As [`pop`](Head::pop), but a message on its way is waited for. `None`: every place that was taken is empty again.
    ///
    /// # Safety
    /// As for `pop`.
    pub(super) unsafe fn pop_or_wait(&mut self, queue: &Queue<T>) -> Option<T> {
        let mut rounds = 0;
        loop {
            // SAFETY: the caller's contract.
            if let message @ Some(_) = unsafe { self.pop(queue) } {
                return message;
            }
            if self.len(queue) == 0 {
                return None;
            }
            spin(&mut rounds);
        }
    }

    /// Closes the queue, drops all messages, and frees the blocks.
    ///
    /// # Safety
    /// As for `pop`; and the head is not used afterwards.
    pub(super) unsafe fn drain(&mut self, queue: &Queue<T>) {
        /// Drops what is left when the drop of a message panics, and frees the last block.
        struct Rest<'a, T>(&'a mut Head<T>, &'a Queue<T>);
        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                // SAFETY: `drain` has the contract.
                while unsafe { self.0.pop_or_wait(self.1) }.is_some() {}
                // SAFETY: the queue is closed and every place that was taken has been full, so no sender touches a block
                // any more. Test: messages_are_dropped_exactly_once, under AddressSanitizer.
                unsafe { Block::free(self.0.block) };
            }
        }
        queue.close();
        let rest = Rest(self, queue);
        // SAFETY: the caller's contract.
        while unsafe { rest.0.pop_or_wait(queue) }.is_some() {}
    }
}
