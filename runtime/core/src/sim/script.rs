//! What a test decides: outcomes, answers to cancels, failures of enter; and the chance that decides the rest.

use std::collections::BTreeMap;

use crate::{key::Tag, sqe::Sqe};

/// How an op ends that is not cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// As its object would have it.
    #[default]
    Real,
    /// It moves at most so many bytes, once its object can.
    Short(u32),
    /// It moves nothing and succeeds, whether or not its object could.
    Zero,
    /// It fails with this errno, whether or not its object could.
    Errno(i32),
    /// It never completes unless it is cancelled.
    Never,
    /// As Real, but it severs its chain: a read or write that the kernel finished in two steps.
    Severing,
}

/// What a cancel that meets the op while it runs is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCancel {
    /// By chance as [`SimConfig`](super::SimConfig) says if the op could complete, else as Obey.
    #[default]
    Seed,
    /// 0, and the op ends with `-ECANCELED`, or with what it has moved already.
    Obey,
    /// EALREADY, and the op ends by itself: past the point of no return.
    Already,
    /// ENOENT, and the op ends by itself: in the block layer.
    Unfound,
}

/// What a test has in mind for one op.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// How it ends.
    pub outcome: Outcome,
    /// How it is cancelled.
    pub on_cancel: OnCancel,
}

impl From<Outcome> for Script {
    fn from(outcome: Outcome) -> Script {
        Script { outcome, ..Script::default() }
    }
}

/// How an enter fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// With this errno, before anything was taken.
    Refused(i32),
    /// After so many SQEs; there is no wait.
    Partial(u32),
    /// By a signal: all was taken, the wait ends at once. An error (EINTR) only if nothing was taken.
    Interrupted,
}

type Callback = Box<dyn FnMut(&Sqe) -> Option<Script>>;

/// All that the test has decided so far.
#[derive(Default)]
pub(super) struct Scripts {
    pub(super) by_user_data: BTreeMap<u64, Script>,
    pub(super) by_row: BTreeMap<u32, Script>,
    pub(super) callback: Option<Callback>,
    /// By the number of the enter.
    pub(super) faults: BTreeMap<u64, Fault>,
}

impl Scripts {
    /// What becomes of an SQE: decided for its user_data, by the callback, for its row of any plan, or nothing.
    pub(super) fn of(&mut self, sqe: &Sqe) -> Script {
        let by_callback = |scripts: &mut Scripts| scripts.callback.as_mut().and_then(|callback| callback(sqe));
        let by_row = |scripts: &Scripts| match Tag::parse(sqe.user_data) {
            Some(Tag::Row(_, row)) => scripts.by_row.get(&row).copied(),
            _ => None,
        };
        let named = self.by_user_data.get(&sqe.user_data).copied();
        named.or_else(|| by_callback(self)).or_else(|| by_row(self)).unwrap_or_default()
    }
}

/// splitmix64.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0. The bias is of no matter here.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// True `percent` times in a hundred.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        percent > 0 && self.below(100) < percent as usize
    }
}
