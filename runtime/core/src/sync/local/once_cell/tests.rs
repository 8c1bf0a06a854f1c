use std::{
    future::{pending, ready},
    rc::Rc,
};

use super::{
    super::testing::{Flag, now, panics_with, poll},
    *,
};

#[test]
fn a_value_is_set_once() {
    let mut cell = OnceCell::const_new();
    assert!(!cell.initialized() && cell.get().is_none());
    cell.set(1).unwrap();
    let error = cell.set(2).unwrap_err();
    assert!(error.is_already_init_err() && !error.is_initializing_err());
    assert_eq!((now(cell.get_or_init(|| ready(3))), cell.clone() == cell), (&1, true));
    *cell.get_mut().unwrap() = 4;
    assert_eq!((cell.take(), cell.initialized(), cell.into_inner()), (Some(4), false, None));
    assert_eq!(format!("{:?}", OnceCell::from('a')), "OnceCell { value: Some('a') }");
    assert_eq!(OnceCell::new_with(Some(5)).into_inner(), Some(5));
}

#[test]
fn a_constant_may_bring_the_value() {
    thread_local!(static GIVEN: OnceCell<u8> = const { OnceCell::const_new_with(1) });
    GIVEN.with(|given| {
        assert!(given.set(2).unwrap_err().is_already_init_err());
        assert_eq!(now(given.get_or_init(pending)), &1);
    });
}

#[test]
fn one_tries_and_the_others_wait() {
    let cell = OnceCell::new();
    let (send, receive) = super::super::oneshot::channel();
    let flags: [Flag; 3] = Default::default();
    let mut first = Box::pin(cell.get_or_init(async || receive.await.unwrap()));
    assert!(flags[0].poll(first.as_mut()).is_pending());
    assert!(cell.set(9).unwrap_err().is_initializing_err());
    let mut waits: [_; 2] = std::array::from_fn(|_| Box::pin(cell.get_or_init(|| ready(2))));
    for (flag, wait) in flags[1..].iter().zip(&mut waits) {
        assert!(flag.poll(wait.as_mut()).is_pending());
    }
    send.send(1).unwrap();
    assert_eq!(flags[0].take(), 1);
    assert_eq!(now(first), &1);
    assert_eq!((flags[1].take(), flags[2].take()), (1, 1));
    assert_eq!(waits.map(now), [&1, &1]);
}

#[test]
fn who_fails_gives_up_or_panics_leaves_it_to_the_next() {
    let cell = Rc::new(OnceCell::new());
    assert_eq!(now(cell.get_or_try_init(|| ready(Err("failed")))), Err("failed"));
    assert!(panics_with("of the user's", || {
        now(cell.get_or_init(async || panic!("of the user's")));
    }));
    let flag = Flag::default();
    let mut gives_up = Box::pin(cell.get_or_init(pending));
    assert!(poll(gives_up.as_mut()).is_pending());
    let mut next = Box::pin(cell.get_or_init(|| ready(1)));
    assert!(flag.poll(next.as_mut()).is_pending());
    drop(gives_up);
    assert_eq!((flag.take(), now(next)), (1, &1));
    assert_eq!(now(cell.get_or_try_init(|| ready(Err("not called")))), Ok(&1));
}
