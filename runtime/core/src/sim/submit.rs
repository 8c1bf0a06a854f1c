//! Taking SQEs: assembling chains and groups, as `io_submit_sqe` and the group series do.

use super::{
    prepare::{GROUP, Kind, prepare},
    world::{Link, Phase, Place, Unit, Work, World},
};
use crate::{
    features::Groups,
    sqe::{IO_HARDLINK, IO_LINK},
};

/// The chain and the group that the next SQE may belong to.
#[derive(Debug, Default)]
struct Assembly {
    chain: Vec<Unit>,
    group: Option<Unit>,
    /// An SQE of the chain was refused: none of it is issued.
    refused: bool,
    sqes: u64,
}

fn link(flags: u8) -> Link {
    match (flags & IO_HARDLINK != 0, flags & IO_LINK != 0) {
        (true, _) => Link::Hard,
        (false, true) => Link::Soft,
        (false, false) => Link::None,
    }
}

impl World {
    /// Takes `count` SQEs from the queue: one submission, beyond which no chain goes.
    pub(super) fn submit(&mut self, count: u32) {
        let mut assembly = Assembly::default();
        for _ in 0..count {
            let serial = self.queue.pop_front().expect("counted");
            self.take(serial, &mut assembly);
        }
        let cut = !assembly.chain.is_empty() || assembly.group.is_some();
        self.counters.split_chains += cut as u64;
        if let Some(group) = assembly.group.take() {
            self.add_unit(group, &mut assembly);
        }
        self.close_chain(&mut assembly);
    }

    fn take(&mut self, serial: u64, assembly: &mut Assembly) {
        let sqe = self.requests[&serial].sqe;
        let mut kind = match prepare(&sqe, &self.config) {
            Ok(kind) => kind,
            Err(what) => self.violation(&format!("not simulated: {what}: {sqe:?}")),
        };
        let enter = self.counters.enters - 1;
        self.mark(serial, |event, _| event.enter = Some(enter));
        self.counters.submitted += 1;
        assembly.sqes += 1;
        let grouped = assembly.group.is_some() || sqe.flags & GROUP != 0 && self.config.features.groups.is_some();
        let behind = assembly.chain.last().is_some_and(|unit| unit.timeout.is_none());
        if matches!(kind, Kind::LinkTimeout(_)) && (grouped || !behind) {
            kind = Kind::Refused(libc::EINVAL);
        }
        assembly.refused |= matches!(kind, Kind::Refused(_));
        let is_link_timeout = matches!(kind, Kind::LinkTimeout(_));
        let request = self.request(serial);
        (request.kind, request.phase) = (kind, Phase::Waiting);
        if is_link_timeout {
            assembly.chain.last_mut().expect("checked").timeout = Some(serial);
            if link(sqe.flags) == Link::None {
                self.close_chain(assembly);
            }
            return;
        }
        match assembly.group.take() {
            None => {
                let unit = Unit {
                    leader: serial,
                    members: Vec::new(),
                    link: link(sqe.flags),
                    timeout: None,
                    outstanding: 0,
                    failed: false,
                };
                if grouped { assembly.group = Some(unit) } else { self.add_unit(unit, assembly) }
            }
            Some(mut group) => {
                if self.config.features.groups == Some(Groups::AfterLeader) && link(sqe.flags) != Link::None {
                    self.request(group.leader).kind = Kind::Refused(libc::EINVAL);
                    assembly.refused = true;
                }
                group.members.push(serial);
                if sqe.flags & GROUP != 0 { assembly.group = Some(group) } else { self.add_unit(group, assembly) }
            }
        }
    }

    fn add_unit(&mut self, mut unit: Unit, assembly: &mut Assembly) {
        let grouped = self.requests[&unit.leader].sqe.flags & GROUP != 0 && self.config.features.groups.is_some();
        self.counters.groups += grouped as u64;
        unit.outstanding = 1 + unit.members.len();
        let link = unit.link;
        assembly.chain.push(unit);
        if link == Link::None {
            self.close_chain(assembly);
        }
    }

    /// The chain is complete: it starts, or all of it is refused.
    fn close_chain(&mut self, assembly: &mut Assembly) {
        let Assembly { chain: units, refused, sqes, .. } = std::mem::take(assembly);
        if units.is_empty() {
            return;
        }
        if units.len() > 1 || units[0].timeout.is_some() {
            self.counters.chains += 1;
            self.counters.longest_chain = self.counters.longest_chain.max(sqes);
        }
        if refused {
            return self.cancel_units(&units);
        }
        let chain = self.serial();
        for (index, unit) in units.iter().enumerate() {
            for serial in unit.members.iter().chain([&unit.leader]) {
                self.request(*serial).place = Place::Unit { chain, unit: index };
            }
            if let Some(timeout) = unit.timeout {
                self.request(timeout).place = Place::LinkTimeout { chain, unit: index };
            }
        }
        self.chains.insert(chain, units);
        self.work.push_back(Work::Unit { chain, unit: 0 });
        self.pump();
    }

    /// Ends units that will never be issued: each refused SQE with its own errno, the others cancelled.
    pub(super) fn cancel_units(&mut self, units: &[Unit]) {
        for unit in units {
            for &serial in unit.members.iter().chain([&unit.leader]).chain(unit.timeout.iter()) {
                let request = self.request(serial);
                request.res = match request.kind {
                    Kind::Refused(errno) => -errno,
                    _ => -libc::ECANCELED,
                };
                self.post(serial);
            }
        }
    }
}
