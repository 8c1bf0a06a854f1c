//! Cancels and time limits.
//!
//! A cancel names one row of one activation. It is queued, so that a full submission queue delays it and never loses it,
//! and asked again as long as the row is out and may have been missed.

use super::Driver;
use crate::{
    key::{Key, Tag},
    slab::Phase,
    sqe::Sqe,
    table::{self, Kind},
    timer::Due,
};

/// How often in a row a cancel may miss: a link that is about to be issued is found by one of the next, and what is not
/// found then (the leader of a group, whose members are still out) ends with its CQE.
const MISSES_MAX: u8 = 16;

/// Most timers that fire in one pass: some 100 µs.
const FIRED_MAX: usize = 1024;

impl Driver {
    /// Cancels all that an activation still has in the kernel; staged starts nothing more.
    pub(crate) fn cancel(&mut self, key: Key) {
        let Some(activation) = self.slab.get(key) else { return };
        if !matches!(activation.phase, Phase::Running | Phase::Abandoned) {
            return;
        }
        let Some(table) = &mut activation.table else {
            if activation.single.queued {
                activation.single.queued = false;
                self.complete_single(key, -libc::ECANCELED, 0);
            } else {
                self.want_cancel(key, 0);
            }
            return;
        };
        table.cancelling = true;
        if !table.heads.is_empty() {
            self.heed_every_cqe(key);
        }
        let table = self.slab.get(key).and_then(|activation| activation.table.as_mut()).expect("as above");
        for row in 0..table.rows.len() as u32 {
            self.cancel_row(key, row);
        }
    }

    /// Each CQE of this plan may call for another cancel: the shard must not sleep for several of them.
    fn heed_every_cqe(&mut self, key: Key) {
        let table = self.slab.get(key).and_then(|activation| activation.table.as_mut()).expect("a plan's table");
        if !std::mem::replace(&mut table.heeded, true) {
            self.hints.add(1);
        }
    }

    fn cancel_row(&mut self, key: Key, row: u32) {
        let Some(table) = self.slab.get(key).and_then(|activation| activation.table.as_mut()) else { return };
        match table.rows[row as usize].phase {
            // It never got to the kernel, and will not.
            table::Phase::Queued => {
                self.in_flight -= 1;
                self.complete_row(key, row, -libc::ECANCELED, 0);
            }
            table::Phase::Released => self.want_cancel(key, row),
            table::Phase::Waiting | table::Phase::Arrived | table::Phase::Settled => {}
        }
    }

    /// Queues a cancel of a row that is in the kernel, unless one is under way, or the row waits there for another one;
    /// that one's CQE then comes back here.
    pub(super) fn want_cancel(&mut self, key: Key, row: u32) {
        let Some(activation) = self.slab.get(key) else { return };
        let sent = match &mut activation.table {
            None => &mut activation.single.cancel_sent,
            Some(table) => {
                let state = &table.rows[row as usize];
                // A LINK_TIMEOUT ends with its op, a leader and a byte for a gate by themselves.
                let can_wait = matches!(state.kind, Kind::Op | Kind::GateRead);
                if state.phase != table::Phase::Released || !can_wait || table.waits_in_kernel(row) {
                    return;
                }
                &mut table.rows[row as usize].cancel_sent
            }
        };
        if !std::mem::replace(sent, true) {
            self.cancels.push_back((key, row));
        }
    }

    /// After a CQE of a plan that is being cancelled: the rows that were tied behind it can be found now. Where gates
    /// stay shut, of those that wait there.
    pub(super) fn cancel_next(&mut self, key: Key) {
        let Some(table) = self.slab.get(key).and_then(|activation| activation.table.as_ref()) else { return };
        // Staged rows are not tied to others; all of them were asked for at once.
        let (all, gates, rows) = (table.cancelling && !table.heads.is_empty(), table.gates_shut, table.rows.len());
        if all || gates {
            self.heed_every_cqe(key);
            for row in 0..rows as u32 {
                let table = self.slab.get(key).and_then(|activation| activation.table.as_ref());
                if all || table.is_some_and(|table| table.rows[row as usize].kind == Kind::GateRead) {
                    self.want_cancel(key, row);
                }
            }
        }
    }

    pub(super) fn push_cancel(&mut self, key: Key, row: u32) {
        if self.is_in_kernel(key, row) {
            self.counters.cancels.add(1);
            self.cancels_out += 1;
            let cancel = io_uring::opcode::AsyncCancel::new(key.user_data(row)).build();
            self.push_own(Sqe { user_data: Tag::Cancel(key, row).user_data(), ..cancel.into() });
        }
    }

    fn is_in_kernel(&mut self, key: Key, row: u32) -> bool {
        match self.slab.get(key) {
            None => false,
            Some(activation) => match &activation.table {
                None => {
                    let single = &activation.single;
                    matches!(activation.phase, Phase::Running | Phase::Abandoned) && !single.queued && !single.lingers
                }
                Some(table) => table.rows[row as usize].phase == table::Phase::Released,
            },
        }
    }

    /// ENOENT: the row has ended (its CQE is here or near), or is about to be issued: ask again. EALREADY: it runs and
    /// will end by itself.
    pub(super) fn cancel_answered(&mut self, key: Key, row: u32, res: i32) {
        if !self.is_in_kernel(key, row) {
            return;
        }
        let activation = self.slab.get(key).expect("is in the kernel");
        // One that gives many results does not end by itself.
        let goes_on = activation.shots.is_some();
        let (sent, misses) = match &mut activation.table {
            None => (&mut activation.single.cancel_sent, &mut activation.single.cancel_misses),
            Some(table) => {
                let row = &mut table.rows[row as usize];
                (&mut row.cancel_sent, &mut row.cancel_misses)
            }
        };
        *sent = false;
        if (res == -libc::ENOENT || goes_on && res == -libc::EALREADY) && *misses < MISSES_MAX {
            *misses += 1;
            self.want_cancel(key, row);
        }
    }

    /// Fires what is due.
    pub(super) fn fire_timers(&mut self) {
        if self.timers.len() == 0 {
            return;
        }
        let now = self.clock.now();
        // When many fall due at once, I/O has its turn between them. Not while time stands still: all that is due by
        // then has fired when `advance` returns.
        let most = if self.clock.is_paused() { usize::MAX } else { FIRED_MAX };
        for _ in 0..most {
            let Some(due) = self.timers.pop(now) else { break };
            match due {
                Due::Wake(waker) => self.wakes.push(waker),
                Due::TimeOut(key, row) => self.time_out(key, row),
            }
        }
    }

    fn time_out(&mut self, key: Key, row: u32) {
        let Some(activation) = self.slab.get(key) else { return };
        match &mut activation.table {
            None => {
                activation.single.timed_out = true;
                activation.single.timer = None;
                self.cancel(key);
            }
            Some(table) => {
                table.rows[row as usize].timed_out = true;
                table.rows[row as usize].timer = None;
                self.cancel_row(key, row);
            }
        }
    }
}
