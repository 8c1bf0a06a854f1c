use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    thread,
};

use super::*;
use crate::sync::testing::{block_on, poll};

#[test]
fn permits_split_merge_and_are_forgotten() {
    let semaphore = Arc::new(Semaphore::new(10));
    let mut permit = semaphore.try_acquire_many(5).unwrap();
    let part = permit.split(2).unwrap();
    assert!(permit.split(4).is_none());
    assert_eq!((permit.num_permits(), part.num_permits(), semaphore.available_permits()), (3, 2, 5));
    permit.merge(part);
    assert!(std::ptr::eq(permit.semaphore(), &*semaphore));
    permit.split(1).unwrap().forget();
    drop(permit);
    assert_eq!(semaphore.available_permits(), 9);

    let mut owned = semaphore.clone().try_acquire_many_owned(5).unwrap();
    let part = owned.split(5).unwrap();
    assert!(owned.split(1).is_none());
    assert_eq!((owned.num_permits(), part.num_permits()), (0, 5));
    owned.merge(part);
    assert!(Arc::ptr_eq(owned.semaphore(), &semaphore));
    owned.split(1).unwrap().forget();
    drop(owned);
    semaphore.add_permits(2);
    assert_eq!((semaphore.forget_permits(4), semaphore.available_permits()), (4, 6));
    assert_eq!(format!("{semaphore:?}"), "Semaphore { permits: 6 }");
}

#[test]
fn permits_of_different_semaphores_do_not_merge() {
    let (one, other) = (Semaphore::new(1), Semaphore::new(1));
    let mut permit = one.try_acquire().unwrap();
    let merged = catch_unwind(AssertUnwindSafe(|| permit.merge(other.try_acquire().unwrap())));
    assert!(merged.is_err());
    drop(permit);
    assert_eq!((one.available_permits(), other.available_permits()), (1, 1));
}

#[test]
fn every_way_to_take_a_permit_gives_it_back() {
    let semaphore = Arc::new(Semaphore::const_new(3));
    drop(block_on(semaphore.acquire()));
    drop(block_on(semaphore.acquire_many(3)));
    drop(block_on(semaphore.clone().acquire_owned()));
    drop(block_on(semaphore.clone().acquire_many_owned(3)));
    drop((semaphore.try_acquire(), semaphore.clone().try_acquire_owned()));
    drop((semaphore.blocking_acquire(), semaphore.blocking_acquire_many(2)));
    drop((semaphore.clone().blocking_acquire_owned(), semaphore.clone().blocking_acquire_many_owned(2)));
    assert_eq!((semaphore.available_permits(), Arc::strong_count(&semaphore)), (3, 1));
    assert_eq!(semaphore.try_acquire_many(4).unwrap_err(), TryAcquireError::NoPermits);
    assert_eq!(TryAcquireError::NoPermits.to_string(), "no permits available");
}

#[test]
fn a_closed_semaphore_says_so_to_everyone() {
    let semaphore = Semaphore::new(0);
    let mut waiting = pin!(semaphore.acquire());
    assert!(poll(waiting.as_mut()).is_pending());
    thread::scope(|scope| {
        let blocked = scope.spawn(|| semaphore.blocking_acquire().map(drop));
        semaphore.close();
        assert_eq!(blocked.join().unwrap().unwrap_err().to_string(), "semaphore closed");
    });
    assert!(matches!(poll(waiting), Poll::Ready(Err(_))));
    assert!(semaphore.is_closed());
    semaphore.add_permits(1);
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
}
