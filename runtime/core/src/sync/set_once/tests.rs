use std::{
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::Poll,
    thread,
};

use super::*;
use crate::sync::testing::{block_on, poll};

#[test]
fn all_who_wait_get_the_value() {
    let cell = SetOnce::new();
    let (mut one, mut other) = (pin!(cell.wait()), pin!(cell.wait()));
    assert!(poll(one.as_mut()).is_pending() && poll(other.as_mut()).is_pending() && !cell.initialized());
    cell.set(5).unwrap();
    assert!(matches!(poll(one), Poll::Ready(5)) && matches!(poll(other), Poll::Ready(5)));
    assert_eq!(*block_on(cell.wait()), 5);
    assert_eq!(cell.set(6), Err(SetOnceError(6)));
    assert_eq!(format!("{cell:?} {}", SetOnceError(6)), "SetOnce { value: Some(5) } SetOnceError");
    assert_eq!(cell.clone(), SetOnce::from(5));
    assert_eq!(SetOnce::from(5).into_inner(), Some(5));
}

#[test]
fn a_cell_may_be_filled_from_the_start() {
    static FILLED: SetOnce<u8> = SetOnce::const_new_with(3);
    assert_eq!((FILLED.get(), FILLED.set(4).is_err()), (Some(&3), true));
    assert_eq!(SetOnce::new_with(None::<u8>), SetOnce::default());
    assert!(SetOnce::new_with(Some(1)).initialized());
}

#[test]
fn one_of_several_sets_and_all_see_the_same() {
    for _ in 0..2_000 {
        let (cell, set) = (SetOnce::new(), AtomicUsize::new(0));
        let seen: Vec<usize> = thread::scope(|scope| {
            let threads = [1, 2].map(|name| {
                let (cell, set) = (&cell, &set);
                scope.spawn(move || {
                    set.fetch_add(usize::from(cell.set(name).is_ok()), SeqCst);
                    *block_on(cell.wait())
                })
            });
            let waiter = scope.spawn(|| *block_on(cell.wait()));
            threads.into_iter().chain([waiter]).map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(set.load(SeqCst), 1);
        assert!(seen.iter().all(|value| Some(value) == cell.get()));
    }
}
