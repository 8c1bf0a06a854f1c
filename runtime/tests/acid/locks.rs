//! Locks and the like: Mutex, RwLock, Semaphore, Notify, Barrier, OnceCell, SetOnce.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    sync::{
        AcquireError, Barrier, MappedMutexGuard, Mutex, MutexGuard, Notify, OnceCell, OwnedMutexGuard,
        OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SetError,
        SetOnce, TryAcquireError,
    },
    task::yield_now,
    time::timeout,
};

async fn is_pending<F: Future>(future: F) -> bool {
    timeout(Duration::from_millis(1), future).await.is_err()
}

// -------------------------------------------------------------------------------------------------------------- Mutex

#[tokio::test]
async fn a_mutex_is_held_across_awaits() {
    let total = Arc::new(Mutex::new(0));
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let total = total.clone();
            tokio::spawn(async move {
                let mut guard = total.lock().await;
                let before = *guard;
                yield_now().await;
                *guard = before + 1;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*total.lock().await, 10);
}

#[tokio::test]
async fn a_mutex_is_given_in_the_order_of_asking() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let first = order.lock().await;
    let tasks: Vec<_> = (0..5)
        .map(|number| {
            let order = order.clone();
            tokio::spawn(async move { order.lock().await.push(number) })
        })
        .collect();
    yield_now().await;
    drop(first);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_mutex_in_all_its_forms() {
    let mut mutex = Mutex::const_new((1, String::from("s")));
    mutex.get_mut().0 = 2;
    {
        let guard: MutexGuard<_> = mutex.try_lock().unwrap();
        let error = mutex.try_lock().unwrap_err();
        assert_eq!(error.to_string(), "operation would block");
        assert!(MutexGuard::mutex(&guard).try_lock().is_err());
        let text: MappedMutexGuard<str> = MutexGuard::map(guard, |pair| pair.1.as_mut_str());
        assert_eq!(&*text, "s");
        assert!(is_pending(mutex.lock()).await);
    }
    assert!(MutexGuard::try_map(mutex.lock().await, |_| None::<&mut u8>).is_err());
    let shared = Arc::new(mutex);
    let owned: OwnedMutexGuard<_> = shared.clone().lock_owned().await;
    assert!(shared.clone().try_lock_owned().is_err());
    assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&owned), &shared));
    drop(OwnedMutexGuard::map(owned, |pair| &mut pair.0));
    assert_eq!(Arc::into_inner(shared).unwrap().into_inner(), (2, "s".into()));
}

#[test]
fn a_mutex_serves_threads() {
    let mutex = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let mutex = mutex.clone();
            thread::spawn(move || (0..1000).for_each(|_| *mutex.blocking_lock() += 1))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*mutex.clone().blocking_lock_owned(), 4000);
}

#[tokio::test]
#[should_panic]
async fn a_mutex_does_not_block_a_runtime() {
    drop(Mutex::new(()).blocking_lock());
}

// ------------------------------------------------------------------------------------------------------------- RwLock

#[tokio::test]
async fn a_rwlock_has_many_readers_or_one_writer() {
    let lock = RwLock::new(5);
    {
        let (first, second): (RwLockReadGuard<_>, _) = (lock.read().await, lock.read().await);
        assert_eq!(*first + *second, 10);
        assert!(lock.try_write().is_err());
        assert!(is_pending(lock.write()).await);
    }
    {
        let mut guard: RwLockWriteGuard<_> = lock.write().await;
        *guard += 1;
        assert!(lock.try_read().is_err() && is_pending(lock.read()).await);
        let read = guard.downgrade();
        assert_eq!(*read, *lock.read().await);
    }
    assert_eq!(lock.into_inner(), 6);
}

#[tokio::test]
async fn a_waiting_writer_comes_before_later_readers() {
    let lock = Arc::new(RwLock::new(0));
    let read = lock.read().await;
    let writer = tokio::spawn({
        let lock = lock.clone();
        async move { *lock.write().await = 1 }
    });
    yield_now().await;
    assert!(lock.try_read().is_err());
    let reader = tokio::spawn({
        let lock = lock.clone();
        async move { *lock.read().await }
    });
    yield_now().await;
    drop(read);
    writer.await.unwrap();
    assert_eq!(reader.await.unwrap(), 1);
}

