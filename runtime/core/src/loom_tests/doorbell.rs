//! Rings of two threads against an owner that goes to sleep.

use std::sync::Arc;

use loom::{
    sync::{
        Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use super::check;
use crate::doorbell::{Doorbell, Order, Sleep};

#[derive(Default)]
struct Shared {
    bell: Doorbell,
    /// Relaxed in all that is done with it: the bell is what orders it.
    items: AtomicUsize,
    /// The wake-ups, kept as an eventfd keeps them.
    wakeups: Mutex<usize>,
    sleeper: Condvar,
}

impl Shared {
    fn send(&self) {
        self.items.fetch_add(1, Relaxed);
        if self.bell.ring() == Order::Ring {
            *self.wakeups.lock().unwrap() += 1;
            self.sleeper.notify_one();
        }
    }

    /// Takes items until all are there; gives how often it slept, and how often it was woken.
    fn receive(&self, all: usize) -> usize {
        let (mut taken, mut sleeps) = (0, 0);
        loop {
            // A look, which may find what is no longer so; not an exchange, which never does.
            if self.items.load(Relaxed) > taken {
                taken = self.items.load(Relaxed);
            }
            if taken == all {
                return sleeps;
            }
            if self.bell.announce_sleep() == Sleep::Now {
                sleeps += 1;
                let mut wakeups = self.wakeups.lock().unwrap();
                while *wakeups == 0 {
                    wakeups = self.sleeper.wait(wakeups).unwrap();
                }
                *wakeups -= 1;
                assert_eq!(*wakeups, 0, "a sleep is ended once");
                drop(wakeups);
                assert!(self.bell.awake());
            }
        }
    }
}

#[test]
fn no_item_lies_beside_a_sleeping_owner() {
    check(|| {
        let shared = Arc::new(Shared::default());
        let senders = [0, 1].map(|_| {
            let shared = shared.clone();
            thread::spawn(move || shared.send())
        });
        let sleeps = shared.receive(2);
        for sender in senders {
            sender.join().unwrap();
        }
        assert!(sleeps <= 2 && *shared.wakeups.lock().unwrap() == 0, "no wake-up without a sleeper");
    });
}

/// The spin before a sleep: who sees the ring without an exchange sees the item after `awake`.
#[test]
fn a_look_at_the_bell_is_followed_by_the_item() {
    check(|| {
        let shared = Arc::new(Shared::default());
        let sender = {
            let shared = shared.clone();
            thread::spawn(move || shared.send())
        };
        for _ in 0..2 {
            if shared.bell.is_rung() {
                assert!(shared.bell.awake());
                assert_eq!(shared.items.load(Relaxed), 1);
                sender.join().unwrap();
                return;
            }
        }
        shared.receive(1);
        sender.join().unwrap();
    });
}
