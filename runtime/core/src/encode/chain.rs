//! Chains: sequences of single ops, and joins of such sequences with nothing after them.
//!
//! A chain may serve a row only if the kernel, which runs a linked SQE if the one before it succeeded (soft) or ended
//! (hard), runs it under just the condition that the plan says. For each chained row the encoder keeps its **anchor**:
//! the row whose success, with everything before that, is this condition. Behind a soft link it is the row before,
//! behind a hard link that row's own anchor. So `open –L→ read –H→ close` is right for a close that names the open: both
//! read and close have the open as their anchor.

use super::Limits;
use crate::table::{Kind, Link, NONE, Table};

/// Marks the links.
///
/// # Errors
/// Why the plan is no chain.
pub(super) fn link(table: &mut Table, limits: Limits) -> Result<(), String> {
    for index in 0..table.rows.len() as u32 {
        let row = table.rows[index as usize];
        if row.kind == Kind::Barrier && !table.edges_in(index).all(|edge| edge.always) {
            return Err("an op waits for several others".into());
        }
        let only_cleanup =
            table.edges_in(index).any(|edge| edge.always || table.rows[edge.from as usize].chain_head == NONE);
        if row.forwarded {
            return Err("an op works on what one of variable length moves".into());
        }
        if row.need == 0 {
            table.rows[index as usize].chain_head = index;
            table.heads.push(index);
            continue;
        }
        match chain_behind(table, index) {
            Some((before, link, anchor)) => {
                let tail = &mut table.rows[before as usize];
                let (head, position) = (tail.chain_head, tail.chain_position);
                if position + 2 > limits.sq_entries {
                    let entries = limits.sq_entries;
                    return Err(format!("it is longer than the submission queue of {entries} entries"));
                }
                (tail.link, tail.link_next, tail.chained) = (link, index, true);
                let row = &mut table.rows[index as usize];
                (row.chain_head, row.anchor, row.chain_position) = (head, anchor, position + 1);
                row.chained = true;
            }
            // A cleanup that no link can express is submitted by the reactor, after the plan's last CQE.
            None if only_cleanup || row.kind == Kind::Barrier => {}
            None => {
                return Err("several ops wait for one, or one of variable length, or whose errors the kernel ignores, is followed by another".into());
            }
        }
    }
    limit_last(table, limits)
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
        return (!tail.cannot_sever()).then_some((before, Link::Soft, before));
    }
    (latest_success == anchor).then_some((before, Link::Hard, anchor))
}

/// Time limits: the last op of a chain can have a LINK_TIMEOUT if a cancel loses nothing; others need the reactor to
/// see the op start.
fn limit_last(table: &mut Table, limits: Limits) -> Result<(), String> {
    for index in 0..table.rows.len() as u32 {
        let row = &table.rows[index as usize];
        if row.timeout_ns == 0 || !row.chained {
            continue;
        }
        if row.link != Link::None || !row.lossless {
            return Err("an op has a time limit, and is not the last or could lose bytes".into());
        }
        if row.chain_position + 2 > limits.sq_entries {
            return Err("it is longer than the submission queue".into());
        }
        table.add_link_timeout(index);
    }
    Ok(())
}
