//! What completes next, and with which result.

use std::time::Duration;

use super::{
    Order, memory, object,
    prepare::{Kind, Mode, Transfer},
    script::Outcome,
    world::{Phase, Place, Request, World},
};

/// How far a request has come.
enum Performed {
    Ended {
        res: i32,
        severs: bool,
    },
    /// MSG_WAITALL, and not all is there.
    GoesOn,
}

impl World {
    // ---------------------------------------------------------------- what can complete

    /// True if a running request could complete now.
    pub(super) fn is_ready(&self, request: &Request) -> bool {
        if request.cancelled {
            return true;
        }
        if let Some(deadline) = request.deadline {
            return deadline <= self.clock;
        }
        match (&request.kind, request.script.outcome) {
            (_, Outcome::Never) => false,
            (_, Outcome::Zero | Outcome::Errno(_)) => true,
            (Kind::Read(_), _) => request.description.as_ref().is_none_or(|file| file.can_read()),
            (Kind::Write(transfer), _) => {
                let left = memory::total(&transfer.pieces) - request.moved;
                request.description.as_ref().is_none_or(|file| file.can_write(left))
            }
            (Kind::Poll(events), _) => self.poll(request, *events) != 0,
            _ => true,
        }
    }

    /// Events that are there, of those asked for.
    fn poll(&self, request: &Request, events: i16) -> i16 {
        let Some(file) = &request.description else {
            if self.rung {
                return events;
            }
            return object::poll(request.sqe.fd, events);
        };
        let readable = if file.readable && file.can_read() { libc::POLLIN } else { 0 };
        let writable = if file.writable && file.can_write(1) { libc::POLLOUT } else { 0 };
        (readable | writable) & events
    }

    /// Polls, timers and cancelled requests complete by themselves, also where the test orders everything else.
    fn is_automatic(request: &Request) -> bool {
        request.cancelled || request.deadline.is_some() || matches!(request.kind, Kind::Poll(_))
    }

    fn running(&self) -> impl Iterator<Item = (&u64, &Request)> {
        self.requests.iter().filter(|(_, request)| request.phase == Phase::Running)
    }

    /// The next timer that is not due.
    fn next_timer(&self) -> Option<(Duration, u64)> {
        let timers = self.running().filter_map(|(serial, request)| Some((request.deadline?, *serial)));
        timers.filter(|(deadline, _)| *deadline > self.clock).min()
    }

    fn choose(&mut self) -> Option<u64> {
        if let Some(next) = self.schedule.front() {
            let scheduled =
                self.running().find(|(_, request)| request.sqe.user_data == *next && self.is_ready(request));
            if let Some(serial) = scheduled.map(|(serial, _)| *serial) {
                self.schedule.pop_front();
                return Some(serial);
            }
        }
        let manual = self.config.order == Order::Manual;
        let free = |request: &Request| {
            (!manual || Self::is_automatic(request)) && !self.schedule.contains(&request.sqe.user_data)
        };
        let ready = self.running().filter(|(_, request)| free(request) && self.is_ready(request));
        let mut ready: Vec<u64> = ready.map(|(serial, _)| *serial).collect();
        if self.config.timers_race && !ready.is_empty() {
            ready.extend(self.next_timer().map(|(_, serial)| serial));
        }
        if ready.is_empty() {
            return None;
        }
        let index = match (self.config.order, &mut self.chooser) {
            (Order::Fifo, _) => 0,
            (_, Some(chooser)) => {
                let names: Vec<u64> = ready.iter().map(|serial| self.requests[serial].sqe.user_data).collect();
                chooser(&names)
            }
            (_, None) => self.chance.below(ready.len()),
        };
        Some(ready[index])
    }

    // ---------------------------------------------------------------- steps

    /// Completes one request that is ready. False if none is.
    pub(super) fn step(&mut self) -> bool {
        let Some(serial) = self.choose() else { return false };
        if let Some(deadline) = self.requests[&serial].deadline {
            self.clock = self.clock.max(deadline);
        }
        self.complete(serial);
        self.pump();
        true
    }

    /// Moves the clock to the next timer, if there is one before `limit`.
    pub(super) fn advance_to_next_timer(&mut self, limit: Option<Duration>) -> bool {
        match self.next_timer() {
            Some((deadline, _)) if limit.is_none_or(|limit| deadline <= limit) => {
                self.clock = deadline;
                true
            }
            _ => false,
        }
    }

    /// Polls that are ready and timers that are due fire before a wait begins: their task work runs first.
    pub(super) fn fire_due(&mut self) {
        loop {
            let due = |request: &Request| request.deadline.is_some() || matches!(request.kind, Kind::Poll(_));
            let due = self.running().find(|(_, request)| due(request) && self.is_ready(request));
            let Some(serial) = due.map(|(serial, _)| *serial) else { return };
            self.complete(serial);
            self.pump();
        }
    }

    /// Carries out a request that is ready.
    pub(super) fn complete(&mut self, serial: u64) {
        let request = &self.requests[&serial];
        if let Place::LinkTimeout { chain, unit } = request.place {
            return self.fire_link_timeout(serial, chain, unit);
        }
        if request.cancelled {
            let res = if request.moved > 0 { request.moved as i32 } else { -libc::ECANCELED };
            return self.finish(serial, res, true);
        }
        match self.perform(serial) {
            Performed::Ended { res, severs } => self.finish(serial, res, severs),
            Performed::GoesOn => {}
        }
    }

