use std::future::Future;

use super::{
    super::testing::{Flag, OnDrop, calls, now, poll},
    *,
};

#[test]
fn one_holder_at_a_time_in_order() {
    let mutex = Mutex::const_new(vec![0]);
    let mut guard = now(mutex.lock());
    guard.push(1);
    assert!(mutex.try_lock().is_err());
    assert_eq!(format!("{guard:?} {mutex:?}"), "[0, 1] Mutex { data: <locked> }");
    let flags: [Flag; 2] = Default::default();
    let mut waits: Vec<_> = flags.iter().map(|_| Box::pin(mutex.lock())).collect();
    for (flag, wait) in flags.iter().zip(&mut waits) {
        assert!(flag.poll(wait.as_mut()).is_pending());
    }
    drop(guard);
    assert_eq!((flags[0].take(), flags[1].take()), (1, 0));
    assert!(mutex.try_lock().is_err(), "it is the first one's");
    drop(waits.remove(0));
    assert_eq!(flags[1].take(), 1, "who gives up passes it on");
    now(waits.remove(0)).push(2);
    drop(waits);
    assert_eq!(format!("{mutex:?}"), "Mutex { data: [0, 1, 2] }");
    assert_eq!(mutex.into_inner(), [0, 1, 2]);
}

#[test]
fn owned_guards_keep_the_mutex() {
    let dropped = std::cell::Cell::new(false);
    let mutex = Rc::new(Mutex::new((1, OnDrop(|| dropped.set(true)))));
    let guard = now(mutex.clone().lock_owned());
    assert!(Rc::ptr_eq(OwnedMutexGuard::mutex(&guard), &mutex));
    drop(mutex);
    assert!(guard.0 == 1 && !dropped.get());
    let mut part = OwnedMutexGuard::map(guard, |pair| &mut pair.0);
    *part += 1;
    assert_eq!(format!("{part} {part:?}"), "2 2");
    drop(part);
    assert!(dropped.get());
}

#[test]
fn parts_hold_the_lock() {
    let mutex = Rc::new(Mutex::from((1, [2, 3])));
    let guard = now(mutex.lock());
    assert!(std::ptr::eq(MutexGuard::mutex(&guard), &*mutex));
    let guard = MutexGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
    let part = MutexGuard::map(guard, |pair| &mut pair.1);
    let part = MappedMutexGuard::try_map(part, |array| array.get_mut(9)).unwrap_err();
    let mut part = MappedMutexGuard::map(part, |array| &mut array[0]);
    *part = 20;
    assert!(mutex.try_lock().is_err());
    drop(part);
    let guard = mutex.clone().try_lock_owned().unwrap();
    let guard = OwnedMutexGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
    let part = OwnedMutexGuard::try_map(guard, |pair| Some(&mut pair.1)).unwrap();
    let part = OwnedMappedMutexGuard::try_map(part, |array| array.get_mut(9)).unwrap_err();
    *OwnedMappedMutexGuard::map(part, |array| &mut array[1]) = 30;
    assert_eq!(*mutex.try_lock().unwrap(), (1, [20, 30]));
    // A panic in `map` gives the lock back.
    assert!(super::super::testing::panics_with("of the user's", || {
        drop(MutexGuard::map(mutex.try_lock().unwrap(), |_| -> &mut u8 { panic!("of the user's") }));
    }));
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn values_may_be_unsized_and_reached_without_the_lock() {
    let mut boxed: Box<Mutex<[u8]>> = Box::new(Mutex::new([1, 2]));
    boxed.get_mut()[0] = 3;
    assert_eq!(now(boxed.lock()).len(), 2);
    assert_eq!(Mutex::<u8>::default().into_inner(), 0);
    assert_eq!(
        boxed.try_lock().and_then(|_held| boxed.try_lock().map(|_| ())).unwrap_err().to_string(),
        "operation would block"
    );
}

/// I10: a waker that asks for the very lock.
#[test]
fn wakers_may_call_back() {
    let mutex = Rc::new(Mutex::new(0));
    let waker = calls({
        let mutex = mutex.clone();
        move || assert!(mutex.try_lock().is_err() && poll(std::pin::pin!(mutex.lock())).is_pending())
    });
    let guard = now(mutex.lock());
    let mut wait = Box::pin(mutex.lock());
    assert!(wait.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    drop(guard);
    *now(wait) += 1;
    assert_eq!(*now(mutex.lock()), 1);
}
