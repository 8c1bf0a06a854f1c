//! What the tests of this folder share: wakers that count, wakers that call back, and single polls.

use std::{
    cell::RefCell,
    future::Future,
    pin::{Pin, pin},
    ptr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker},
};

/// Counts its wakes.
#[derive(Clone, Default)]
pub(super) struct Flag(Arc<Count>);

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Flag {
    pub(super) fn waker(&self) -> Waker {
        Waker::from(self.0.clone())
    }

    /// How often it was woken since the last time.
    pub(super) fn take(&self) -> usize {
        self.0.0.swap(0, Ordering::Relaxed)
    }

    /// How many wakers of it there are.
    pub(super) fn wakers(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }

    pub(super) fn poll<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&self.waker()))
    }
}

/// Polls once with a waker that does nothing.
pub(super) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The output of a future that is ready at its first poll.
pub(super) fn now<F: Future>(future: F) -> F::Output {
    match poll(pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is not ready at its first poll"),
    }
}

/// What a waker calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Clone,
    Wake,
    Drop,
}

type Hook = Rc<dyn Fn(Event)>;

thread_local! {
    /// By the data of their wakers. They stay until the thread of the test ends.
    static HOOKS: RefCell<Vec<Hook>> = const { RefCell::new(Vec::new()) };
}

fn call(data: *const (), event: Event) {
    // What hooks hold is dropped with them at the thread's end, wakers among it.
    if let Ok(hook) = HOOKS.try_with(|hooks| hooks.borrow()[data.addr()].clone()) {
        hook(event);
    }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        call(data, Event::Clone);
        RawWaker::new(data, &VTABLE)
    },
    |data| {
        call(data, Event::Wake);
        call(data, Event::Drop);
    },
    |data| call(data, Event::Wake),
    |data| call(data, Event::Drop),
);

/// A waker that calls `f` whatever is done to it, on this thread.
pub(super) fn hooked(f: impl Fn(Event) + 'static) -> Waker {
    let index = HOOKS.with_borrow_mut(|hooks| {
        hooks.push(Rc::new(f));
        hooks.len() - 1
    });
    // SAFETY: the data is a number, behind which there is no memory, and another thread would find no hook under it. The
    // tests that use it are in this folder.
    unsafe { Waker::new(ptr::without_provenance(index), &VTABLE) }
}

/// A waker that calls `f` when woken.
pub(super) fn calls(f: impl Fn() + 'static) -> Waker {
    hooked(move |event| {
        if event == Event::Wake {
            f();
        }
    })
}

/// Calls when it is dropped.
pub(super) struct OnDrop<F: FnMut()>(pub(super) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// True if `f` panics with a text that contains `text`.
pub(super) fn panics_with(text: &str, f: impl FnOnce()) -> bool {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).expect_err("no panic");
    let found = payload.downcast_ref::<&str>().map(|s| s.to_string()).or(payload.downcast_ref::<String>().cloned());
    found.is_some_and(|found| found.contains(text))
}
