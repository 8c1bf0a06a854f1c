//! From an activation to the submission queue, by way of the backlog if there is no room.

use std::time::Duration;

use super::{Backlogged, Driver, Work};
use crate::{
    encode::{self, Limits, Lowering},
    key::{Key, Tag},
    lower::end_refused,
    op::Request,
    progress,
    shots::Shots,
    slab::Phase,
    sqe::{IO_HARDLINK, IO_LINK, SQE_GROUP, Sqe, WideSqe},
    table::{self, Engine, Link, NONE, Table},
    timer::Due,
};

impl Driver {
    /// Submits an op that is awaited on its own. Its plan lies in the slab.
    pub(crate) fn submit_single(
        &mut self,
        key: Key,
        request: Request,
        timeout: Option<Duration>,
        shots: Option<Box<Shots>>,
        sync_of: u64,
    ) {
        self.counters.single_ops.add(1);
        self.in_flight += 1;
        self.hints.add(1);
        let sqe = Sqe { user_data: key.user_data(0), ..request.sqe };
        let shared = sync_of != 0 && self.share_sync(key, 0, sync_of, &sqe);
        let queued = shared || !self.make_room(1);
        match (shared, queued) {
            (true, _) => {}
            (false, true) => self.backlog.push_back(Backlogged::Single(key, sqe)),
            (false, false) => self.push(&sqe),
        }
        let timer = timeout.map(|limit| self.timers.set(self.clock.after(limit), Due::TimeOut(key, 0)));
        let activation = self.slab.get(key).expect("just inserted");
        (activation.phase, activation.shots) = (Phase::Running, shots);
        (activation.single.queued, activation.single.timer) = (queued, timer);
        activation.single.work = Work::from(&sqe);
    }

    /// As [`submit_single`](Driver::submit_single), for an op whose SQE goes on for another 64 bytes. A function of its own,
    /// so that the others need not ask.
    pub(crate) fn submit_wide(&mut self, key: Key, request: Request, timeout: Option<Duration>, rest: [u8; 64]) {
        self.counters.single_ops.add(1);
        self.in_flight += 1;
        self.hints.add(1);
        let wide = WideSqe { sqe: Sqe { user_data: key.user_data(0), ..request.sqe }, rest };
        let queued = !self.make_room(1);
        if queued {
            self.backlog.push_back(Backlogged::Wide(key, Box::new(wide)));
        } else {
            self.push_wide(&wide);
        }
        let timer = timeout.map(|limit| self.timers.set(self.clock.after(limit), Due::TimeOut(key, 0)));
        let activation = self.slab.get(key).expect("just inserted");
        activation.phase = Phase::Running;
        (activation.single.queued, activation.single.timer) = (queued, timer);
        activation.single.work = Work::from(&wide.sqe);
    }

    /// Submits a lowered plan. Its plan lies in the slab; a table that was refused has ended already.
    pub(crate) fn submit_table(&mut self, key: Key, mut table: Box<Table>, lowering: Lowering) {
        let refused = table.refusal.is_some();
        if !refused {
            let limits = Limits {
                sq_entries: self.kernel.sq_entries(),
                busy: self.slab.len() as u32 - 1,
                groups: self.kernel.features().groups,
            };
            let encoded = encode::encode(&mut table, lowering, limits);
            if let Err(error) = encoded.and_then(|()| self.pipes.equip(&mut table)) {
                table.refusal = Some((0, error));
                end_refused(&mut table);
            }
        }
        let (engine, refused) = (table.engine, table.refusal.is_some());
        let activation = self.slab.get(key).expect("just inserted");
        activation.phase = Phase::Running;
        let table = activation.table.insert(table);
        match engine {
            _ if refused => {}
            Engine::Staged => {
                self.counters.plans_staged.add(1);
                progress::start(table, &mut self.hints);
                self.in_flight += table.ready.len() as u64;
                self.submit_ready(key);
            }
            Engine::Chain | Engine::Groups | Engine::Gate => {
                let plans = match engine {
                    Engine::Chain => &self.counters.plans_chain,
                    Engine::Groups => &self.counters.plans_groups,
                    _ => &self.counters.plans_gate,
                };
                plans.add(1);
                for index in 0..table.heads.len() {
                    let table = self.slab.get(key).and_then(|activation| activation.table.as_ref());
                    let head = table.expect("just inserted").heads[index];
                    self.submit_chain(key, head);
                }
            }
        }
        self.end_if_done(key);
    }

