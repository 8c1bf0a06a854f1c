//! The driver: activations in, SQEs out, CQEs in. The only place where a CQE is consumed.
//!
//! No user code runs in here (invariant I10). What would run some (wakers to wake, plans to drop) is collected and
//! handed to the shard, which lets go of the driver first.

mod cancel;
mod idle;
mod submit;
mod syncs;

pub(crate) use idle::Work;
use syncs::Syncs;

use std::{
    collections::VecDeque,
    io,
    rc::Rc,
    task::Waker,
    time::{Duration, Instant},
};

use crate::{
    bell::Bell,
    clock::Clock,
    counters::Counters,
    kernel::{Cqe, Kernel},
    key::{Key, Tag},
    knock::KNOCKS_MAX,
    pipes::Pipes,
    progress,
    recent::Recent,
    shots::{CQE_MORE, CQE_NOTIF},
    slab::{Phase, Slab},
    slot::SlotTable,
    sqe::{Sqe, WideSqe},
    table::{self, Table},
    timer::Timers,
    wait::WaitHints,
};

/// Less than a millisecond, and many times what a wake costs: up to 20 µs where the core has gone idle.
const TIMER_SLACK: Duration = Duration::from_micros(500);

/// SQEs that the submission queue had no room for, in the order they came.
#[derive(Debug)]
enum Backlogged {
    Single(Key, Sqe),
    Wide(Key, Box<WideSqe>),
    Row(Key, u32),
    /// A whole chain, named by its first row.
    Chain(Key, u32),
}

/// One shard's ring and everything in it.
pub(crate) struct Driver {
    pub(crate) kernel: Box<dyn Kernel>,
    pub(crate) slab: Slab,
    pub(crate) timers: Timers,
    clock: Rc<Clock>,
    /// How much later than due a crowd of timers may fire, so that it takes one wake.
    pub(crate) timer_slack: Duration,
    hints: WaitHints,
    /// Bounded by the rows of the activations in the slab.
    backlog: VecDeque<Backlogged>,
    syncs: Syncs,
    /// The next turn begins none of them.
    holds_syncs: bool,
    /// Rows to cancel. Bounded likewise: a row is in here at most once.
    cancels: VecDeque<(Key, u32)>,
    /// Plans whose future is gone and whose last CQE has come.
    pub(crate) corpses: Vec<Key>,
    /// Who to wake once the driver is let go of.
    pub(crate) wakes: Vec<Waker>,
    /// Cleared tables for the next plans; bounded by the most plans there have been at once.
    #[allow(clippy::vec_box, reason = "they move between here and the slab, and are large")]
    pub(crate) tables: Vec<Box<Table>>,
    cqes: Vec<Cqe>,
    slots: Rc<SlotTable>,
    pipes: Pipes,
    counters: Rc<Counters>,
    bell: Bell,
    /// Other threads can post CQEs to the ring: the bell is for the longest sleeps only.
    takes_messages: bool,
    /// SQEs of activations without their terminal CQE, in the backlog or in the kernel.
    pub(crate) in_flight: u64,
    /// The shard's own SQEs (bell, cancels, closes) without theirs.
    pub(crate) own_in_flight: u64,
    /// Those of them that are cancels.
    cancels_out: u64,
    /// The SQE that watches the shard's epoll is out.
    pub(crate) edges_armed: bool,
    recent: Recent,
}

impl Driver {
    pub(crate) fn new(
        kernel: Box<dyn Kernel>,
        slots: Rc<SlotTable>,
        counters: Rc<Counters>,
        bell: Bell,
        clock: Rc<Clock>,
    ) -> Driver {
        let hints = WaitHints::new(kernel.cq_entries());
        let takes_messages = kernel.message_fd().is_some();
        Driver {
            kernel,
            slab: Slab::default(),
            timers: Timers::new(clock.now()),
            clock,
            timer_slack: TIMER_SLACK,
            hints,
            backlog: VecDeque::new(),
            syncs: Syncs::default(),
            holds_syncs: false,
            cancels: VecDeque::new(),
            corpses: Vec::new(),
            wakes: Vec::new(),
            tables: Vec::new(),
            cqes: Vec::new(),
            slots,
            pipes: Pipes::default(),
            counters,
            bell,
            takes_messages,
            in_flight: 0,
            own_in_flight: 0,
            cancels_out: 0,
            edges_armed: false,
            recent: Recent::default(),
        }
    }

