//! Which engine executes a table, and the encoding of chains. Pure: no I/O and no unsafe code.
//!
//! A chain may serve a row only if the kernel, which runs a linked SQE if the one before it succeeded (soft) or ended
//! (hard), runs it under just the condition that the plan says. For each chained row the encoder keeps its **anchor**:
//! the row whose success, with everything before that, is this condition. Behind a soft link it is the row before,
//! behind a hard link that row's own anchor. So `open –L→ read –H→ close` is right for a close that names the open: both
//! read and close have the open as their anchor.

use std::io;

use crate::{
    lower::invalid,
    table::{Engine, Kind, Link, NONE, Phase, Row, Table},
};

/// How a plan is brought to the kernel. Every choice gives the same results; they differ in cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lowering {
    /// The cheapest that serves the plan, by the figures in ARCHITECTURE.md: a chain for sequences of single ops when
    /// the shard has little else in flight, else staged.
    #[default]
    Auto,
    /// All SQEs in one submission, tied by IOSQE_IO_LINK: sequences of single ops, or a join of such sequences with
    /// nothing after it. A plan of another shape, or larger than the submission queue, fails with `InvalidInput`.
    Chain,
    /// Op by op, each as soon as it needs nothing more, submitted by the completion pass without waking the task.
    /// Serves every plan; one submission per level.
    Staged,
}

/// What the encoder may count on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Submission queue entries: the longest chain.
    pub(crate) sq_entries: u32,
    /// Activations in flight beside this one.
    pub(crate) busy: u32,
}

/// From here on Auto takes staged batches instead of chains: with many plans in flight their stages share enters, and
/// a linked SQE costs more than one in a batch. ARCHITECTURE.md has the figures.
const BUSY: u32 = 16;

/// Chooses the engine, and marks the links if it is the chain engine.
///
/// # Errors
/// `InvalidInput` naming the reason if the engine asked for cannot serve the plan.
pub(crate) fn encode(table: &mut Table, lowering: Lowering, limits: Limits) -> io::Result<()> {
    table.engine = Engine::Staged;
    let chained = match lowering {
        Lowering::Staged => return Ok(()),
        Lowering::Auto if limits.busy >= BUSY || !has_dependency(table) => return Ok(()),
        Lowering::Auto => link(table, limits).is_ok(),
        Lowering::Chain => link(table, limits).map(|()| true)?,
    };
    if chained {
        table.engine = Engine::Chain;
    } else {
        unlink(table);
    }
    Ok(())
}

fn has_dependency(table: &Table) -> bool {
    table.edges.iter().any(|edge| !edge.always || table.rows[edge.to as usize].kind == Kind::Op)
}

fn link(table: &mut Table, limits: Limits) -> io::Result<()> {
    let not_chain = |what: &str| {
        invalid(format!("the plan cannot be lowered to chains: {what}; use Lowering::Staged or Lowering::Auto"))
    };
    for index in 0..table.rows.len() as u32 {
        let row = table.rows[index as usize];
        if row.kind == Kind::Barrier && !table.edges_in(index).all(|edge| edge.always) {
            return Err(not_chain("an op waits for several others"));
        }
        let only_cleanup =
            table.edges_in(index).any(|edge| edge.always || table.rows[edge.from as usize].chain_head == NONE);
        if row.forwarded {
            return Err(not_chain("an op works on what one of variable length moves"));
        }
        if row.need == 0 {
            table.rows[index as usize].chain_head = index;
            continue;
        }
        match chain_behind(table, index) {
            Some((before, link, anchor)) => {
                let tail = &mut table.rows[before as usize];
                let (head, position) = (tail.chain_head, tail.chain_position);
                if position + 2 > limits.sq_entries {
                    let entries = limits.sq_entries;
                    return Err(not_chain(&format!("it is longer than the submission queue of {entries} entries")));
                }
                (tail.link, tail.link_next) = (link, index);
                let row = &mut table.rows[index as usize];
                (row.chain_head, row.anchor, row.chain_position) = (head, anchor, position + 1);
                row.chained = true;
            }
            // A cleanup that no link can express is submitted by the reactor, after the plan's last CQE.
            None if only_cleanup || row.kind == Kind::Barrier => {}
            None => {
                return Err(not_chain("several ops wait for one, or one of variable length is followed by another"));
            }
        }
    }
    limit_last(table, limits).map_err(not_chain)
}

/// The row that `index` can be linked behind, how, and the anchor this gives it.
fn chain_behind(table: &Table, index: u32) -> Option<(u32, Link, u32)> {
    // Rows are numbered in the order of the plan: the latest predecessor is the one to link behind.
    let before = table.edges_in(index).map(|edge| edge.from).max()?;
    let tail = &table.rows[before as usize];
    let (head, anchor) = (tail.chain_head, tail.anchor);
    let same_chain = |row: u32| head != NONE && table.rows[row as usize].chain_head == head;
    if !table.edges_in(index).all(|edge| same_chain(edge.from)) || tail.link != Link::None {
        return None;
    }
    let latest_success = table.edges_in(index).filter(|edge| !edge.always).map(|edge| edge.from).max().unwrap_or(NONE);
    // All other successes it needs must be among those that its anchor implies.
    let implied = |row: u32| {
        let mut at = latest_success;
        while at != NONE && at != row {
            at = table.rows[at as usize].anchor;
        }
        at == row
    };
    if !table.edges_in(index).filter(|edge| !edge.always).all(|edge| implied(edge.from)) {
        return None;
    }
    if latest_success == before {
        // A short result severs a soft link; of an op of variable length it is a success.
        return (!tail.variable).then_some((before, Link::Soft, before));
    }
    (latest_success == anchor).then_some((before, Link::Hard, anchor))
}

/// Time limits: the last op of a chain can have a LINK_TIMEOUT if a cancel loses nothing; others need the reactor to
/// see the op start.
fn limit_last(table: &mut Table, limits: Limits) -> Result<(), &'static str> {
    for index in 0..table.rows.len() as u32 {
        let row = &table.rows[index as usize];
        let alone = !row.chained && row.link == Link::None;
        if row.timeout_ns == 0 || alone {
            continue;
        }
        if row.link != Link::None || !row.lossless {
            return Err("an op has a time limit, and is not the last or could lose bytes");
        }
        if row.chain_position + 2 > limits.sq_entries {
            return Err("it is longer than the submission queue");
        }
        table.add_link_timeout(index);
    }
    Ok(())
}

/// Takes back what a failed attempt has marked.
fn unlink(table: &mut Table) {
    for row in &mut table.rows {
        (row.link, row.link_next, row.chained, row.chain_head) = (Link::None, NONE, false, NONE);
    }
}

/// True for the first row of a chain that has not been released.
pub(crate) fn is_head(row: &Row) -> bool {
    row.phase == Phase::Waiting && row.need == 0 && row.kind == Kind::Op
}
