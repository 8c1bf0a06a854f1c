//! Channels and locks of one shard, on a real runtime: nothing is lost, nobody starves, nothing crosses threads.

mod common;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use common::{poll_once, run};
use runtime::{
    join, op, spawn,
    sync::local::{
        self, Barrier, CancellationToken, Mutex, Notify, OnceCell, RwLock, Semaphore, SetOnce, broadcast, mpsc,
        oneshot, watch,
    },
    task::yield_now,
};

/// Compiles only if none of the types is `Send`, or `Sync`: else the call is ambiguous.
macro_rules! stays_on_its_thread {
    ($($type:ty),+ $(,)?) => { $(const _: fn() = || {
        trait Ambiguous<A> { fn check() {} }
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + Send> Ambiguous<u8> for T {}
        let _ = <$type as Ambiguous<_>>::check;
        trait AmbiguousSync<A> { fn check() {} }
        impl<T: ?Sized> AmbiguousSync<()> for T {}
        impl<T: ?Sized + Sync> AmbiguousSync<u8> for T {}
        let _ = <$type as AmbiguousSync<_>>::check;
    };)+ };
}

stays_on_its_thread! {
    oneshot::Sender<u8>, oneshot::Receiver<u8>,
    mpsc::Sender<u8>, mpsc::WeakSender<u8>, mpsc::Receiver<u8>,
    mpsc::Permit<'static, u8>, mpsc::PermitIterator<'static, u8>, mpsc::OwnedPermit<u8>,
    mpsc::UnboundedSender<u8>, mpsc::WeakUnboundedSender<u8>, mpsc::UnboundedReceiver<u8>,
    watch::Sender<u8>, watch::Receiver<u8>, watch::Ref<'static, u8>,
    broadcast::Sender<u8>, broadcast::WeakSender<u8>, broadcast::Receiver<u8>,
    Notify, local::futures::Notified<'static>, local::futures::OwnedNotified,
    Mutex<u8>, local::MutexGuard<'static, u8>, local::OwnedMutexGuard<u8>,
    local::MappedMutexGuard<'static, u8>, local::OwnedMappedMutexGuard<u8, u8>,
    RwLock<u8>, local::RwLockReadGuard<'static, u8>, local::RwLockWriteGuard<'static, u8>,
    local::RwLockMappedWriteGuard<'static, u8>, local::OwnedRwLockReadGuard<u8, u8>,
    local::OwnedRwLockWriteGuard<u8>, local::OwnedRwLockMappedWriteGuard<u8, u8>,
    Semaphore, local::SemaphorePermit<'static>, local::OwnedSemaphorePermit,
    Barrier, OnceCell<u8>, SetOnce<u8>,
    CancellationToken, local::DropGuard, local::DropGuardRef<'static>,
    local::WaitForCancellationFuture<'static>, local::WaitForCancellationFutureOwned,
}

#[test]
fn a_bounded_channel_carries_everything_from_all_in_order() {
    run(async {
        let (sender, mut receiver) = mpsc::channel(3);
        let senders: Vec<_> = (0..10)
            .map(|task| {
                let sender = sender.clone();
                spawn(async move {
                    for number in 0..100 {
                        sender.send((task, number)).await.unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        let mut next = [0; 10];
        while let Some((task, number)) = receiver.recv().await {
            assert_eq!(number, next[task]);
            next[task] += 1;
        }
        assert_eq!(next, [100; 10]);
        for sender in senders {
            sender.await.unwrap();
        }
    });
}

#[test]
fn two_tasks_that_talk_share_passes_and_others_have_their_turn() {
    run(async {
        let (ping, mut pings) = mpsc::unbounded_channel();
        let (pong, mut pongs) = mpsc::unbounded_channel();
        let echo = spawn(async move {
            while let Some(message) = pings.recv().await {
                pong.send(message).unwrap();
            }
        });
        let player = spawn(async move {
            for message in 0..10_000 {
                ping.send(message).unwrap();
                assert_eq!(pongs.recv().await, Some(message));
            }
        });
        // It has one turn per pass.
        let (passes, over) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let counts = spawn({
            let (passes, over) = (passes.clone(), over.clone());
            async move {
                while !over.get() {
                    passes.set(passes.get() + 1);
                    yield_now().await;
                }
            }
        });
        player.await.unwrap();
        over.set(true);
        echo.await.unwrap();
        counts.await.unwrap();
        assert!((100..1000).contains(&passes.get()), "{} passes for 20,000 messages", passes.get());
    });
}

#[test]
fn a_sender_that_is_always_ready_gives_way() {
    run(async {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        (0..1000).for_each(|number| sender.send(number).unwrap());
        let received = Rc::new(Cell::new(0));
        let task = spawn({
            let received = received.clone();
            async move {
                while receiver.recv().await.is_some() {
                    received.set(received.get() + 1);
                }
            }
        });
        yield_now().await;
        assert!((1..1000).contains(&received.get()), "{}", received.get());
        drop(sender);
        task.await.unwrap();
        assert_eq!(received.get(), 1000);
    });
}

#[test]
fn a_lock_is_held_across_io_by_one_task_at_a_time() {
    /// Also if the task is aborted.
    struct Leave<'a>(&'a Cell<bool>);

    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.set(false);
        }
    }

    run(async {
        let (mutex, inside) = (Rc::new(Mutex::new(0)), Rc::new(Cell::new(false)));
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (mutex, inside) = (mutex.clone(), inside.clone());
                spawn(async move {
                    let mut guard = mutex.lock().await;
                    assert!(!inside.replace(true));
                    let _leaves = Leave(&inside);
                    op::nop().await.unwrap();
                    *guard += 1;
                })
            })
            .collect();
        // One gives up while it waits, one while it has the lock.
        yield_now().await;
        tasks[0].abort();
        tasks[20].abort();
        let mut finished = 0;
        for task in tasks {
            match task.await {
                Ok(()) => finished += 1,
                Err(error) => assert!(error.is_cancelled()),
            }
        }
        assert_eq!((*mutex.lock().await, finished >= 48), (finished, true));
    });
}

