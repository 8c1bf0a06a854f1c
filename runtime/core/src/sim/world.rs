//! The state of a simulated kernel, and its calls: push, enter, reap.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    rc::Rc,
    time::Duration,
};

use super::{
    Order, SimConfig,
    descriptors::{Descriptors, Found, real_pipe},
    log::{Event, SimCounters},
    memory,
    object::Description,
    prepare::{Kind, foreign_fields},
    script::{Chance, Fault, Script, Scripts},
};
use crate::{
    kernel::Cqe,
    sqe::{FIXED_FILE, Sqe},
};

/// Where a request is on its way. `Queued` → `Waiting` by submit, → `Running` by issue, → `Done` by finish; removed when
/// its CQE is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// In the submission queue.
    Queued,
    /// Taken; a link or member that has not been issued.
    Waiting,
    Running,
    /// Ended, its CQE held back: a group's leader.
    Done,
}

/// What a request is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    Unit {
        chain: u64,
        unit: usize,
    },
    /// The LINK_TIMEOUT behind that unit.
    LinkTimeout {
        chain: u64,
        unit: usize,
    },
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) sqe: Sqe,
    pub(super) kind: Kind,
    pub(super) script: Script,
    pub(super) phase: Phase,
    pub(super) place: Place,
    /// The file, from issue to end.
    pub(super) description: Option<Rc<Description>>,
    /// Inode behind the number when the SQE was pushed: what its author meant.
    meant: Option<u64>,
    pub(super) moved: usize,
    /// A cancel has met it: it ends with `-ECANCELED`.
    pub(super) cancelled: bool,
    /// A cancel was told EALREADY: it ends by itself.
    pub(super) late: bool,
    /// Of a timer that runs.
    pub(super) deadline: Option<Duration>,
    pub(super) res: i32,
    /// Index in the log.
    event: usize,
}

/// Which SQEs start when the unit before ends, and what its failure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    None,
    Soft,
    Hard,
}

/// One step of a chain: an SQE, or a group.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) leader: u64,
    pub(super) members: Vec<u64>,
    pub(super) link: Link,
    pub(super) timeout: Option<u64>,
    /// Of leader and members, those that have not ended.
    pub(super) outstanding: usize,
    pub(super) failed: bool,
}

/// What has to be issued.
#[derive(Debug)]
pub(super) enum Work {
    Unit { chain: u64, unit: usize },
    Member(u64),
}

type Chooser = Box<dyn FnMut(&[u64]) -> usize>;

pub(super) struct World {
    pub(super) config: SimConfig,
    pub(super) chance: Chance,
    pub(super) chooser: Option<Chooser>,
    pub(super) scripts: Scripts,
    pub(super) descriptors: Descriptors,
    /// Serials in the submission queue.
    pub(super) queue: VecDeque<u64>,
    /// All requests without a CQE, by serial: the order in which they were pushed.
    pub(super) requests: BTreeMap<u64, Request>,
    pub(super) chains: BTreeMap<u64, Vec<Unit>>,
    pub(super) work: VecDeque<Work>,
    pub(super) cqes: VecDeque<Cqe>,
    pub(super) overflow: VecDeque<Cqe>,
    /// user_data of SQEs whose CQE has not been reaped.
    in_flight: BTreeSet<u64>,
    pub(super) schedule: VecDeque<u64>,
    pub(super) clock: Duration,
    /// TIMEOUTs that have fired; a change ends a wait.
    pub(super) timeouts_fired: u64,
    /// The test rang: polls of real descriptors are ready.
    pub(super) rung: bool,
    ticks: u64,
    serials: u64,
    pub(super) log: Vec<Event>,
    pub(super) counters: SimCounters,
}

impl World {
    pub(super) fn new(config: SimConfig) -> World {
        World {
            chance: Chance::new(config.seed),
            config,
            chooser: None,
            scripts: Scripts::default(),
            descriptors: Descriptors::default(),
            queue: VecDeque::new(),
            requests: BTreeMap::new(),
            chains: BTreeMap::new(),
            work: VecDeque::new(),
            cqes: VecDeque::new(),
            overflow: VecDeque::new(),
            in_flight: BTreeSet::new(),
            schedule: VecDeque::new(),
            clock: Duration::ZERO,
            timeouts_fired: 0,
            rung: false,
            ticks: 0,
            serials: 0,
            log: Vec::new(),
            counters: SimCounters::default(),
        }
    }

