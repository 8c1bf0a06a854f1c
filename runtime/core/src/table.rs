//! The stage table: a lowered plan as plain data.
//!
//! One row per SQE, with what counts as its success, how many rows it still waits for, and where its result goes; edges
//! and forwards beside them. Lowering fills it, the engines and `progress.rs` walk it, and nothing in it is generic
//! over the plan's types. Rows name each other by index, so a table can be recycled without a pointer to chase.
//!
//! ```text
//! Waiting ──release──► Released ──CQE──► Arrived ──► Settled
//!    └───────────────(not run, barrier)────────────────▲
//! ```

use crate::{pipes::Pipe, sqe::Sqe, timer::TimerId};

/// No row, edge or forward.
pub(crate) const NONE: u32 = u32::MAX;
/// In place of a row that failed first: the plan was cancelled before the row could start.
pub(crate) const CANCELLED: u32 = u32::MAX - 1;

/// Where a row is on its way. Set by `progress.rs`; each phase excludes the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Something it needs has not settled. No SQE of it exists outside the table.
    Waiting,
    /// Its SQE is in the driver's backlog: the submission queue had no room.
    Queued,
    /// Its SQE was pushed; only its CQE ends this phase.
    Released,
    /// Its CQE is here, something before it (in its chain) has not settled.
    Arrived,
    /// Its verdict stands.
    Settled,
}

/// How a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not yet.
    Open,
    /// As its op's documentation defines success.
    Success,
    /// An op of variable length met the end of file: its result stands, what follows is not run.
    EndOfFile,
    /// Its own result is an error, or short where the op asks for all.
    Failed,
    /// It never ran, because the row `cause` did not succeed.
    NotRun,
    /// It never ran: it was refused when the plan was lowered. Nothing of the plan was submitted.
    Refused,
}

/// How the next SQE of a chain is tied to a row's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    None,
    Soft,
    Hard,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An op of the user's plan.
    Op,
    /// N rows to M rows with N + M edges instead of N × M. Has no SQE.
    Barrier,
    /// The LINK_TIMEOUT behind the row that its only edge points to.
    LinkTimeout,
    /// The NOP in front of a group.
    Leader,
    /// Takes a byte out of a gate's pipe.
    GateRead,
    /// Puts bytes into one.
    GateWrite,
}

/// One row.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Complete but for `user_data` and the link flags.
    pub(crate) sqe: Sqe,
    /// Least result that is a success.
    pub(crate) min_res: i32,
    /// The CQE's result, from `Arrived` on.
    pub(crate) res: i32,
    /// The CQE's flags, from `Arrived` on.
    pub(crate) cqe_flags: u32,
    /// Predecessors that have not settled.
    pub(crate) need: u32,
    /// Predecessors that have neither been released nor settled. 0: `need` more CQEs release this row.
    pub(crate) blocked: u32,
    /// First outgoing edge, [`NONE`] if none.
    pub(crate) edges_out: u32,
    /// First incoming edge.
    pub(crate) edges_in: u32,
    /// First forward of this row's result.
    pub(crate) forwards: u32,
    /// The failing row that keeps this one from running; [`NONE`] while there is none.
    pub(crate) cause: u32,
    /// The row whose SQE follows this one's in a chain.
    pub(crate) link_next: u32,
    /// The row whose success opens the gate that this one is behind; [`NONE`] if there is none. Until that row has
    /// settled, this one's CQE cannot be counted on.
    pub(crate) gate: u32,
    /// Rows behind this one's gate that are out.
    pub(crate) gated: u32,
    /// While chains are encoded: the first row of its chain, or [`NONE`] if the reactor releases it.
    pub(crate) chain_head: u32,
    /// While chains are encoded: see `encode.rs`; [`NONE`]: it runs in any case.
    pub(crate) anchor: u32,
    /// While chains are encoded: its position in the chain.
    pub(crate) chain_position: u32,
    /// Position among the plan's ops, as users count them.
    pub(crate) ordinal: u32,
    /// Time limit from its start, in nanoseconds; 0 for none.
    pub(crate) timeout_ns: u64,
    /// Set while the time limit runs.
    pub(crate) timer: Option<TimerId>,
    /// The open file whose syncs it may share; 0: none.
    pub(crate) sync_of: u64,
    /// Name of the op, for errors.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) phase: Phase,
    pub(crate) verdict: Verdict,
    pub(crate) link: Link,
    /// 0 bytes mean end of file, not a short result.
    pub(crate) variable: bool,
    /// An error of it severs a chain: else no link may stand for "if it succeeded".
    pub(crate) severs: bool,
    /// The SQE group goes on with the next SQE.
    pub(crate) group: bool,
    /// A cancel loses no byte: the result can be had again.
    pub(crate) lossless: bool,
    /// Submitted tied to other rows by links or in a group: it may be cancelled because of them.
    pub(crate) chained: bool,
    /// The kernel keeps this barrier: settling it releases nothing.
    pub(crate) in_kernel: bool,
    /// Some other row's result is written into `sqe` before it is released.
    pub(crate) forwarded: bool,
    /// A cancel for it is queued or in flight.
    pub(crate) cancel_sent: bool,
    /// CQEs to come after its result: the kernel still has its memory.
    pub(crate) lingering: u8,
    /// How many cancels did not find it.
    pub(crate) cancel_misses: u8,
    /// Its time limit has passed while it ran.
    pub(crate) timed_out: bool,
    /// Counted in the shard's wait hints with `need`.
    pub(crate) hinted: bool,
}