#[test]
fn readers_and_writers_take_turns() {
    run(async {
        let lock = Rc::new(RwLock::new(Vec::new()));
        let order = Rc::new(RefCell::new(Vec::new()));
        let reader = lock.clone().read_owned().await;
        let mut tasks = Vec::new();
        for writes in [true, false, false, true] {
            let (lock, order) = (lock.clone(), order.clone());
            tasks.push(spawn(async move {
                if writes {
                    let mut guard = lock.write().await;
                    op::nop().await.unwrap();
                    guard.push(());
                    order.borrow_mut().push(('w', guard.len()));
                } else {
                    let guard = lock.read().await;
                    yield_now().await;
                    order.borrow_mut().push(('r', guard.len()));
                }
            }));
        }
        yield_now().await;
        drop(reader);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.borrow(), [('w', 1), ('r', 1), ('r', 1), ('w', 2)]);
    });
}

#[test]
fn oneshot_watch_and_broadcast_between_tasks() {
    run(async {
        let (ask, asked) = oneshot::channel::<oneshot::Sender<u32>>();
        let (state, mut states) = watch::channel(0);
        let (news, mut all_news) = broadcast::channel(4);
        let task = spawn(async move {
            asked.await.unwrap().send(7).unwrap();
            for number in 1..=3 {
                state.send(number).unwrap();
                news.send(number).unwrap();
                yield_now().await;
            }
        });
        let (answer, answered) = oneshot::channel();
        ask.send(answer).unwrap();
        assert_eq!(answered.await, Ok(7));
        assert_eq!(*states.wait_for(|number| *number == 3).await.unwrap(), 3);
        task.await.unwrap();
        assert!(states.changed().await.is_err());
        let mut received = Vec::new();
        while let Ok(number) = all_news.recv().await {
            received.push(number);
        }
        assert_eq!(received, [1, 2, 3]);
    });
}

#[test]
fn tasks_meet_stop_and_start_together() {
    run(async {
        let (barrier, token, ready) = (Rc::new(Barrier::new(4)), CancellationToken::new(), Rc::new(OnceCell::new()));
        let calls = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (barrier, token, ready, calls) =
                    (barrier.clone(), token.child_token(), ready.clone(), calls.clone());
                spawn(async move {
                    ready
                        .get_or_init(async || {
                            op::nop().await.unwrap();
                            calls.set(calls.get() + 1);
                        })
                        .await;
                    let leads = barrier.wait().await.is_leader();
                    token.cancelled().await;
                    leads
                })
            })
            .collect();
        let cancels = spawn(async move {
            while calls.get() == 0 {
                op::nop().await.unwrap();
            }
            token.cancel();
            calls.get()
        });
        assert_eq!(cancels.await.unwrap(), 1);
        let mut leaders = 0;
        for task in tasks {
            leaders += usize::from(task.await.unwrap());
        }
        assert_eq!(leaders, 1);
    });
}

#[test]
fn a_notification_and_a_permit_outlive_who_was_to_get_them() {
    run(async {
        let (notify, semaphore) = (Rc::new(Notify::new()), Rc::new(Semaphore::new(0)));
        let waits = |count: usize| -> Vec<_> {
            let spawn_one = || {
                let (notify, semaphore) = (notify.clone(), semaphore.clone());
                spawn(async move {
                    join!(async { notify.notified().await }, async { semaphore.acquire().await.unwrap().forget() })
                        .await;
                })
            };
            (0..count).map(|_| spawn_one()).collect()
        };
        let mut tasks = waits(2);
        yield_now().await;
        notify.notify_one();
        semaphore.add_permits(1);
        // Both are the first task's, which does not come to look.
        tasks.remove(0).abort();
        tasks.remove(0).await.unwrap();
    });
}

#[test]
fn a_send_that_takes_too_long_comes_back() {
    run(async {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.send(1).await.unwrap();
        let error = sender.send_timeout(2, Duration::from_millis(1)).await.unwrap_err();
        assert_eq!(error, mpsc::error::SendTimeoutError::Timeout(2));
        let late = spawn({
            let sender = sender.clone();
            async move { sender.send_timeout(3, Duration::from_secs(60)).await }
        });
        yield_now().await;
        assert_eq!(receiver.recv().await, Some(1));
        late.await.unwrap().unwrap();
        assert_eq!(receiver.recv().await, Some(3));
    });
}

#[test]
fn a_dropped_receive_has_taken_nothing() {
    run(async {
        let (sender, mut receiver) = mpsc::channel(1);
        {
            let mut receive = Box::pin(receiver.recv());
            poll_once(receive.as_mut()).await;
            sender.send("kept").await.unwrap();
        }
        assert_eq!(receiver.recv().await, Some("kept"));
    });
}
