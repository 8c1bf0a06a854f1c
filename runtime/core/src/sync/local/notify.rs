//! [`Notify`]: news without content.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    marker::PhantomData,
    ops::Deref,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use super::{
    OneThread,
    waiters::{self, Batch, Key, Waiters},
};
use crate::coop;

/// Wakes one task, or all that wait: a semaphore that has one permit at most, or a bell.
///
/// [`notify_one`](Notify::notify_one) leaves a permit if nobody waits, so that the next `notified().await` goes on at
/// once; a second one before that adds nothing. [`notify_waiters`](Notify::notify_waiters) reaches every
/// [`Notified`] that exists, polled or not, and leaves nothing behind.
///
/// So what a task checks after it has made a `Notified`, and before it awaits it, cannot be missed.
#[derive(Debug)]
pub struct Notify {
    /// One notification that nobody has waited for yet.
    permit: Cell<bool>,
    /// How many times all were notified. A future that was made before the last time has been notified.
    rounds: Cell<u64>,
    waiters: RefCell<Waiters<News>>,
    one_thread: OneThread,
}

/// What a waiter has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    None,
    /// By `notify_one`. Whoever is dropped without having looked at it passes it on to the first.
    First,
    /// By `notify_last`: it is passed on to the last.
    Last,
    All,
}

impl Notify {
    /// Without a permit.
    pub const fn new() -> Notify {
        Notify {
            permit: Cell::new(false),
            rounds: Cell::new(0),
            waiters: RefCell::new(Waiters::new()),
            one_thread: PhantomData,
        }
    }

    /// The same as [`new`](Notify::new).
    pub const fn const_new() -> Notify {
        Notify::new()
    }

    /// Waits for a notification. A call of [`notify_waiters`](Notify::notify_waiters) counts from now on, one of
    /// [`notify_one`](Notify::notify_one) once it is first polled or [enabled](Notified::enable).
    ///
    /// # Cancel safety
    /// Dropping it loses its place in the queue. A notification that it has got from `notify_one` or `notify_last` goes
    /// to the next one, or stays as a permit.
    pub fn notified(&self) -> Notified<'_> {
        Notified { wait: Wait::new(self) }
    }

    /// As [`notified`](Notify::notified), without a borrow.
    pub fn notified_owned(self: Rc<Self>) -> OwnedNotified {
        OwnedNotified { wait: Wait::new(self) }
    }

    /// Wakes the task that has waited longest; without one, leaves a permit.
    pub fn notify_one(&self) {
        self.notify(News::First);
    }

    /// Wakes the task that has waited the shortest time; without one, leaves a permit.
    pub fn notify_last(&self) {
        self.notify(News::Last);
    }

    fn notify(&self, news: News) {
        let mut waiters = self.waiters.borrow_mut();
        let popped = if news == News::Last { waiters.pop_last() } else { waiters.pop_first() };
        let Some((waker, state)) = popped else {
            self.permit.set(true);
            return;
        };
        *state = news;
        drop(waiters);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Wakes all that wait. Whoever asks from now on waits for the next time.
    ///
    /// Nothing is allocated, unless more wait than ever before.
    pub fn notify_waiters(&self) {
        self.rounds.set(self.rounds.get() + 1);
        if self.waiters.borrow().is_empty() {
            return;
        }
        let mut batch = self.waiters.borrow_mut().batch();
        self.take_waiters(&mut batch);
        waiters::wake_all(&self.waiters, batch);
    }

    /// As [`notify_waiters`](Notify::notify_waiters); whom to wake is left to the caller.
    pub(super) fn collect_waiters(&self, batch: &mut Batch) {
        self.rounds.set(self.rounds.get() + 1);
        self.take_waiters(batch);
    }

    fn take_waiters(&self, batch: &mut Batch) {
        let mut waiters = self.waiters.borrow_mut();
        while let Some((waker, state)) = waiters.pop_first() {
            *state = News::All;
            batch.push(waker);
        }
    }

    pub(super) fn batch(&self) -> Batch {
        self.waiters.borrow_mut().batch()
    }

    pub(super) fn wake(&self, batch: Batch) {
        waiters::wake_all(&self.waiters, batch);
    }
}

impl Default for Notify {
    fn default() -> Notify {
        Notify::new()
    }
}

/// A wait for a notification, on a `Notify` that is borrowed or owned.
#[derive(Debug)]
pub(super) struct Wait<N: Deref<Target = Notify>> {
    notify: N,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not in the queue; made in this round.
    Made(u64),
    Waiting(Key),
    Done,
}

impl<N: Deref<Target = Notify>> Wait<N> {
    pub(super) fn new(notify: N) -> Wait<N> {
        let round = notify.rounds.get();
        Wait { notify, state: State::Made(round) }
    }

    pub(super) fn notify(&self) -> &N {
        &self.notify
    }

    /// Polls, or with `None` only takes its place in the queue. Looks, registers, looks again: to register may run user
    /// code.
    pub(super) fn poll(&mut self, waker: Option<&Waker>) -> Poll<()> {
        let mut to_register = waker;
        loop {
            let notify = &*self.notify;
            let over = match &self.state {
                State::Made(round) => *round != notify.rounds.get() || notify.permit.replace(false),
                State::Waiting(key) => *notify.waiters.borrow().state(key) != News::None,
                State::Done => true,
            };
            if over {
                self.finish();
                return Poll::Ready(());
            }
            match (&self.state, to_register.take()) {
                (State::Waiting(_), None) => return Poll::Pending,
                (State::Waiting(key), Some(waker)) => waiters::register(&notify.waiters, key, waker),
                (_, unregistered) => {
                    self.state = State::Waiting(notify.waiters.borrow_mut().push(None, News::None));
                    to_register = unregistered;
                }
            }
        }
    }

    /// Leaves the queue.
    fn finish(&mut self) -> News {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Waiting(key) => {
                let (news, waker) = self.notify.waiters.borrow_mut().remove(key);
                drop(waker);
                news
            }
            State::Made(_) | State::Done => News::None,
        }
    }
}

impl<N: Deref<Target = Notify>> Drop for Wait<N> {
    fn drop(&mut self) {
        match self.finish() {
            News::None | News::All => {}
            unseen => self.notify.notify(unseen),
        }
    }
}

/// The future of [`Notify::notified`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Notified<'a> {
    wait: Wait<&'a Notify>,
}

/// The future of [`Notify::notified_owned`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct OwnedNotified {
    wait: Wait<Rc<Notify>>,
}

impl Notified<'_> {
    /// Takes its place in the queue as the first poll would. True if it has been notified already.
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.get_mut().wait.poll(None).is_ready()
    }
}

impl OwnedNotified {
    /// As [`Notified::enable`].
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.get_mut().wait.poll(None).is_ready()
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        poll_once(&mut self.get_mut().wait, cx)
    }
}

impl Future for OwnedNotified {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        poll_once(&mut self.get_mut().wait, cx)
    }
}

fn poll_once<N: Deref<Target = Notify>>(wait: &mut Wait<N>, cx: &mut Context<'_>) -> Poll<()> {
    let progress = ready!(coop::poll_proceed(cx));
    ready!(wait.poll(Some(cx.waker())));
    progress.made();
    Poll::Ready(())
}

#[cfg(test)]
mod tests;
