//! ASYNC_CANCEL and the cancel of a LINK_TIMEOUT that fires.

use super::{
    prepare::Kind,
    script::OnCancel,
    world::{Phase, World},
};

impl World {
    /// Cancels the running request with this user_data; the result of the ASYNC_CANCEL.
    pub(super) fn answer_cancel(&mut self, user_data: u64) -> i32 {
        let named =
            |request: &super::world::Request| request.sqe.user_data == user_data && request.phase == Phase::Running;
        let found = self.requests.iter().find(|(_, request)| named(request)).map(|(serial, _)| *serial);
        match found {
            Some(serial) => self.cancel_request(serial),
            // Not there, not issued yet, or done.
            None => -libc::ENOENT,
        }
    }

    /// 0, `-EALREADY` or `-ENOENT`. With 0 the request ends with its own CQE, soon.
    pub(super) fn cancel_request(&mut self, serial: u64) -> i32 {
        let request = &self.requests[&serial];
        if request.phase != Phase::Running || request.cancelled {
            return -libc::ENOENT;
        }
        if request.late {
            return -libc::EALREADY;
        }
        let could_complete = self.is_ready(request);
        let answer = match (&request.kind, request.script.on_cancel) {
            // A running LINK_TIMEOUT is found by nobody; a cancel that runs is the one that asks.
            (Kind::LinkTimeout(_) | Kind::Cancel(_), _) => return -libc::ENOENT,
            (Kind::Timeout { .. } | Kind::Poll(_), _) => OnCancel::Obey,
            (_, OnCancel::Seed) if could_complete => self.cancel_by_chance(),
            (_, OnCancel::Seed) => OnCancel::Obey,
            (_, scripted) => scripted,
        };
        match answer {
            OnCancel::Already => {
                self.request(serial).late = true;
                -libc::EALREADY
            }
            OnCancel::Unfound => -libc::ENOENT,
            OnCancel::Obey | OnCancel::Seed => {
                self.request(serial).cancelled = true;
                0
            }
        }
    }

    fn cancel_by_chance(&mut self) -> OnCancel {
        if self.chance.percent(self.config.late_cancel_percent) {
            OnCancel::Already
        } else if self.chance.percent(self.config.unfound_cancel_percent) {
            OnCancel::Unfound
        } else {
            OnCancel::Obey
        }
    }
}
