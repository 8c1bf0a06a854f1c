//! Syncs that are shared: calls on one open file that come while a sync of it runs wait together for the next one.
//!
//! A file has a **line**. Whoever calls waits in it; each pass, before it enters the kernel, gives everybody who waits to
//! one sync, unless one of that file is running. So each call is covered by a sync that starts after it, and calls of one
//! pass share even the first. The SQE is the shard's own: a caller that is dropped cancels nobody's sync. It asks for data
//! only if all of them do. If it fails, those who wait for the next have failed, too: the kernel tells of a lost page
//! once, and the next sync would find nothing wrong.
//!
//! Waiting is being `Queued`, as in the backlog: cancels and time limits end it at once. A running one ends with its CQE.
//! Lines are per shard, and of descriptors; slots and what the kernel orders (chains, groups, gates) sync on their own.

use std::collections::HashMap;

use super::Driver;
use crate::{
    key::{Key, SYNC_LINES_MAX, Tag},
    sqe::Sqe,
    table,
};

/// IORING_FSYNC_DATASYNC.
const DATA_ONLY: u32 = 1;

/// The lines of a shard.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    lines: slab::Slab<Line>,
    by_file: HashMap<u64, usize>,
    /// Lines with somebody who waits and no sync that runs.
    to_start: Vec<usize>,
    /// By how many the ops that the running syncs end exceed their CQEs.
    surplus: u32,
    /// Running syncs that somebody waits behind.
    followed: u32,
}

/// Bounded by the rows of the activations in the slab.
#[derive(Debug)]
struct Line {
    file: u64,
    runs: bool,
    /// Whose sync runs.
    running: Vec<(Key, u32)>,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    key: Key,
    row: u32,
    sqe: Sqe,
}

impl Syncs {
    pub(super) fn has_to_start(&self) -> bool {
        !self.to_start.is_empty()
    }

    /// How many CQEs to sleep for where `need` ops have to end. Behind some sync the next has to be begun.
    pub(super) fn cqes_for(&self, need: u32) -> u32 {
        if self.followed > 0 { 1 } else { need.saturating_sub(self.surplus).max(1) }
    }
}

impl Driver {
    /// Puts a sync, already counted as in flight, into its file's line. False: it has to be submitted on its own.
    pub(super) fn share_sync(&mut self, key: Key, row: u32, file: u64, sqe: &Sqe) -> bool {
        let syncs = &mut self.syncs;
        let index = match syncs.by_file.get(&file) {
            Some(index) => *index,
            None if syncs.lines.len() >= SYNC_LINES_MAX => return false,
            None => {
                let line = Line { file, runs: false, running: Vec::new(), waiting: Vec::new() };
                let index = syncs.lines.insert(line);
                syncs.by_file.insert(file, index);
                index
            }
        };
        let line = &mut syncs.lines[index];
        match (line.runs, line.waiting.is_empty()) {
            (false, true) => syncs.to_start.push(index),
            (true, true) => syncs.followed += 1,
            (_, false) => {}
        }
        line.waiting.push(Waiting { key, row, sqe: *sqe });
        self.counters.syncs_shared.add(1);
        true
    }

    /// Begins the syncs that can begin, as far as there is room. The caller enters next.
    pub(super) fn start_syncs(&mut self) {
        while !self.syncs.to_start.is_empty() && self.room_now(1) {
            let index = self.syncs.to_start.pop().expect("not empty");
            let line = &mut self.syncs.lines[index];
            let (mut running, mut waiting) = (std::mem::take(&mut line.running), std::mem::take(&mut line.waiting));
            let mut merged: Option<Sqe> = None;
            for Waiting { key, row, sqe } in waiting.drain(..) {
                if self.begins(key, row) {
                    running.push((key, row));
                    if merged.is_none() || sqe.op_flags & DATA_ONLY == 0 {
                        merged = Some(sqe);
                    }
                }
            }
            let line = &mut self.syncs.lines[index];
            (line.running, line.waiting) = (running, waiting);
            match merged {
                // All of them were cancelled meanwhile.
                None => self.close_line(index),
                Some(sqe) => {
                    line.runs = true;
                    self.syncs.surplus += line.running.len() as u32 - 1;
                    self.counters.syncs.add(1);
                    // The descriptor is one of those who wait, and they stay until the CQE.
                    self.push_own(Sqe { user_data: Tag::Sync(index as u32).user_data(), ..sqe });
                }
            }
        }
    }

    /// Takes one out of the waiting state. False if it was cancelled.
    fn begins(&mut self, key: Key, row: u32) -> bool {
        let Some(activation) = self.slab.get(key) else { return false };
        match &mut activation.table {
            None => {
                // Its SQE is not in the kernel, so that no cancel would find it.
                activation.single.cancel_sent = true;
                std::mem::take(&mut activation.single.queued)
            }
            Some(table) => {
                let state = &mut table.rows[row as usize];
                let queued = state.phase == table::Phase::Queued;
                if queued {
                    (state.phase, state.cancel_sent) = (table::Phase::Released, true);
                }
                queued
            }
        }
    }

    /// A sync has ended, and all whose it was with it.
    pub(super) fn synced(&mut self, index: u32, res: i32) {
        let index = index as usize;
        let line = &mut self.syncs.lines[index];
        line.runs = false;
        let (mut running, mut waiting) = (std::mem::take(&mut line.running), std::mem::take(&mut line.waiting));
        self.syncs.surplus -= running.len() as u32 - 1;
        self.syncs.followed -= u32::from(!waiting.is_empty());
        for (key, row) in running.drain(..) {
            self.shared_sync_ended(key, row, res);
        }
        if res < 0 {
            for Waiting { key, row, .. } in waiting.drain(..) {
                if self.begins(key, row) {
                    self.shared_sync_ended(key, row, res);
                }
            }
        }
        // What ended has released rows, which may stand in this line by now.
        let line = &mut self.syncs.lines[index];
        line.running = running;
        waiting.append(&mut line.waiting);
        line.waiting = waiting;
        let listed = self.syncs.to_start.contains(&index);
        match (self.syncs.lines[index].waiting.is_empty(), listed) {
            (true, false) => self.close_line(index),
            (false, false) => self.syncs.to_start.push(index),
            (_, true) => {}
        }
    }

    fn shared_sync_ended(&mut self, key: Key, row: u32, res: i32) {
        let activation = self.slab.get(key).expect("whose sync runs, or waits, is there until its end");
        if activation.table.is_none() {
            self.complete_single(key, res, 0);
        } else {
            self.in_flight -= 1;
            self.complete_row(key, row, res, 0);
        }
    }

    fn close_line(&mut self, index: usize) {
        let line = self.syncs.lines.remove(index);
        self.syncs.by_file.remove(&line.file);
    }
}
