//! Completion accounting of a running plan: from a CQE to what may start next.
//!
//! The same for every engine. They differ only in which rows are released at submission: staged releases what needs
//! nothing, a chain releases rows behind rows and lets the kernel keep the order. A row's fate is read from its own CQE,
//! never inferred from another's; a row settles once its own CQE and all its predecessors' verdicts are there, in
//! whatever order they come.

use crate::{
    table::{CANCELLED, Edge, Forward, Kind, NONE, Phase, Row, Table, Verdict},
    wait::WaitHints,
};

const ECANCELED: i32 = -libc::ECANCELED;

/// Begins the staged execution of a fresh table: every row that needs nothing is put on `table.ready`.
pub(crate) fn start(table: &mut Table, hints: &mut WaitHints) {
    for row in 0..table.rows.len() as u32 {
        let state = &table.rows[row as usize];
        if state.phase == Phase::Waiting && state.need == 0 {
            table.settling.push(row);
        }
        hint_if_next(table, hints, row);
    }
    // Popped from the end: rows start in the order they were written.
    table.settling.reverse();
    settle_all(table, hints);
}

/// Notes that a row's SQE goes to the kernel (or its backlog) now.
pub(crate) fn release(table: &mut Table, hints: &mut WaitHints, row: u32) {
    let state = &mut table.rows[row as usize];
    debug_assert_eq!(state.phase, Phase::Waiting);
    state.phase = Phase::Released;
    if std::mem::take(&mut state.hinted) {
        hints.remove(state.need);
    }
    let gate = state.gate;
    table.outstanding += 1;
    match shut_gate(table, gate) {
        Some(gate) => gate.gated += 1,
        None => expect(table, hints, 1),
    }
    unblock_successors(table, hints, row);
}

/// Takes in a row's CQE. Rows that may start now are put on `table.ready`.
pub(crate) fn complete(table: &mut Table, hints: &mut WaitHints, row: u32, res: i32, cqe_flags: u32) {
    let state = &mut table.rows[row as usize];
    assert!(matches!(state.phase, Phase::Released | Phase::Queued), "CQE for a row that is {:?}", state.phase);
    (state.phase, state.res, state.cqe_flags) = (Phase::Arrived, res, cqe_flags);
    let (gate, failed) = (state.gate, res < state.min_res);
    table.outstanding -= 1;
    // What is behind the gates of a plan in which something failed will not come by itself.
    table.gates_shut |= failed && !table.gates.is_empty();
    match shut_gate(table, gate) {
        Some(gate) => gate.gated -= 1,
        None => expect(table, hints, -1),
    }
    if table.rows[row as usize].need == 0 {
        table.settling.push(row);
        settle_all(table, hints);
    }
}

/// `more` CQEs without a result are to come, or have come: the plan does not end before.
pub(crate) fn linger(table: &mut Table, hints: &mut WaitHints, more: i32) {
    table.outstanding = table.outstanding.checked_add_signed(more).expect("no more CQEs than were announced");
    expect(table, hints, more);
}

/// The row that a gate is opened by, while it has not settled.
fn shut_gate(table: &mut Table, gate: u32) -> Option<&mut Row> {
    table.rows.get_mut(gate as usize).filter(|row| row.phase != Phase::Settled)
}

/// `more` CQEs are certain to come.
fn expect(table: &mut Table, hints: &mut WaitHints, more: i32) {
    let expected = table.expected.checked_add_signed(more).expect("no more CQEs than were expected");
    hints.change(table.expected, expected);
    table.expected = expected;
}

fn settle_all(table: &mut Table, hints: &mut WaitHints) {
    while let Some(row) = table.settling.pop() {
        if let Some(verdict) = judge(table, hints, row) {
            settle(table, hints, row, verdict);
        }
    }
}

