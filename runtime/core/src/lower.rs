//! From a plan's tree to its stage table. Pure: no I/O and no unsafe code.
//!
//! Plans walk themselves and call the [`Builder`] in the order written; it keeps what the next op has to wait for, and
//! resolves loans and slot handles once the ops lie in their final place. A handle is valid only where its source is an
//! ancestor by edges: in the ranges of rows that stand before the current one in the enclosing sequences.

use std::{io, ops::Range, rc::Rc, time::Duration};

use crate::{
    fd::{SharedFd, Target},
    handle::{Loan, OpId, SlotHandle},
    key::ROWS_MAX,
    op::{Op, Request, Success},
    plan::Plan,
    slot::{SlotFd, SlotTable},
    sqe::{FIXED_FILE, Sqe},
    table::{Forward, Kind, NONE, Phase, Row, Table, Verdict},
};

/// What the next row has to wait for.
#[derive(Clone, Copy, Debug)]
struct After {
    row: u32,
    /// Wait for its end, not for its success.
    always: bool,
    /// With `always`: the row before the whole sequence that a cleanup belongs to; it must have succeeded.
    outer: u32,
}

/// A sequence on its way through the builder.
#[derive(Debug)]
pub(crate) struct Sequence {
    entry: After,
    exits_base: usize,
    first_row: u32,
    cleanup_depth: u32,
    begun: bool,
}

/// An op whose buffer or slot later ops name.
#[derive(Debug)]
struct Provider {
    id: OpId,
    row: u32,
    what: Provided,
}

#[derive(Debug)]
enum Provided {
    Bytes { ptr: *const u8, len: usize, variable: bool, registered: Option<u16> },
    Slot(SlotFd),
}

/// Fills stage tables. Plans call it, users do not. A shard keeps one, so that its lists need no allocation.
#[doc(hidden)]
#[derive(Debug)]
pub struct Builder {
    /// The table being filled.
    table: Box<Table>,
    slots: Rc<SlotTable>,
    after: After,
    /// Rows that end the part being lowered.
    exits: Vec<u32>,
    /// Rows before the current one, by enclosing sequence.
    ancestors: Vec<Range<u32>>,
    /// In the order of their rows, which is that of their ids too, but for plans put together in an odd order.
    providers: Vec<Provider>,
    /// How many enclosing parts are cleanups.
    cleanup_depth: u32,
    ops: u32,
}

impl Builder {
    pub(crate) fn new(slots: Rc<SlotTable>) -> Builder {
        let after = After { row: NONE, always: false, outer: NONE };
        let (exits, ancestors, providers) = (Vec::new(), Vec::new(), Vec::new());
        Builder { table: Box::default(), slots, after, exits, ancestors, providers, cleanup_depth: 0, ops: 0 }
    }

    /// Lowers a plan into `table`, which must be clear; a refused one has ended already.
    pub(crate) fn fill<P: Plan>(&mut self, table: Box<Table>, plan: &mut P) -> Box<Table> {
        self.table = table;
        self.after = After { row: NONE, always: false, outer: NONE };
        (self.cleanup_depth, self.ops) = (0, 0);
        plan.lower(self);
        self.exits.clear();
        self.ancestors.clear();
        self.providers.clear();
        end_refused(&mut self.table);
        std::mem::take(&mut self.table)
    }

    /// Lowers one op.
    pub(crate) fn op<O: Op>(&mut self, op: &mut O, id: Option<OpId>, timeout: Option<Duration>) {
        let row = self.table.add_row(Kind::Op, O::NAME);
        if row + 1 >= ROWS_MAX {
            self.refuse(row, invalid(format!("the plan has more than {ROWS_MAX} rows; split it")));
            return;
        }
        let lowered = op.lower(&mut Scope { row, id, place: Place::InPlan(self), told: Told::default() });
        let state = &mut self.table.rows[row as usize];
        state.ordinal = self.ops;
        state.severs = O::SEVERS;
        self.ops += 1;
        match lowered {
            Ok(request) => store(request, state, timeout),
            Err(error) => self.refuse(row, error),
        }
        let After { row: after, always, outer } = self.after;
        if after != NONE {
            self.table.add_edge(after, row, always);
        }
        if always && outer != NONE {
            self.table.add_edge(outer, row, false);
        }
        self.exits.push(row);
    }

