//! The results of an op that gives many: those that have come and that nobody has taken yet.
//!
//! They lie with the op's activation, so that they come back with its end, and go with it if nobody wants them: each owns
//! what it names, a descriptor or a part of a pool's buffer, and what is left in the queue is released with it (I11).
//!
//! The queue is bounded: once `limit` results lie untaken the op is cancelled, and its owner starts another one when they
//! are taken. What the kernel posts before the cancel meets it comes on top: at most what the completion queue holds,
//! since a multishot op that finds no room there ends.

use std::{collections::VecDeque, os::fd::OwnedFd, rc::Rc};

use crate::{
    pool::{Lease, Piece, Pool},
    slot::{SlotFd, SlotTable, own_fd},
};

/// `IORING_CQE_F_BUFFER`: the upper half of the flags names a buffer.
pub(crate) const CQE_BUFFER: u32 = 1 << 0;
/// `IORING_CQE_F_MORE`: another CQE follows for the same SQE.
pub(crate) const CQE_MORE: u32 = 1 << 1;
/// `IORING_CQE_F_NOTIF`: the memory of a send without a copy is free again.
pub(crate) const CQE_NOTIF: u32 = 1 << 3;
/// `IORING_CQE_F_BUF_MORE`: the kernel goes on filling this buffer.
pub(crate) const CQE_BUF_MORE: u32 = 1 << 4;

/// Untaken results of one activation.
#[doc(hidden)]
#[derive(Debug)]
pub struct Shots {
    kind: Kind,
    limit: usize,
}

/// What the results are.
#[derive(Debug)]
enum Kind {
    Descriptors(VecDeque<OwnedFd>),
    Slots(Rc<SlotTable>, VecDeque<SlotFd>),
    Bytes(Rc<Pool>, Pieces),
}

/// A queue that takes no memory of its own while there is one piece at a time.
#[derive(Debug, Default)]
struct Pieces {
    first: Option<Piece>,
    rest: VecDeque<Piece>,
}

impl Pieces {
    fn push(&mut self, piece: Piece) {
        if self.len() == 0 {
            self.first = Some(piece);
        } else {
            self.rest.push_back(piece);
        }
    }

    fn pop(&mut self) -> Option<Piece> {
        self.first.take().or_else(|| self.rest.pop_front())
    }

    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }
}

impl Shots {
    /// Of an op that gives descriptors.
    pub(crate) fn of_descriptors(limit: usize) -> Box<Shots> {
        Box::new(Shots { kind: Kind::Descriptors(VecDeque::new()), limit })
    }

    /// Of an op that gives slots of this table.
    pub(crate) fn of_slots(table: Rc<SlotTable>, limit: usize) -> Box<Shots> {
        Box::new(Shots { kind: Kind::Slots(table, VecDeque::new()), limit })
    }

    /// Of an op that fills buffers of a pool.
    pub(crate) fn of_bytes(pool: Rc<Pool>, limit: usize) -> Box<Shots> {
        Box::new(Shots { kind: Kind::Bytes(pool, Pieces::default()), limit })
    }

    /// Takes in a CQE. `true`: the op has to stop, since too much lies untaken.
    pub(crate) fn take_in(&mut self, res: i32, flags: u32) -> bool {
        let len = match &mut self.kind {
            Kind::Descriptors(queue) => {
                if res >= 0 {
                    queue.push_back(own_fd(res));
                }
                queue.len()
            }
            Kind::Slots(table, queue) => {
                if res >= 0 {
                    queue.push_back(table.adopt(res));
                }
                queue.len()
            }
            Kind::Bytes(pool, queue) => {
                if flags & CQE_BUFFER != 0 {
                    pool.filled(res, flags, |piece| queue.push(piece));
                }
                queue.len()
            }
        };
        len >= self.limit
    }

    pub(crate) fn next_descriptor(&mut self) -> Option<OwnedFd> {
        match &mut self.kind {
            Kind::Descriptors(queue) => queue.pop_front(),
            Kind::Slots(..) | Kind::Bytes(..) => unreachable!("an op of another kind gives no descriptors"),
        }
    }

    pub(crate) fn next_slot(&mut self) -> Option<SlotFd> {
        match &mut self.kind {
            Kind::Slots(_, queue) => queue.pop_front(),
            Kind::Descriptors(_) | Kind::Bytes(..) => unreachable!("an op of another kind gives no slots"),
        }
    }

    pub(crate) fn next_lease(&mut self) -> Option<Lease> {
        match &mut self.kind {
            Kind::Bytes(pool, queue) => queue.pop().map(|piece| Lease::new(pool.clone(), piece)),
            Kind::Descriptors(_) | Kind::Slots(..) => unreachable!("an op that accepts fills no buffers"),
        }
    }
}

impl Drop for Shots {
    fn drop(&mut self) {
        if let Kind::Bytes(pool, queue) = &mut self.kind {
            while let Some(piece) = queue.pop() {
                drop(Lease::new(pool.clone(), piece));
            }
        }
    }
}
