use std::{
    future::{pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::Poll,
    thread,
};

use super::*;
use crate::sync::testing::{block_on, poll};

#[test]
fn the_value_is_made_once() {
    let cell = OnceCell::new();
    assert_eq!((cell.get(), cell.initialized()), (None, false));
    assert_eq!(*block_on(cell.get_or_init(|| ready(5))), 5);
    assert_eq!(*block_on(cell.get_or_init(pending)), 5);
    assert_eq!(block_on(cell.get_or_try_init(|| ready(Err("late")))), Ok(&5));
    assert_eq!(cell.set(6), Err(SetError::AlreadyInitializedError(6)));
    assert_eq!(format!("{cell:?}"), "OnceCell { value: Some(5) }");
}

#[test]
fn while_one_makes_it_others_wait() {
    let cell = OnceCell::new();
    let mut maker = Box::pin(cell.get_or_init(pending::<u8>));
    let mut next = pin!(cell.get_or_init(|| ready(2)));
    assert!(poll(maker.as_mut()).is_pending() && poll(next.as_mut()).is_pending());
    let refused = cell.set(3).unwrap_err();
    assert!(refused.is_initializing_err() && !refused.is_already_init_err());
    assert_eq!(refused.to_string(), "InitializingError");
    drop(maker);
    assert!(matches!(poll(next), Poll::Ready(2)), "the next one makes it");
}

#[test]
fn a_failure_or_a_panic_leaves_the_cell_to_the_next() {
    let cell = OnceCell::new();
    assert_eq!(block_on(cell.get_or_try_init(|| ready(Err::<u8, _>("no")))), Err("no"));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        block_on(cell.get_or_init(|| async { panic!("while it makes the value") }));
    }));
    assert!(panicked.is_err() && !cell.initialized());
    assert_eq!(block_on(cell.get_or_try_init(|| ready(Ok::<_, ()>(4)))), Ok(&4));
}

#[test]
fn a_cell_can_be_emptied_copied_and_compared() {
    static FILLED: OnceCell<u8> = OnceCell::const_new_with(3);
    assert_eq!(*block_on(FILLED.get_or_init(pending)), 3);
    let mut cell = OnceCell::new_with(Some(3));
    assert_eq!(cell, FILLED.clone());
    *cell.get_mut().unwrap() += 1;
    assert_eq!(cell, OnceCell::from(4));
    assert_eq!((cell.take(), cell.take()), (Some(4), None));
    assert_eq!(cell, OnceCell::default());
    cell.set(5).unwrap();
    assert_eq!(cell.get_mut(), Some(&mut 5));
    assert_eq!((cell.into_inner(), OnceCell::<u8>::new_with(None).into_inner()), (Some(5), None));
}

/// However many ask at a time, and however many give up, it is made once.
#[test]
fn once_cell_storm() {
    for round in 0..2_000 {
        let (cell, made) = (OnceCell::new(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for name in 0..3 {
                let (cell, made) = (&cell, &made);
                scope.spawn(move || {
                    let make = || async move { made.fetch_add(1, SeqCst) };
                    if (round + name) % 3 == 0 {
                        let _given_up = poll(pin!(cell.get_or_init(pending)));
                    }
                    assert_eq!(*block_on(cell.get_or_init(make)), 0);
                });
            }
        });
        assert_eq!(made.load(SeqCst), 1);
    }
}
