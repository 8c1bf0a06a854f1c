//! Who waits, first come first: a list whose nodes lie inside the futures that wait, so that waiting allocates nothing.
//!
//! # Who may touch a node
//! A node that is *linked* belongs to its list: its value and its links are touched only through the list, which is
//! behind a lock. A node that is not linked belongs to its future. `linked` is raised by the future, under the lock, and
//! lowered under the lock as the last touch of the node: once the future sees it lowered, the node is its own again,
//! and it needs no lock to find that out.
//!
//! Memory is sound if a future that goes away takes its node out first. It is pinned, so it cannot be moved or freed
//! without its destructor; a future that is leaked stays where it is, and so does its node.

use std::{marker::PhantomPinned, pin::Pin, ptr::NonNull};

use crate::primitives::{
    UnsafeCell,
    atomic::{AtomicBool, Ordering::*},
};

type Link<T> = Option<NonNull<Node<T>>>;

/// One who waits, and what is noted about it.
pub(crate) struct Node<T> {
    linked: AtomicBool,
    place: UnsafeCell<Place<T>>,
    _pinned: PhantomPinned,
}

struct Place<T> {
    previous: Link<T>,
    next: Link<T>,
    value: T,
}

// SAFETY: a linked node is touched only under its list's lock, any other only by its owner (see the top of the file), so
// the value needs to be Send and no more. The memory is the owner's future; `push_back` says until when. Test:
// `semaphore_storm`, under a thread sanitizer.
unsafe impl<T: Send> Send for Node<T> {}
// SAFETY: a shared node gives away `is_linked` only; all else asks for the list or for `Pin<&mut Node>`.
unsafe impl<T: Send> Sync for Node<T> {}

impl<T> Node<T> {
    pub(crate) fn new(value: T) -> Node<T> {
        Node {
            linked: AtomicBool::new(false),
            place: UnsafeCell::new(Place { previous: None, next: None, value }),
            _pinned: PhantomPinned,
        }
    }

    /// False from the moment that the list has let go of the node; what was done to its value before is then visible.
    pub(crate) fn is_linked(&self) -> bool {
        self.linked.load(Acquire)
    }

    /// The value of a node that is in no list.
    ///
    /// # Panics
    /// If it is in one.
    pub(crate) fn value_mut(self: Pin<&mut Self>) -> &mut T {
        assert!(!self.is_linked(), "the value of a linked node belongs to the list");
        // SAFETY: the node belongs to the caller's future, which is borrowed exclusively for as long as the result lives,
        // and no list knows it any more. The value is not moved: it was never pinned itself. Test: `nodes_leave_from_anywhere`.
        self.place.with_mut(|place| unsafe { &mut (*place).value })
    }

    /// The place, for whom the top of this file says.
    fn place(&self) -> *mut Place<T> {
        self.place.with_mut(|place| place)
    }
}

impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        debug_assert!(!self.is_linked(), "a future went away and left its node in the list");
    }
}

/// The list. It lives behind a lock.
pub(crate) struct WaitList<T> {
    first: Link<T>,
    last: Link<T>,
}

// SAFETY: the list's pointers are to nodes, which are Send for these values; they are followed only through
// `&mut WaitList`. The nodes' memory is their futures'; `push_back` says until when. Test: `semaphore_storm`.
unsafe impl<T: Send> Send for WaitList<T> {}

