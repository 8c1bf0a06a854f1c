//! Gates: joins in the middle of a plan, in one submission on any kernel, by bytes in pipes.
//!
//! A chain is all that stock kernels know, so a plan is cut into chains, and where N ops join, their chains meet in a
//! pipe. From N to M:
//!
//! ```text
//! op₁ –L→ write 1 byte to A          read 1 byte from B –L→ op₁'
//! ...                                ...
//! opₙ –L→ write 1 byte to A          read 1 byte from B –L→ opₘ'
//!          read 1 from A –L→ ... –L→ read 1 from A –L→ write M bytes to B
//! ```
//!
//! An op that fails never writes its byte, so what waits behind the gate stays there until the reactor cancels it. To
//! one op (M = 1) the collecting chain leads directly; from one op (N = 1) its own chain writes the M bytes.
//!
//! Rows behind a gate can be counted on only once it has opened: the shard must not sleep for their CQEs while a failure
//! may keep them from coming. So each row names the row whose verdict opens its gate (`Row::gate`).

use io_uring::{opcode, types};

use super::Limits;
use crate::table::{Gate, Kind, Link, NONE, Side, Table};

/// Most ops on either side of a gate: what one write puts into a pipe as a whole (PIPE_BUF).
const WIDTH_MAX: u32 = 4096;
static BYTES: [u8; WIDTH_MAX as usize] = [0; WIDTH_MAX as usize];

/// Cuts the plan into chains and adds the gates between them.
///
/// # Errors
/// Why the plan cannot be served.
pub(super) fn link(table: &mut Table, limits: Limits) -> Result<(), String> {
    let mut cut = Cut { chains: Vec::new(), chain_of: vec![NONE; table.rows.len()], opened_by: Vec::new() };
    for row in 0..table.rows.len() as u32 {
        if table.edges_in(row).any(|edge| edge.always || cut.chain_of[edge.from as usize] == NONE) {
            // A cleanup, and what follows one.
            continue;
        }
        if table.rows[row as usize].kind == Kind::Barrier {
            cut.gate_of_join(table, row)?;
        } else {
            cut.place(table, row)?;
        }
    }
    let entries = cut.chains.iter().map(|chain| chain.rows.len()).sum::<usize>();
    if entries > limits.sq_entries as usize {
        let limit = limits.sq_entries;
        return Err(format!("it takes {entries} SQEs, more than the submission queue of {limit} entries"));
    }
    for chain in &cut.chains {
        table.heads.push(chain.rows[0]);
        for pair in chain.rows.windows(2) {
            let before = &mut table.rows[pair[0] as usize];
            (before.link, before.link_next) = (Link::Soft, pair[1]);
        }
        for &row in &chain.rows {
            let state = &mut table.rows[row as usize];
            (state.chained, state.gate) = (chain.rows.len() > 1, chain.gate);
        }
    }
    Ok(())
}

struct Chain {
    rows: Vec<u32>,
    /// The row whose success lets it begin; [`NONE`]: it begins at once.
    gate: u32,
}

/// A plan being cut into chains.
struct Cut {
    chains: Vec<Chain>,
    /// The chain that a row is on; for a barrier, or an op with several successors, the one that opens its gate.
    chain_of: Vec<u32>,
    /// The pipe that the heads behind a row read from.
    opened_by: Vec<(u32, u32)>,
}

impl Cut {
    /// Puts an op on a chain: behind what it waits for, or at the head of a new one.
    fn place(&mut self, table: &mut Table, row: u32) -> Result<(), String> {
        let state = &table.rows[row as usize];
        if state.forwarded || state.timeout_ns > 0 {
            return Err("an op has a time limit, or works on what one of variable length moves".into());
        }
        let (before, several) = {
            let mut edges = table.edges_in(row);
            (edges.next().map(|edge| edge.from), edges.next().is_some())
        };
        let chain = match before {
            None => self.begin(NONE),
            Some(_) if several => return Err("an op waits for several others one by one".into()),
            Some(before) => {
                if table.rows[before as usize].cannot_sever() {
                    return Err(
                        "an op of variable length, or whose errors the kernel ignores, is followed by another".into()
                    );
                }
                match successors(table, before) {
                    1 => self.chain_of[before as usize],
                    width => self.behind_gate(table, before, width)?,
                }
            }
        };
        self.chains[chain as usize].rows.push(row);
        self.chain_of[row as usize] = chain;
        Ok(())
    }