#[tokio::test]
async fn a_rwlock_in_all_its_forms() {
    let mut lock = RwLock::with_max_readers((1, 'a'), 2);
    lock.get_mut().0 = 7;
    {
        let _both = (lock.try_read().unwrap(), lock.try_read().unwrap());
        assert!(lock.try_read().is_err());
    }
    let letter = RwLockReadGuard::map(lock.read().await, |pair| &pair.1);
    assert_eq!(*letter, 'a');
    drop(letter);
    let mut number = RwLockWriteGuard::map(lock.write().await, |pair| &mut pair.0);
    *number += 1;
    drop(number);
    let shared = Arc::new(lock);
    let owned: OwnedRwLockReadGuard<_> = shared.clone().read_owned().await;
    assert!(shared.clone().try_write_owned().is_err());
    drop(owned);
    let owned: OwnedRwLockWriteGuard<_> = shared.clone().write_owned().await;
    assert!(shared.clone().try_read_owned().is_err());
    let owned = OwnedRwLockWriteGuard::downgrade_map(owned, |pair| &pair.0);
    assert_eq!(*owned, 8);
    drop(owned);
    let thread = thread::spawn(move || {
        shared.blocking_write().1 = 'b';
        *shared.blocking_read()
    });
    assert_eq!(thread.join().unwrap(), (8, 'b'));
}

// ---------------------------------------------------------------------------------------------------------- Semaphore