impl<T> WaitList<T> {
    pub(crate) const fn new() -> WaitList<T> {
        WaitList { first: None, last: None }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Puts a node behind all others.
    ///
    /// # Safety
    /// * The node is in no list.
    /// * Whoever drops the node first takes it out with [`WaitList::remove`], under the lock of the list that it is in then.
    pub(crate) unsafe fn push_back(&mut self, node: Pin<&mut Node<T>>) {
        debug_assert!(!node.is_linked());
        // SAFETY: nothing is moved out of the pinned node: it becomes a pointer. The memory is the future's, and the
        // caller answers for its removal before it is freed. Test: `nodes_leave_from_anywhere`.
        let node = NonNull::from(unsafe { node.get_unchecked_mut() });
        // SAFETY: by the contract the node is in no list, so its place is the caller's, who holds the lock. `last` is
        // linked, hence alive (contract of its own push). Test: `nodes_leave_from_anywhere`.
        unsafe {
            let place = node.as_ref().place();
            (*place).previous = self.last;
            (*place).next = None;
            match self.last {
                Some(last) => (*last.as_ref().place()).next = Some(node),
                None => self.first = Some(node),
            }
            self.last = Some(node);
            // Relaxed will do: only the lowering publishes anything to those without the lock.
            node.as_ref().linked.store(true, Relaxed);
        }
    }

    /// The value of the node that has waited longest.
    pub(crate) fn front_mut(&mut self) -> Option<&mut T> {
        // SAFETY: a linked node is alive until it is removed (contract of `push_back`), and `&mut self` lends the only way
        // to its value. Test: `nodes_leave_from_anywhere`.
        self.first.map(|first| unsafe { &mut (*first.as_ref().place()).value })
    }

    /// Lets go of the node that has waited longest, after a last look at its value.
    pub(crate) fn pop_front<R>(&mut self, last_look: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.first.map(|first| self.pop(first, last_look))
    }

    /// Lets go of the node that came last, after a last look at its value.
    pub(crate) fn pop_back<R>(&mut self, last_look: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.last.map(|last| self.pop(last, last_look))
    }

    fn pop<R>(&mut self, node: NonNull<Node<T>>, last_look: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: `node` is an end of this list, so linked and alive; its value is reached through `&mut self` alone. The
        // memory is the future's and may be freed from the moment that `unlink` returns, which is after the last use
        // here. Test: `nodes_leave_from_anywhere`, under Miri or AddressSanitizer.
        unsafe {
            let result = last_look(&mut (*node.as_ref().place()).value);
            self.unlink(node);
            result
        }
    }

    /// The value of a node of this list.
    ///
    /// # Safety
    /// The node is linked, and in this list.
    pub(crate) unsafe fn value_mut(&mut self, node: &Node<T>) -> &mut T {
        debug_assert!(node.is_linked());
        // SAFETY: a node of this list, alive as the caller borrows it; its value is reached through `&mut self` alone.
        // Test: `a_new_waker_replaces_the_old_one` of the semaphore.
        unsafe { &mut (*node.place()).value }
    }

    /// Takes a node out.
    ///
    /// # Safety
    /// The node is linked, and in this list.
    pub(crate) unsafe fn remove(&mut self, node: Pin<&mut Node<T>>) {
        debug_assert!(node.is_linked());
        // SAFETY: nothing is moved out of the pinned node. By the contract it is in this list; its memory is the caller's
        // future, which outlives the call. Test: `nodes_leave_from_anywhere`.
        unsafe { self.unlink(NonNull::from(node.get_unchecked_mut())) }
    }

    /// Moves all nodes of `other` behind the ones of this list.
    pub(crate) fn append(&mut self, other: &mut WaitList<T>) {
        let Some(first) = other.first.take() else { return };
        match self.last {
            // SAFETY: both are ends of lists that are borrowed exclusively, so linked and alive (contract of `push_back`).
            // Test: `lists_are_joined_in_order`.
            Some(last) => unsafe {
                (*last.as_ref().place()).next = Some(first);
                (*first.as_ref().place()).previous = Some(last);
            },
            None => self.first = Some(first),
        }
        self.last = other.last.take();
    }

    /// # Safety
    /// The node is in this list. Its memory may be freed by another thread as soon as this returns.
    unsafe fn unlink(&mut self, node: NonNull<Node<T>>) {
        // SAFETY: the node and its neighbours are linked, so alive, and `&mut self` is the right to their places. The
        // owner of the node may free it once `linked` is lowered: that is the last touch. Test:
        // `nodes_leave_from_anywhere`, under Miri or AddressSanitizer.
        unsafe {
            let place = node.as_ref().place();
            let (previous, next) = ((*place).previous.take(), (*place).next.take());
            match previous {
                Some(previous) => (*previous.as_ref().place()).next = next,
                None => self.first = next,
            }
            match next {
                Some(next) => (*next.as_ref().place()).previous = previous,
                None => self.last = previous,
            }
            (*node.as_ptr()).linked.store(false, Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(list: &mut WaitList<u32>) -> Vec<u32> {
        std::iter::from_fn(|| list.pop_front(|value| *value)).collect()
    }

    #[test]
    fn nodes_leave_from_anywhere() {
        for gone in 0..4 {
            let mut nodes: Vec<_> = (0..4).map(|value| Box::pin(Node::new(value))).collect();
            let mut list = WaitList::new();
            for node in &mut nodes {
                // SAFETY: each is new, and every one has left the list below before `nodes` is dropped.
                unsafe { list.push_back(node.as_mut()) };
            }
            // SAFETY: it was pushed into this list above.
            unsafe { list.remove(nodes[gone].as_mut()) };
            assert!(!nodes[gone].is_linked());
            assert_eq!(*nodes[gone].as_mut().value_mut(), gone as u32);
            drop(nodes.remove(gone));
            assert!(nodes.iter().all(|node| node.is_linked()));
            let mut expected: Vec<u32> = (0..4).filter(|value| *value != gone as u32).collect();
            assert_eq!(list.pop_back(|value| *value), expected.pop());
            assert_eq!(list.front_mut().copied(), Some(expected[0]));
            assert_eq!(drain(&mut list), expected);
            assert!(list.is_empty() && !nodes.iter().any(|node| node.is_linked()));
        }
    }

    #[test]
    fn lists_are_joined_in_order() {
        let mut nodes: Vec<_> = (0..4).map(|value| Box::pin(Node::new(value))).collect();
        let (mut one, mut other) = (WaitList::new(), WaitList::new());
        one.append(&mut other);
        assert!(one.is_empty());
        for (at, node) in nodes.iter_mut().enumerate() {
            // SAFETY: each is new, and every one has left both lists below before `nodes` is dropped.
            unsafe { if at < 2 { &mut one } else { &mut other }.push_back(node.as_mut()) };
        }
        one.append(&mut other);
        assert!(other.is_empty());
        one.append(&mut other);
        // SAFETY: they were moved to `one`.
        unsafe { one.remove(nodes[2].as_mut()) };
        other.append(&mut one);
        assert_eq!(drain(&mut other), [0, 1, 3]);
    }
}