    /// Hands over what is queued, waits for at most `sleep` CQEs if that is given, and consumes all CQEs that lie ready.
    /// The wait ends with the next timer, and at `deadline`, which is the machine's time. Where the clock stands still, it
    /// is set to the next timer's deadline instead, if nothing else can happen.
    ///
    /// # Errors
    /// Only those after which the ring is unusable.
    pub(crate) fn turn(&mut self, sleep: Option<u32>, deadline: Option<Instant>) -> io::Result<()> {
        self.flush_backlog();
        if !std::mem::take(&mut self.holds_syncs) {
            self.start_syncs();
        }
        let mut want = 0;
        let (mut timeout, mut skip_to) = (None, None);
        // What has found no room, because an enter failed, must not be slept over (I5).
        if let Some(most) = sleep.filter(|_| !self.has_backlog()) {
            debug_assert!(self.wakes.is_empty() && self.corpses.is_empty());
            // More than a ring brings would be slept through it.
            want = self.want().min(most);
            timeout = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if !self.clock.is_paused() {
                if let Some(next) = self.timers.wake_at(self.timer_slack) {
                    let left = next.saturating_duration_since(self.clock.now());
                    timeout = Some(timeout.map_or(left, |limit| limit.min(left)));
                }
            } else if self.timers.len() > 0 && deadline.is_none() && self.waits_for_others() {
                // A last look at what has ended.
                (timeout, skip_to) = (Some(Duration::ZERO), self.timers.next_deadline());
            }
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
        let reaped = self.reap();
        if let (Some(deadline), 0) = (skip_to, reaped) {
            self.clock.skip_to(deadline);
        }
        self.fire_timers();
        Ok(())
    }

    fn has_backlog(&self) -> bool {
        !self.backlog.is_empty() || !self.cancels.is_empty() || self.slots.has_to_close() || self.syncs.has_to_start()
    }

    /// Something waits for the next enter that gains nothing by waiting. Shared syncs do: the longer they wait, the more
    /// callers share them, so that they alone are no reason to enter before the end of a pass.
    pub(crate) fn has_queued(&self) -> bool {
        self.kernel.queued() > 0
    }

    /// The next turn is one in the middle of a pass: it leaves shared syncs to its end, where more callers share them.
    pub(crate) fn hold_syncs(&mut self) {
        self.holds_syncs = true;
    }

    fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<u32> {
        self.counters.enters.add(1);
        self.counters.enters_submitting.add((self.kernel.queued() > 0) as u64);
        self.counters.enters_waiting.add((want > 0) as u64);
        self.kernel.enter(want, timeout)
    }

    /// Makes sure that a ring ends the wait to come; gives how many CQEs it is for. 0: there is no room to arm the bell.
    pub(crate) fn arm_bell(&mut self) -> u32 {
        if self.takes_messages && self.want() <= KNOCKS_MAX {
            // Whoever rings posts that many.
            return self.want();
        }
        let entries = self.kernel.sq_entries();
        // Where one CQE is too few the bell is made for all that is in flight, so that no later wait has to lengthen it.
        // Its own SQEs have to find room, too; what is wider takes a few waits.
        let all = u32::try_from(self.in_flight).unwrap_or(u32::MAX);
        let want = if self.want() > 1 { all.min(entries) } else { 1 };
        while self.bell.pending() < want {
            let more = (want - self.bell.pending()).min(entries);
            if !self.room_now(more) {
                break;
            }
            for sqe in self.bell.arm(more) {
                self.push_own(sqe);
            }
        }
        self.want().min(self.bell.pending())
    }

    /// The least number of CQEs that can release an op, end a plan, or call for another cancel.
    fn want(&self) -> u32 {
        if self.cancels_out > 0 || self.edges_armed { 1 } else { self.syncs.cqes_for(self.hints.least().unwrap_or(1)) }
    }

    pub(crate) fn push_own(&mut self, sqe: Sqe) {
        self.own_in_flight += 1;
        self.push(&sqe);
    }

    /// Consumes all CQEs that lie ready; says how many.
    pub(crate) fn reap(&mut self) -> usize {
        let mut cqes = std::mem::take(&mut self.cqes);
        self.kernel.reap(&mut cqes);
        let count = cqes.len();
        self.counters.cqes.add(count as u64);
        for cqe in cqes.drain(..) {
            self.recent.reaped(&cqe);
            match Tag::parse(cqe.user_data) {
                Some(Tag::Row(key, row)) => self.complete(key, row, &cqe),
                // The sender has put something in the inbox; that the sleep has ended is all that this is for.
                Some(Tag::Knocked) => {}
                Some(tag) => self.complete_own(tag, cqe.res),
                None => self.recent.panic(&cqe, "no such tag"),
            }
        }
        self.cqes = cqes;
        count
    }

    fn complete(&mut self, key: Key, row: u32, cqe: &Cqe) {
        let Some(activation) = self.slab.get(key) else { self.recent.panic(cqe, "no such activation") };
        if !matches!(activation.phase, Phase::Running | Phase::Abandoned) {
            let phase = activation.phase;
            self.recent.panic(cqe, &format!("the activation is {phase:?}"));
        }
        let Some(table) = &mut activation.table else {
            self.complete_single(key, cqe.res, cqe.flags);
            return;
        };
        let Some(state) = table.rows.get_mut(row as usize) else { self.recent.panic(cqe, "no such row") };
        if cqe.flags & CQE_NOTIF != 0 {
            let Some(left) = state.lingering.checked_sub(1) else { self.recent.panic(cqe, "the row does not linger") };
            state.lingering = left;
            self.in_flight -= 1;
            progress::linger(table, &mut self.hints, -1);
            self.end_if_done(key);
            return;
        }
        if state.phase != table::Phase::Released {
            self.recent.panic(cqe, "the row is not in the kernel");
        }
        if cqe.flags & CQE_MORE != 0 {
            // The result is here; the kernel gives the memory back later. What comes after the op need not wait for that.
            state.lingering += 1;
            self.in_flight += 1;
            progress::linger(table, &mut self.hints, 1);
        }
        self.in_flight -= 1;
        self.complete_row(key, row, cqe.res, cqe.flags);
    }

    fn complete_single(&mut self, key: Key, res: i32, flags: u32) {
        let activation = self.slab.get(key).expect("checked by the caller");
        let (single, more) = (&mut activation.single, flags & CQE_MORE != 0);
        if flags & CQE_NOTIF == 0 {
            single.res = res;
        }
        if let Some(shots) = &mut activation.shots {
            let enough = shots.take_in(res, flags);
            if more {
                self.wakes.extend(activation.waker.take());
                if enough {
                    self.want_cancel(key, 0);
                }
                return;
            }
        }
        if let Some(timer) = single.timer.take() {
            self.timers.clear(timer);
        }
        if more {
            single.lingers = true;
            return;
        }
        self.in_flight -= 1;
        self.hints.remove(1);
        self.end(key);
    }

    /// Takes in a row's result and submits what it lets start, in this same pass.
    fn complete_row(&mut self, key: Key, row: u32, res: i32, flags: u32) {
        let table = self.slab.get(key).and_then(|activation| activation.table.as_mut()).expect("checked by the caller");
        let state = &mut table.rows[row as usize];
        if let Some(timer) = state.timer.take() {
            self.timers.clear(timer);
        }
        progress::complete(table, &mut self.hints, row, res, flags);
        self.in_flight += table.ready.len() as u64;
        self.submit_ready(key);
        self.cancel_next(key);
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
        if activation.table.as_mut().is_some_and(|table| std::mem::take(&mut table.heeded)) {
            self.hints.remove(1);
        }
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
            Tag::Cancel(key, row) => {
                self.cancels_out -= 1;
                self.cancel_answered(key, row, res);
            }
            Tag::Bell(_) => self.bell.completed(true),
            Tag::BellEcho(_) => self.bell.completed(false),
            Tag::CloseSlot(index) => self.slots.freed(index),
            Tag::Sync(line) => self.synced(line, res),
            Tag::Edges => self.edges_armed = false,
            Tag::Knocked => unreachable!("nothing that the shard has asked for"),
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
        self.pipes.give_back(&mut table);
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

    /// The shard's own SQEs that wait for others: the bell, the epoll.
    fn own_waits(&self) -> u64 {
        u64::from(self.bell.pending()) + u64::from(self.edges_armed)
    }

    /// True if nothing is left to wait for but what may come from elsewhere.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight == 0
            && self.own_in_flight == self.own_waits()
            && !self.slots.has_to_close()
            && !self.syncs.has_to_start()
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
