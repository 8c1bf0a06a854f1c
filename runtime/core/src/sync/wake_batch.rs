//! Wakers that are gathered under a lock and woken once it is released.

use std::task::Waker;

/// As many as are woken for one turn of a lock: a crowd must not keep others from the lock.
const LIMIT: usize = 16;

/// Some wakers, in order.
///
/// Waking is the code of whoever made the waker, and it may well come back for the lock: so never under one.
pub(crate) struct WakeBatch {
    wakers: [Option<Waker>; LIMIT],
    length: usize,
}

impl WakeBatch {
    pub(crate) const fn new() -> WakeBatch {
        WakeBatch { wakers: [const { None }; LIMIT], length: 0 }
    }

    /// The lock must be released and the batch woken before more can be pushed.
    pub(crate) const fn is_full(&self) -> bool {
        self.length == LIMIT
    }

    /// # Panics
    /// If the batch is full.
    pub(crate) fn push(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            self.wakers[self.length] = waker;
            self.length += 1;
        }
    }

    /// Wakes all, first come first. The batch is empty afterwards.
    pub(crate) fn wake(&mut self) {
        for waker in &mut self.wakers[..std::mem::take(&mut self.length)] {
            waker.take().expect("length counts the wakers").wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        task::Wake,
    };

    use super::*;

    struct Named(usize, Arc<Mutex<Vec<usize>>>);

    impl Wake for Named {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    #[test]
    fn a_batch_wakes_in_order_and_can_be_filled_again() {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let mut batch = WakeBatch::new();
        for round in 0..2 {
            let mut name = 0;
            while !batch.is_full() {
                batch.push(Some(Waker::from(Arc::new(Named(round * LIMIT + name, Arc::clone(&woken))))));
                batch.push(None);
                name += 1;
            }
            batch.wake();
        }
        assert_eq!(*woken.lock().unwrap(), (0..2 * LIMIT).collect::<Vec<_>>());
    }
}
