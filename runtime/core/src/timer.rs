//! The deadlines of a shard: one heap and the wait's own time-out, no SQE per timer.
//!
//! A heap of four children per node whose entries know their timers, and timers that know their places in it. So
//! setting, moving, clearing and firing take O(log n) steps at worst, and few where it matters: a new time limit usually
//! ends after all others and is put last, one that is cleared soon after is still near the end. Nothing is ever sorted
//! again, so no timer waits for the bookkeeping of others, however many there are.
//!
//! 48 bytes per timer, for as many as there have been at once.

use std::{
    task::Waker,
    time::{Duration, Instant},
};

use crate::key::Key;

/// Children of a node: four of 16 bytes each are what one look at memory brings.
const ARITY: usize = 4;
/// How many timers make a crowd, see [`Timers::wake_at`].
const CROWD: usize = 4;
/// Instead of a place in the heap: the timer is not set.
const NOWHERE: u32 = u32::MAX;

/// Names a timer: a place in the table, in one of its lives. An old name means nothing, until the same place has had
/// 2^32 others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId {
    slot: u32,
    generation: u32,
}

/// What happens at a deadline.
#[derive(Debug)]
pub(crate) enum Due {
    /// A sleeping task goes on.
    Wake(Waker),
    /// A row's time limit has passed.
    TimeOut(Key, u32),
}

/// A node of the heap, ordered by deadline, then by which was set first: one number, so that comparing costs no branch.
///
/// ```text
/// bit 127 .. 64                            | 63 .. 32 | 31 .. 0
/// nanoseconds since the table was made: 64 | serial: 32 | slot: 32
/// ```
///
/// The serial starts anew after 2^32 timers: of those with one deadline that are set around then, a later one may be first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Node(u128);

impl Node {
    fn new(deadline: u64, serial: u32, slot: u32) -> Node {
        Node(u128::from(deadline) << 64 | u128::from(serial) << 32 | u128::from(slot))
    }

    fn deadline(self) -> u64 {
        (self.0 >> 64) as u64
    }

    fn slot(self) -> u32 {
        self.0 as u32
    }
}

/// Where a timer is.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Index in the heap, or [`NOWHERE`].
    node: u32,
    generation: u32,
}

/// All timers of a shard, the next one first.
#[derive(Debug)]
pub(crate) struct Timers {
    heap: Vec<Node>,
    places: Vec<Place>,
    /// As long as `places`, apart from it because moves in the heap touch the places only.
    due: Vec<Option<Due>>,
    free: Vec<u32>,
    serial: u32,
    origin: Instant,
}

impl Timers {
    /// No timers. Deadlines before `origin` count as it.
    pub(crate) fn new(origin: Instant) -> Timers {
        Timers { heap: Vec::new(), places: Vec::new(), due: Vec::new(), free: Vec::new(), serial: 0, origin }
    }

