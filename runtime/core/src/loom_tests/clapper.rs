//! In place of the eventfd: a count under a lock, and the polls that wait for it.

use std::{io, os::fd::RawFd, sync::Arc};

use loom::sync::Mutex;

use crate::loom_tests::kernel::{self, Ring};

#[derive(Debug)]
pub(crate) struct Clapper {
    fd: RawFd,
    poll: Arc<Poll>,
}

#[derive(Debug, Default)]
pub(crate) struct Poll(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    count: u64,
    /// Which CQEs each ring gets.
    armed: Vec<(Arc<Ring>, Vec<u64>)>,
}

impl Poll {
    pub(crate) fn arm(&self, ring: &Arc<Ring>, chain: Vec<u64>) {
        let mut state = self.0.lock().unwrap();
        if state.count > 0 {
            ring.post_if_open(chain);
        } else {
            state.armed.push((ring.clone(), chain));
        }
    }
}

impl Clapper {
    pub(crate) fn new() -> io::Result<Clapper> {
        let poll = Arc::<Poll>::default();
        Ok(Clapper { fd: kernel::open_poll(poll.clone()), poll })
    }

    pub(crate) fn strike(&self) {
        let mut state = self.poll.0.lock().unwrap();
        state.count += 1;
        for (ring, chain) in state.armed.drain(..) {
            ring.post_if_open(chain);
        }
    }

    pub(crate) fn silence(&self) {
        self.poll.0.lock().unwrap().count = 0;
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.fd
    }
}

impl Drop for Clapper {
    fn drop(&mut self) {
        kernel::close_poll(self.fd);
    }
}