    /// Lowers one more request of the op before: to users the two are one.
    pub(crate) fn more_of_op<O: Op>(&mut self, op: &mut O) {
        self.ops = self.ops.saturating_sub(1);
        self.op(op, None, None);
    }

    /// Begins a sequence; each of its parts is announced by [`next_part`](Builder::next_part).
    pub(crate) fn begin_sequence(&mut self) -> Sequence {
        Sequence {
            entry: self.after,
            exits_base: self.exits.len(),
            first_row: self.table.rows.len() as u32,
            cleanup_depth: self.cleanup_depth,
            begun: false,
        }
    }

    /// What is lowered next comes after all of the sequence so far. `cleanup`: whatever the outcome.
    pub(crate) fn next_part(&mut self, sequence: &mut Sequence, cleanup: bool) {
        if std::mem::replace(&mut sequence.begun, true) {
            self.ancestors.pop();
            // The exits of a cleanup add to those before it: what follows needs the success of both.
            if let Some(row) = self.gather_exits(sequence.exits_base, cleanup) {
                let entry = sequence.entry;
                let outer = if entry.always { entry.outer } else { entry.row };
                self.after = After { row, always: cleanup, outer };
            }
            if !cleanup {
                self.exits.truncate(sequence.exits_base);
            }
        }
        self.cleanup_depth = sequence.cleanup_depth + cleanup as u32;
        self.ancestors.push(sequence.first_row..self.table.rows.len() as u32);
    }

    /// Ends a sequence.
    pub(crate) fn end_sequence(&mut self, sequence: Sequence) {
        if sequence.begun {
            self.ancestors.pop();
        }
        (self.after, self.cleanup_depth) = (sequence.entry, sequence.cleanup_depth);
    }

    /// The row that stands for the end of everything in `exits[base..]`; `None` if there is nothing.
    fn gather_exits(&mut self, base: usize, always: bool) -> Option<u32> {
        match self.exits[base..] {
            [] => None,
            [row] => Some(row),
            _ => {
                let barrier = self.table.add_row(Kind::Barrier, "join");
                for index in base..self.exits.len() {
                    self.table.add_edge(self.exits[index], barrier, always);
                }
                Some(barrier)
            }
        }
    }

    /// What the op `id` provides to `user`, if it stands before it.
    fn provider(&mut self, id: OpId, user: u32) -> io::Result<&Provider> {
        let found = self.providers.binary_search_by_key(&id, |provider| provider.id).ok();
        let found = found.or_else(|| self.providers.iter().position(|provider| provider.id == id));
        let Some(index) = found else {
            return Err(invalid("a handle was used outside the plan it belongs to, or before the op it stands for"));
        };
        let source = self.providers[index].row;
        if !self.ancestors.iter().any(|range| range.contains(&source)) {
            return Err(invalid("a handle was used by an op that does not come after the op it stands for"));
        }
        // A cleanup waits for ends; for what it names it needs the success as well.
        if self.cleanup_depth > 0 && !self.table.edges_in(user).any(|edge| edge.from == source && !edge.always) {
            self.table.add_edge(source, user, false);
        }
        Ok(&self.providers[index])
    }

    /// Refuses the whole plan because of one op: nothing of it will be submitted.
    fn refuse(&mut self, row: u32, error: io::Error) {
        if self.table.refusal.is_none() {
            self.table.refusal = Some((row, error));
        }
    }
}

/// Ends a refused table: the op that was refused says why, all others were not run.
pub(crate) fn end_refused(table: &mut Table) {
    let Some((refused, _)) = table.refusal else { return };
    for (index, row) in table.rows.iter_mut().enumerate() {
        row.phase = Phase::Settled;
        row.verdict = if index as u32 == refused { Verdict::Refused } else { Verdict::NotRun };
        row.cause = refused;
    }
    table.unsettled = 0;
}

fn store(request: Request, row: &mut Row, timeout: Option<Duration>) {
    row.sqe = request.sqe;
    row.lossless = request.lossless;
    (row.min_res, row.variable) = request.success.as_row();
    row.timeout_ns = timeout.map_or(0, as_nanos);
}

/// A time limit in nanoseconds, at least one, so that 0 can stand for none.
pub(crate) fn as_nanos(limit: Duration) -> u64 {
    u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1)
}

