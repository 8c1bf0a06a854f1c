//! What the two ends of a oneshot channel share: one allocation and its state word.
//!
//! | bit | set by | while it is set |
//! |---|---|---|
//! | [`VALUE`] | the sender, in one step with `SENDER_GONE` | the value is there, and the receiver's. Never cleared: who takes the value frees the memory. |
//! | [`SENDER_GONE`] | the sender, as its last touch of the memory | all of it belongs to the receiver. |
//! | [`CLOSED`] | the receiver | no value will be sent. Excludes a later `VALUE`. |
//! | [`RECEIVER_GONE`] | the receiver, as its last touch of the memory, after `CLOSED` | all of it belongs to the sender. |
//! | [`SENDER_WAITS`] | the sender | its waker is there. Excludes writes to it. Whoever clears the bit owns the waker. |
//! | [`RECEIVER_WAITS`] | the receiver | its waker is there. Excludes writes to it. Whoever clears the bit owns the waker. |
//! | [`SENDER_TAKES`] | the sender, in the step that clears `RECEIVER_WAITS` | it moves the receiver's waker out, and is about to go. Excludes writes to the receiver's cell, for good. |
//!
//! The receiver takes the sender's waker after it has set `CLOSED`, which keeps the sender from writing another one.
//!
//! The end that finds the other one gone frees the memory; if both go at once, the order of their steps on the word says
//! which came second.

use std::{
    mem::{ManuallyDrop, MaybeUninit},
    panic::{RefUnwindSafe, UnwindSafe},
    ptr::NonNull,
    task::{Context, Poll, Waker},
};

use crate::primitives::{
    self, Alive, UnsafeCell,
    atomic::{
        AtomicU8,
        Ordering::{AcqRel, Acquire},
    },
};

const VALUE: u8 = 1 << 0;
const SENDER_GONE: u8 = 1 << 1;
const CLOSED: u8 = 1 << 2;
const RECEIVER_GONE: u8 = 1 << 3;
const SENDER_WAITS: u8 = 1 << 4;
const RECEIVER_WAITS: u8 = 1 << 5;
const SENDER_TAKES: u8 = 1 << 6;

/// No destructor of its own: what is initialised, the bits say, and who frees it takes that out first.
struct Shared<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
    sender: UnsafeCell<MaybeUninit<Waker>>,
    receiver: UnsafeCell<MaybeUninit<Waker>>,
    alive: Alive,
}

pub(super) struct SenderEnd<T>(NonNull<Shared<T>>);

pub(super) struct ReceiverEnd<T>(NonNull<Shared<T>>);

// SAFETY: an end gives a value in or out, and a thread of its own may drop it: `T: Send`. Shared access to an end reads
// the state word alone. The cells are handed from thread to thread by the bits, with release and acquire.
// Test: values_cross_threads_once.
unsafe impl<T: Send> Send for SenderEnd<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SenderEnd<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for ReceiverEnd<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for ReceiverEnd<T> {}

// A panic leaves no value half made: user code runs only while the word says where everything is.
impl<T> UnwindSafe for SenderEnd<T> {}
impl<T> RefUnwindSafe for SenderEnd<T> {}
impl<T> UnwindSafe for ReceiverEnd<T> {}
impl<T> RefUnwindSafe for ReceiverEnd<T> {}

/// What a receiver finds.
pub(super) enum Received<T> {
    Value(T),
    /// There will be none.
    Nothing,
    NotYet(ReceiverEnd<T>),
}

pub(super) fn pair<T>() -> (SenderEnd<T>, ReceiverEnd<T>) {
    let shared = Box::new(Shared {
        state: AtomicU8::new(0),
        value: UnsafeCell::new(MaybeUninit::uninit()),
        sender: UnsafeCell::new(MaybeUninit::uninit()),
        receiver: UnsafeCell::new(MaybeUninit::uninit()),
        alive: Alive::new(),
    });
    let shared = NonNull::from(Box::leak(shared));
    (SenderEnd(shared), ReceiverEnd(shared))
}

impl<T> Shared<T> {
    /// Takes a waker out if it is there. `bit` is the bit of `cell`.
    fn take_waker(&self, bit: u8, cell: &UnsafeCell<MaybeUninit<Waker>>) -> Option<Waker> {
        let before = self.state.fetch_and(!bit, AcqRel);
        // SAFETY: the bit said that the waker is there, and to clear it is to own it. The memory is the channel's, and the
        // caller's end is not gone. Test: wakers_are_dropped_once.
        (before & bit != 0).then(|| cell.with(|waker| unsafe { (*waker).assume_init_read() }))
    }

