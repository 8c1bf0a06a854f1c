//! The tree of tokens.
//!
//! A node knows its parent, and its parent it. When the last token of a node goes, the node's children become those of its
//! parent, and the node leaves the tree: so a task that makes a child of a child of a child holds one node, not all.
//! Neither cancelling nor dropping recurses.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use slab::Slab;

use super::super::notify::Notify;

pub(super) struct Node {
    cancelled: Cell<bool>,
    /// How many tokens there are of it.
    handles: Cell<usize>,
    cancellation: Notify,
    /// Where it hangs: its parent, and its place there. None for a root, and for a cancelled node.
    parent: RefCell<Option<(Rc<Node>, usize)>>,
    children: RefCell<Slab<Weak<Node>>>,
}

impl Node {
    /// With one handle.
    pub(super) fn root() -> Rc<Node> {
        Rc::new(Node {
            cancelled: Cell::new(false),
            handles: Cell::new(1),
            cancellation: Notify::new(),
            parent: RefCell::new(None),
            children: RefCell::new(Slab::new()),
        })
    }

    /// With one handle.
    pub(super) fn child(self: &Rc<Node>) -> Rc<Node> {
        let child = Node::root();
        if self.is_cancelled() {
            child.cancelled.set(true);
        } else {
            self.adopt(&child);
        }
        child
    }

    fn adopt(self: &Rc<Node>, child: &Rc<Node>) {
        let place = self.children.borrow_mut().insert(Rc::downgrade(child));
        *child.parent.borrow_mut() = Some((self.clone(), place));
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Notified once, when it is cancelled.
    pub(super) fn cancellation(&self) -> &Notify {
        &self.cancellation
    }

    pub(super) fn add_handle(&self) {
        self.handles.set(self.handles.get() + 1);
    }

    pub(super) fn remove_handle(&self) {
        self.handles.set(self.handles.get() - 1);
        if self.handles.get() > 0 {
            return;
        }
        let parent = self.leave_parent();
        for child in self.take_children() {
            match &parent {
                Some(parent) => parent.adopt(&child),
                None => *child.parent.borrow_mut() = None,
            }
        }
    }

    fn leave_parent(&self) -> Option<Rc<Node>> {
        let (parent, place) = self.parent.take()?;
        parent.children.borrow_mut().remove(place);
        Some(parent)
    }

    /// Their `parent` still names this one: the caller sets it.
    fn take_children(&self) -> Vec<Rc<Node>> {
        let children = std::mem::take(&mut *self.children.borrow_mut());
        children.into_iter().filter_map(|(_, child)| child.upgrade()).collect()
    }

    /// The whole tree is cancelled before the first waker runs.
    pub(super) fn cancel(self: &Rc<Node>) {
        if self.is_cancelled() {
            return;
        }
        drop(self.leave_parent());
        let mut batch = self.cancellation.batch();
        let mut todo = vec![self.clone()];
        while let Some(node) = todo.pop() {
            node.cancelled.set(true);
            node.cancellation.collect_waiters(&mut batch);
            for child in node.take_children() {
                *child.parent.borrow_mut() = None;
                todo.push(child);
            }
        }
        self.cancellation.wake(batch);
    }
}