impl Row {
    /// It may fail, or be at its end, without keeping what is linked behind it from running.
    pub(crate) fn cannot_sever(&self) -> bool {
        self.variable || !self.severs
    }
}

/// `from` → `to`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) next_out: u32,
    pub(crate) next_in: u32,
    /// `to` may start whatever became of `from`.
    pub(crate) always: bool,
}

/// Part of a row's result that another row's SQE needs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Forward {
    /// The result is a length: `to` moves bytes `start..min(result, end)`.
    Length { to: u32, next: u32, start: u32, end: u32 },
    /// The result is a descriptor that `to` works on, or with `input` takes its bytes from.
    Descriptor { to: u32, next: u32, input: bool },
}

/// A row that works on a gate's pipe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    pub(crate) row: u32,
    pub(crate) pipe: u32,
    pub(crate) side: Side,
}

/// An end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Read,
    Write,
}

/// Which engine executes a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// All SQEs at once, tied by IOSQE_IO_LINK.
    Chain,
    /// All SQEs at once, stages as SQE groups.
    Groups,
    /// All SQEs at once, chains that meet in pipes.
    Gate,
    /// Op by op, as the completion pass finds that an op needs nothing more.
    #[default]
    Staged,
}

/// A lowered plan.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) forwards: Vec<Forward>,
    /// What LINK_TIMEOUT rows point to. Not touched between submission and the plan's last CQE.
    pub(crate) timespecs: Vec<io_uring::types::Timespec>,
    /// Rows that work on gates, the pipes they use, and where they read to.
    pub(crate) gates: Vec<Gate>,
    pub(crate) pipes: Vec<Pipe>,
    pub(crate) pipe_count: u32,
    pub(crate) read_bytes: Vec<u8>,
    /// First rows of the chains to submit; filled by the encoder.
    pub(crate) heads: Vec<u32>,
    /// Rows that progress has released and the driver has still to submit.
    pub(crate) ready: Vec<u32>,
    /// Rows to settle; empty between calls.
    pub(crate) settling: Vec<u32>,
    /// Rows whose verdict is open.
    pub(crate) unsettled: u32,
    /// Rows released whose CQE has not come.
    pub(crate) outstanding: u32,
    /// Those of them whose CQE comes whatever the others bring: all but what is behind a gate that has not opened.
    pub(crate) expected: u32,
    pub(crate) engine: Engine,
    /// The user cancelled or dropped the plan: nothing more is started.
    pub(crate) cancelling: bool,
    /// Something failed in a plan with gates: what is behind them has to be cancelled.
    pub(crate) gates_shut: bool,
    /// It counts in the shard's wait hints with one CQE, since each may call for another cancel.
    pub(crate) heeded: bool,
    /// Why the plan was refused, and the row it was refused for.
    pub(crate) refusal: Option<(u32, std::io::Error)>,
}

