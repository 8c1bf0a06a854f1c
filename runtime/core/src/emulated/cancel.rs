//! ASYNC_CANCEL with its three answers, and what fires by time.

use std::time::Duration;

use io_uring::{opcode, types::Timespec};

use super::{
    Emulated,
    request::{NONE, State},
    submit::ETIME_SUCCESS,
};
use crate::sqe::Sqe;

/// `struct __kernel_timespec`.
#[repr(C)]
struct Time {
    seconds: i64,
    nanoseconds: i64,
}

const _: () = assert!(size_of::<Time>() == size_of::<Timespec>());

/// The time that a timeout's SQE points to, if it is one.
pub(super) fn time(sqe: &Sqe) -> Option<Duration> {
    // SAFETY: the plan whose SQE this is keeps it in its table until the CQE; it is read while the SQE is taken. Test: M2's
    // time limits, sim::parity_tests.
    let time = unsafe { (sqe.addr as *const Time).read() };
    let nanoseconds = u32::try_from(time.nanoseconds).ok().filter(|part| *part < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(time.seconds).ok()?, nanoseconds))
}

impl Emulated {
    /// Answers a cancel: 0 and the op ends with ECANCELED, or with what it has moved; EALREADY if it cannot be stopped any
    /// more and ends by itself; ENOENT if it is not there, not issued, or has ended.
    pub(super) fn answer_cancel(&mut self, user_data: u64) -> i32 {
        match self.known.get(&user_data) {
            Some(&index) => self.cancel(index),
            None => -libc::ENOENT,
        }
    }

    fn cancel(&mut self, index: u32) -> i32 {
        match self.requests[index as usize].state {
            State::Linked => return -libc::ENOENT,
            State::Waits(fd) => self.poller.leave(fd, index),
            State::Timed => {}
            State::Pooled if self.pool.retract(index) => {}
            State::Pooled => return -libc::EALREADY,
        }
        let request = self.take(index);
        let moves = request.sqe.opcode != opcode::Connect::CODE && !super::multishot::is(&request.sqe);
        let res = if moves && request.moved > 0 { request.moved as i32 } else { -libc::ECANCELED };
        self.complete(request, res, true);
        0
    }

    /// Fires what is due. True if a TIMEOUT was among it, which ends a wait.
    pub(super) fn fire_timeouts(&mut self) -> bool {
        let mut ends_wait = false;
        if self.timeouts.is_empty() {
            return false;
        }
        let now = std::time::Instant::now();
        while let Some(index) = self.timeouts.take_due(now) {
            let request = &mut self.requests[index as usize];
            request.deadline = None;
            match request.sqe.opcode {
                opcode::Timeout::CODE => {
                    let severs = request.sqe.op_flags & ETIME_SUCCESS == 0;
                    let request = self.take(index);
                    self.complete(request, -libc::ETIME, severs);
                    ends_wait = true;
                }
                opcode::LinkTimeout::CODE => self.limit_is_up(index),
                _ => self.ready.push_back(index),
            }
        }
        ends_wait
    }

    /// A LINK_TIMEOUT cancels the op before it, or reports why that could not be.
    fn limit_is_up(&mut self, index: u32) {
        let request = self.requests.remove(index as usize);
        let limited = request.limits;
        self.requests[limited as usize].timeout = NONE;
        let answer = self.cancel(limited);
        self.post(request.sqe.user_data, if answer == 0 { -libc::ETIME } else { answer }, 0);
    }
}
