//! What the closure of `then` gets: names for things that do not exist yet.
//!
//! A handle carries the identity of the op it stands for and no pointer. Lowering resolves it, and refuses the op that
//! uses it anywhere but after its source in the same plan.

use std::{
    cell::Cell,
    ops::RangeBounds,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::buf;

/// Identity of an op that a handle was made of; unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpId(u64);

impl OpId {
    /// A new identity. Threads take them in blocks, so this is no shared write on the usual path.
    pub(crate) fn unique() -> OpId {
        const BLOCK: u64 = 1 << 20;
        static NEXT_BLOCK: AtomicU64 = AtomicU64::new(0);
        thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });
        NEXT.with(|next| {
            if next.get() % BLOCK == 0 {
                next.set(NEXT_BLOCK.fetch_add(BLOCK, Ordering::Relaxed));
            }
            // The first id of a block stays unused: it marks an exhausted one.
            next.set(next.get() + 1);
            OpId(next.get())
        })
    }
}

/// A later op's view of the bytes that an earlier op of the same plan fills.
///
/// Where the earlier op is exact (`read_exact_at`, `recv_exact`) the loan is as long as its buffer, where it is of
/// variable length (`read_at`, `recv`) as long as its result. Costs nothing: the bytes are not copied and not lent out
/// to user code.
#[derive(Clone, Copy, Debug)]
pub struct Loan {
    pub(crate) source: OpId,
    pub(crate) start: usize,
    pub(crate) end: Option<usize>,
}

impl Loan {
    pub(crate) fn new(source: OpId) -> Loan {
        Loan { source, start: 0, end: None }
    }

    /// The part `range` of the loan. Of a variable-length op's bytes it is cut to what came.
    ///
    /// A range outside the buffer makes the op that uses the loan fail with `InvalidInput`.
    pub fn slice(self, range: impl RangeBounds<usize>) -> Loan {
        let whole = self.end.unwrap_or(usize::MAX);
        let (start, end) = buf::resolve(range, whole.saturating_sub(self.start));
        let within = |offset: usize| self.start.saturating_add(offset);
        let end = if end == usize::MAX - self.start && self.end.is_none() { None } else { Some(within(end)) };
        // A range that leaves a slice of a slice is as wrong as one that leaves the buffer; lowering says so.
        let end = match (end, self.end) {
            (Some(end), Some(limit)) if end > limit => Some(usize::MAX),
            (end, _) => end,
        };
        Loan { source: self.source, start: within(start), end }
    }
}

/// A later op's name for what an earlier op of the same plan opens, accepts or connects.
#[derive(Clone, Copy, Debug)]
pub struct SlotHandle(pub(crate) OpId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_across_threads_and_blocks() {
        let take = || (0..3).map(|_| OpId::unique()).collect::<Vec<_>>();
        let (mine, theirs) = (take(), std::thread::spawn(take).join().unwrap());
        assert!(mine.iter().all(|id| !theirs.contains(id)));
        assert!(mine.is_sorted());
    }

    #[test]
    fn loans_slice_like_slices() {
        let loan = Loan::new(OpId::unique());
        let range = |loan: Loan| (loan.start, loan.end);
        assert_eq!(range(loan.slice(..)), (0, None));
        assert_eq!(range(loan.slice(3..)), (3, None));
        assert_eq!(range(loan.slice(3..).slice(2..)), (5, None));
        assert_eq!(range(loan.slice(2..8).slice(1..3)), (3, Some(5)));
        assert_eq!(range(loan.slice(2..8).slice(1..)), (3, Some(8)));
        assert_eq!(range(loan.slice(2..8).slice(..9)), (2, Some(usize::MAX)));
    }
}