impl Table {
    /// Empties the table for its next plan, keeping its memory.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.edges.clear();
        self.forwards.clear();
        self.timespecs.clear();
        self.gates.clear();
        self.pipes.clear();
        self.heads.clear();
        self.ready.clear();
        self.settling.clear();
        (self.unsettled, self.outstanding, self.expected, self.pipe_count) = (0, 0, 0, 0);
        (self.engine, self.refusal) = (Engine::Staged, None);
        (self.cancelling, self.gates_shut, self.heeded) = (false, false, false);
    }

    /// Adds a row that waits for nothing yet.
    pub(crate) fn add_row(&mut self, kind: Kind, name: &'static str) -> u32 {
        self.rows.push(Row {
            sqe: Sqe::default(),
            min_res: 0,
            res: 0,
            cqe_flags: 0,
            need: 0,
            blocked: 0,
            edges_out: NONE,
            edges_in: NONE,
            forwards: NONE,
            cause: NONE,
            link_next: NONE,
            gate: NONE,
            gated: 0,
            chain_head: NONE,
            anchor: NONE,
            chain_position: 0,
            ordinal: NONE,
            timeout_ns: 0,
            timer: None,
            sync_of: 0,
            name,
            kind,
            phase: Phase::Waiting,
            verdict: Verdict::Open,
            link: Link::None,
            variable: false,
            severs: true,
            group: false,
            lossless: false,
            chained: false,
            in_kernel: false,
            forwarded: false,
            cancel_sent: false,
            lingering: 0,
            cancel_misses: 0,
            timed_out: false,
            hinted: false,
        });
        self.unsettled += 1;
        self.rows.len() as u32 - 1
    }

    /// Lets `to` wait for `from`: for its success, or with `always` for its end.
    pub(crate) fn add_edge(&mut self, from: u32, to: u32, always: bool) {
        let index = self.edges.len() as u32;
        let next_out = std::mem::replace(&mut self.rows[from as usize].edges_out, index);
        let row = &mut self.rows[to as usize];
        let next_in = std::mem::replace(&mut row.edges_in, index);
        (row.need, row.blocked) = (row.need + 1, row.blocked + 1);
        self.edges.push(Edge { from, to, next_out, next_in, always });
    }

    /// Adds a forward of `from`'s result.
    pub(crate) fn add_forward(&mut self, from: u32, make: impl FnOnce(u32) -> Forward) {
        let index = self.forwards.len() as u32;
        let forward = make(std::mem::replace(&mut self.rows[from as usize].forwards, index));
        let (Forward::Length { to, .. } | Forward::Descriptor { to, .. }) = forward;
        self.rows[to as usize].forwarded = true;
        self.forwards.push(forward);
    }

    /// Takes back what an encoder has marked, the rows that it added included.
    pub(crate) fn unlink(&mut self) {
        // They stand at the end, and only a LINK_TIMEOUT has an edge, its only one and the last of all.
        while let Some(row) =
            self.rows.last().copied().filter(|row| matches!(row.kind, Kind::LinkTimeout | Kind::Leader))
        {
            self.rows.pop();
            self.unsettled -= 1;
            if row.edges_out != NONE {
                let edge = self.edges.pop().expect("the row's edge");
                let target = &mut self.rows[edge.to as usize];
                target.edges_in = edge.next_in;
                (target.need, target.blocked) = (target.need - 1, target.blocked - 1);
                self.timespecs.pop();
            }
        }
        for row in &mut self.rows {
            (row.link, row.link_next, row.chained, row.chain_head) = (Link::None, NONE, false, NONE);
            (row.group, row.in_kernel) = (false, false);
        }
        self.heads.clear();
    }

    /// True if a row was submitted tied behind another that has not settled: the kernel has not issued it.
    pub(crate) fn waits_in_kernel(&self, row: u32) -> bool {
        let state = &self.rows[row as usize];
        // A row waits for its own LINK_TIMEOUT too, but only here.
        let limit = self.rows.get(state.link_next as usize).filter(|next| next.kind == Kind::LinkTimeout);
        let limited = limit.is_some_and(|limit| limit.phase != Phase::Settled);
        state.need > limited as u32
    }

    /// The incoming edges of a row.
    pub(crate) fn edges_in(&self, row: u32) -> impl Iterator<Item = Edge> + '_ {
        let edge = |index: u32| (index != NONE).then(|| self.edges[index as usize]);
        std::iter::successors(edge(self.rows[row as usize].edges_in), move |e| edge(e.next_in))
    }

    /// The outgoing edges of a row.
    pub(crate) fn edges_out(&self, row: u32) -> impl Iterator<Item = Edge> + '_ {
        let edge = |index: u32| (index != NONE).then(|| self.edges[index as usize]);
        std::iter::successors(edge(self.rows[row as usize].edges_out), move |e| edge(e.next_out))
    }

    /// Asks for one more pipe; returns its number.
    pub(crate) fn add_pipe(&mut self) -> u32 {
        self.pipe_count += 1;
        self.pipe_count - 1
    }

    /// True once every row has its verdict and every CQE has come.
    pub(crate) fn ended(&self) -> bool {
        self.unsettled == 0 && self.outstanding == 0
    }
}

impl Table {
    /// Puts a LINK_TIMEOUT behind a row. `timespecs` must have room, since the SQE points into it.
    pub(crate) fn add_link_timeout(&mut self, row: u32) {
        let limit = self.rows[row as usize].timeout_ns;
        if self.timespecs.capacity() == 0 {
            // As many as there can be, so that none moves.
            self.timespecs.reserve_exact(self.rows.len());
        }
        assert!(self.timespecs.len() < self.timespecs.capacity());
        let timespec = io_uring::types::Timespec::new().sec(limit / 1_000_000_000).nsec((limit % 1_000_000_000) as u32);
        self.timespecs.push(timespec);
        let pointer = &raw const self.timespecs[self.timespecs.len() - 1];
        let timeout = self.add_row(Kind::LinkTimeout, "link_timeout");
        self.rows[timeout as usize].sqe = io_uring::opcode::LinkTimeout::new(pointer).build().into();
        self.rows[timeout as usize].chained = true;
        let state = &mut self.rows[row as usize];
        (state.link, state.link_next) = (Link::Soft, timeout);
        self.add_edge(timeout, row, true);
    }
}
