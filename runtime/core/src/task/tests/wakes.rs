//! Wakers: who is scheduled, how often, and what keeps the memory.

use super::*;

fn wake_by_value(waker: &Waker) {
    let copy = waker.clone();
    copy.wake();
}

#[test]
fn self_wake_during_poll_runs_again_and_is_not_scheduled() {
    let (executor, polls) = (Executor::new(), Count::default());
    let polled = polls.clone();
    let handle = executor.spawn(poll_fn(move |context| {
        polled.add();
        context.waker().wake_by_ref();
        wake_by_value(context.waker());
        if polled.get() < 5 { Poll::Pending } else { Poll::Ready(()) }
    }));
    for _ in 0..5 {
        assert_eq!(executor.turn(), 1);
    }
    assert_eq!((executor.turn(), polls.get(), executor.shard.schedules.get()), (0, 5, 0));
    joined(handle).unwrap();
    executor.assert_all_freed();
}

#[test]
fn wake_during_poll_from_another_thread_runs_again() {
    let (executor, polls) = (Executor::new(), Count::default());
    let polled = polls.clone();
    let handle = executor.spawn(poll_fn(move |context| {
        polled.add();
        if polled.get() == 2 {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        thread::spawn(move || waker.wake()).join().unwrap();
        Poll::Pending
    }));
    assert_eq!((executor.turn(), executor.turn(), executor.turn()), (1, 1, 0));
    assert_eq!(executor.shard.schedules.get(), 1);
    joined(handle).unwrap();
    executor.assert_all_freed();
}

#[test]
fn many_wakes_of_an_idle_task_are_one_poll() {
    let executor = Executor::new();
    let (slot, go) = (Rc::default(), Rc::default());
    let handle = executor.spawn(leave_waker(&slot, &go));
    executor.run_all();
    for _ in 0..3 {
        slot.borrow().as_ref().unwrap().wake_by_ref();
    }
    assert_eq!((executor.turn(), executor.turn()), (1, 0));
    assert_eq!(executor.shard.schedules.get(), 1);
    go.set(true);
    slot.take().unwrap().wake();
    executor.run_all();
    joined(handle).unwrap();
    slot.take();
    executor.assert_all_freed();
}

#[test]
fn wakers_of_one_task_are_recognised() {
    let executor = Executor::new();
    let known = Rc::new(RefCell::new(Vec::<Waker>::new()));
    for _ in 0..2 {
        let known = known.clone();
        drop(executor.spawn(poll_fn(move |context| {
            assert!(is_task_waker(context.waker()));
            let copy = context.waker().clone();
            assert!(copy.will_wake(context.waker()));
            assert!(known.borrow().iter().all(|other| !other.will_wake(&copy)));
            known.borrow_mut().push(copy);
            Poll::Ready(())
        })));
    }
    executor.run_all();
    assert_eq!(known.borrow().len(), 2);
    assert!(!is_task_waker(Waker::noop()));
    known.take();
    executor.assert_all_freed();
}

#[test]
fn waker_outlives_executor_and_thread() {
    let (waker, shard) = thread::spawn(|| {
        let executor = Executor::new();
        let (slot, go) = (Rc::default(), Rc::default());
        drop(executor.spawn(leave_waker(&slot, &go)));
        executor.run_all();
        executor.tasks.borrow_mut().clear();
        drop(executor.shard.inbox.close());
        (slot.take().unwrap(), executor.shard.clone())
    })
    .join()
    .unwrap();
    waker.wake_by_ref();
    wake_by_value(&waker);
    drop(waker.clone());
    assert_eq!(shard.schedules.get(), 0);
    assert_eq!(Arc::strong_count(&shard), 2);
    drop(waker);
    assert_eq!(Arc::strong_count(&shard), 1);
}

/// The task, and the scheduler in it, must outlive the call to the scheduler, whatever that drops.
#[test]
fn scheduler_drops_at_once() {
    thread_local!(static ENTRY: RefCell<Option<TaskRef>> = const { RefCell::new(None) });
    struct Careless(Box<usize>);
    impl Schedule for Careless {
        fn schedule(&self, task: Runnable) {
            drop(ENTRY.take());
            drop(task);
            assert_eq!(*self.0, 5);
        }
    }
    let slot = Rc::default();
    let (runnable, task, handle) = spawn(leave_waker(&slot, &Rc::default()), Careless(Box::new(5)));
    drop(handle);
    assert!(matches!(runnable.run(|_| unreachable!()), Ran::Pending));
    ENTRY.set(Some(task));
    let waker = slot.take().unwrap();
    waker.wake();
}

/// Each of the senders waits until its wake has been seen before it sends the next one: a lost one is a test that
/// never ends.
#[test]
fn cross_thread_wakes_are_not_lost() {
    const SENDERS: usize = 2;
    const WAKES: usize = 50_000;
    let (executor, asked, answered) = (Executor::new(), Count::default(), Count::default());
    let (to_senders, wakers) = mpsc::channel::<Waker>();
    let (question, answer) = (asked.clone(), answered.clone());
    let mut sent = false;
    let handle = executor.spawn(poll_fn(move |context| {
        if !std::mem::replace(&mut sent, true) {
            to_senders.send(context.waker().clone()).unwrap();
        }
        answer.0.store(question.get(), SeqCst);
        if answer.get() == SENDERS * WAKES { Poll::Ready(()) } else { Poll::Pending }
    }));
    executor.turn();
    let waker = wakers.recv().unwrap();
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (waker, asked, answered) = (waker.clone(), asked.clone(), answered.clone());
            thread::spawn(move || {
                for i in 0..WAKES {
                    let ticket = asked.0.fetch_add(1, SeqCst) + 1;
                    if i % 2 == 0 {
                        waker.wake_by_ref()
                    } else {
                        wake_by_value(&waker)
                    }
                    while answered.get() < ticket {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    executor.run_while(|| !handle.is_finished());
    for sender in senders {
        sender.join().unwrap();
    }
    assert_eq!(answered.get(), SENDERS * WAKES);
    joined(handle).unwrap();
    drop(waker);
    executor.assert_all_freed();
}

/// As above, but without waiting: wakes meet the task idle, queued, running and complete.
#[test]
fn storm_of_wakes_ends_with_everything_seen() {
    const SENDERS: usize = 3;
    const WAKES: usize = 100_000;
    let (executor, asked) = (Executor::new(), Count::default());
    let (to_senders, wakers) = mpsc::channel::<Waker>();
    let question = asked.clone();
    let mut sent = false;
    let handle = executor.spawn(poll_fn(move |context| {
        if !std::mem::replace(&mut sent, true) {
            to_senders.send(context.waker().clone()).unwrap();
        }
        // Relaxed on purpose: that the last count is seen is the wake's doing.
        if question.0.load(Relaxed) == SENDERS * WAKES { Poll::Ready(()) } else { Poll::Pending }
    }));
    executor.turn();
    let waker = wakers.recv().unwrap();
    for _ in 0..SENDERS {
        let (waker, asked) = (waker.clone(), asked.clone());
        thread::spawn(move || {
            for _ in 0..WAKES {
                asked.0.fetch_add(1, Relaxed);
                waker.wake_by_ref();
            }
        });
    }
    executor.run_while(|| !handle.is_finished());
    joined(handle).unwrap();
    drop(waker);
    // The senders' last wakes may still be on their way: wait for the references that they hold.
    while Arc::strong_count(&executor.shard) > 1 || Arc::strong_count(&asked.0) > 1 {
        thread::yield_now();
    }
    executor.assert_all_freed();
}

#[test]
fn clone_and_drop_storm() {
    const THREADS: usize = 3;
    const ROUNDS: usize = 300;
    let executor = Executor::new();
    let (to_threads, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel::<Waker>()).unzip();
    let threads: Vec<_> = receivers
        .into_iter()
        .map(|wakers| {
            thread::spawn(move || {
                for waker in wakers {
                    for i in 0..50 {
                        let copy = waker.clone();
                        assert!(copy.will_wake(&waker));
                        match i % 10 {
                            9 => copy.wake(),
                            _ => drop(copy),
                        }
                    }
                }
            })
        })
        .collect();
    for round in 0..ROUNDS {
        let (to_threads, mut polls) = (to_threads.clone(), 0);
        let mut handle = executor.spawn(poll_fn(move |context| {
            polls += 1;
            if polls == 1 {
                to_threads.iter().for_each(|sender| sender.send(context.waker().clone()).unwrap());
            }
            // Not more: all wakes together may be one poll. That one is sure, since this poll is not over when they start.
            if polls == 2 { Poll::Ready(Box::new(round)) } else { Poll::Pending }
        }));
        executor.run_while(|| !handle.is_finished());
        match poll_once(&mut handle) {
            Poll::Ready(output) => assert_eq!(*output.unwrap(), round),
            Poll::Pending => panic!("a finished task has its output"),
        }
    }
    drop(to_threads);
    for thread in threads {
        thread.join().unwrap();
    }
    executor.assert_all_freed();
}
