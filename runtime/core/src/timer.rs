//! Deadlines of a shard: one ordered map and the wait's own time-out, no SQE per timer.

use std::{collections::BTreeMap, task::Waker, time::Instant};

use crate::key::Key;

/// Names a timer; the deadline is part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerId {
    deadline: Instant,
    serial: u64,
}

/// What happens at a deadline.
#[derive(Debug)]
pub(crate) enum Due {
    /// A sleeping task goes on.
    Wake(Waker),
    /// A row's time limit has passed.
    TimeOut(Key, u32),
}

/// All timers of a shard, the next one first. Setting, moving and firing cost O(log n).
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeMap<TimerId, Due>,
    serial: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, deadline: Instant, due: Due) -> TimerId {
        self.serial += 1;
        let id = TimerId { deadline, serial: self.serial };
        self.due.insert(id, due);
        id
    }

    /// What the timer would have done; `None` if it has fired.
    pub(crate) fn clear(&mut self, id: TimerId) -> Option<Due> {
        self.due.remove(&id)
    }

    /// The waker of a timer that has not fired, to be replaced.
    pub(crate) fn waker(&mut self, id: TimerId) -> Option<&mut Waker> {
        match self.due.get_mut(&id) {
            Some(Due::Wake(waker)) => Some(waker),
            _ => None,
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.due.first_key_value().map(|(id, _)| id.deadline)
    }

    /// The next timer that is due at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Due> {
        let first = self.due.first_entry()?;
        (first.key().deadline <= now).then(|| first.remove())
    }

    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn timers_fire_in_order_and_only_when_due() {
        let (mut timers, start) = (Timers::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let key = Key { slot: 1, generation: 1 };
        let late = timers.set(at(20), Due::TimeOut(key, 2));
        timers.set(at(10), Due::TimeOut(key, 1));
        timers.set(at(10), Due::Wake(Waker::noop().clone()));
        assert_eq!(timers.next_deadline(), Some(at(10)));
        assert!(timers.pop(at(9)).is_none());
        assert!(matches!(timers.pop(at(10)), Some(Due::TimeOut(_, 1))));
        assert!(matches!(timers.pop(at(10)), Some(Due::Wake(_))));
        assert!(timers.pop(at(10)).is_none());
        assert!(timers.clear(late).is_some() && timers.clear(late).is_none());
        assert_eq!((timers.next_deadline(), timers.len()), (None, 0));
    }
}