impl Success {
    /// The least result that is a success, and whether 0 is the end of file rather than too little.
    pub(crate) fn as_row(self) -> (i32, bool) {
        match self {
            Success::NonNegative => (0, false),
            Success::Exact(bytes) => (bytes as i32, false),
            Success::Variable { asked } => (asked.min(1) as i32, true),
        }
    }
}

pub(crate) fn invalid(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text.into())
}

/// Bytes that an op reads from: an owned buffer's, or what an earlier op of the plan will have filled.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    pub(crate) ptr: *const u8,
    pub(crate) len: usize,
    /// The op whose result says how many of them there are, once it is known, and where they start in its buffer.
    forward: Option<(u32, usize)>,
    /// Where they lie in the ring's table of registered buffers, if they do.
    pub(crate) registered: Option<u16>,
}

impl Bytes {
    pub(crate) fn owned(ptr: *const u8, len: usize, registered: Option<u16>) -> Bytes {
        Bytes { ptr, len, forward: None, registered }
    }
}

/// What one op sees while it is lowered: its place in the plan.
#[doc(hidden)]
#[derive(Debug)]
pub struct Scope<'a> {
    row: u32,
    id: Option<OpId>,
    place: Place<'a>,
    told: Told,
}

/// What an op tells of itself beside its SQE.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The open file whose syncs it may share; 0: none.
    pub(crate) sync_of: u64,
    /// Writes so many bytes, known now, to this descriptor.
    pub(crate) writes: Option<(SharedFd, usize)>,
    /// Reads from this descriptor, at an offset.
    pub(crate) reads: Option<SharedFd>,
}