    /// Puts in the waker of one end, unless it is the one that is there, or the other end has taken that one: it is in the
    /// cell still, perhaps. Gives the state word after that, which then says `CLOSED` to the sender, and `SENDER_TAKES` to
    /// the receiver.
    ///
    /// # Safety
    /// `bit` is the bit of `cell`, both belong to the caller's end, and no other thread is in here for the same end.
    unsafe fn set_waker(&self, bit: u8, cell: &UnsafeCell<MaybeUninit<Waker>>, cx: &Context<'_>, state: u8) -> u8 {
        let mut old = None;
        if state & bit != 0 {
            // SAFETY: only this end writes the cell, and it has done so. The other end may be moving the waker out just
            // now, but that reads the cell as we do, and the comparison follows no pointer. It will then wake that waker.
            // Test: values_cross_threads_once.
            if cell.with(|waker| unsafe { (*waker).assume_init_ref() }.will_wake(cx.waker())) {
                return state;
            }
            let before = self.state.fetch_and(!bit, AcqRel);
            if before & bit == 0 {
                return before;
            }
            // SAFETY: the bit said that the waker is there, and to clear it is to own it. Test: wakers_are_dropped_once.
            old = Some(cell.with(|waker| unsafe { (*waker).assume_init_read() }));
        }
        let waker = cx.waker().clone();
        // SAFETY: this end has cleared the bit, or never set it, so the cell is its alone, and empty.
        // Test: wakers_are_dropped_once.
        cell.with_mut(|empty| unsafe { (*empty).write(waker) });
        let state = self.state.fetch_or(bit, AcqRel);
        drop(old);
        state
    }
}

/// Frees the memory of a channel, without what may be in it.
///
/// # Safety
/// The other end is gone, seen with acquire, and the caller's does not touch the memory again.
unsafe fn free<T>(shared: NonNull<Shared<T>>) {
    // SAFETY: made by `pair` from a box; by the contract nobody else knows it any more.
    // Test: every_way_to_end_frees_everything, under AddressSanitizer.
    unsafe {
        shared.as_ref().alive.end();
        primitives::free(shared.as_ptr());
    }
}

impl<T> SenderEnd<T> {
    fn shared(&self) -> &Shared<T> {
        // SAFETY: the memory belongs to both ends, until the one that goes second frees it; this one is not gone.
        // Test: every_way_to_end_frees_everything, under AddressSanitizer.
        let shared = unsafe { self.0.as_ref() };
        shared.alive.touch();
        shared
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shared().state.load(Acquire) & CLOSED != 0
    }

    pub(super) fn send(self, value: T) -> Result<(), T> {
        if self.is_closed() {
            return Err(value);
        }
        // SAFETY: without VALUE the cell is the sender's, and only `send`, which takes the sender, writes it.
        // Test: values_cross_threads_once.
        self.shared().value.with_mut(|empty| unsafe { (*empty).write(value) });
        let (refused, receiver) = self.leave(VALUE);
        match refused {
            None => {
                if let Some(receiver) = receiver {
                    receiver.wake();
                }
                Ok(())
            }
            // SAFETY: written above, and VALUE was never set: it is still the sender's.
            // Test: every_way_to_end_frees_everything.
            Some(end) => Err(end.shared().value.with_mut(|value| unsafe { (*value).assume_init_read() })),
        }
    }

