//! Models of what threads do to each other here: loom runs each of them in every order of steps, with up to three
//! preemptions, and with every value that a load may see.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p runtime-core --release --lib loom_tests`
//!
//! The code is the real one on loom's atomics, locks and cells ([`primitives`]); a whole shard among it, on a kernel that
//! can do what a sleep takes ([`kernel`]). What a model finds: a sleep that nobody ends (loom calls it a deadlock), two
//! uses of a cell that are not in order, memory that is used after its free or never freed, and its own assertions.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use loom::thread;

mod door;
mod doorbell;
mod inbox;
mod join;
pub(crate) mod kernel;
mod mpsc;
mod oneshot;
mod pool;
pub(crate) mod primitives;
mod semaphore;
mod shard;
mod task;
mod time;

/// Checks a model: all that it allocates is freed at its end.
fn check(model: impl Fn() + Send + Sync + 'static) {
    run(loom::model::Builder::new(), 3, model);
}

/// As [`check`], with another bound of preemptions.
fn bounded(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    run(loom::model::Builder::new(), preemptions, model);
}

/// As [`check`], for models whose orders have no end worth waiting for: as many of them as fit this time.
fn for_at_most(limit: Duration, preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_duration = Some(limit);
    run(builder, preemptions, model);
}

fn run(mut builder: loom::model::Builder, preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 10_000;
    let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = runs.clone();
    builder.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let before = primitives::live_allocations();
        model();
        assert_eq!(primitives::live_allocations(), before, "something was never freed");
    });
    println!("{runs:?} runs");
}

/// A waker for one thread, which counts how often it was woken. (Not by `park`: loom's `join` does not bear an `unpark`.)
#[derive(Default)]
struct Bell {
    rung: loom::sync::Mutex<bool>,
    changed: loom::sync::Condvar,
    wakes: std::sync::atomic::AtomicUsize,
}

impl Bell {
    fn new() -> Arc<Bell> {
        Arc::default()
    }

    fn wakes(&self) -> usize {
        self.wakes.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Until there was a wake since the last wait.
    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.wakes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let bell = Bell::new();
    let waker = Waker::from(bell.clone());
    loop {
        let before = bell.wakes();
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            // It waits for a step of another thread's.
            Poll::Pending if bell.wakes() > before => thread::yield_now(),
            Poll::Pending => bell.wait(),
        }
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Leaves its waker in the slot, and is ready once that many have counted themselves.
fn wait_for_count(
    count: Arc<loom::sync::atomic::AtomicUsize>,
    wanted: usize,
    waker: std::rc::Rc<std::cell::RefCell<Option<Waker>>>,
) -> impl Future<Output = ()> {
    poll_fn(move |context| {
        *waker.borrow_mut() = Some(context.waker().clone());
        // Relaxed: that the count is seen is what the wake is for.
        if count.load(loom::sync::atomic::Ordering::Relaxed) < wanted { Poll::Pending } else { Poll::Ready(()) }
    })
}
