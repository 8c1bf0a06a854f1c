use std::{
    collections::HashSet,
    future::{pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::{Wake, Waker},
    thread,
};

use super::*;
use crate::sync::testing::{block_on, poll};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Polls once with a waker that counts.
fn poll_by<F: Future>(count: &Arc<Count>, future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(count))))
}

#[test]
fn a_cancel_wakes_all_who_wait_once() {
    let token = CancellationToken::new();
    let count = Arc::new(Count::default());
    let (mut first, mut second) = (pin!(token.cancelled()), pin!(token.clone().cancelled_owned()));
    assert!(poll_by(&count, first.as_mut()).is_pending() && poll_by(&count, second.as_mut()).is_pending());
    {
        let mut given_up = pin!(token.cancelled());
        assert!(poll_by(&count, given_up.as_mut()).is_pending());
    }
    token.cancel();
    token.cancel();
    assert_eq!(count.0.load(SeqCst), 2);
    assert!(poll(first).is_ready() && poll(second).is_ready());
    assert!(poll(pin!(token.cancelled())).is_ready());
}

#[test]
fn cancels_go_down_and_not_up() {
    let root = CancellationToken::new();
    let (left, right) = (root.child_token(), root.child_token());
    let (below_left, below_right) = (left.child_token(), right.child_token());
    left.cancel();
    assert!(left.is_cancelled() && below_left.is_cancelled());
    assert!(!root.is_cancelled() && !right.is_cancelled() && !below_right.is_cancelled());
    assert!(left.child_token().is_cancelled() && left.child_token().child_token().is_cancelled());
    assert_eq!(root.node.family_size(), 3);
    root.cancel();
    assert!(right.is_cancelled() && below_right.is_cancelled());
    assert_eq!(root.node.family_size(), 0);
}

#[test]
fn a_token_that_goes_leaves_its_children_to_its_parent() {
    let root = CancellationToken::new();
    let middle = root.child_token();
    let (first, second) = (middle.child_token(), middle.child_token());
    let middle_clone = middle.clone();
    drop(middle);
    assert_eq!(root.node.family_size(), 4);
    drop(middle_clone);
    assert_eq!(root.node.family_size(), 3);
    first.cancel();
    assert!(!second.is_cancelled());
    root.cancel();
    assert!(second.is_cancelled());

    // The parent goes first: the children are on their own, and still not each other's.
    let root = CancellationToken::new();
    let (first, second) = (root.child_token(), root.child_token());
    let below = first.child_token();
    drop(root);
    first.cancel();
    assert!(below.is_cancelled() && !second.is_cancelled());
    drop(second);
}

#[test]
fn a_long_chain_does_not_grow_and_a_deep_one_is_no_recursion() {
    let root = CancellationToken::new();
    let mut last = root.child_token();
    for _ in 0..1000 {
        last = last.child_token();
    }
    assert_eq!(root.node.family_size(), 2);
    let mut tokens = vec![root.clone()];
    for _ in 0..if cfg!(miri) { 100 } else { 100_000 } {
        tokens.push(tokens.last().unwrap().child_token());
    }
    root.cancel();
    assert!(last.is_cancelled() && tokens.iter().all(CancellationToken::is_cancelled));
}

#[test]
fn guards_cancel_unless_disarmed() {
    let token = CancellationToken::new();
    let kept = token.clone().drop_guard().disarm();
    assert!(kept.drop_guard_ref().disarm() == &token);
    assert!(!token.is_cancelled());
    let child = token.child_token();
    let guard = child.drop_guard_ref();
    assert!(!guard.token().is_cancelled());
    drop(guard);
    assert!(child.is_cancelled() && !token.is_cancelled());
    let guard = token.clone().drop_guard();
    assert_eq!(guard.token(), &token);
    drop(guard);
    assert!(token.is_cancelled());
}

#[test]
fn a_future_runs_until_the_cancel() {
    let token = CancellationToken::new();
    assert_eq!(block_on(token.run_until_cancelled(ready(1))), Some(1));
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let mut run = Box::pin(token.clone().run_until_cancelled_owned(async move {
        let _held = held;
        pending::<()>().await;
    }));
    assert!(poll(run.as_mut()).is_pending());
    token.cancel();
    assert_eq!(poll(run.as_mut()), Poll::Ready(None));
    assert_eq!(Arc::strong_count(&alive), 1);
    assert_eq!(block_on(token.run_until_cancelled(async { unreachable!("not polled at all") })), None::<()>);
    // Both at once: the result wins.
    let token = CancellationToken::new();
    let both = async {
        token.cancel();
        5
    };
    assert_eq!(block_on(token.run_until_cancelled(both)), Some(5));
}

#[test]
#[allow(clippy::mutable_key_type, reason = "what a token hashes to does not change")]
fn tokens_are_equal_to_their_clones_alone() {
    let token = CancellationToken::default();
    let all: HashSet<_> = [token.clone(), token.clone(), token.child_token()].into_iter().collect();
    assert_eq!(all.len(), 2);
    assert_eq!(format!("{token:?}"), "CancellationToken { is_cancelled: false }");
}

#[test]
fn a_waker_that_panics_does_not_keep_the_family_waiting() {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics");
        }
    }
    let root = CancellationToken::new();
    let children = [root.child_token(), root.child_token()];
    let count = Arc::new(Count::default());
    let mut first = pin!(root.cancelled());
    assert!(first.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::new(Bad)))).is_pending());
    let [mut one, mut two] = children.each_ref().map(|child| child.cancelled());
    assert!(poll_by(&count, Pin::new(&mut one)).is_pending() && poll_by(&count, Pin::new(&mut two)).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| root.cancel())).is_err());
    assert_eq!(count.0.load(SeqCst), 2);
}

#[test]
fn families_live_on_all_threads() {
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 3_000 };
    for round in 0..ROUNDS {
        let root = CancellationToken::new();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let root = root.clone();
                thread::spawn(move || {
                    let middle = root.child_token();
                    let last = middle.child_token();
                    if round % 2 == 0 {
                        drop(middle);
                    }
                    drop(root);
                    block_on(last.cancelled_owned());
                })
            })
            .collect();
        root.child_token().cancel();
        root.cancel();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(root.node.family_size(), 0);
    }
}