#[derive(Debug)]
enum Place<'a> {
    InPlan(&'a mut Builder),
    /// Awaited on its own.
    Alone(&'a SlotTable),
}

impl<'a> Scope<'a> {
    /// The scope of an op that is awaited on its own.
    pub(crate) fn single(slots: &'a SlotTable) -> Scope<'a> {
        Scope { row: 0, id: None, place: Place::Alone(slots), told: Told::default() }
    }

    /// True if the op is awaited on its own.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self.place, Place::Alone(_))
    }

    fn slots(&self) -> &SlotTable {
        match &self.place {
            Place::InPlan(builder) => &builder.slots,
            Place::Alone(slots) => slots,
        }
    }

    fn builder(&mut self) -> Option<&mut Builder> {
        match &mut self.place {
            Place::InPlan(builder) => Some(builder),
            Place::Alone(_) => None,
        }
    }

    fn provider(&mut self, id: OpId) -> io::Result<&Provider> {
        let row = self.row;
        match self.builder() {
            Some(builder) => builder.provider(id, row),
            None => Err(invalid("a handle was used outside the plan it belongs to")),
        }
    }

    /// Points `sqe` to the descriptor that the op works on; a handle becomes a share of the slot it stands for.
    pub(crate) fn target(&mut self, target: &mut Target, sqe: &mut Sqe) -> io::Result<()> {
        self.resolve(target, sqe, false)
    }

    /// Of the descriptor that a splice takes its bytes from: leaves it in the fields of `sqe` that are for the other one.
    pub(crate) fn input(&mut self, target: &mut Target, sqe: &mut Sqe) -> io::Result<()> {
        self.resolve(target, sqe, true)
    }

    fn resolve(&mut self, target: &mut Target, sqe: &mut Sqe, input: bool) -> io::Result<()> {
        if let Target::Handle(SlotHandle(id)) = *target {
            match &self.provider(id)?.what {
                Provided::Slot(slot) => *target = Target::Slot(slot.clone()),
                Provided::Bytes { .. } => unreachable!("a slot handle names an op that opens"),
            }
        }
        match target {
            Target::Fd(fd) => sqe.fd = fd.number(),
            Target::Slot(slot) => self.slot_target(&slot.clone(), sqe, input)?,
            Target::Handle(_) => unreachable!("resolved above"),
        }
        Ok(())
    }

    fn slot_target(&mut self, slot: &SlotFd, sqe: &mut Sqe, input: bool) -> io::Result<()> {
        if slot.shard() != self.slots().shard() {
            return Err(invalid("a slot was used on another shard than the one that opened it; slots stay on theirs"));
        }
        match (slot.index(), slot.number()) {
            (Some(index), _) => {
                sqe.fd = index as i32;
                sqe.flags |= FIXED_FILE;
            }
            (None, Some(fd)) => sqe.fd = fd,
            (None, None) => match &mut self.place {
                // Opened by this plan into an ordinary descriptor: its number is forwarded.
                Place::InPlan(builder) => {
                    let is_it = |p: &&Provider| matches!(&p.what, Provided::Slot(s) if s.same(slot));
                    let source = builder.providers.iter().find(is_it).map(|provider| provider.row);
                    let Some(source) = source else { return Err(invalid("the slot has not been opened")) };
                    builder.table.add_forward(source, |next| Forward::Descriptor { to: self.row, next, input });
                }
                Place::Alone(_) => return Err(invalid("the slot has not been opened")),
            },
        }
        Ok(())
    }

    /// Where a loan's bytes lie.
    pub(crate) fn loan(&mut self, loan: &Loan) -> io::Result<Bytes> {
        let &Provider { row, what: Provided::Bytes { ptr, len, variable, registered }, .. } =
            self.provider(loan.source)?
        else {
            unreachable!("a loan names an op that fills a buffer");
        };
        let (start, end) = (loan.start, loan.end.unwrap_or(len));
        if start > end || end > len {
            return Err(invalid(format!("a loan's range {start}..{end} lies outside its buffer of {len} bytes")));
        }
        let forward = variable.then_some((row, start));
        Ok(Bytes { ptr: ptr.wrapping_add(start), len: end - start, forward, registered })
    }

    /// Has the number of bytes written into the op's SQE once it is known, if it is not known yet.
    pub(crate) fn forward_length(&mut self, bytes: &Bytes) {
        let to = self.row;
        if let (Some((source, start)), Some(builder)) = (bytes.forward, self.builder()) {
            let (start, end) = (start as u32, (start + bytes.len) as u32);
            builder.table.add_forward(source, |next| Forward::Length { to, next, start, end });
        }
    }

    /// Refuses bytes whose number is not known yet, where an SQE cannot have it forwarded.
    pub(crate) fn fixed_length(&self, bytes: &Bytes) -> io::Result<()> {
        match bytes.forward {
            Some(_) => Err(invalid("a vectored op cannot lend the buffer of an op of variable length; use *_exact")),
            None => Ok(()),
        }
    }

    /// The op syncs this: it may share another's.
    pub(crate) fn syncs(&mut self, target: &Target) {
        let Target::Fd(fd) = target else { return };
        let (row, open_file) = (self.row, fd.open_file());
        match &mut self.place {
            Place::InPlan(builder) => builder.table.rows[row as usize].sync_of = open_file,
            Place::Alone(_) => self.told.sync_of = open_file,
        }
    }

    /// The op reads from there: if it is awaited on its own that may happen on the spot.
    pub(crate) fn reads(&mut self, target: &Target) {
        if let (Place::Alone(_), Target::Fd(fd)) = (&self.place, target) {
            self.told.reads = Some(fd.clone());
        }
    }

    /// The op writes `len` bytes, which are there, to this: if it is awaited on its own that may happen on the spot.
    pub(crate) fn writes(&mut self, target: &Target, len: usize) {
        if let (Place::Alone(_), Target::Fd(fd)) = (&self.place, target) {
            self.told.writes = Some((fd.clone(), len));
        }
    }

    /// What the op has told.
    pub(crate) fn told(self) -> Told {
        self.told
    }

    /// Offers the op's buffer to later ops.
    pub(crate) fn provide_bytes(&mut self, ptr: *const u8, len: usize, success: Success) {
        self.provide_registered(ptr, len, success, None);
    }

    /// As `provide_bytes`, of a buffer that may be registered.
    pub(crate) fn provide_registered(&mut self, ptr: *const u8, len: usize, success: Success, registered: Option<u16>) {
        let variable = matches!(success, Success::Variable { .. });
        self.provide(Provided::Bytes { ptr, len, variable, registered });
    }

    /// Reserves a slot for what the op opens, and offers it to later ops. The descriptor is an ordinary one if the
    /// table is full.
    pub(crate) fn open_slot(&mut self) -> SlotFd {
        let slot = self.slots().reserve();
        self.provide(Provided::Slot(slot.clone()));
        slot
    }

    fn provide(&mut self, what: Provided) {
        let (id, row) = (self.id, self.row);
        if let (Some(id), Some(builder)) = (id, self.builder()) {
            builder.providers.push(Provider { id, row, what });
        }
    }
}
