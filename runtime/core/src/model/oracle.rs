//! What a plan means, in under a hundred lines that know nothing of io_uring.

use std::collections::BTreeSet;

use super::tree::Shape;

/// How an op ends if it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Full,
    Short,
    Zero,
    Errno,
    /// All bytes, but the kernel treats it as failed: a read that it finished in two steps.
    FullButCut,
    /// Ends only when it is cancelled.
    Never,
}

/// One op of the plan, as it is decided for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) outcome: Outcome,
    /// Less than all is a success, nothing is the end of file.
    pub(super) variable: bool,
}

impl Decided {
    /// Whether what depends on the op may run.
    pub(super) fn leads_on(self) -> bool {
        match self.outcome {
            Outcome::Full | Outcome::FullButCut => true,
            Outcome::Short => self.variable,
            Outcome::Zero | Outcome::Errno | Outcome::Never => false,
        }
    }
}

/// What must be seen of one op.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    /// Whether it runs.
    pub(super) runs: bool,
    /// The ops whose success it needs, directly or through others.
    pub(super) needs: BTreeSet<usize>,
    /// Of these, the ones that end without success by themselves.
    pub(super) causes: BTreeSet<usize>,
}

/// The meaning of every op of a plan, in the order written.
pub(super) fn meaning(shape: &Shape, decided: &[Decided]) -> Vec<Meaning> {
    let mut meanings = Vec::new();
    walk(shape, &BTreeSet::new(), decided, &mut meanings);
    meanings
}

/// Interprets a part that needs the success of `needs`; returns the ops in it.
fn walk(shape: &Shape, needs: &BTreeSet<usize>, decided: &[Decided], meanings: &mut Vec<Meaning>) -> BTreeSet<usize> {
    match shape {
        Shape::Op => {
            let number = meanings.len();
            let runs = needs.iter().all(|need| meanings[*need].runs && decided[*need].leads_on());
            let causes = needs.iter().filter(|need| meanings[**need].runs && !decided[**need].leads_on());
            meanings.push(Meaning { runs, needs: needs.clone(), causes: causes.copied().collect() });
            BTreeSet::from([number])
        }
        Shape::Join(parts) => parts.iter().flat_map(|part| walk(part, needs, decided, meanings)).collect(),
        Shape::Seq(parts) => {
            let mut so_far = BTreeSet::new();
            for (part, cleanup) in parts {
                // A cleanup waits for the end of what is before it, and needs only what the whole sequence needs.
                let needs = if *cleanup { needs.clone() } else { needs | &so_far };
                so_far.extend(walk(part, &needs, decided, meanings));
            }
            so_far
        }
    }
}
