use std::{
    collections::HashSet,
    future::{pending, ready},
};

use super::{
    super::testing::{Flag, calls, now, poll},
    *,
};

#[test]
fn a_cancel_reaches_all_who_wait_and_all_who_come() {
    let token = CancellationToken::new();
    let (one, two) = (Flag::default(), Flag::default());
    let mut borrowed = Box::pin(token.cancelled());
    let mut owned = Box::pin(token.clone().cancelled_owned());
    assert!(one.poll(borrowed.as_mut()).is_pending() && two.poll(owned.as_mut()).is_pending());
    assert_eq!(format!("{token:?}"), "CancellationToken { is_cancelled: false }");
    token.cancel();
    token.cancel();
    assert_eq!((one.take(), two.take(), token.is_cancelled()), (1, 1, true));
    now(borrowed);
    now(owned);
    now(token.cancelled());
    now(token.clone().cancelled_owned());
}

#[test]
fn a_cancel_goes_down_and_not_up() {
    let root = CancellationToken::default();
    let (child, sibling) = (root.child_token(), root.child_token());
    let grandchild = child.child_token();
    child.cancel();
    assert_eq!([&root, &child, &sibling, &grandchild].map(|t| t.is_cancelled()), [false, true, false, true]);
    assert!(child.child_token().is_cancelled());
    root.cancel();
    assert!(sibling.is_cancelled());
}

#[test]
fn a_token_that_goes_leaves_its_children_to_its_parent() {
    let root = CancellationToken::new();
    let mut token = root.child_token();
    for _ in 0..100_000 {
        token = token.child_token();
    }
    let flag = Flag::default();
    let mut wait = Box::pin(token.cancelled());
    assert!(flag.poll(wait.as_mut()).is_pending());
    assert_eq!(Rc::strong_count(&root.node), 2, "the tokens between are gone");
    root.cancel();
    assert_eq!(flag.take(), 1);
    now(wait);
    // Without a parent, the children are roots.
    let parent = CancellationToken::new();
    let child = parent.child_token();
    drop(parent);
    assert!(!child.is_cancelled());
    // Neither a cancel nor a drop recurses.
    let tokens: Vec<_> = std::iter::successors(Some(CancellationToken::new()), |token| Some(token.child_token()))
        .take(100_000)
        .collect();
    tokens[0].cancel();
    assert!(tokens.last().unwrap().is_cancelled());
    let tokens: Vec<_> = std::iter::successors(Some(CancellationToken::new()), |token| Some(token.child_token()))
        .take(100_000)
        .collect();
    drop(tokens);
}

#[test]
fn guards_cancel_unless_disarmed() {
    let token = CancellationToken::new();
    assert!(!token.clone().drop_guard().disarm().is_cancelled());
    assert_eq!(token.drop_guard_ref().disarm(), &token);
    let guard = token.drop_guard_ref();
    assert!(!guard.token().is_cancelled());
    drop(guard);
    assert!(token.is_cancelled());
    let guard = CancellationToken::new().drop_guard();
    let token = guard.token().clone();
    drop(guard);
    assert!(token.is_cancelled());
}

#[test]
fn a_future_runs_until_the_cancel() {
    let token = CancellationToken::new();
    assert_eq!(now(token.run_until_cancelled(ready(1))), Some(1));
    let flag = Flag::default();
    let mut run = Box::pin(token.clone().run_until_cancelled_owned(pending::<()>()));
    assert!(flag.poll(run.as_mut()).is_pending());
    token.cancel();
    assert_eq!((flag.take(), now(run)), (1, None));
    assert_eq!(now(token.run_until_cancelled(ready(1))), None);
}

#[test]
#[allow(clippy::mutable_key_type, reason = "the hash is of the address")]
fn clones_are_equal() {
    let token = CancellationToken::new();
    let tokens = HashSet::from([token.clone(), token.clone(), token.child_token()]);
    assert_eq!((tokens.len(), tokens.contains(&token)), (2, true));
}

/// I10: wakers that make, cancel and drop tokens of the very tree.
#[test]
fn wakers_may_call_back() {
    let token = CancellationToken::new();
    let child = token.child_token();
    let waker = calls({
        let (token, child) = (token.clone(), child.clone());
        move || {
            assert!(child.is_cancelled(), "all are cancelled before the first is woken");
            token.cancel();
            assert!(token.child_token().is_cancelled());
            now(token.cancelled());
            assert!(poll(pin!(child.cancelled())).is_ready());
        }
    });
    let mut waits = [Box::pin(token.cancelled()), Box::pin(child.cancelled())];
    for wait in &mut waits {
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    token.cancel();
    waits.into_iter().for_each(now);
}
