//! Which engine executes a table. Pure: no I/O and no unsafe code; so are the encoders.

mod chain;
mod gate;
mod groups;

use std::io;

use crate::{
    features::Groups,
    lower::invalid,
    table::{Engine, Kind, Table},
};

/// How a plan is brought to the kernel. Every choice gives the same results; they differ in cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lowering {
    /// The cheapest that serves the plan, by the figures in ARCHITECTURE.md: a chain for sequences of single ops when
    /// the shard has little else in flight, SQE groups for flat plans where the kernel has them, else staged.
    #[default]
    Auto,
    /// All SQEs in one submission, tied by IOSQE_IO_LINK: sequences of single ops, or a join of such sequences with
    /// nothing after it. A plan of another shape, or larger than the submission queue, fails with `InvalidInput`.
    Chain,
    /// Op by op, each as soon as it needs nothing more, submitted by the completion pass without waking the task.
    /// Serves every plan; one submission per level.
    Staged,
    /// All SQEs in one submission, as SQE groups tied by links: flat plans, in which every join has single ops as
    /// branches, of any depth. Needs a kernel with SQE groups; elsewhere, and for other plans, `InvalidInput`.
    Groups,
    /// All SQEs in one submission, as chains that meet in pipes: plans with joins in the middle that must not wait for
    /// the thread, on any kernel. Up to 2N + M + 1 SQEs more for each join of N ops before M. `InvalidInput` for plans
    /// that do not fit the submission queue.
    Gate,
}

/// What the encoder may count on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Submission queue entries: the longest chain.
    pub(crate) sq_entries: u32,
    /// Activations in flight beside this one.
    pub(crate) busy: u32,
    /// How SQE groups work on this kernel, if it has them.
    pub(crate) groups: Option<Groups>,
}

/// From here on Auto takes staged batches instead of chains: with many plans in flight their stages share enters, and
/// a linked SQE costs more than one in a batch. ARCHITECTURE.md has the figures.
const BUSY: u32 = 16;

/// Chooses the engine, and marks links and groups.
///
/// # Errors
/// `InvalidInput` naming the reason if the engine asked for cannot serve the plan.
pub(crate) fn encode(table: &mut Table, lowering: Lowering, limits: Limits) -> io::Result<()> {
    let attempts: &[(Engine, Encoder)] = match lowering {
        Lowering::Staged => return Ok(()),
        Lowering::Auto if limits.busy >= BUSY || !has_dependency(table) => return Ok(()),
        Lowering::Auto if limits.groups.is_some() => &[CHAIN, GROUPS],
        Lowering::Auto => &[CHAIN],
        Lowering::Chain => &[CHAIN],
        Lowering::Groups => &[GROUPS],
        Lowering::Gate => &[GATE],
    };
    let mut refusal = None;
    for (engine, link) in attempts {
        match link(table, limits) {
            Ok(()) => {
                table.engine = *engine;
                return Ok(());
            }
            Err(why) => refusal = Some(why),
        }
        table.unlink();
    }
    match (lowering, refusal) {
        (Lowering::Auto, _) | (_, None) => Ok(()),
        (asked, Some(why)) => Err(invalid(format!(
            "the plan cannot be lowered by Lowering::{asked:?}: {why}; use Lowering::Staged or Lowering::Auto"
        ))),
    }
}

/// Marks a table for its engine, or says why it cannot serve it; the marks are then to be taken back.
type Encoder = fn(&mut Table, Limits) -> Result<(), String>;

const CHAIN: (Engine, Encoder) = (Engine::Chain, chain::link);
const GROUPS: (Engine, Encoder) = (Engine::Groups, groups::link);
const GATE: (Engine, Encoder) = (Engine::Gate, gate::link);

fn has_dependency(table: &Table) -> bool {
    table.edges.iter().any(|edge| !edge.always || table.rows[edge.to as usize].kind == Kind::Op)
}
