//! Families of tokens: who is cancelled with whom.
//!
//! A family is a slab of entries linked by their keys, behind one lock. Only tokens that live and are not cancelled have an
//! entry. A token that goes leaves its children to its parent, so that a chain of tokens that come and go does not grow; a
//! token that is cancelled takes its descendants' entries with it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::*},
    },
    vec,
};

use slab::Slab;

use crate::sync::waiters::Waiters;

/// What the clones of a token share.
pub(super) struct Node {
    /// Raised once, under the family's lock.
    cancelled: AtomicBool,
    pub(super) waiters: Waiters,
    /// The family and the entry in it, which is there until the token is cancelled. `None`: born cancelled.
    member: Option<(Arc<Family>, usize)>,
}

#[derive(Default)]
pub(super) struct Family(Mutex<Slab<Entry>>);

struct Entry {
    /// Cannot be upgraded once the last clone is going; the entry goes next.
    node: Weak<Node>,
    parent: Option<usize>,
    first_child: Option<usize>,
    previous: Option<usize>,
    next: Option<usize>,
}

type Entries<'a> = MutexGuard<'a, Slab<Entry>>;

impl Family {
    /// No user code runs under this lock.
    fn lock(&self) -> Entries<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Acquire)
    }
}

/// A node of a family of its own.
pub(super) fn root() -> Arc<Node> {
    let family = Arc::new(Family::default());
    insert(&family, &mut family.lock(), None)
}

/// A node below `parent`.
pub(super) fn child(parent: &Arc<Node>) -> Arc<Node> {
    if let Some((family, key)) = &parent.member {
        let mut entries = family.lock();
        // Under the lock: else a cancel could pass by.
        if !parent.is_cancelled() {
            return insert(family, &mut entries, Some(*key));
        }
    }
    Arc::new(Node { cancelled: AtomicBool::new(true), waiters: Waiters::new(), member: None })
}

fn insert(family: &Arc<Family>, entries: &mut Entries<'_>, parent: Option<usize>) -> Arc<Node> {
    let key = entries.vacant_key();
    let member = Some((Arc::clone(family), key));
    let node = Arc::new(Node { cancelled: AtomicBool::new(false), waiters: Waiters::new(), member });
    let entry = Entry { node: Arc::downgrade(&node), parent: None, first_child: None, previous: None, next: None };
    entries.insert(entry);
    adopt(entries, parent, key);
    node
}

/// Puts an entry that has no parent below one.
fn adopt(entries: &mut Entries<'_>, parent: Option<usize>, child: usize) {
    let next = parent.and_then(|parent| entries[parent].first_child.replace(child));
    if let Some(next) = next {
        entries[next].previous = Some(child);
    }
    let entry = &mut entries[child];
    (entry.parent, entry.previous, entry.next) = (parent, None, next);
}

/// Takes an entry out of its parent's list.
fn unlink(entries: &mut Entries<'_>, key: usize) {
    let entry = &entries[key];
    let (parent, previous, next) = (entry.parent, entry.previous, entry.next);
    match (previous, parent) {
        (Some(previous), _) => entries[previous].next = next,
        (None, Some(parent)) => entries[parent].first_child = next,
        (None, None) => {}
    }
    if let Some(next) = next {
        entries[next].previous = previous;
    }
}

/// Cancels a node and all below it.
pub(super) fn cancel(node: &Arc<Node>) {
    /// Those to be woken; one that panics does not keep the others from it.
    struct Cancelled(vec::IntoIter<Arc<Node>>);
    impl Drop for Cancelled {
        fn drop(&mut self) {
            self.0.by_ref().for_each(|node| node.waiters.wake_all());
        }
    }
    let Some((family, key)) = &node.member else { return };
    if node.is_cancelled() {
        return;
    }
    let mut nodes = Vec::new();
    let mut entries = family.lock();
    if !node.is_cancelled() {
        unlink(&mut entries, *key);
        // No recursion: families may be deep.
        let mut open = vec![*key];
        while let Some(key) = open.pop() {
            let entry = entries.remove(key);
            let mut child = entry.first_child;
            while let Some(key) = child {
                open.push(key);
                child = entries[key].next;
            }
            if let Some(node) = entry.node.upgrade() {
                node.cancelled.store(true, Release);
                nodes.push(node);
            }
        }
    }
    // The nodes' own drops take the lock.
    drop(entries);
    let mut cancelled = Cancelled(nodes.into_iter());
    cancelled.0.by_ref().for_each(|node| node.waiters.wake_all());
}

impl Drop for Node {
    fn drop(&mut self) {
        let Some((family, key)) = self.member.take() else { return };
        let mut entries = family.lock();
        // A cancel that came while this was on its way here took the entry, and could not mark the node.
        let is_ours = entries.get(key).is_some_and(|entry| std::ptr::eq(entry.node.as_ptr(), self));
        if is_ours {
            unlink(&mut entries, key);
            let entry = entries.remove(key);
            let mut child = entry.first_child;
            while let Some(key) = child {
                child = entries[key].next;
                adopt(&mut entries, entry.parent, key);
            }
        }
    }
}

#[cfg(test)]
impl Node {
    /// How many tokens of the family have an entry.
    pub(super) fn family_size(&self) -> usize {
        self.member.as_ref().map_or(0, |(family, _)| family.lock().len())
    }
}