#[tokio::test]
async fn a_semaphore_limits_how_many_work_at_once() {
    let (limit, now, most) =
        (Arc::new(Semaphore::new(3)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (limit, now, most) = (limit.clone(), now.clone(), most.clone());
            tokio::spawn(async move {
                let _permit = limit.acquire_owned().await.unwrap();
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!((most.load(Ordering::SeqCst), limit.available_permits()), (3, 3));
}

#[tokio::test]
async fn a_semaphore_in_all_its_forms() {
    let semaphore = Arc::new(Semaphore::new(5));
    let mut two = semaphore.acquire_many(2).await.unwrap();
    let one = two.split(1).unwrap();
    assert_eq!((two.num_permits(), one.num_permits(), semaphore.available_permits()), (1, 1, 3));
    assert!(two.split(2).is_none());
    two.merge(one);
    assert_eq!(semaphore.try_acquire_many(4).unwrap_err(), TryAcquireError::NoPermits);
    two.forget();
    assert_eq!(semaphore.available_permits(), 3);
    semaphore.add_permits(2);
    assert_eq!(semaphore.forget_permits(9), 5);
    semaphore.add_permits(1);
    let owned = semaphore.clone().try_acquire_many_owned(1).unwrap();
    assert!(Arc::ptr_eq(owned.semaphore(), &semaphore));
    assert!(semaphore.clone().try_acquire_owned().is_err());
    let waiting = tokio::spawn({
        let semaphore = semaphore.clone();
        async move { semaphore.acquire().await.map(drop) }
    });
    yield_now().await;
    semaphore.close();
    assert!(semaphore.is_closed());
    let error: AcquireError = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "semaphore closed");
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
    assert!(semaphore.clone().acquire_many_owned(1).await.is_err());
    const { assert!(Semaphore::MAX_PERMITS >= 1 << 29) };
}

#[tokio::test]
async fn a_large_demand_is_not_overtaken_by_small_ones() {
    let semaphore = Arc::new(Semaphore::new(1));
    let large = tokio::spawn({
        let semaphore = semaphore.clone();
        async move { semaphore.acquire_many(3).await.unwrap().forget() }
    });
    yield_now().await;
    let small = semaphore.acquire();
    tokio::pin!(small);
    assert!(is_pending(&mut small).await);
    semaphore.add_permits(2);
    large.await.unwrap();
    assert!(is_pending(&mut small).await);
    semaphore.add_permits(1);
    drop(small.await.unwrap());
}

// ------------------------------------------------------------------------------------------------------------- Notify

#[tokio::test]
async fn a_notification_is_kept_for_the_next_one_and_only_once() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    notify.notified().await;
    assert!(is_pending(notify.notified()).await);
}

#[tokio::test]
async fn notify_waiters_wakes_those_that_exist() {
    let notify = Arc::new(Notify::const_new());
    let (first, second) = (notify.notified(), notify.clone().notified_owned());
    notify.notify_waiters();
    first.await;
    second.await;
    assert!(is_pending(notify.notified()).await);
}

#[tokio::test]
async fn notifications_go_to_the_first_or_the_last() {
    let notify = Notify::new();
    let (first, second, third) = (notify.notified(), notify.notified(), notify.notified());
    tokio::pin!(first, second, third);
    assert!(!first.as_mut().enable() && !second.as_mut().enable() && !third.as_mut().enable());
    notify.notify_last();
    third.await;
    notify.notify_one();
    first.await;
    assert!(is_pending(second).await);
}

#[tokio::test]
async fn a_notification_that_was_not_awaited_goes_on_to_the_next() {
    let notify = Notify::new();
    let mut first = Box::pin(notify.notified());
    let second = notify.notified();
    tokio::pin!(second);
    first.as_mut().enable();
    second.as_mut().enable();
    notify.notify_one();
    drop(first);
    second.await;
}

// ------------------------------------------------------------------------------------------------------------ Barrier

#[tokio::test]
async fn a_barrier_lets_all_go_at_once_with_one_leader() {
    let (barrier, arrived) = (Arc::new(Barrier::new(3)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..2 {
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let (barrier, arrived) = (barrier.clone(), arrived.clone());
                tokio::spawn(async move {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    let leads = barrier.wait().await.is_leader();
                    assert_eq!(arrived.load(Ordering::SeqCst) % 3, 0);
                    leads
                })
            })
            .collect();
        let mut leaders = 0;
        for task in tasks {
            leaders += usize::from(task.await.unwrap());
        }
        assert_eq!(leaders, 1);
    }
    assert!(Barrier::new(0).wait().await.is_leader());
}

// -------------------------------------------------------------------------------------------------- OnceCell, SetOnce

static CONFIG: OnceCell<String> = OnceCell::const_new();

#[tokio::test]
async fn a_cell_is_filled_once_by_whoever_comes_first() {
    let calls = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let calls = calls.clone();
            tokio::spawn(async move {
                let fill = || async move {
                    calls.fetch_add(1, Ordering::SeqCst);
                    yield_now().await;
                    "read".to_string()
                };
                CONFIG.get_or_init(fill).await.as_str()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "read");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_cell_stays_empty_if_filling_fails() {
    let mut cell = OnceCell::new();
    let failed = cell.get_or_try_init(|| async { Err::<i32, _>("no") }).await;
    assert_eq!(failed, Err("no"));
    assert!(!cell.initialized() && cell.get().is_none());
    assert_eq!(cell.get_or_try_init(|| async { Ok::<_, ()>(3) }).await, Ok(&3));
    *cell.get_mut().unwrap() = 4;
    let error = cell.set(5).unwrap_err();
    assert_eq!(error, SetError::AlreadyInitializedError(5));
    assert!(error.is_already_init_err() && !error.is_initializing_err());
    assert_eq!((cell.take(), cell.take(), cell.into_inner()), (Some(4), None, None));
    assert_eq!(OnceCell::new_with(Some(1)), OnceCell::from(1));
}

#[tokio::test]
async fn a_value_set_once_is_waited_for() {
    let once = Arc::new(SetOnce::new());
    let waiter = tokio::spawn({
        let once = once.clone();
        async move { *once.wait().await }
    });
    yield_now().await;
    assert!(once.get().is_none() && !once.initialized());
    once.set(8).unwrap();
    assert!(once.set(9).is_err());
    assert_eq!((waiter.await.unwrap(), once.get()), (8, Some(&8)));
}
