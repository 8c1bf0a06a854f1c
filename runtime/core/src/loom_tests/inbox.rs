//! Pushes of two threads against the owner's drains, and against the close.

use std::sync::Arc;

use loom::thread;

use super::check;
use crate::{
    inbox::{Inbox, Pushed},
    task::{self, Runnable, Schedule, TaskRef},
};

struct Nowhere;

impl Schedule for Nowhere {
    fn schedule(&self, _: Runnable) {}
}

fn indexed(index: usize) -> (Runnable, TaskRef) {
    let (runnable, task, handle) = task::spawn(async {}, Nowhere);
    task.set_index(index);
    drop(handle);
    (runnable, task)
}

/// Threads that push the tasks of one array each; what became of each push.
fn pushers(inbox: &Arc<Inbox>, of_thread: [Vec<Runnable>; 2]) -> [thread::JoinHandle<Vec<Pushed>>; 2] {
    of_thread.map(|tasks| {
        let inbox = inbox.clone();
        thread::spawn(move || tasks.into_iter().map(|task| inbox.push(task)).collect())
    })
}

fn sorted(mut taken: Vec<usize>) -> Vec<usize> {
    taken.sort();
    taken
}

#[test]
fn what_two_threads_push_arrives_once_and_in_order() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let [(first, a), (second, b), (third, c)] = [0, 1, 2].map(indexed);
        let pushers = pushers(&inbox, [vec![first, second], vec![third]]);
        let mut rounds = Vec::new();
        for _ in 0..2 {
            rounds.push(inbox.drain().map(|task| task.index()).collect::<Vec<_>>());
        }
        let pushed: Vec<Pushed> = pushers.into_iter().flat_map(|pusher| pusher.join().unwrap()).collect();
        rounds.push(inbox.drain().map(|task| task.index()).collect());
        let firsts = pushed.iter().filter(|pushed| **pushed == Pushed::First).count();
        assert_eq!(firsts, rounds.iter().filter(|round| !round.is_empty()).count(), "a ring for each filling");
        let taken = rounds.concat();
        let place = |index| taken.iter().position(|taken| *taken == index);
        assert!(place(0) < place(1), "of one thread, in its order: {taken:?}");
        assert_eq!(sorted(taken), [0, 1, 2]);
        drop((a, b, c));
    });
}

#[test]
fn a_close_keeps_what_came_before_it_and_drops_the_rest() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let [(first, a), (second, b)] = [0, 1].map(indexed);
        let pushers = pushers(&inbox, [vec![first], vec![second]]);
        let mut taken: Vec<usize> = inbox.drain().map(|task| task.index()).collect();
        taken.extend(inbox.close().map(|task| task.index()));
        let pushed = pushers.map(|pusher| pusher.join().unwrap()).concat();
        assert!(inbox.drain().next().is_none(), "a drain does not open it again");
        let arrived: Vec<usize> = (0..2).filter(|index| pushed[*index] != Pushed::Closed).collect();
        assert_eq!(sorted(taken), arrived);
        drop((a, b));
    });
}
