//! The futures of those who wait.

use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
};

use super::*;
use crate::sync::wait_list::Node;

/// Ready once its task has been notified: see [`Notify::notified`].
#[must_use = "futures do nothing unless awaited"]
pub struct Notified<'a>(Waiting<&'a Notify>);

/// As [`Notified`], holding the `Arc` of its [`Notify`]: see [`Notify::notified_owned`].
#[must_use = "futures do nothing unless awaited"]
pub struct OwnedNotified(Waiting<Arc<Notify>>);

struct Waiting<N: Deref<Target = Notify>> {
    notify: N,
    /// The round in which it was made, and in which it queued.
    round: usize,
    step: Step,
    node: Node<Waiter>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    New,
    /// The node is in a list, or was: then it bears the word.
    Queued,
    Done,
}

impl<N: Deref<Target = Notify>> Waiting<N> {
    fn new(notify: N, round: usize) -> Waiting<N> {
        Waiting { notify, round, step: Step::New, node: Node::new(Waiter { waker: None, word: None }) }
    }

    /// True once notified. `waker`: whom to wake; `None` leaves it as it was.
    fn poll_notified(mut self: Pin<&mut Self>, waker: Option<&Waker>) -> bool {
        let done = match self.step {
            Step::New => self.as_mut().start(waker),
            Step::Queued => !self.node.is_linked() || self.as_mut().look_again(waker),
            Step::Done => true,
        };
        if done {
            self.advance(Step::Done);
        }
        done
    }

    fn start(mut self: Pin<&mut Self>, waker: Option<&Waker>) -> bool {
        let state = self.notify.state.load(Relaxed);
        let permit = round_of(state) | PERMIT;
        if self.notify.state.compare_exchange(permit, round_of(state), AcqRel, Relaxed).is_ok() {
            return true;
        }
        if self.notify.round() != self.round {
            return true;
        }
        // Cloned before the lock is taken: it is user code.
        self.as_mut().node().value_mut().waker = waker.cloned();
        let (notify, (node, round)) = self.as_mut().parts();
        let mut queues = notify.lock();
        if !notify.enter(round) {
            return true;
        }
        // SAFETY: `Step::New` says that the node is in no list. The memory is this future, which is pinned; its destructor
        // takes the node out (`leave`). Test: `a_dropped_future_passes_its_notification_on`.
        unsafe { queues.waiting.push_back(node) };
        drop(queues);
        self.advance(Step::Queued);
        false
    }

    /// Still in a list, as far as can be known without the lock.
    #[cold]
    fn look_again(mut self: Pin<&mut Self>, waker: Option<&Waker>) -> bool {
        let mut fresh = None;
        loop {
            let (notify, (node, round)) = self.as_mut().parts();
            let mut queues = notify.lock();
            if !node.is_linked() {
                return true;
            }
            if notify.round() != round {
                // SAFETY: linked, and of a former round, so among those who leave. Its memory is this future, borrowed
                // here. Test: `those_who_leave_need_not_be_woken`.
                unsafe { queues.leaving.remove(node) };
                return true;
            }
            let Some(waker) = waker else { return false };
            // SAFETY: linked, and of the present round, so among those who wait. Its memory is this future, borrowed here.
            // Test: `the_task_that_polled_last_is_woken`.
            let known = unsafe { &mut queues.waiting.value_mut(&node).waker };
            if known.as_ref().is_some_and(|known| known.will_wake(waker)) {
                return false;
            }
            if fresh.is_some() {
                std::mem::swap(known, &mut fresh);
                // First the lock, then the old waker: to drop it is user code.
                drop(queues);
                return false;
            }
            drop(queues);
            fresh = Some(waker.clone());
        }
    }

    /// Out of the list; a word for one that was not heard goes to another.
    fn leave(mut self: Pin<&mut Self>) {
        self.advance(Step::Done);
        let (notify, (mut node, round)) = self.as_mut().parts();
        if node.is_linked() {
            let mut queues = notify.lock();
            // The word may have come before the lock did.
            if node.is_linked() {
                let list = if notify.round() == round { &mut queues.waiting } else { &mut queues.leaving };
                // SAFETY: linked, and the round tells in which list. Its memory is this future, borrowed here.
                // Test: `a_dropped_future_passes_its_notification_on` and `notify_storm`.
                unsafe { list.remove(node.as_mut()) };
                if notify.round() == round {
                    notify.lower_if_empty(&queues);
                }
                return;
            }
        }
        if let Some(word @ (Word::First | Word::Last)) = node.value_mut().word {
            notify.notify(word);
        }
    }

