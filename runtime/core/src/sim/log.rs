//! What happened: events for tests that check edges, counters, and the dump that ends a test which cannot go on.

use std::fmt::Write;

use super::world::{Phase, World};
use crate::key::Tag;

/// The life of one SQE, by a logical clock that ticks with every event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Of the SQE.
    pub user_data: u64,
    /// `IORING_OP_*`.
    pub opcode: u8,
    /// When it was queued.
    pub pushed_at: u64,
    /// The enter that took it, counted from 0.
    pub enter: Option<u64>,
    /// When the kernel issued it; never for what was refused or severed.
    pub started_at: Option<u64>,
    /// When it was done; a group's leader may be long before its CQE.
    pub ended_at: Option<u64>,
    /// When its CQE was posted.
    pub completed_at: Option<u64>,
    /// Its CQE's result.
    pub res: Option<i32>,
}

/// What the kernel counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimCounters {
    /// SQEs taken.
    pub submitted: u64,
    /// CQEs posted.
    pub completed: u64,
    /// Calls of enter.
    pub enters: u64,
    /// Chains of more than one SQE.
    pub chains: u64,
    /// SQEs in the longest of them.
    pub longest_chain: u64,
    /// Groups.
    pub groups: u64,
    /// Chains and groups that the end of a submission cut: their last SQE still had the flag.
    pub split_chains: u64,
    /// CQEs that found the completion queue full.
    pub overflowed: u64,
    /// Most SQEs that were in the kernel at once.
    pub in_flight_max: u64,
}

/// Events in a dump.
const DUMPED: usize = 40;

impl World {
    /// The library, or the test, has done what it must not.
    pub(super) fn violation(&self, what: &str) -> ! {
        panic!("{what}\n{}", self.dump());
    }

    /// Everything, in readable form.
    pub(super) fn dump(&self) -> String {
        let mut text = format!(
            "simulated kernel, seed {}, clock {:?}, {} SQEs queued, {} CQEs ready, {} overflowed, {:?}",
            self.config.seed,
            self.clock,
            self.queue.len(),
            self.cqes.len(),
            self.overflow.len(),
            self.counters
        );
        for (serial, request) in &self.requests {
            let ready = request.phase == Phase::Running && self.is_ready(request);
            let _ = write!(
                text,
                "\n  #{serial} {} {:?}{} place {:?}: {:?} moved {}{}{} {:?}",
                name(request.sqe.user_data),
                request.phase,
                if ready { " (could complete)" } else { "" },
                request.place,
                request.kind,
                request.moved,
                if request.cancelled { " cancelled" } else { "" },
                if request.late { " cancelled late" } else { "" },
                request.script,
            );
            if let Some(description) = &request.description {
                let _ = write!(text, ", {} bytes to read", description.pending());
            }
        }
        for (chain, units) in &self.chains {
            let _ = write!(text, "\n  chain {chain}: {units:?}");
        }
        if !self.schedule.is_empty() {
            let names: Vec<String> = self.schedule.iter().map(|user_data| name(*user_data)).collect();
            let _ = write!(text, "\n  scheduled: {}", names.join(", "));
        }
        for event in &self.log[self.log.len().saturating_sub(DUMPED)..] {
            let _ = write!(text, "\n  {}: {event:?}", name(event.user_data));
        }
        text
    }
}

/// A user_data as the driver means it.
fn name(user_data: u64) -> String {
    match Tag::parse(user_data) {
        Some(tag) => format!("{user_data:#x} {tag:?}"),
        None => format!("{user_data:#x}"),
    }
}
