//! Pipes for gates, kept for the next plan.
//!
//! A pipe goes back into the pool only if every byte that was to pass through it has: leftovers would open the next
//! user's gate too early. Any other is closed.

use std::{
    io::{self, PipeReader, PipeWriter},
    os::fd::AsRawFd,
};

use crate::table::{Kind, Side, Table};

/// Most pipes that are kept.
const KEPT_MAX: usize = 64;

/// One pipe; it stays open until the last CQE of the plan that uses it.
#[derive(Debug)]
pub(crate) struct Pipe {
    reader: PipeReader,
    writer: PipeWriter,
}

/// Empty pipes.
#[derive(Debug, Default)]
pub(crate) struct Pipes(Vec<Pipe>);

impl Pipes {
    /// Gives a table the pipes and the memory that its gates need.
    ///
    /// # Errors
    /// Those of pipe2(2), EMFILE above all.
    pub(crate) fn equip(&mut self, table: &mut Table) -> io::Result<()> {
        for _ in 0..table.pipe_count {
            let pipe = match self.0.pop() {
                Some(pipe) => pipe,
                None => {
                    let (reader, writer) = io::pipe().map_err(|error| {
                        io::Error::new(error.kind(), format!("a pipe for a gate of Lowering::Gate: {error}"))
                    })?;
                    Pipe { reader, writer }
                }
            };
            table.pipes.push(pipe);
        }
        // One byte for each read; the kernel writes there until the plan's last CQE.
        table.read_bytes.clear();
        table.read_bytes.resize(table.gates.len(), 0);
        let bytes = table.read_bytes.as_mut_ptr();
        for (index, gate) in table.gates.iter().enumerate() {
            let (pipe, sqe) = (&table.pipes[gate.pipe as usize], &mut table.rows[gate.row as usize].sqe);
            match gate.side {
                Side::Read => (sqe.fd, sqe.addr) = (pipe.reader.as_raw_fd(), bytes.wrapping_add(index) as u64),
                Side::Write => sqe.fd = pipe.writer.as_raw_fd(),
            }
        }
        Ok(())
    }

    /// Takes the pipes of a table that has ended, or of one that never began.
    pub(crate) fn give_back(&mut self, table: &mut Table) {
        let gate = |kind| matches!(kind, Kind::GateRead | Kind::GateWrite);
        let all_passed = table.rows.iter().filter(|row| gate(row.kind)).all(|row| row.res == row.min_res);
        for pipe in table.pipes.drain(..) {
            if all_passed && self.0.len() < KEPT_MAX {
                self.0.push(pipe);
            }
        }
    }
}