    /// Sets SENDER_GONE and `with`, and gives the receiver's waker. The end comes back, not gone, if the channel is
    /// closed.
    fn leave(self, with: u8) -> (Option<SenderEnd<T>>, Option<Waker>) {
        let shared = self.shared();
        let mut state = shared.state.load(Acquire);
        let (mut receiver, mut own) = (None, None);
        loop {
            if state & CLOSED != 0 {
                return (Some(self), receiver);
            }
            // The wakers first: after the step at the end the memory may be gone.
            if state & RECEIVER_WAITS != 0 {
                let taken = (state & !RECEIVER_WAITS) | SENDER_TAKES;
                if let Err(now) = shared.state.compare_exchange(state, taken, AcqRel, Acquire) {
                    state = now;
                    continue;
                }
                // SAFETY: the bit said that the waker is there, to clear it is to own it, and the receiver writes no other
                // one. Tests: wakers_are_dropped_once, values_cross_threads_once.
                receiver = Some(shared.receiver.with(|waker| unsafe { (*waker).assume_init_read() }));
                state = taken;
            }
            if state & SENDER_WAITS != 0 {
                own = shared.take_waker(SENDER_WAITS, &shared.sender).or(own);
                state &= !SENDER_WAITS;
            }
            match shared.state.compare_exchange(state, state | SENDER_GONE | with, AcqRel, Acquire) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        let _gone = ManuallyDrop::new(self);
        drop(own);
        (None, receiver)
    }

    pub(super) fn poll_closed(&mut self, cx: &Context<'_>) -> Poll<()> {
        let shared = self.shared();
        let mut state = shared.state.load(Acquire);
        if state & CLOSED == 0 {
            // SAFETY: bit and cell of the sender, of which there is one, borrowed exclusively.
            state = unsafe { shared.set_waker(SENDER_WAITS, &shared.sender, cx, state) };
        }
        if state & CLOSED == 0 { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl<T> Drop for SenderEnd<T> {
    fn drop(&mut self) {
        let (refused, receiver) = SenderEnd(self.0).leave(0);
        if let Some(end) = refused {
            // The channel is closed. Nobody waits who would have to be woken, but the receiver may still be there.
            let shared = ManuallyDrop::new(end).0;
            // SAFETY: this end is not gone. Test: every_way_to_end_frees_everything.
            let memory = unsafe { shared.as_ref() };
            drop(memory.take_waker(SENDER_WAITS, &memory.sender));
            if memory.state.fetch_or(SENDER_GONE, AcqRel) & RECEIVER_GONE != 0 {
                // SAFETY: the receiver is gone, this was the last touch, and the receiver has taken its waker with it.
                // Test: every_way_to_end_frees_everything.
                unsafe { free(shared) };
            }
        }
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }
}

impl<T> ReceiverEnd<T> {
    fn shared(&self) -> &Shared<T> {
        // SAFETY: the memory belongs to both ends, until the one that goes second frees it; this one is not gone.
        // Test: every_way_to_end_frees_everything, under AddressSanitizer.
        let shared = unsafe { self.0.as_ref() };
        shared.alive.touch();
        shared
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shared().state.load(Acquire) & VALUE == 0
    }

    pub(super) fn close(&self) {
        let shared = self.shared();
        if shared.state.fetch_or(CLOSED, AcqRel) & SENDER_WAITS != 0
            && let Some(sender) = shared.take_waker(SENDER_WAITS, &shared.sender)
        {
            sender.wake();
        }
    }

    /// Ready if [`receive`](ReceiverEnd::receive) would not say NotYet.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let shared = self.shared();
        let mut state = shared.state.load(Acquire);
        if state & (SENDER_GONE | CLOSED | SENDER_TAKES) == 0 {
            // SAFETY: bit and cell of the receiver, of which there is one, borrowed exclusively; it is the receiver's to
            // write without SENDER_TAKES.
            state = unsafe { shared.set_waker(RECEIVER_WAITS, &shared.receiver, cx, state) };
        }
        if state & (SENDER_GONE | CLOSED) != 0 {
            return Poll::Ready(());
        }
        if state & SENDER_TAKES != 0 {
            // The waker of an earlier poll will be woken in a moment, which may be another one: look again then.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    pub(super) fn receive(self) -> Received<T> {
        let state = self.shared().state.load(Acquire);
        if state & SENDER_GONE != 0 {
            return match ManuallyDrop::new(self).end(state) {
                Some(value) => Received::Value(value),
                None => Received::Nothing,
            };
        }
        // Closed by the receiver itself: the drop of the end does the rest.
        if state & CLOSED != 0 { Received::Nothing } else { Received::NotYet(self) }
    }

    /// Takes the value out, if there is one, and frees the memory, whose only owner this end is: `state` says that the
    /// sender is gone. The end must not be used again.
    fn end(&self, state: u8) -> Option<T> {
        debug_assert!(state & SENDER_GONE != 0);
        let shared = self.shared();
        let own = (state & RECEIVER_WAITS != 0).then(|| shared.take_waker(RECEIVER_WAITS, &shared.receiver));
        // SAFETY: VALUE says that it is there, and the receiver's, and this is called once.
        // Test: every_way_to_end_frees_everything.
        let value = (state & VALUE != 0).then(|| shared.value.with_mut(|value| unsafe { (*value).assume_init_read() }));
        // SAFETY: the sender is gone and this was the last touch; a sender that leaves an open channel has taken its waker
        // with it, and one that leaves a closed one too. Test: every_way_to_end_frees_everything.
        unsafe { free(self.0) };
        // To drop it is user code: last.
        drop(own);
        value
    }
}

impl<T> Drop for ReceiverEnd<T> {
    fn drop(&mut self) {
        let shared = self.shared();
        let mut state = shared.state.load(Acquire);
        let mut wakers = (None, None);
        if state & SENDER_GONE == 0 {
            state = shared.state.fetch_or(CLOSED, AcqRel);
            if state & SENDER_GONE == 0 {
                wakers.0 = shared.take_waker(SENDER_WAITS, &shared.sender);
                wakers.1 = shared.take_waker(RECEIVER_WAITS, &shared.receiver);
                state = shared.state.fetch_or(RECEIVER_GONE, AcqRel);
            }
        }
        if state & SENDER_GONE != 0 {
            drop(self.end(state));
        }
        let (sender, own) = wakers;
        drop(own);
        if let Some(sender) = sender {
            sender.wake();
        }
    }
}
