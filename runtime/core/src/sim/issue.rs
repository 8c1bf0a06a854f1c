//! Starting requests, and what their ends start or sever.

use super::{
    memory,
    prepare::{Kind, Mode},
    world::{Link, Phase, Place, Request, Work, World},
};
use crate::features::Groups;

impl World {
    /// Issues all that can be. A queue and no recursion: chains may be long.
    pub(super) fn pump(&mut self) {
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Member(serial) => self.issue(serial),
                Work::Unit { chain, unit } => {
                    let state = &self.chains[&chain][unit];
                    let (leader, timeout, members) = (state.leader, state.timeout, state.members.clone());
                    if let Some(timeout) = timeout {
                        self.arm(timeout);
                    }
                    self.issue(leader);
                    if self.config.features.groups == Some(Groups::WithLeader) {
                        members.into_iter().for_each(|member| self.issue(member));
                    }
                }
            }
        }
    }

    /// Starts a LINK_TIMEOUT.
    fn arm(&mut self, serial: u64) {
        self.mark(serial, |event, now| event.started_at = Some(now));
        let clock = self.clock;
        let request = self.request(serial);
        let Kind::LinkTimeout(after) = request.kind else { unreachable!("only those are attached to units") };
        (request.phase, request.deadline) = (Phase::Running, Some(clock + after));
    }

    fn issue(&mut self, serial: u64) {
        self.mark(serial, |event, now| event.started_at = Some(now));
        let sqe = self.requests[&serial].sqe;
        let script = self.scripts.of(&sqe);
        let clock = self.clock;
        let request = self.request(serial);
        (request.phase, request.script) = (Phase::Running, script);
        match request.kind {
            Kind::Cancel(user_data) => {
                let res = self.answer_cancel(user_data);
                return self.finish(serial, res, res < 0);
            }
            Kind::Timeout { after, .. } => request.deadline = Some(clock + after),
            _ => {}
        }
        if self.requests[&serial].kind.needs_file() {
            match self.resolve(&self.requests[&serial]) {
                Ok(description) => self.request(serial).description = description,
                Err(errno) => return self.finish(serial, -errno, true),
            }
        }
        if let Some(errno) = refused_by_file(&self.requests[&serial]) {
            return self.finish(serial, -errno, true);
        }
        self.check_overlap(serial);
        let at_once = self.chance.percent(self.config.inline_percent);
        let request = &self.requests[&serial];
        // Timers fire by interrupt, never within the submission.
        if at_once && request.deadline.is_none() && self.is_ready(request) {
            self.complete(serial);
        }
    }

    /// Running ops may read the same memory; what one writes nobody else may use.
    fn check_overlap(&self, serial: u64) {
        let Some((transfer, writes)) = self.requests[&serial].kind.transfer() else { return };
        for (other, request) in self.requests.iter().filter(|(_, request)| request.phase == Phase::Running) {
            let Some((others, other_writes)) = request.kind.transfer() else { continue };
            if *other != serial && (writes || other_writes) && memory::overlap(&transfer.pieces, &others.pieces) {
                self.violation(&format!(
                    "#{serial} and #{other} run at once on the same memory, and one of them writes it"
                ));
            }
        }
    }

    /// A request has ended with this result.
    pub(super) fn finish(&mut self, serial: u64, res: i32, severs: bool) {
        self.mark(serial, |event, now| event.ended_at = Some(now));
        let request = self.request(serial);
        (request.phase, request.res, request.description, request.deadline) = (Phase::Done, res, None, None);
        match request.place {
            Place::Nowhere => unreachable!("every request taken is part of a unit"),
            Place::LinkTimeout { chain, unit } => {
                self.chains.get_mut(&chain).expect("a chain with a timer")[unit].timeout = None;
                self.post(serial);
            }
            Place::Unit { chain, unit } => self.progress(serial, chain, unit, severs),
        }
    }

    fn progress(&mut self, serial: u64, chain: u64, index: usize, severs: bool) {
        let unit = &mut self.chains.get_mut(&chain).expect("a chain with a running unit")[index];
        unit.failed |= severs;
        unit.outstanding -= 1;
        let (leader, ended, members) = (unit.leader, unit.outstanding == 0, unit.members.clone());
        if serial != leader {
            self.post(serial);
        } else if self.config.features.groups == Some(Groups::AfterLeader) {
            for member in members {
                if severs {
                    self.finish(member, -libc::ECANCELED, true);
                } else {
                    self.work.push_back(Work::Member(member));
                }
            }
            // The last member, cancelled, has ended the unit.
            if !ended && severs {
                return;
            }
        }
        if ended {
            self.post(leader);
            self.end_unit(chain, index);
        }
    }

    /// All of a unit has ended: its timer is disarmed, and the rest of the chain goes on or is severed.
    fn end_unit(&mut self, chain: u64, index: usize) {
        let units = self.chains.get_mut(&chain).expect("a chain with an ending unit");
        let (failed, link, last) = (units[index].failed, units[index].link, index + 1 == units.len());
        if let Some(timeout) = units[index].timeout.take() {
            self.request(timeout).res = -libc::ECANCELED;
            self.post(timeout);
        }
        if last || failed && link != Link::Hard {
            let mut units = self.chains.remove(&chain).expect("as above");
            self.cancel_units(&units.split_off(index + 1));
        } else {
            self.work.push_back(Work::Unit { chain, unit: index + 1 });
        }
    }
}

/// What the kernel refuses at once when it sees the file, whatever the script says.
fn refused_by_file(request: &Request) -> Option<i32> {
    let description = request.description.as_ref()?;
    let (transfer, reads) = request.kind.transfer()?;
    match transfer.mode {
        Mode::Socket { .. } if !description.is_socket() => Some(libc::ENOTSOCK),
        _ if reads && !description.readable || !reads && !description.writable => Some(libc::EBADF),
        _ => None,
    }
}
