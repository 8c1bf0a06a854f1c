//! The doorbell: whether a shard sleeps, and who has to wake it.
//!
//! Only the protocol. What is written to wake the sleeper, an eventfd in the runtime and a condition variable in the
//! tests, is the caller's.

use crate::primitives::atomic::{
    AtomicU8,
    Ordering::{AcqRel, Relaxed},
};

/// The owner is awake and nobody has rung since it last looked.
const AWAKE: u8 = 0;
/// The owner sleeps or is about to. Set by the owner only. Whoever ends this state by ringing owes the wake-up.
const ASLEEP: u8 = 1;
/// Somebody has rung since the owner last looked. Set by any thread; more rings change nothing.
const RUNG: u8 = 2;

/// One per shard.
///
/// A sender puts its item in the inbox and then rings (swap to RUNG). The owner announces its sleep (AWAKE → ASLEEP)
/// and sleeps only if that succeeds. Both write the same byte, so one of the two comes first:
///
/// - The ring: the owner finds RUNG, does not sleep, and its acquire shows it the item.
/// - The announcement: the sender finds ASLEEP, and it, and it alone, wakes the sleeper. The owner may be on its way
///   to sleep still, so the wake-up has to be one that is kept, like the count of an eventfd.
///
/// So no item lies beside a sleeping owner, whether or not the owner looks at the inbox again after the announcement,
/// and a burst of rings costs one wake-up. A `compare_exchange(ASLEEP, RUNG)` in the sender would not do: where it
/// fails it is a mere load, which releases nothing, and an owner that goes to sleep at that moment may see neither
/// the ring nor the item.
///
/// Not guaranteed: that a wake-up finds something to do. If something else ended the sleep, the wake-up of a ring may
/// arrive when its item has been dealt with.
#[derive(Default)]
pub struct Doorbell {
    /// AWAKE, ASLEEP or RUNG, by the protocol above.
    state: AtomicU8,
}

/// What the sender has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing: the owner is awake, or another sender wakes it.
    Nothing,
    /// Wake the owner.
    Ring,
}

/// What the owner has to do.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// Sleep; and call [`Doorbell::awake`] afterwards, whatever ended the sleep.
    Now,
    /// Look at the inbox first: somebody has rung. The owner counts as awake.
    NotYet,
}

impl Doorbell {
    /// A doorbell with an awake owner.
    pub fn new() -> Doorbell {
        Doorbell::default()
    }

    /// Owner, when it has nothing to do.
    pub fn announce_sleep(&self) -> Sleep {
        match self.state.compare_exchange(AWAKE, ASLEEP, AcqRel, Relaxed) {
            Ok(_) => Sleep::Now,
            Err(found) => {
                assert_eq!(found, RUNG, "only the owner announces a sleep, and it does so once");
                let _rung = self.awake();
                Sleep::NotYet
            }
        }
    }

    /// Any thread, after it has put something in the inbox.
    pub fn ring(&self) -> Order {
        match self.state.swap(RUNG, AcqRel) {
            ASLEEP => Order::Ring,
            _ => Order::Nothing,
        }
    }

    /// Owner, while it is awake: true once somebody has rung. A look, not an order: [`awake`](Doorbell::awake) shows what
    /// was put in before the ring.
    pub fn is_rung(&self) -> bool {
        self.state.load(Relaxed) == RUNG
    }

    /// Owner, after it slept, or after it thought better of it. True if somebody has rung: there is something in the
    /// inbox, and a wake-up has arrived or will.
    pub fn awake(&self) -> bool {
        self.state.swap(AWAKE, AcqRel) == RUNG
    }
}

impl std::fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.state.load(Relaxed) {
            AWAKE => "Doorbell(awake)",
            ASLEEP => "Doorbell(asleep)",
            _ => "Doorbell(rung)",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Condvar, Mutex, atomic::AtomicUsize},
        thread,
    };

    use super::*;

    #[test]
    fn only_the_first_ring_of_a_sleep_wakes() {
        let bell = Doorbell::new();
        assert_eq!(bell.announce_sleep(), Sleep::Now);
        assert_eq!(bell.ring(), Order::Ring);
        assert_eq!(bell.ring(), Order::Nothing);
        assert!(bell.awake());
        assert!(!bell.awake());
    }

    #[test]
    fn a_ring_while_awake_prevents_the_sleep() {
        let bell = Doorbell::new();
        assert_eq!(bell.ring(), Order::Nothing);
        assert_eq!(bell.announce_sleep(), Sleep::NotYet);
        assert_eq!(bell.announce_sleep(), Sleep::Now);
        assert!(!bell.awake());
    }

    /// An item is a count here. The owner sleeps without a time limit: a lost ring is a test that never ends.
    #[test]
    fn no_item_is_left_beside_a_sleeping_owner() {
        const SENDERS: usize = 2;
        const ITEMS: usize = 100_000;
        let (bell, items) = (Doorbell::new(), AtomicUsize::new(0));
        let (wakeups, sleeper) = (Mutex::new(0_usize), Condvar::new());
        thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| {
                    for _ in 0..ITEMS {
                        items.fetch_add(1, Relaxed);
                        if bell.ring() == Order::Ring {
                            *wakeups.lock().unwrap() += 1;
                            sleeper.notify_one();
                        }
                    }
                });
            }
            let mut taken = 0;
            while taken < SENDERS * ITEMS {
                taken += items.swap(0, Relaxed);
                if taken < SENDERS * ITEMS && bell.announce_sleep() == Sleep::Now {
                    let mut kept = wakeups.lock().unwrap();
                    while *kept == 0 {
                        kept = sleeper.wait(kept).unwrap();
                    }
                    *kept -= 1;
                    assert!(bell.awake());
                }
            }
        });
    }
}
