//! The driver: activations in, SQEs out, CQEs in. The only place where a CQE is consumed.
//!
//! No user code runs in here (invariant I10). What would run some (wakers to wake, plans to drop) is collected and
//! handed to the shard, which lets go of the driver first.

use std::{
    collections::VecDeque,
    io,
    rc::Rc,
    task::Waker,
    time::{Duration, Instant},
};

use crate::{
    bell::Bell,
    counters::Counters,
    encode::{self, Limits, Lowering},
    kernel::{Cqe, Kernel},
    key::{Key, Tag},
    op::Request,
    progress,
    recent::Recent,
    slab::{Phase, Slab},
    slot::SlotTable,
    sqe::{IO_HARDLINK, IO_LINK, Sqe},
    table::{self, Engine, Link, NONE, Table},
    timer::{Due, Timers},
    wait::WaitHints,
};

/// SQEs that the submission queue had no room for, in the order they came.
#[derive(Debug)]
enum Backlogged {
    Single(Key, Sqe),
    Row(Key, u32),
    /// A whole chain, named by its first row.
    Chain(Key, u32),
}

/// One shard's ring and everything in it.
pub(crate) struct Driver {
    pub(crate) kernel: Box<dyn Kernel>,
    pub(crate) slab: Slab,
    pub(crate) timers: Timers,
    hints: WaitHints,
    /// Bounded by the rows of the activations in the slab.
    backlog: VecDeque<Backlogged>,
    /// Rows to cancel. Bounded likewise: a row is in here at most once.
    cancels: VecDeque<(Key, u32)>,
    /// Plans whose future is gone and whose last CQE has come.
    pub(crate) corpses: Vec<Key>,
    /// Who to wake once the driver is let go of.
    pub(crate) wakes: Vec<Waker>,
    /// Cleared tables for the next plans; bounded by the most plans there have been at once.
    #[allow(clippy::vec_box)] // they move between here and the slab, and are large
    pub(crate) tables: Vec<Box<Table>>,
    cqes: Vec<Cqe>,
    slots: Rc<SlotTable>,
    counters: Rc<Counters>,
    bell: Bell,
    /// SQEs of activations without their terminal CQE, in the backlog or in the kernel.
    pub(crate) in_flight: u64,
    /// The shard's own SQEs (bell, cancels, closes) without theirs.
    pub(crate) own_in_flight: u64,
    recent: Recent,
}

impl Driver {
    pub(crate) fn new(kernel: Box<dyn Kernel>, slots: Rc<SlotTable>, counters: Rc<Counters>, bell: Bell) -> Driver {
        let hints = WaitHints::new(kernel.cq_entries());
        Driver {
            kernel,
            slab: Slab::default(),
            timers: Timers::default(),
            hints,
            backlog: VecDeque::new(),
            cancels: VecDeque::new(),
            corpses: Vec::new(),
            wakes: Vec::new(),
            tables: Vec::new(),
            cqes: Vec::new(),
            slots,
            counters,
            bell,
            in_flight: 0,
            own_in_flight: 0,
            recent: Recent::default(),
        }
    }

    // ---------------------------------------------------------------- submission

    /// Submits an op that is awaited on its own. Its plan lies in the slab.
    pub(crate) fn submit_single(&mut self, key: Key, request: Request, timeout: Option<Duration>) {
        self.counters.single_ops.add(1);
        self.in_flight += 1;
        self.hints.add(1);
        let sqe = Sqe { user_data: key.user_data(0), ..request.sqe };
        let queued = !self.make_room(1);
        if queued {
            self.backlog.push_back(Backlogged::Single(key, sqe));
        } else {
            self.push(&sqe);
        }
        let timer = timeout.map(|limit| self.timers.set(Instant::now() + limit, Due::TimeOut(key, 0)));
        let activation = self.slab.get(key).expect("just inserted");
        activation.phase = Phase::Running;
        (activation.single.queued, activation.single.timer) = (queued, timer);
    }