/// The verdict on a row that needs nothing more; `None` if it was (or is again) released and has to run first.
fn judge(table: &mut Table, hints: &mut WaitHints, row: u32) -> Option<Verdict> {
    let cancelling = table.cancelling;
    let state = &mut table.rows[row as usize];
    match state.phase {
        Phase::Waiting if state.cause != NONE => Some(Verdict::NotRun),
        Phase::Waiting if state.kind == Kind::Barrier => Some(Verdict::Success),
        Phase::Waiting if cancelling => {
            state.cause = CANCELLED;
            Some(Verdict::NotRun)
        }
        Phase::Waiting => {
            release(table, hints, row);
            table.ready.push(row);
            None
        }
        Phase::Arrived if state.kind == Kind::LinkTimeout => {
            let (expired, edge) = (state.res == -libc::ETIME, state.edges_out);
            let target = table.edges[edge as usize].to;
            table.rows[target as usize].timed_out |= expired;
            Some(Verdict::Success)
        }
        // Rows of an engine's own decide nothing.
        Phase::Arrived if matches!(state.kind, Kind::Leader | Kind::GateRead | Kind::GateWrite) => {
            Some(Verdict::Success)
        }
        Phase::Arrived if state.cause != NONE && state.res == ECANCELED => Some(Verdict::NotRun),
        // The kernel cut the chain although all before this row succeeded (a refused SQE elsewhere in it, or a read
        // that it finished in two steps): the row still has its turn, now on its own.
        Phase::Arrived if state.res == ECANCELED && state.chained && !cancelling && !state.timed_out => {
            (state.phase, state.chained) = (Phase::Waiting, false);
            release(table, hints, row);
            table.ready.push(row);
            None
        }
        Phase::Arrived if state.res >= state.min_res => Some(Verdict::Success),
        Phase::Arrived if state.res == 0 && state.variable => Some(Verdict::EndOfFile),
        Phase::Arrived => Some(Verdict::Failed),
        phase @ (Phase::Queued | Phase::Released | Phase::Settled) => unreachable!("row {row} settles while {phase:?}"),
    }
}

fn settle(table: &mut Table, hints: &mut WaitHints, row: u32, verdict: Verdict) {
    let state = &mut table.rows[row as usize];
    let was_waiting = state.phase == Phase::Waiting;
    (state.phase, state.verdict) = (Phase::Settled, verdict);
    let cause = match verdict {
        // A row that ran although something before it failed passes that failure on.
        _ if state.cause != NONE => state.cause,
        Verdict::Success => NONE,
        _ => row,
    };
    if std::mem::take(&mut state.hinted) {
        hints.remove(state.need);
    }
    table.unsettled -= 1;
    let gated = std::mem::take(&mut table.rows[row as usize].gated);
    expect(table, hints, gated as i32);
    if was_waiting {
        unblock_successors(table, hints, row);
    }
    if verdict == Verdict::Success {
        forward(table, row);
    }
    let mut next = table.rows[row as usize].edges_out;
    while next != NONE {
        let Edge { to, next_out, always, .. } = table.edges[next as usize];
        let successor = &mut table.rows[to as usize];
        if cause != NONE && !always && successor.cause == NONE {
            successor.cause = cause;
        }
        successor.need -= 1;
        if successor.hinted {
            hints.change(successor.need + 1, successor.need);
        }
        if successor.need == 0 && matches!(successor.phase, Phase::Waiting | Phase::Arrived) {
            // Its hint went to zero, and with that out of the histogram.
            successor.hinted = false;
            table.settling.push(to);
        }
        next = next_out;
    }
}

/// One of the successors' predecessors is on its way: those for which it was the last now know how many CQEs they need.
fn unblock_successors(table: &mut Table, hints: &mut WaitHints, row: u32) {
    let mut next = table.rows[row as usize].edges_out;
    while next != NONE {
        let Edge { to, next_out, .. } = table.edges[next as usize];
        // A row of a cut chain is released twice.
        let successor = &mut table.rows[to as usize];
        successor.blocked = successor.blocked.saturating_sub(1);
        hint_if_next(table, hints, to);
        next = next_out;
    }
}

fn hint_if_next(table: &mut Table, hints: &mut WaitHints, row: u32) {
    let state = &mut table.rows[row as usize];
    let next = state.phase == Phase::Waiting && state.blocked == 0 && state.need > 0;
    if next && !state.in_kernel && !state.hinted {
        state.hinted = true;
        hints.add(state.need);
    }
}

/// Writes a successful row's result into the SQEs that were lowered without it.
fn forward(table: &mut Table, row: u32) {
    let res = table.rows[row as usize].res;
    let mut next = table.rows[row as usize].forwards;
    while next != NONE {
        match table.forwards[next as usize] {
            Forward::Length { to, next: after, start, end } => {
                let target = &mut table.rows[to as usize];
                let length = (res as u32).min(end).saturating_sub(start);
                target.sqe.len = length;
                target.min_res = if target.variable { length.min(1) as i32 } else { length as i32 };
                next = after;
            }
            Forward::Descriptor { to, next: after, input } => {
                let sqe = &mut table.rows[to as usize].sqe;
                if input {
                    sqe.file_index = res as u32;
                } else {
                    sqe.fd = res;
                }
                next = after;
            }
        }
    }
}