    /// It cancels the op before it, or reports that there was nothing to cancel.
    fn fire_link_timeout(&mut self, serial: u64, chain: u64, unit: usize) {
        let leader = self.chains[&chain][unit].leader;
        let answer = self.cancel_request(leader);
        self.finish(serial, if answer == 0 { -libc::ETIME } else { answer }, false);
    }

    fn perform(&mut self, serial: u64) -> Performed {
        let request = self.request(serial);
        let (kind, script, moved) = (request.kind.clone(), request.script, request.moved);
        // The kernel reports what fails of these, and goes on (`sync.c`, `truncate.c`).
        let goes_on = matches!(kind, Kind::Sync | Kind::Truncate(_));
        let errno = |errno: i32| Performed::Ended { res: -errno, severs: !goes_on };
        if let Outcome::Errno(number) = script.outcome {
            return if moved > 0 { Performed::Ended { res: moved as i32, severs: true } } else { errno(number) };
        }
        let result = match kind {
            Kind::Nop { result } if result < 0 => Err(-result),
            Kind::Nop { result } => Ok(result),
            Kind::Read(transfer) => return self.transfer(serial, &transfer, true),
            Kind::Write(transfer) => return self.transfer(serial, &transfer, false),
            Kind::Sync => self.file(serial).sync().map(|()| 0),
            Kind::Truncate(len) => self.file(serial).truncate(len).map(|()| 0),
            Kind::Open { path, flags, slot } => self.open(&path, flags, slot),
            Kind::Close { slot } => self.close(serial, slot),
            Kind::Install => {
                let description = self.file(serial).clone();
                self.descriptors.install(description).map(into_number).map_err(errno_of)
            }
            Kind::Timeout { expiry_succeeds, .. } => {
                self.timeouts_fired += 1;
                return Performed::Ended { res: -libc::ETIME, severs: !expiry_succeeds };
            }
            Kind::Poll(events) => {
                let found = self.poll(&self.requests[&serial], events);
                self.rung = false;
                Ok(found as i32)
            }
            Kind::Refused(_) | Kind::Cancel(_) | Kind::LinkTimeout(_) => unreachable!("these do not run"),
        };
        let severs = script.outcome == Outcome::Severing;
        result.map_or_else(errno, |res| Performed::Ended { res, severs })
    }

    fn file(&self, serial: u64) -> &std::rc::Rc<super::object::Description> {
        self.requests[&serial].description.as_ref().expect("resolved when it was issued")
    }

    fn transfer(&mut self, serial: u64, transfer: &Transfer, reads: bool) -> Performed {
        let request = &self.requests[&serial];
        let (outcome, before) = (request.script.outcome, request.moved);
        let all = memory::total(&transfer.pieces);
        let limit = match outcome {
            Outcome::Short(limit) => all.min(limit as usize),
            Outcome::Zero => 0,
            _ => all,
        };
        let file = self.file(serial).clone();
        let done = match limit.saturating_sub(before) {
            0 => Ok(0),
            left if reads => file.read(transfer.offset, left).map(|bytes| {
                memory::store(&transfer.pieces, before, &bytes);
                bytes.len()
            }),
            left => file.write(transfer.offset, &memory::load(&transfer.pieces, before, left)),
        };
        let (moved, failed) = match done {
            Ok(count) => (before + count, false),
            Err(errno) if before == 0 => return Performed::Ended { res: -errno, severs: true },
            Err(_) => (before, true),
        };
        self.request(serial).moved = moved;
        let wait_all = transfer.mode == Mode::Socket { wait_all: true };
        let progressed = moved > before;
        if wait_all && moved < limit && progressed && !failed {
            return Performed::GoesOn;
        }
        let must_be_whole = wait_all || transfer.mode == Mode::File;
        let severs = must_be_whole && moved != all || outcome == Outcome::Severing;
        Performed::Ended { res: moved as i32, severs }
    }

    fn open(&mut self, path: &std::ffi::CStr, flags: i32, slot: Option<u32>) -> Result<i32, i32> {
        let description = self.descriptors.open(path, flags)?;
        let Some(index) = slot else {
            return self.descriptors.install(description).map(into_number).map_err(errno_of);
        };
        let replaced = self.descriptors.slot_place(index)?.replace(description);
        if replaced.is_some() {
            self.violation(&format!("an open into slot {index}, which is open"));
        }
        Ok(0)
    }

    fn close(&mut self, serial: u64, slot: Option<u32>) -> Result<i32, i32> {
        match slot {
            Some(index) => self.descriptors.slot_place(index)?.take().map(|_| 0).ok_or(libc::EBADF),
            None => {
                let request = &self.requests[&serial];
                self.resolve(request)?;
                let number = request.sqe.fd;
                self.descriptors.close(number);
                Ok(0)
            }
        }
    }
}

fn into_number(fd: std::os::fd::OwnedFd) -> i32 {
    std::os::fd::IntoRawFd::into_raw_fd(fd)
}

fn errno_of(error: std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}