    pub(crate) fn set(&mut self, deadline: Instant, due: Due) -> TimerId {
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = u32::try_from(self.places.len()).ok().filter(|slot| *slot != NOWHERE);
            self.places.push(Place { node: NOWHERE, generation: 0 });
            self.due.push(None);
            slot.expect("fewer than 2^32 timers: each has 48 bytes")
        });
        self.due[slot as usize] = Some(due);
        self.serial = self.serial.wrapping_add(1);
        let node = Node::new(self.nanos(deadline), self.serial, slot);
        self.heap.push(node);
        self.sift_up(self.heap.len() - 1, node);
        TimerId { slot, generation: self.places[slot as usize].generation }
    }

    /// What the timer would have done; `None` if it has fired.
    pub(crate) fn clear(&mut self, id: TimerId) -> Option<Due> {
        let index = self.find(id)?;
        Some(self.take(index))
    }

    /// Gives the timer another deadline; `false` if it has fired.
    pub(crate) fn reset(&mut self, id: TimerId, deadline: Instant) -> bool {
        let Some(index) = self.find(id) else { return false };
        self.serial = self.serial.wrapping_add(1);
        let node = Node::new(self.nanos(deadline), self.serial, id.slot);
        self.sift(index, node);
        true
    }

    /// The waker of a timer that has not fired, to be replaced.
    pub(crate) fn waker(&mut self, id: TimerId) -> Option<&mut Waker> {
        self.find(id)?;
        match &mut self.due[id.slot as usize] {
            Some(Due::Wake(waker)) => Some(waker),
            _ => None,
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.heap.first().map(|first| self.origin + Duration::from_nanos(first.deadline()))
    }

    /// When to wake for the next timer: at its deadline, exactly; or up to `slack` later if a crowd of timers falls due
    /// by then, which so share one wake. A wake costs far more than what it is for: up to 20 µs, against 0.1 for a timer.
    pub(crate) fn wake_at(&self, slack: Duration) -> Option<Instant> {
        let first = self.heap.first()?.deadline();
        let end = first.saturating_add(u64::try_from(slack.as_nanos()).unwrap_or(u64::MAX));
        let wake = if self.crowd_by(end) { end } else { first };
        Some(self.origin + Duration::from_nanos(wake))
    }

    /// True if at least [`CROWD`] timers are due by then. They are the top of the heap: looks at no more than the
    /// children of so many.
    fn crowd_by(&self, end: u64) -> bool {
        let mut due = [0; CROWD];
        let (mut count, mut looked_at) = (1, 0);
        while looked_at < count {
            let first = due[looked_at] * ARITY + 1;
            looked_at += 1;
            for child in first..(first + ARITY).min(self.heap.len()) {
                if self.heap[child].deadline() <= end {
                    due[count] = child;
                    count += 1;
                    if count == CROWD {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// The next timer that is due at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Due> {
        let first = self.heap.first()?;
        (first.deadline() <= self.nanos(now)).then(|| self.take(0))
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Saturates after 584 years.
    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin);
        since.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(since.subsec_nanos()))
    }

    fn find(&self, id: TimerId) -> Option<usize> {
        let place = self.places.get(id.slot as usize)?;
        (place.generation == id.generation && place.node != NOWHERE).then_some(place.node as usize)
    }

    /// Ends the timer at `index` of the heap.
    fn take(&mut self, index: usize) -> Due {
        let slot = self.heap[index].slot();
        let last = self.heap.pop().expect("the heap has the one at `index`");
        if index < self.heap.len() {
            self.sift(index, last);
        }
        let place = &mut self.places[slot as usize];
        *place = Place { node: NOWHERE, generation: place.generation.wrapping_add(1) };
        self.free.push(slot);
        self.due[slot as usize].take().expect("a timer that is set")
    }

    /// Puts `node` where it belongs, `index` being free.
    fn sift(&mut self, index: usize, node: Node) {
        if index > 0 && node < self.heap[(index - 1) / ARITY] {
            self.sift_up(index, node);
        } else {
            self.sift_down(index, node);
        }
    }

    fn sift_up(&mut self, mut index: usize, node: Node) {
        while index > 0 {
            let parent = (index - 1) / ARITY;
            if self.heap[parent] <= node {
                break;
            }
            self.put(index, self.heap[parent]);
            index = parent;
        }
        self.put(index, node);
    }

    fn sift_down(&mut self, mut index: usize, node: Node) {
        while let Some(child) = self.least_child(index) {
            let least = self.heap[child];
            if node <= least {
                break;
            }
            self.put(index, least);
            index = child;
        }
        self.put(index, node);
    }

    /// Among random deadlines the least of four is guessed wrong more often than not, so there is nothing to guess here:
    /// comparisons become indices.
    fn least_child(&self, index: usize) -> Option<usize> {
        let first = index * ARITY + 1;
        let Some(&[a, b, c, d]) = self.heap.get(first..).and_then(|rest| rest.first_chunk()) else {
            return (first..self.heap.len()).min_by_key(|child| self.heap[*child]);
        };
        let (left, right) = (usize::from(b < a), 2 + usize::from(d < c));
        let right_is_less = usize::from(c.min(d) < a.min(b));
        Some(first + left + (right - left) * right_is_less)
    }

    fn put(&mut self, index: usize, node: Node) {
        self.heap[index] = node;
        self.places[node.slot() as usize].node = index as u32;
    }
}

#[cfg(test)]
mod tests;