    fn advance(self: &mut Pin<&mut Self>, step: Step) {
        // SAFETY: the step is not pinned by anyone; the node, which is, stays in its place. The memory is the caller's for
        // as long as it lends it. Test: every one of `notify/tests.rs`.
        unsafe { self.as_mut().get_unchecked_mut().step = step };
    }

    fn node(self: Pin<&mut Self>) -> Pin<&mut Node<Waiter>> {
        self.parts().1.0
    }

    /// What is waited at, and the node with its round.
    fn parts(self: Pin<&mut Self>) -> (&Notify, (Pin<&mut Node<Waiter>>, usize)) {
        // SAFETY: the node is pinned with its future: nothing moves it out, and it is dropped in place. The memory is the
        // caller's for as long as it lends it. Test: every one of `notify/tests.rs`.
        unsafe {
            let this = self.get_unchecked_mut();
            (&this.notify, (Pin::new_unchecked(&mut this.node), this.round))
        }
    }
}

impl<N: Deref<Target = Notify>> Drop for Waiting<N> {
    fn drop(&mut self) {
        if self.step == Step::Queued {
            // SAFETY: one that is queued has been polled or enabled, so it is pinned, and it is not moved while it is
            // dropped. Test: `a_dropped_future_passes_its_notification_on`.
            unsafe { Pin::new_unchecked(self) }.leave();
        }
    }
}

#[cfg(test)]
impl Notified<'_> {
    pub(super) fn is_linked(&self) -> bool {
        self.0.node.is_linked()
    }
}

impl Notify {
    /// For one who holds the lock and wants to wait: false if it has been notified.
    fn enter(&self, round: usize) -> bool {
        let mut state = self.state.load(Acquire);
        loop {
            if round_of(state) != round {
                return false;
            }
            let (next, enters) = if state & STATE == PERMIT { (round | EMPTY, false) } else { (round | WAITING, true) };
            match self.state.compare_exchange_weak(state, next, AcqRel, Acquire) {
                Ok(_) => return enters,
                Err(now) => state = now,
            }
        }
    }
}

/// The public face of both futures.
macro_rules! notified_future {
    ($($name:ident [$($lifetime:lifetime)?] $future:ty, $notify:ty;)+) => { $(
        impl<$($lifetime)?> $future {
            pub(super) fn new(notify: $notify, round: usize) -> Self {
                Self(Waiting::new(notify, round))
            }

            /// Queues for [`Notify::notify_one`] as a first poll does, without a task to wake yet. True if it has been
            /// notified already: the next poll is ready then.
            ///
            /// For code that looks for something after it has begun to listen, and awaits only if that is not there:
            ///
            /// ```
            /// # use runtime_core as runtime;
            /// use std::pin::pin;
            /// use runtime::sync::Notify;
            ///
            /// let notify = Notify::new();
            /// let mut notified = pin!(notify.notified());
            /// assert!(!notified.as_mut().enable());
            /// notify.notify_one(); // meant for `notified`, and kept for it
            /// assert!(notified.enable());
            /// ```
            pub fn enable(self: Pin<&mut Self>) -> bool {
                self.waiting().poll_notified(None)
            }

            fn waiting(self: Pin<&mut Self>) -> Pin<&mut Waiting<$notify>> {
                // SAFETY: the one field is pinned with its future: nothing moves it out, and it is dropped in place. The
                // memory is the caller's for as long as it lends it. Test: every one of `notify/tests.rs`.
                unsafe { self.map_unchecked_mut(|this| &mut this.0) }
            }
        }

        impl<$($lifetime)?> Future for $future {
            type Output = ();

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
                if self.waiting().poll_notified(Some(cx.waker())) { Poll::Ready(()) } else { Poll::Pending }
            }
        }

        impl<$($lifetime)?> fmt::Debug for $future {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("step", &self.0.step).finish_non_exhaustive()
            }
        }
    )+ };
}

notified_future! {
    Notified ['a] Notified<'a>, &'a Notify;
    OwnedNotified [] OwnedNotified, Arc<Notify>;
}
