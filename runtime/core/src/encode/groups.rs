//! SQE groups: flat plans in one submission, on kernels that have them.
//!
//! A stage of several ops is a group, a stage of one a plain SQE; the first SQE of a stage is tied to the next stage by a
//! soft link. The kernel starts the next stage once all of a group has ended, and cancels it if any of the group failed
//! or was short: just the condition of an edge from a join. Where members start only after their leader, a NOP is put
//! in front as leader, so that it neither delays nor decides anything.
//!
//! No hard links here: what a cleanup needs is the success of one op, which a group does not tell apart. The reactor
//! submits cleanups.

use super::Limits;
use crate::{
    features::Groups,
    table::{Edge, Kind, Link, NONE, Table},
};

/// Marks groups and links.
///
/// # Errors
/// Why the plan cannot be served.
pub(super) fn link(table: &mut Table, limits: Limits) -> Result<(), String> {
    let Some(groups) = limits.groups else {
        return Err("this kernel has no SQE groups".into());
    };
    let (stages, barriers) = stages(table)?;
    let leaders = if groups == Groups::AfterLeader { stages.iter().filter(|stage| stage.len() > 1).count() } else { 0 };
    let entries = stages.iter().map(Vec::len).sum::<usize>() + leaders;
    if entries > limits.sq_entries as usize {
        let limit = limits.sq_entries;
        return Err(format!("it takes {entries} SQEs, more than the submission queue of {limit} entries"));
    }
    for barrier in barriers {
        table.rows[barrier as usize].in_kernel = true;
    }
    let mut before = NONE;
    for (index, stage) in stages.iter().enumerate() {
        let leader = if groups == Groups::AfterLeader && stage.len() > 1 {
            let leader = table.add_row(Kind::Leader, "leader");
            table.rows[leader as usize].sqe = io_uring::opcode::Nop::new().build().into();
            Some(leader)
        } else {
            None
        };
        let members: Vec<u32> = leader.into_iter().chain(stage.iter().copied()).collect();
        for (position, &row) in members.iter().enumerate() {
            let state = &mut table.rows[row as usize];
            // The bit says that the group goes on with the next SQE.
            state.group = position + 1 < members.len();
            state.chained = entries > 1;
            let linked = position == 0 && index + 1 < stages.len();
            state.link = if linked { Link::Soft } else { Link::None };
            match before {
                NONE => table.heads.push(row),
                before => table.rows[before as usize].link_next = row,
            }
            before = row;
        }
    }
    Ok(())
}

/// The stages of a flat plan, in order, and the barriers between them; cleanups, and what follows them, are left to the reactor.
fn stages(table: &Table) -> Result<(Vec<Vec<u32>>, Vec<u32>), String> {
    let not_flat = || String::from("it is not flat: an op waits for a part of a join only");
    let (mut stages, mut barriers) = (Vec::<Vec<u32>>::new(), Vec::new());
    let mut stage_of = vec![NONE; table.rows.len()];
    for index in 0..table.rows.len() as u32 {
        let row = &table.rows[index as usize];
        let mut edges = table.edges_in(index);
        let by_reactor = table.edges_in(index).any(|edge| edge.always || stage_of[edge.from as usize] == NONE);
        if by_reactor {
            continue;
        }
        if row.forwarded || row.timeout_ns > 0 {
            return Err("an op has a time limit, or works on what one of variable length moves".into());
        }
        let (stage, need) = match (edges.next(), edges.next()) {
            (None, _) => (0, 0),
            (Some(edge), None) => (stage_of[edge.from as usize] + 1, 1),
            (Some(edge), Some(_)) => (stage_of[edge.from as usize] + 1, row.need as usize),
        };
        if row.kind == Kind::Barrier {
            // It stands for the stage that it ends.
            if table.edges_in(index).any(|edge| stage_of[edge.from as usize] != stage - 1) {
                return Err(not_flat());
            }
            stage_of[index as usize] = stage - 1;
            barriers.push(index);
            continue;
        }
        if need > 1 {
            return Err(not_flat());
        }
        let never_severs = table.edges_in(index).any(|edge| table.rows[edge.from as usize].cannot_sever());
        if never_severs || cannot_sever_in(table, index) {
            return Err("an op of variable length, or whose errors the kernel ignores, is followed by another".into());
        }
        if stages.len() <= stage as usize {
            stages.push(Vec::new());
        }
        stages[stage as usize].push(index);
        stage_of[index as usize] = stage;
    }
    // A stage may still have grown after something was put behind a part of it.
    let size = |row: u32| stages[stage_of[row as usize] as usize].len();
    let whole = |edge: &Edge| match table.rows[edge.from as usize].kind {
        Kind::Barrier => table.edges_in(edge.from).count() == size(edge.from),
        _ => size(edge.from) == 1,
    };
    let ops = stages.iter().flatten();
    if !ops.into_iter().all(|&row| table.edges_in(row).all(|edge| whole(&edge))) {
        return Err(not_flat());
    }
    Ok((stages, barriers))
}

/// True if the row waits for a join in which an op is of variable length, where 0 bytes would not sever, or one whose
/// errors do not.
fn cannot_sever_in(table: &Table, row: u32) -> bool {
    let barriers = table.edges_in(row).filter(|edge| table.rows[edge.from as usize].kind == Kind::Barrier);
    barriers
        .into_iter()
        .any(|barrier| table.edges_in(barrier.from).any(|edge| table.rows[edge.from as usize].cannot_sever()))
}
