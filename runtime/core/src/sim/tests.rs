//! The simulation's rules, one test each, with raw SQEs.

use std::{
    io,
    os::fd::{AsRawFd, RawFd},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use io_uring::{opcode, squeue::Entry, types};

use super::*;
use crate::sqe::{IO_HARDLINK, IO_LINK};

mod cancels;
mod chains;
mod enters;
mod groups;
mod objects;
mod strict;

const CANCELED: i32 = -libc::ECANCELED;
const INVALID: i32 = -libc::EINVAL;

/// A kernel, a hand on it, and short ways to say things.
struct Rig {
    sim: Sim,
    handle: SimHandle,
}

fn rig(config: SimConfig) -> Rig {
    let (sim, handle) = Sim::new(config);
    Rig { sim, handle }
}

fn manual() -> Rig {
    rig(SimConfig { order: Order::Manual, ..SimConfig::default() })
}

fn fifo() -> Rig {
    rig(SimConfig { order: Order::Fifo, ..SimConfig::default() })
}

impl Rig {
    fn push(&mut self, user_data: u64, flags: u8, entry: Entry) {
        let sqe = Sqe::from(entry);
        let sqe = Sqe { user_data, flags: sqe.flags | flags, ..sqe };
        // SAFETY: each test keeps what its SQEs point to until their CQEs are there, or leaks it.
        unsafe { self.sim.push(&sqe) };
    }

    fn nop(&mut self, user_data: u64, flags: u8) {
        self.push(user_data, flags, opcode::Nop::new().build());
    }

    /// A NOP that fails with this errno when it runs.
    fn failing(&mut self, user_data: u64, flags: u8, errno: i32) {
        self.handle.script(user_data, Outcome::Errno(errno));
        self.nop(user_data, flags);
    }

    /// An SQE that is refused when it is taken.
    fn malformed(&mut self, user_data: u64, flags: u8) {
        // SAFETY: a NOP with an opcode that nothing has: points to nothing.
        unsafe { self.sim.push(&Sqe { opcode: 0xfe, user_data, flags, ..Sqe::default() }) };
    }

    fn cancel(&mut self, user_data: u64, target: u64) {
        self.push(user_data, 0, opcode::AsyncCancel::new(target).build());
    }

    /// Enters until `want` CQEs are there; all that are, in order.
    fn run(&mut self, want: u32) -> Vec<(u64, i32)> {
        self.sim.enter(want, None).unwrap();
        self.reap()
    }

    fn reap(&mut self) -> Vec<(u64, i32)> {
        let mut cqes = Vec::new();
        self.sim.reap(&mut cqes);
        cqes.iter().map(|cqe| (cqe.user_data, cqe.res)).collect()
    }
}

fn read(fd: RawFd, buf: &mut [u8]) -> Entry {
    opcode::Read::new(types::Fd(fd), buf.as_mut_ptr(), buf.len() as u32).build()
}

fn write(fd: RawFd, buf: &[u8]) -> Entry {
    opcode::Write::new(types::Fd(fd), buf.as_ptr(), buf.len() as u32).build()
}

fn recv(fd: RawFd, buf: &mut [u8], flags: i32) -> Entry {
    opcode::Recv::new(types::Fd(fd), buf.as_mut_ptr(), buf.len() as u32).flags(flags).build()
}

fn send(fd: RawFd, buf: &[u8], flags: i32) -> Entry {
    opcode::Send::new(types::Fd(fd), buf.as_ptr(), buf.len() as u32).flags(flags).build()
}

/// Runs `f`, which must panic, and gives what it said.
fn panics(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    payload.downcast::<String>().map_or_else(|_| "?".to_string(), |text| *text)
}

/// Gives this thread a table of descriptors of its own, so that no other test takes a number that this one has closed.
fn own_descriptors() {
    // SAFETY: no memory is passed; other threads keep the table that they have. Test: the ones that call it.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_FILES) }, 0, "{}", std::io::Error::last_os_error());
}
