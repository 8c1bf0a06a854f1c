use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    thread,
};

use super::*;
use crate::sync::testing::{block_on, poll};

#[test]
fn one_at_a_time_in_the_order_of_the_first_poll() {
    let mutex = Mutex::new(1);
    let guard = mutex.try_lock().unwrap();
    let (mut never_polled, mut second, mut third) = (pin!(mutex.lock()), pin!(mutex.lock()), pin!(mutex.lock()));
    assert!(poll(second.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
    assert!(mutex.try_lock().is_err());
    drop(guard);
    assert!(mutex.try_lock().is_err(), "the lock is the second's, who has not looked yet");
    assert!(poll(never_polled.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
    let Poll::Ready(guard) = poll(second.as_mut()) else { panic!("the second's turn") };
    drop(guard);
    assert!(poll(third.as_mut()).is_ready());
    assert!(poll(never_polled.as_mut()).is_ready());
}

#[test]
fn a_dropped_lock_passes_its_turn_on() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let mut first = Box::pin(mutex.lock());
    let mut second = pin!(mutex.lock());
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    drop(guard);
    drop(first);
    assert!(poll(second.as_mut()).is_ready());
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn guards_of_parts_unlock_once() {
    let mutex = Arc::new(Mutex::new((1, [2, 3])));
    let part = MutexGuard::map(mutex.try_lock().unwrap(), |value| &mut value.1);
    let part = MappedMutexGuard::try_map(part, |array| array.get_mut(5)).unwrap_err();
    let mut part = MappedMutexGuard::try_map(part, |array| array.get_mut(1)).unwrap();
    *part += 10;
    assert_eq!(format!("{part} {part:?} {mutex:?}"), "13 13 Mutex { data: <locked> }");
    let part = MappedMutexGuard::map(part, |number| number);
    assert!(mutex.try_lock().is_err());
    drop(part);

    let guard = mutex.clone().try_lock_owned().unwrap();
    assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &mutex));
    let guard = OwnedMutexGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
    let part = OwnedMutexGuard::map(guard, |value| &mut value.1);
    let part = OwnedMappedMutexGuard::try_map(part, |_| None::<&mut u8>).unwrap_err();
    let mut part = OwnedMappedMutexGuard::map(part, |array| &mut array[0]);
    *part += 10;
    assert!(mutex.try_lock().is_err());
    drop(part);
    assert_eq!(Arc::strong_count(&mutex), 1);
    assert_eq!(format!("{mutex:?}"), "Mutex { data: (1, [12, 13]) }");

    let guard = block_on(mutex.lock());
    assert!(std::ptr::eq(MutexGuard::mutex(&guard), &*mutex));
    drop(guard);
    let mut mutex = Arc::into_inner(mutex).unwrap();
    mutex.get_mut().0 = 5;
    assert_eq!(mutex.into_inner(), (5, [12, 13]));
}

#[test]
fn unsized_values_are_locked_too() {
    let mutex: Arc<Mutex<[u8]>> = Arc::new(Mutex::new([1, 2]));
    let first = OwnedMutexGuard::map(mutex.clone().blocking_lock_owned(), |bytes| &mut bytes[..1]);
    assert_eq!(*first, [1]);
    assert!(mutex.try_lock().is_err());
}

#[test]
fn a_panic_unlocks_and_poisons_nothing() {
    let mutex = Mutex::new(1);
    let holder = catch_unwind(AssertUnwindSafe(|| {
        let _guard = mutex.try_lock().unwrap();
        panic!("while it holds the lock");
    }));
    assert!(holder.is_err() && mutex.try_lock().is_ok());
    let mapper = catch_unwind(AssertUnwindSafe(|| {
        drop(MutexGuard::map(mutex.try_lock().unwrap(), |_| -> &mut u8 { panic!("while it maps") }));
    }));
    assert!(mapper.is_err());
    assert_eq!(*mutex.try_lock().unwrap(), 1);
}

/// Threads that block, tasks that wait, and waits that are dropped, 100 000 in all.
#[test]
fn lock_storm() {
    let mutex = Arc::new(Mutex::new(0_u64));
    let added: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut added = 0;
                    for round in 0..33_334 {
                        added += 1;
                        match round % 4 {
                            0 => *mutex.blocking_lock() += 1,
                            1 => *block_on(mutex.lock()) += 1,
                            2 => *mutex.clone().blocking_lock_owned() += 1,
                            _ => match poll(pin!(mutex.lock())) {
                                Poll::Ready(mut guard) => *guard += 1,
                                Poll::Pending => added -= 1,
                            },
                        }
                    }
                    added
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(*mutex.try_lock().unwrap(), added);
}