    /// Submits the rows that progress has put on the table's `ready` list, already counted in `in_flight`.
    pub(super) fn submit_ready(&mut self, key: Key) {
        let Some(table) = self.slab.get(key).and_then(|activation| activation.table.as_mut()) else { return };
        let mut ready = std::mem::take(&mut table.ready);
        for &row in &ready {
            let table = self.slab.get(key).and_then(|activation| activation.table.as_ref()).expect("as above");
            let (sync_of, sqe) = (table.rows[row as usize].sync_of, table.rows[row as usize].sqe);
            let shared = sync_of != 0 && self.share_sync(key, row, sync_of, &sqe);
            let has_room = !shared && self.make_room(1);
            let table = self.slab.get(key).and_then(|activation| activation.table.as_mut()).expect("as above");
            let state = &mut table.rows[row as usize];
            let sqe = Sqe { user_data: key.user_data(row), ..state.sqe };
            if state.timeout_ns > 0 {
                let deadline = self.clock.after(Duration::from_nanos(state.timeout_ns));
                state.timer = Some(self.timers.set(deadline, Due::TimeOut(key, row)));
            }
            if has_room {
                self.push(&sqe);
            } else if shared {
                state.phase = table::Phase::Queued;
            } else {
                state.phase = table::Phase::Queued;
                self.backlog.push_back(Backlogged::Row(key, row));
            }
        }
        ready.clear();
        if let Some(table) = self.slab.get(key).and_then(|activation| activation.table.as_mut()) {
            table.ready = ready;
        }
    }

    /// Releases all rows of a chain and submits them together.
    fn submit_chain(&mut self, key: Key, head: u32) {
        let table = self.slab.get(key).and_then(|activation| activation.table.as_mut()).expect("just inserted");
        let mut length = 0;
        let mut row = head;
        while row != NONE {
            progress::release(table, &mut self.hints, row);
            length += 1;
            row = table.rows[row as usize].link_next;
        }
        self.in_flight += length as u64;
        let state = &mut table.rows[head as usize];
        if length == 1 && state.timeout_ns > 0 {
            let deadline = self.clock.after(Duration::from_nanos(state.timeout_ns));
            state.timer = Some(self.timers.set(deadline, Due::TimeOut(key, head)));
        }
        if self.make_room(length) {
            self.push_chain(key, head);
        } else {
            self.set_chain_phase(key, head, table::Phase::Queued);
            self.backlog.push_back(Backlogged::Chain(key, head));
        }
    }

    fn set_chain_phase(&mut self, key: Key, head: u32, phase: table::Phase) {
        let table = self.slab.get(key).and_then(|activation| activation.table.as_mut()).expect("a chain's table");
        let mut row = head;
        while row != NONE {
            table.rows[row as usize].phase = phase;
            row = table.rows[row as usize].link_next;
        }
    }

    /// Pushes a chain for which there is room: contiguous, and within one submission (I4).
    fn push_chain(&mut self, key: Key, head: u32) {
        let mut row = head;
        while row != NONE {
            let table = self.slab.get(key).and_then(|activation| activation.table.as_mut()).expect("a chain's table");
            let state = &table.rows[row as usize];
            let mut sqe = Sqe { user_data: key.user_data(row), ..state.sqe };
            sqe.flags |= match state.link {
                Link::None => 0,
                Link::Soft => IO_LINK,
                Link::Hard => IO_HARDLINK,
            };
            if state.group {
                sqe.flags |= SQE_GROUP;
            }
            row = state.link_next;
            self.push(&sqe);
        }
    }

    /// Room for `n` SQEs at once, by submitting what is queued if need be. `false`: it has to wait in the backlog.
    fn make_room(&mut self, n: u32) -> bool {
        if !self.backlog.is_empty() {
            return false;
        }
        self.room_now(n)
    }

