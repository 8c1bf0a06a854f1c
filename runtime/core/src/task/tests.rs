use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{
            AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use super::*;
use crate::{
    doorbell::{Doorbell, Order, Sleep},
    inbox::{Inbox, Pushed},
};

mod joining;
mod owner;
mod wakes;

/// What other threads see of the executor below. Its eventfd is the token of `Thread::unpark`.
struct Shard {
    inbox: Inbox,
    bell: Doorbell,
    owner: Thread,
    schedules: Count,
}

impl Schedule for Shard {
    fn schedule(&self, task: Runnable) {
        self.schedules.add();
        if self.inbox.push(task) == Pushed::First && self.bell.ring() == Order::Ring {
            self.owner.unpark();
        }
    }
}

struct Executor {
    shard: Arc<Shard>,
    tasks: RefCell<Vec<Option<TaskRef>>>,
}

impl Executor {
    fn new() -> Rc<Executor> {
        let (inbox, bell) = (Inbox::new(), Doorbell::new());
        let shard = Arc::new(Shard { inbox, bell, owner: thread::current(), schedules: Count::default() });
        Rc::new(Executor { shard, tasks: RefCell::default() })
    }

    fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        let (runnable, task, handle) = spawn(future, self.shard.clone());
        let mut tasks = self.tasks.borrow_mut();
        task.set_index(tasks.len());
        tasks.push(Some(task));
        assert_ne!(self.shard.inbox.push(runnable), Pushed::Closed);
        handle
    }

    fn take(&self, index: usize) -> TaskRef {
        self.tasks.borrow_mut()[index].take().expect("a live task is listed")
    }

    /// Runs what is queued now, and says how many runs that were.
    fn turn(&self) -> usize {
        let mut runs = 0;
        for runnable in self.shard.inbox.drain() {
            runs += 1;
            if let Ran::Again(runnable) = runnable.run(|index| self.take(index)) {
                assert_ne!(self.shard.inbox.push(runnable), Pushed::Closed);
            }
        }
        runs
    }

    fn run_while(&self, mut wanted: impl FnMut() -> bool) {
        while wanted() {
            if self.turn() == 0 && self.shard.bell.announce_sleep() == Sleep::Now {
                thread::park();
                self.shard.bell.awake();
            }
        }
    }

    fn run_all(&self) {
        while self.turn() > 0 {}
    }

    /// Nothing refers to the shard any more, so every task has been freed.
    fn assert_all_freed(self: Rc<Executor>) {
        self.tasks.borrow_mut().clear();
        drop(self.shard.inbox.close());
        assert_eq!(Arc::strong_count(&self.shard), 1, "a task was not freed");
    }
}

#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }
    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
    /// Counts its own drop.
    fn on_drop(&self) -> impl Drop + Send + 'static + use<> {
        struct OnDrop(Count);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.add();
            }
        }
        OnDrop(self.clone())
    }
    fn waker(&self) -> Waker {
        Waker::from(Arc::new(self.clone()))
    }
}

impl Wake for Count {
    fn wake(self: Arc<Count>) {
        self.add();
    }
}

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[track_caller]
fn joined<T>(mut handle: JoinHandle<T>) -> Result<T, JoinError> {
    match poll_once(&mut handle) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the task is not complete"),
    }
}

/// Awaits on a thread that is not an executor.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Unpark>) {
            self.0.unpark();
        }
    }
    let (mut future, waker) = (pin!(future), Waker::from(Arc::new(Unpark(thread::current()))));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// A future that leaves its waker in the slot and waits until told to go.
fn leave_waker(slot: &Rc<RefCell<Option<Waker>>>, go: &Rc<Cell<bool>>) -> impl Future<Output = ()> + use<> {
    let (slot, go) = (slot.clone(), go.clone());
    poll_fn(move |context| {
        *slot.borrow_mut() = Some(context.waker().clone());
        if go.get() { Poll::Ready(()) } else { Poll::Pending }
    })
}

mod panics {
    use super::*;

    #[test]
    fn panic_in_poll_is_the_result() {
        let (executor, drops) = (Executor::new(), Count::default());
        let (guard, number) = (drops.on_drop(), drops.get());
        let handle = executor.spawn(async move {
            let _guard = guard;
            panic!("for reason {number}");
        });
        let other = executor.spawn(async { panic_any(7_u8) });
        executor.run_all();
        let error: JoinError = joined::<()>(handle).unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(drops.get(), 1);
        assert_eq!(error.to_string(), format!("task {} panicked with message \"for reason 0\"", error.id()));
        assert_eq!(error.try_into_panic().unwrap().downcast_ref::<String>().unwrap(), "for reason 0");
        let error = joined::<()>(other).unwrap_err();
        let id = error.id();
        assert_eq!(format!("{error}, {error:?}"), format!("task {id} panicked, JoinError::Panic({id:?}, ...)"));
        let error = io::Error::from(error).into_inner().unwrap().downcast::<JoinError>().unwrap();
        assert_eq!(*error.into_panic().downcast::<u8>().unwrap(), 7);
        executor.assert_all_freed();
    }

