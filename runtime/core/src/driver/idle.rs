//! When a stopped clock may move to the next deadline (see `clock`): only if the shard could do nothing else.

use std::mem::MaybeUninit;

use io_uring::opcode;

use super::Driver;
use crate::{
    slab::Phase,
    sqe::{FIXED_FILE, Sqe},
    table::{self, Kind},
};

/// Of an op in the kernel, what tells whether it ends by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    opcode: u8,
    fixed: bool,
    fd: i32,
}

impl From<&Sqe> for Work {
    fn from(sqe: &Sqe) -> Work {
        Work { opcode: sqe.opcode, fixed: sqe.flags & FIXED_FILE != 0, fd: sqe.fd }
    }
}

impl Work {
    /// False if it waits for what a peer, another process or another op does.
    fn ends_by_itself(self) -> bool {
        match self.opcode {
            opcode::Accept::CODE
            | opcode::Connect::CODE
            | opcode::PollAdd::CODE
            | opcode::Recv::CODE
            | opcode::RecvMsg::CODE
            | opcode::Send::CODE
            | opcode::SendMsg::CODE
            | opcode::SendZc::CODE
            | opcode::SendMsgZc::CODE
            | opcode::Splice::CODE
            | opcode::Tee::CODE
            | opcode::FutexWait::CODE
            | opcode::ReadMulti::CODE
            | opcode::Timeout::CODE
            | opcode::UringCmd16::CODE => false,
            opcode::Read::CODE
            | opcode::Readv::CODE
            | opcode::ReadFixed::CODE
            | opcode::Write::CODE
            | opcode::Writev::CODE
            | opcode::WriteFixed::CODE => self.fixed || is_file(self.fd),
            _ => true,
        }
    }
}

/// A regular file, a directory or a disk; not a pipe, a terminal or a socket.
fn is_file(fd: i32) -> bool {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` is a local that the call fills or leaves alone, and that is read only if it was filled; a
    // descriptor that is gone is an error. Test: time_pause::reads_of_files_end_before_time_moves.
    let mode = unsafe {
        match libc::fstat(fd, stat.as_mut_ptr()) {
            0 => stat.assume_init().st_mode,
            _ => return true,
        }
    };
    matches!(mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK)
}

impl Driver {
    /// True if all that is in flight waits for others: it may last for ever. Looks at every activation; only for clocks
    /// that stand still.
    pub(super) fn waits_for_others(&mut self) -> bool {
        // Cancels and closes end by themselves, and soon.
        if self.clock.is_held() || self.own_in_flight > self.own_waits() || self.slots.has_to_close() {
            return false;
        }
        self.slab.keys().into_iter().all(|key| {
            let Some(activation) = self.slab.get(key) else { return true };
            match (activation.phase, &activation.table) {
                (Phase::Running, None) => !activation.single.work.ends_by_itself(),
                (Phase::Running, Some(table)) => !(0..table.rows.len() as u32).any(|row| {
                    let state = &table.rows[row as usize];
                    let issued = state.phase == table::Phase::Released && !table.waits_in_kernel(row);
                    issued && state.kind == Kind::Op && Work::from(&state.sqe).ends_by_itself()
                }),
                // Being cancelled.
                (Phase::Abandoned, _) => false,
                (Phase::Free | Phase::Lowering | Phase::Ended | Phase::Discarding, _) => true,
            }
        })
    }
}