    pub(crate) fn room_now(&mut self, n: u32) -> bool {
        if self.kernel.room() < n && self.kernel.queued() > 0 {
            // A failure leaves the SQEs queued; the next pass tries again and reports.
            let _ = self.enter(0, None);
        }
        self.kernel.room() >= n
    }

    pub(super) fn push(&mut self, sqe: &Sqe) {
        let own = !matches!(Tag::parse(sqe.user_data), Some(Tag::Row(..)));
        let count = if own { &self.counters.sqes_own } else { &self.counters.sqes };
        count.add(1);
        self.recent.pushed(sqe.user_data);
        // SAFETY: what the SQE points to belongs to a plan in the slab, which keeps it in place until the terminal CQE
        // of its last row (I9; leaked if shutdown cannot wait for that), or to the bell, which outlives the ring.
        // Test: drop_everywhere under AddressSanitizer.
        unsafe { self.kernel.push(sqe) }
    }

    fn push_wide(&mut self, wide: &WideSqe) {
        self.counters.sqes.add(1);
        self.recent.pushed(wide.sqe.user_data);
        // SAFETY: as in `push`. Test: runtime/tests/fuse.rs.
        unsafe { self.kernel.push_wide(wide) }
    }

    /// Pushes what waited for room: cancels first, since they make room in the kernel; then the shard's closes; then
    /// what users submitted, in order.
    pub(super) fn flush_backlog(&mut self) {
        while let Some(&(key, row)) = self.cancels.front() {
            if !self.room_now(1) {
                return;
            }
            self.cancels.pop_front();
            self.push_cancel(key, row);
        }
        while self.slots.has_to_close() && self.room_now(1) {
            let index = self.slots.take_to_close().expect("has_to_close");
            let close = io_uring::opcode::Close::new(io_uring::types::Fd(0)).build();
            let user_data = Tag::CloseSlot(index).user_data();
            self.push_own(Sqe { user_data, file_index: index + 1, ..close.into() });
        }
        while let Some(next) = self.backlog.front() {
            let length = match *next {
                Backlogged::Single(..) | Backlogged::Wide(..) | Backlogged::Row(..) => 1,
                Backlogged::Chain(key, head) => self.chain_length(key, head),
            };
            if !self.room_now(length) {
                return;
            }
            match self.backlog.pop_front().expect("front") {
                Backlogged::Single(key, sqe) => match self.slab.get(key) {
                    Some(activation) if activation.single.queued => {
                        activation.single.queued = false;
                        self.push(&sqe);
                    }
                    // Cancelled while it waited.
                    _ => {}
                },
                Backlogged::Wide(key, wide) => match self.slab.get(key) {
                    Some(activation) if activation.single.queued => {
                        activation.single.queued = false;
                        self.push_wide(&wide);
                    }
                    // Cancelled while it waited.
                    _ => {}
                },
                Backlogged::Row(key, row) => {
                    if let Some(state) = self.queued_row(key, row) {
                        state.phase = table::Phase::Released;
                        let sqe = Sqe { user_data: key.user_data(row), ..state.sqe };
                        self.push(&sqe);
                    }
                }
                Backlogged::Chain(key, head) => {
                    if self.queued_row(key, head).is_some() {
                        self.set_chain_phase(key, head, table::Phase::Released);
                        self.push_chain(key, head);
                    }
                }
            }
        }
    }

    fn queued_row(&mut self, key: Key, row: u32) -> Option<&mut table::Row> {
        let state = self.slab.get(key)?.table.as_mut()?.rows.get_mut(row as usize)?;
        (state.phase == table::Phase::Queued).then_some(state)
    }

    fn chain_length(&mut self, key: Key, head: u32) -> u32 {
        let Some(table) = self.slab.get(key).and_then(|activation| activation.table.as_ref()) else { return 0 };
        let next = |row: &u32| Some(table.rows[*row as usize].link_next).filter(|next| *next != NONE);
        std::iter::successors(Some(head), next).count() as u32
    }
}