    /// Submits a lowered plan. Its plan lies in the slab; a table that was refused has ended already.
    pub(crate) fn submit_table(&mut self, key: Key, mut table: Box<Table>, lowering: Lowering) {
        let refused = table.refusal.is_some();
        if !refused {
            let limits = Limits { sq_entries: self.kernel.sq_entries(), busy: self.slab.len() as u32 - 1 };
            if let Err(error) = encode::encode(&mut table, lowering, limits) {
                table.refusal = Some((0, error));
                crate::lower::end_refused(&mut table);
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
            Engine::Chain => {
                self.counters.plans_chain.add(1);
                for row in 0..table.rows.len() as u32 {
                    let table = self.slab.get(key).and_then(|activation| activation.table.as_ref());
                    if table.is_some_and(|table| encode::is_head(&table.rows[row as usize])) {
                        self.submit_chain(key, row);
                    }
                }
            }
        }
        self.end_if_done(key);
    }

    /// Submits the rows that progress has put on the table's `ready` list, already counted in `in_flight`.
    fn submit_ready(&mut self, key: Key) {
        let Some(table) = self.slab.get(key).and_then(|activation| activation.table.as_mut()) else { return };
        let mut ready = std::mem::take(&mut table.ready);
        for &row in &ready {
            let has_room = self.make_room(1);
            let table = self.slab.get(key).and_then(|activation| activation.table.as_mut()).expect("as above");
            let state = &mut table.rows[row as usize];
            let sqe = Sqe { user_data: key.user_data(row), ..state.sqe };
            if state.timeout_ns > 0 {
                let deadline = Instant::now() + Duration::from_nanos(state.timeout_ns);
                state.timer = Some(self.timers.set(deadline, Due::TimeOut(key, row)));
            }
            if has_room {
                self.push(&sqe);
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
            let deadline = Instant::now() + Duration::from_nanos(state.timeout_ns);
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

    fn room_now(&mut self, n: u32) -> bool {
        if self.kernel.room() < n && self.kernel.queued() > 0 {
            // A failure leaves the SQEs queued; the next pass tries again and reports.
            let _ = self.enter(0, None);
        }
        self.kernel.room() >= n
    }

    fn push(&mut self, sqe: &Sqe) {
        self.counters.sqes.add(1);
        self.recent.pushed(sqe.user_data);
        // SAFETY: what the SQE points to belongs to a plan in the slab, which keeps it in place until the terminal CQE
        // of its last row (I9; leaked if shutdown cannot wait for that), or to the bell, which outlives the ring.
        // Test: drop_everywhere under AddressSanitizer.
        unsafe { self.kernel.push(sqe) }
    }

    // ---------------------------------------------------------------- a pass

    /// Hands over what is queued, waits if `block` allows, and consumes all CQEs that lie ready.
    ///
    /// # Errors
    /// Only those after which the ring is unusable.
    pub(crate) fn turn(&mut self, block: bool, deadline: Option<Instant>) -> io::Result<()> {
        self.flush_backlog();
        let mut want = 0;
        let mut timeout = None;
        if block {
            debug_assert!(self.wakes.is_empty() && self.corpses.is_empty());
            want = self.hints.least().unwrap_or(1);
            let next = [deadline, self.timers.next_deadline()].into_iter().flatten().min();
            timeout = next.map(|at| at.saturating_duration_since(Instant::now()));
        }
        if self.kernel.queued() > 0 || want > 0 || self.kernel.needs_enter() {
            match self.enter(want, timeout) {
                Ok(_) => {}
                Err(error) => match error.raw_os_error() {
                    // A signal, or the kernel is short of memory or of CQ space: reap and come again.
                    Some(libc::EINTR) | Some(libc::EAGAIN) | Some(libc::EBUSY) | Some(libc::ENOMEM) => {}
                    _ => return Err(error),
                },
            }
        }
        self.reap();
        self.fire_timers();
        Ok(())
    }

    /// Pushes what waited for room: cancels first, since they make room in the kernel; then the shard's closes; then
    /// what users submitted, in order.
    fn flush_backlog(&mut self) {
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
                Backlogged::Single(..) | Backlogged::Row(..) => 1,
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

    fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<u32> {
        self.counters.enters.add(1);
        self.counters.enters_submitting.add((self.kernel.queued() > 0) as u64);
        self.counters.enters_waiting.add((want > 0) as u64);
        self.kernel.enter(want, timeout)
    }

    /// Makes sure that a ring of the bell ends the wait to come. `false`: there is no room to arm it.
    pub(crate) fn arm_bell(&mut self) -> bool {
        if self.bell.pending() == 0 {
            if !self.room_now(2) {
                return false;
            }
            for sqe in self.bell.arm().expect("nothing pending") {
                self.push_own(sqe);
            }
        }
        true
    }

    fn push_own(&mut self, sqe: Sqe) {
        self.own_in_flight += 1;
        self.push(&sqe);
    }

    // ---------------------------------------------------------------- completion

    /// Consumes all CQEs that lie ready.
    pub(crate) fn reap(&mut self) {
        let mut cqes = std::mem::take(&mut self.cqes);
        self.kernel.reap(&mut cqes);
        self.counters.cqes.add(cqes.len() as u64);
        for cqe in cqes.drain(..) {
            self.recent.reaped(&cqe);
            match Tag::parse(cqe.user_data) {
                Some(Tag::Row(key, row)) => self.complete(key, row, &cqe),
                Some(tag) => self.complete_own(tag, cqe.res),
                None => self.recent.panic(&cqe, "no such tag"),
            }
        }
        self.cqes = cqes;
    }

    fn complete(&mut self, key: Key, row: u32, cqe: &Cqe) {
        let Some(activation) = self.slab.get(key) else { self.recent.panic(cqe, "no such activation") };
        if !matches!(activation.phase, Phase::Running | Phase::Abandoned) {
            let phase = activation.phase;
            self.recent.panic(cqe, &format!("the activation is {phase:?}"));
        }
        let Some(table) = &mut activation.table else {
            self.complete_single(key, cqe.res);
            return;
        };
        if table.rows.get(row as usize).is_none_or(|state| state.phase != table::Phase::Released) {
            self.recent.panic(cqe, "the row is not in the kernel");
        }
        self.in_flight -= 1;
        self.complete_row(key, row, cqe.res, cqe.flags);
    }

    fn complete_single(&mut self, key: Key, res: i32) {
        self.in_flight -= 1;
        self.hints.remove(1);
        let activation = self.slab.get(key).expect("checked by the caller");
        activation.single.res = res;
        if let Some(timer) = activation.single.timer.take() {
            self.timers.clear(timer);
        }
        self.end(key);
    }

    /// Takes in a row's result and submits what it lets start, in this same pass.
    fn complete_row(&mut self, key: Key, row: u32, res: i32, flags: u32) {
        let table = self.slab.get(key).and_then(|activation| activation.table.as_mut()).expect("checked by the caller");
        let state = &mut table.rows[row as usize];
        if let Some(timer) = state.timer.take() {
            self.timers.clear(timer);
        }
        let link_next = state.link_next;
        progress::complete(table, &mut self.hints, row, res, flags);
        self.in_flight += table.ready.len() as u64;
        if table.cancelling && link_next != NONE {
            self.want_cancel(key, link_next);
        }
        self.submit_ready(key);
        self.end_if_done(key);
    }

    fn end_if_done(&mut self, key: Key) {
        let activation = self.slab.get(key).expect("a live activation");
        if activation.table.as_ref().is_some_and(|table| table.ended()) {
            self.end(key);
        }
    }

    /// Nothing of the activation is in the kernel any more.
    fn end(&mut self, key: Key) {
        let activation = self.slab.get(key).expect("a live activation");
        if activation.phase == Phase::Abandoned {
            activation.phase = Phase::Discarding;
            self.corpses.push(key);
        } else {
            activation.phase = Phase::Ended;
        }
        self.wakes.extend(activation.waker.take());
    }

    fn complete_own(&mut self, tag: Tag, res: i32) {
        self.own_in_flight -= 1;
        match tag {
            Tag::Row(..) => unreachable!("not the shard's own"),
            Tag::Cancel(key, row) => self.cancel_answered(key, row, res),
            Tag::Bell => self.bell.completed(true),
            Tag::BellBreak => self.bell.completed(false),
            Tag::CloseSlot(index) => self.slots.freed(index),
        }
    }

    // ---------------------------------------------------------------- cancel and time-out

    /// Cancels all that an activation still has in the kernel; staged starts nothing more.
    pub(crate) fn cancel(&mut self, key: Key) {
        let Some(activation) = self.slab.get(key) else { return };
        if !matches!(activation.phase, Phase::Running | Phase::Abandoned) {
            return;
        }
        let Some(table) = &mut activation.table else {
            if activation.single.queued {
                activation.single.queued = false;
                self.complete_single(key, -libc::ECANCELED);
            } else {
                self.want_cancel(key, 0);
            }
            return;
        };
        table.cancelling = true;
        for row in 0..table.rows.len() as u32 {
            self.cancel_row(key, row);
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

    /// Queues a cancel of a row that is in the kernel, unless one is under way or the row is a link that cannot have
    /// been issued yet; for such a one the CQE of the row before it comes back here.
    fn want_cancel(&mut self, key: Key, row: u32) {
        let Some(activation) = self.slab.get(key) else { return };
        let sent = match &mut activation.table {
            None => &mut activation.single.cancel_sent,
            Some(table) => {
                let in_kernel = |row: &table::Row| row.phase == table::Phase::Released;
                let behind_one = |at: &table::Row| at.link_next == row && in_kernel(at);
                let state = &table.rows[row as usize];
                if !in_kernel(state) || state.chained && table.rows.iter().any(behind_one) {
                    return;
                }
                &mut table.rows[row as usize].cancel_sent
            }
        };
        if !std::mem::replace(sent, true) {
            self.cancels.push_back((key, row));
        }
    }

    fn push_cancel(&mut self, key: Key, row: u32) {
        if self.is_in_kernel(key, row) {
            self.counters.cancels.add(1);
            let cancel = io_uring::opcode::AsyncCancel::new(key.user_data(row)).build();
            self.push_own(Sqe { user_data: Tag::Cancel(key, row).user_data(), ..cancel.into() });
        }
    }

    fn is_in_kernel(&mut self, key: Key, row: u32) -> bool {
        match self.slab.get(key) {
            None => false,
            Some(activation) => match &activation.table {
                None => matches!(activation.phase, Phase::Running | Phase::Abandoned) && !activation.single.queued,
                Some(table) => table.rows[row as usize].phase == table::Phase::Released,
            },
        }
    }

    /// ENOENT: the row has ended (its CQE is here or near), or is a link about to be issued: ask again. EALREADY: it
    /// runs and will end by itself.
    fn cancel_answered(&mut self, key: Key, row: u32, res: i32) {
        if !self.is_in_kernel(key, row) {
            return;
        }
        let activation = self.slab.get(key).expect("is in the kernel");
        match &mut activation.table {
            None => activation.single.cancel_sent = false,
            Some(table) => table.rows[row as usize].cancel_sent = false,
        }
        if res == -libc::ENOENT {
            self.want_cancel(key, row);
        }
    }

    /// Fires what is due.
    fn fire_timers(&mut self) {
        if self.timers.len() == 0 {
            return;
        }
        let now = Instant::now();
        while let Some(due) = self.timers.pop(now) {
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

    /// The future of an activation is gone. Returns its waker, to be dropped once the driver is let go of.
    pub(crate) fn abandon(&mut self, key: Key) -> Option<Waker> {
        let activation = self.slab.get(key)?;
        let waker = activation.waker.take();
        match activation.phase {
            Phase::Running => {
                activation.phase = Phase::Abandoned;
                self.cancel(key);
            }
            Phase::Ended => {
                activation.phase = Phase::Discarding;
                self.corpses.push(key);
            }
            Phase::Free | Phase::Lowering | Phase::Abandoned | Phase::Discarding => {}
        }
        waker
    }

    /// Keeps a used table for the next plan.
    pub(crate) fn recycle(&mut self, mut table: Box<Table>) {
        table.clear();
        self.tables.push(table);
    }

    /// Gives up what is still in the kernel, at the end of a shutdown: its memory is leaked. Returns how many SQEs.
    pub(crate) fn retire(&mut self) -> u64 {
        if self.in_flight > 0 {
            self.slab.leak();
        }
        std::mem::take(&mut self.in_flight)
    }

    /// True if nothing is left to wait for but the bell.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight == 0
            && self.own_in_flight == self.bell.pending()
            && !self.slots.has_to_close()
            && self.corpses.is_empty()
    }

    /// Cancels everything that users have in flight; nobody will take the results.
    pub(crate) fn cancel_all(&mut self) {
        for key in self.slab.keys() {
            if let Some(activation) = self.slab.get(key) {
                match activation.phase {
                    Phase::Running => activation.phase = Phase::Abandoned,
                    Phase::Ended => {
                        activation.phase = Phase::Discarding;
                        self.corpses.push(key);
                    }
                    _ => {}
                }
            }
            self.cancel(key);
        }
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("in_flight", &self.in_flight)
            .field("activations", &self.slab.len())
            .field("backlog", &self.backlog.len())
            .finish()
    }
}