    #[test]
    fn panic_in_drop_after_ready_keeps_the_output() {
        let executor = Executor::new();
        let bomb = PanicOnDrop;
        let mut output = Some(5);
        let handle = executor.spawn(poll_fn(move |_| {
            let _owned = &bomb;
            Poll::Ready(output.take())
        }));
        executor.run_all();
        assert_eq!(joined(handle).unwrap(), Some(5));
        executor.assert_all_freed();
    }

    #[test]
    fn panic_in_drop_on_abort_or_shutdown_is_the_result() {
        for shutdown in [false, true] {
            let executor = Executor::new();
            let bomb = PanicOnDrop;
            let handle = executor.spawn(async move {
                let _bomb = bomb;
                pending::<()>().await;
            });
            executor.run_all();
            match shutdown {
                true => drop(executor.take(0)),
                false => handle.abort(),
            }
            executor.run_all();
            assert!(joined(handle).unwrap_err().is_panic());
            executor.assert_all_freed();
        }
    }

    #[test]
    fn panic_in_drop_of_payload_is_contained() {
        struct Payload;
        impl Drop for Payload {
            fn drop(&mut self) {
                // Nothing on the heap: this payload is leaked.
                panic_any(());
            }
        }
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic_any(Payload);
            }
        }
        let (executor, bomb) = (Executor::new(), Bomb);
        let handle = executor.spawn(poll_fn(move |_| {
            let _owned = &bomb;
            Poll::Ready(5)
        }));
        executor.run_all();
        assert_eq!(joined(handle).unwrap(), 5);
        executor.assert_all_freed();
    }

    #[test]
    fn panic_in_drop_of_output() {
        let executor = Executor::new();
        drop(executor.spawn(async { PanicOnDrop }));
        let handle = executor.spawn(async { PanicOnDrop });
        executor.run_all();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(handle))).is_err(), "the handle's panic is its dropper's");
        executor.assert_all_freed();
    }

    #[test]
    fn panic_in_the_join_waker_is_contained() {
        struct Bomb;
        impl Wake for Bomb {
            fn wake(self: Arc<Bomb>) {
                panic!("in wake");
            }
        }
        let executor = Executor::new();
        let mut handle = executor.spawn(async { 5 });
        let waker = Waker::from(Arc::new(Bomb));
        assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
        executor.run_all();
        assert_eq!(joined(handle).unwrap(), 5);
        executor.assert_all_freed();
    }
}

mod aborts {
    use super::*;

    #[test]
    fn abort_before_first_poll() {
        let (executor, polls, drops) = (Executor::new(), Count::default(), Count::default());
        let (polled, guard) = (polls.clone(), drops.on_drop());
        let handle = executor.spawn(async move {
            let _guard = guard;
            polled.add();
        });
        handle.abort();
        handle.abort();
        assert_eq!(drops.get(), 0, "the owner drops it, at the task's next turn");
        assert_eq!(executor.turn(), 1);
        assert_eq!((polls.get(), drops.get()), (0, 1));
        let error = joined(handle).unwrap_err();
        assert!(error.is_cancelled() && !error.is_panic());
        let id = error.id();
        assert_eq!(format!("{error}, {error:?}"), format!("task {id} was cancelled, JoinError::Cancelled({id:?})"));
        assert!(error.try_into_panic().unwrap_err().is_cancelled());
        executor.assert_all_freed();
    }

    #[test]
    fn abort_while_pending_from_another_thread() {
        let (executor, drops) = (Executor::new(), Count::default());
        // Not Send, and dropped here all the same.
        let guard = (Rc::new(()), drops.on_drop());
        let handle = executor.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        executor.run_all();
        let abort = handle.abort_handle();
        let aborter = thread::spawn(move || abort.abort());
        executor.run_while(|| !handle.is_finished());
        aborter.join().unwrap();
        assert_eq!(drops.get(), 1);
        assert!(joined(handle).unwrap_err().is_cancelled());
        executor.assert_all_freed();
    }

    #[test]
    fn abort_after_completion_is_too_late() {
        let executor = Executor::new();
        let handle = executor.spawn(async { 5 });
        executor.run_all();
        let abort = handle.abort_handle().clone();
        abort.abort();
        assert!(abort.is_finished());
        assert_eq!((executor.turn(), executor.shard.schedules.get()), (0, 0));
        assert_eq!(joined(handle).unwrap(), 5);
        drop(abort);
        executor.assert_all_freed();
    }

    #[test]
    fn abort_from_inside_takes_effect_at_the_next_turn() {
        let executor = Executor::new();
        let (to_task, abort) = mpsc::channel::<AbortHandle>();
        let handle = executor.spawn(async move {
            abort.recv().unwrap().abort();
            pending::<()>().await;
        });
        to_task.send(handle.abort_handle()).unwrap();
        assert_eq!((executor.turn(), executor.turn(), executor.turn()), (1, 1, 0));
        assert!(joined(handle).unwrap_err().is_cancelled());
        executor.assert_all_freed();
    }
}
