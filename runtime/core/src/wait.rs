//! How many CQEs a shard may sleep for.
//!
//! A wait for one CQE wakes a plan of four reads four times. So every in-flight op and every row that could be released
//! next adds here the number of CQEs it still needs; the least of them is what `io_uring_enter` is asked to wait for.
//! It is a lower bound: fewer CQEs can neither release an op nor end a plan.

/// A histogram of needs.
#[derive(Debug)]
pub(crate) struct WaitHints {
    /// `counts[n]`: how many wait for n CQEs; the last entry stands for all larger numbers.
    counts: Box<[u32]>,
}

impl WaitHints {
    /// `limit`: the capacity of the completion queue; the kernel waits for no more than that.
    pub(crate) fn new(limit: u32) -> WaitHints {
        WaitHints { counts: vec![0; limit as usize + 1].into_boxed_slice() }
    }

    /// Something more waits for `need` CQEs; 0 waits for none and is not counted.
    pub(crate) fn add(&mut self, need: u32) {
        if need > 0 {
            self.counts[self.index(need)] += 1;
        }
    }

    /// Takes back an [`add`](WaitHints::add).
    pub(crate) fn remove(&mut self, need: u32) {
        if need > 0 {
            let count = &mut self.counts[self.index(need)];
            *count = count.checked_sub(1).expect("wait hint removed that was never added");
        }
    }

    /// Replaces one need by another.
    pub(crate) fn change(&mut self, from: u32, to: u32) {
        self.remove(from);
        self.add(to);
    }

    /// The least need; `None` if nothing is waited for.
    pub(crate) fn least(&self) -> Option<u32> {
        self.counts.iter().position(|count| *count > 0).map(|need| need as u32)
    }

    fn index(&self, need: u32) -> usize {
        (need as usize).min(self.counts.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_need_counts_and_large_ones_meet_the_limit() {
        let mut hints = WaitHints::new(8);
        assert_eq!(hints.least(), None);
        hints.add(0);
        assert_eq!(hints.least(), None);
        hints.add(300);
        assert_eq!(hints.least(), Some(8));
        hints.add(4);
        assert_eq!(hints.least(), Some(4));
        hints.change(4, 3);
        assert_eq!(hints.least(), Some(3));
        hints.remove(3);
        hints.remove(300);
        assert_eq!(hints.least(), None);
    }
}