    pub(super) fn serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }

    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    pub(super) fn request(&mut self, serial: u64) -> &mut Request {
        self.requests.get_mut(&serial).expect("a request without a CQE")
    }

    /// The event of a request, to be marked with the time that it is now.
    pub(super) fn mark(&mut self, serial: u64, mark: impl FnOnce(&mut Event, u64)) {
        let (now, event) = (self.tick(), self.requests[&serial].event);
        mark(&mut self.log[event], now);
    }

    // ---------------------------------------------------------------- push

    pub(super) fn push(&mut self, sqe: &Sqe) {
        if self.queue.len() >= self.config.sq_entries as usize {
            self.violation("SQE pushed into a full submission queue");
        }
        if let Some(field) = foreign_fields(sqe) {
            self.violation(&format!("SQE with {field}: {sqe:?}"));
        }
        if !self.in_flight.insert(sqe.user_data) {
            self.violation(&format!("user_data {:#x} is in flight, its CQE has not been reaped", sqe.user_data));
        }
        self.counters.in_flight_max = self.counters.in_flight_max.max(self.in_flight.len() as u64);
        let (serial, pushed_at) = (self.serial(), self.tick());
        let meant = match self.descriptors.find(sqe.fd) {
            Found::Ours { inode, .. } | Found::Foreign { inode } if sqe.flags & FIXED_FILE == 0 => Some(inode),
            _ => None,
        };
        self.log.push(Event {
            user_data: sqe.user_data,
            opcode: sqe.opcode,
            pushed_at,
            enter: None,
            started_at: None,
            ended_at: None,
            completed_at: None,
            res: None,
        });
        let request = Request {
            sqe: *sqe,
            // Prepared when it is taken: what it points to may still change.
            kind: Kind::Refused(0),
            script: Script::default(),
            phase: Phase::Queued,
            place: Place::Nowhere,
            description: None,
            meant,
            moved: 0,
            cancelled: false,
            late: false,
            deadline: None,
            res: 0,
            event: self.log.len() - 1,
        };
        self.requests.insert(serial, request);
        self.queue.push_back(serial);
    }

    /// The file of a request, looked up now. `Err` is the kernel's errno; `None` is a real file of the process.
    pub(super) fn resolve(&self, request: &Request) -> Result<Option<Rc<Description>>, i32> {
        let (fd, meant) = (request.sqe.fd, request.meant);
        if request.sqe.flags & FIXED_FILE != 0 {
            return self.descriptors.slot(fd).map(Some).ok_or(libc::EBADF);
        }
        match self.descriptors.find(fd) {
            Found::Ours { inode, .. } | Found::Foreign { inode } if meant.is_some_and(|meant| meant != inode) => {
                self.violation(&format!("descriptor {fd} was closed and its number reused under {:?}", request.sqe))
            }
            Found::Ours { description, .. } => Ok(Some(description)),
            Found::Foreign { .. } if matches!(request.kind, Kind::Poll(_)) => Ok(None),
            Found::Foreign { .. } => match real_pipe(fd) {
                Some(description) => Ok(Some(description)),
                None => self.violation(&format!(
                    "descriptor {fd} is a real one; make those for ops by SimHandle::{{file, pipe, stream, device}}: {:?}",
                    request.sqe
                )),
            },
            Found::Closed => Err(libc::EBADF),
        }
    }

    // ---------------------------------------------------------------- enter

    pub(super) fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<u32> {
        let fault = self.scripts.faults.remove(&self.counters.enters);
        self.counters.enters += 1;
        self.descriptors.sweep();
        let queued = self.queue.len() as u32;
        let taken = match fault {
            Some(Fault::Refused(errno)) => return Err(io::Error::from_raw_os_error(errno)),
            Some(Fault::Partial(count)) => count.min(queued),
            Some(Fault::Interrupted) | None => queued,
        };
        self.submit(taken);
        self.flush_overflow();
        // As in the kernel: no wait after a partial submission, and an error only if nothing was taken.
        if taken < queued {
            return if taken > 0 { Ok(taken) } else { Err(io::Error::from_raw_os_error(libc::EAGAIN)) };
        }
        self.fire_due();
        if fault == Some(Fault::Interrupted) {
            return if taken > 0 { Ok(taken) } else { Err(io::Error::from_raw_os_error(libc::EINTR)) };
        }
        for _ in 0..self.chance.below(self.config.steps_before_wait as usize + 1) {
            self.step();
        }
        if want > 0 {
            self.wait(want.min(self.config.cq_entries), timeout);
        }
        Ok(taken)
    }

    fn wait(&mut self, want: u32, timeout: Option<Duration>) {
        let fired_before = self.timeouts_fired;
        let deadline = timeout.map(|limit| self.clock.saturating_add(limit));
        if self.cqes.len() >= want as usize {
            // Time passes in every call: else a driver that only asks again (a cancel answered ENOENT) never sees an
            // op end. Not where the test says what happens when.
            if self.config.order != Order::Manual {
                self.step();
            }
            return;
        }
        while self.cqes.len() < want as usize && self.timeouts_fired == fired_before {
            if self.step() || self.advance_to_next_timer(deadline) {
                continue;
            }
            let Some(deadline) = deadline else {
                self.violation(&format!("deadlock: enter waits for {want} CQEs, and nothing can complete any more"));
            };
            if self.config.sleeps {
                std::thread::sleep(deadline.saturating_sub(self.clock));
            }
            self.clock = deadline;
            return;
        }
    }

    // ---------------------------------------------------------------- completion

    /// Posts the CQE of a request, and forgets it.
    pub(super) fn post(&mut self, serial: u64) {
        let now = self.tick();
        let request = self.requests.remove(&serial).expect("one CQE per request");
        if let Some((transfer, _)) = request.kind.transfer() {
            memory::touch(&transfer.pieces);
        }
        let event = &mut self.log[request.event];
        (event.completed_at, event.res) = (Some(now), Some(request.res));
        let cqe = Cqe { user_data: request.sqe.user_data, res: request.res, flags: 0 };
        self.counters.completed += 1;
        // Once there is an overflow all goes there, so that the order stays.
        if self.overflow.is_empty() && self.cqes.len() < self.config.cq_entries as usize {
            self.cqes.push_back(cqe);
        } else {
            self.counters.overflowed += 1;
            self.overflow.push_back(cqe);
        }
    }

    fn flush_overflow(&mut self) {
        let room = self.config.cq_entries as usize - self.cqes.len();
        let count = room.min(self.overflow.len());
        self.cqes.extend(self.overflow.drain(..count));
    }

    pub(super) fn reap(&mut self, into: &mut Vec<Cqe>) {
        for cqe in self.cqes.drain(..) {
            self.in_flight.remove(&cqe.user_data);
            into.push(cqe);
        }
    }

    /// Looks at the memory of everything that has not ended.
    pub(super) fn touch_all(&self) {
        for request in self.requests.values().filter(|request| request.phase != Phase::Queued) {
            if let Some((transfer, _)) = request.kind.transfer() {
                memory::touch(&transfer.pieces);
            }
        }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.dump())
    }
}