    /// A new chain for one of the `width` ops behind `before`, which begins with a read from its pipe.
    fn behind_gate(&mut self, table: &mut Table, before: u32, width: u32) -> Result<u32, String> {
        let pipe = match self.opened_by.iter().find(|(row, _)| *row == before) {
            Some((_, pipe)) => *pipe,
            None => {
                if width > WIDTH_MAX {
                    return Err(format!("{width} ops wait for one; a gate is at most {WIDTH_MAX} wide"));
                }
                let pipe = table.add_pipe();
                self.gate_row(table, self.chain_of[before as usize], pipe, Side::Write, width);
                self.opened_by.push((before, pipe));
                pipe
            }
        };
        let chain = self.begin(before);
        self.gate_row(table, chain, pipe, Side::Read, 1);
        Ok(chain)
    }

    /// The gate of a barrier: every chain that ends here writes a byte, and a chain of their own collects them.
    fn gate_of_join(&mut self, table: &mut Table, barrier: u32) -> Result<(), String> {
        let joined: Vec<u32> = table.edges_in(barrier).map(|edge| edge.from).collect();
        if joined.len() > WIDTH_MAX as usize {
            return Err(format!("{} ops join; a gate is at most {WIDTH_MAX} wide", joined.len()));
        }
        if joined.iter().any(|&row| table.rows[row as usize].cannot_sever() || successors(table, row) != 1) {
            return Err("an op of variable length, or whose errors the kernel ignores, or that others wait for too, is part of a join".into());
        }
        let pipe = table.add_pipe();
        let collector = self.begin(barrier);
        for row in joined {
            self.gate_row(table, self.chain_of[row as usize], pipe, Side::Write, 1);
            self.gate_row(table, collector, pipe, Side::Read, 1);
        }
        table.rows[barrier as usize].in_kernel = true;
        self.chain_of[barrier as usize] = collector;
        Ok(())
    }

    fn begin(&mut self, gate: u32) -> u32 {
        self.chains.push(Chain { rows: Vec::new(), gate });
        self.chains.len() as u32 - 1
    }

    /// Adds a read or write of `bytes` bytes at a pipe to the end of a chain.
    fn gate_row(&mut self, table: &mut Table, chain: u32, pipe: u32, side: Side, bytes: u32) {
        let rows = &mut self.chains[chain as usize].rows;
        let row = match side {
            Side::Read => table.add_row(Kind::GateRead, "gate_read"),
            Side::Write => table.add_row(Kind::GateWrite, "gate_write"),
        };
        self.chain_of.push(NONE);
        // Addresses and descriptors follow when the pipes are there; what is written are any bytes at all.
        let state = &mut table.rows[row as usize];
        state.sqe = match side {
            Side::Read => opcode::Read::new(types::Fd(-1), std::ptr::null_mut(), bytes).offset(u64::MAX).build().into(),
            Side::Write => opcode::Write::new(types::Fd(-1), BYTES.as_ptr(), bytes).offset(u64::MAX).build().into(),
        };
        state.min_res = bytes as i32;
        if let Some(&before) = rows.last() {
            table.add_edge(before, row, true);
        }
        rows.push(row);
        table.gates.push(Gate { row, pipe, side });
    }
}

/// How many rows the kernel starts when `row` has succeeded; cleanups, which it does not start, are not counted.
fn successors(table: &Table, row: u32) -> u32 {
    let is_cleanup = |to: u32| table.edges_in(to).any(|edge| edge.always);
    let is_users = |to: u32| matches!(table.rows[to as usize].kind, Kind::Op | Kind::Barrier);
    table.edges_out(row).filter(|edge| !edge.always && is_users(edge.to) && !is_cleanup(edge.to)).count() as u32
}
