//! What the kernel does with an SQE when it takes it: checks the fields, copies what must be copied.

use std::{ffi::CString, time::Duration};

use io_uring::opcode;

use super::{
    SimConfig,
    memory::{self, Piece},
};
use crate::sqe::{FIXED_FILE, IO_HARDLINK, IO_LINK, Sqe};

/// `IOSQE_ASYNC`: changes nothing here.
const ASYNC: u8 = 1 << 4;
/// `IOSQE_SQE_GROUP` of the patch series.
pub(super) const GROUP: u8 = 1 << 7;
const SIMULATED_FLAGS: u8 = FIXED_FILE | IO_LINK | IO_HARDLINK | ASYNC | GROUP;
const NOP_INJECT_RESULT: u32 = 1 << 0;
const TIMEOUT_ETIME_SUCCESS: u32 = 1 << 5;
const FSYNC_DATASYNC: u32 = 1 << 0;
const IOVECS_MAX: u32 = 1024;

/// When a result other than all bytes severs a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// READ, WRITE: always.
    File,
    /// RECV, SEND: only with MSG_WAITALL; then the kernel also goes on until it has all.
    Socket { wait_all: bool },
}

/// A transfer between memory and an object.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) pieces: Vec<Piece>,
    pub(super) offset: u64,
    pub(super) mode: Mode,
}

/// A prepared request.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Refused with this errno: it and its whole chain are never issued.
    Refused(i32),
    Nop {
        result: i32,
    },
    Read(Transfer),
    Write(Transfer),
    Sync,
    Open {
        path: CString,
        flags: i32,
        slot: Option<u32>,
    },
    Close {
        slot: Option<u32>,
    },
    Truncate(u64),
    Install,
    Cancel(u64),
    Timeout {
        after: Duration,
        expiry_succeeds: bool,
    },
    LinkTimeout(Duration),
    Poll(i16),
}

impl Kind {
    /// What it moves, and whether it writes memory.
    pub(super) fn transfer(&self) -> Option<(&Transfer, bool)> {
        match self {
            Kind::Read(transfer) => Some((transfer, true)),
            Kind::Write(transfer) => Some((transfer, false)),
            _ => None,
        }
    }

    pub(super) fn needs_file(&self) -> bool {
        use Kind::*;
        matches!(self, Read(_) | Write(_) | Sync | Truncate(_) | Install | Poll(_))
    }
}

/// What in an SQE the simulation does not know, or nobody may set.
pub(super) fn foreign_fields(sqe: &Sqe) -> Option<&'static str> {
    if sqe.flags & !SIMULATED_FLAGS != 0 {
        return Some("flags that are not simulated");
    }
    let must_be_zero = [
        (sqe.personality as u64, "personality"),
        (sqe.buf_index as u64, "buf_index"),
        (sqe.addr3, "addr3"),
        (sqe.pad, "pad"),
    ];
    must_be_zero.iter().find(|(value, _)| *value != 0).map(|(_, name)| *name)
}

/// Prepares an SQE. What the kernel refuses becomes [`Kind::Refused`]; what it does and the simulation does not is `Err`.
pub(super) fn prepare(sqe: &Sqe, config: &SimConfig) -> Result<Kind, &'static str> {
    if sqe.flags & GROUP != 0 && config.features.groups.is_none() {
        return Ok(Kind::Refused(libc::EINVAL));
    }
    let refused = |refused: bool, kind: Kind| if refused { Kind::Refused(libc::EINVAL) } else { kind };
    let fixed = sqe.flags & FIXED_FILE != 0;
    // All but RECV and SEND, which keep flags in there, refuse a priority that means nothing.
    let odd = sqe.ioprio != 0;
    Ok(match sqe.opcode {
        opcode::Nop::CODE => {
            let result = if sqe.op_flags & NOP_INJECT_RESULT != 0 { sqe.len as i32 } else { 0 };
            refused(odd || sqe.op_flags & !NOP_INJECT_RESULT != 0, Kind::Nop { result })
        }
        opcode::Read::CODE | opcode::Readv::CODE => transfer(sqe, sqe.opcode == opcode::Readv::CODE, Kind::Read)?,
        opcode::Write::CODE | opcode::Writev::CODE => transfer(sqe, sqe.opcode == opcode::Writev::CODE, Kind::Write)?,
        opcode::Recv::CODE => socket(sqe, Kind::Read)?,
        opcode::Send::CODE => socket(sqe, Kind::Write)?,
        opcode::Fsync::CODE => {
            let bad = sqe.addr != 0 || sqe.file_index != 0 || sqe.op_flags & !FSYNC_DATASYNC != 0;
            refused(odd || bad, Kind::Sync)
        }
        opcode::OpenAt::CODE if fixed => Kind::Refused(libc::EBADF),
        opcode::OpenAt::CODE => {
            let kind = open(sqe)?;
            refused(odd || sqe.file_index != 0 && sqe.op_flags as i32 & libc::O_CLOEXEC != 0, kind)
        }
        opcode::Close::CODE if fixed => Kind::Refused(libc::EBADF),
        opcode::Close::CODE => {
            let bad = sqe.off != 0 || sqe.addr != 0 || sqe.len != 0 || sqe.op_flags != 0;
            let slot = sqe.file_index.checked_sub(1);
            refused(odd || bad || slot.is_some() && sqe.fd != 0, Kind::Close { slot })
        }
        opcode::Ftruncate::CODE if config.features.ftruncate => {
            let bad = sqe.op_flags != 0 || sqe.addr != 0 || sqe.len != 0 || sqe.file_index != 0;
            refused(odd || bad, Kind::Truncate(sqe.off))
        }
        opcode::FixedFdInstall::CODE if config.features.fd_install => {
            let bad = sqe.off != 0 || sqe.addr != 0 || sqe.len != 0 || sqe.file_index != 0 || sqe.op_flags > 1;
            if bad || fixed { refused(odd || bad, Kind::Install) } else { Kind::Refused(libc::EBADF) }
        }
        opcode::AsyncCancel::CODE if sqe.op_flags != 0 => return Err("flags of ASYNC_CANCEL"),
        opcode::AsyncCancel::CODE => refused(odd || sqe.off != 0 || sqe.file_index != 0, Kind::Cancel(sqe.addr)),
        opcode::Timeout::CODE | opcode::LinkTimeout::CODE => timeout(sqe)?,
        opcode::PollAdd::CODE if sqe.len != 0 => return Err("multishot polls"),
        opcode::PollAdd::CODE => refused(odd || sqe.off != 0 || sqe.addr != 0, Kind::Poll(sqe.op_flags as i16)),
        _ => Kind::Refused(libc::EINVAL),
    })
}

fn transfer(sqe: &Sqe, vectored: bool, kind: fn(Transfer) -> Kind) -> Result<Kind, &'static str> {
    if sqe.ioprio != 0 || sqe.op_flags != 0 || sqe.file_index != 0 {
        return Err("priorities, flags and write streams of READ and WRITE");
    }
    if vectored && sqe.len > IOVECS_MAX {
        return Ok(Kind::Refused(libc::EINVAL));
    }
    let one = || vec![Piece { address: sqe.addr, len: sqe.len as usize }];
    let pieces = if vectored { memory::pieces(sqe.addr, sqe.len) } else { one() };
    Ok(kind(Transfer { pieces, offset: sqe.off, mode: Mode::File }))
}

fn socket(sqe: &Sqe, kind: fn(Transfer) -> Kind) -> Result<Kind, &'static str> {
    if sqe.ioprio != 0 || sqe.off != 0 || sqe.file_index != 0 {
        return Err("flags in ioprio and addresses of RECV and SEND");
    }
    let flags = sqe.op_flags as i32;
    if flags & !(libc::MSG_WAITALL | libc::MSG_NOSIGNAL) != 0 {
        return Err("these flags of RECV and SEND");
    }
    let mode = Mode::Socket { wait_all: flags & libc::MSG_WAITALL != 0 };
    let pieces = vec![Piece { address: sqe.addr, len: sqe.len as usize }];
    Ok(kind(Transfer { pieces, offset: u64::MAX, mode }))
}

fn open(sqe: &Sqe) -> Result<Kind, &'static str> {
    if sqe.fd != libc::AT_FDCWD {
        return Err("OPENAT below an open directory");
    }
    let flags = sqe.op_flags as i32;
    let known = libc::O_ACCMODE | libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC | libc::O_CLOEXEC | libc::O_LARGEFILE;
    if flags & !known != 0 {
        return Err("these flags of OPENAT");
    }
    if sqe.file_index == u32::MAX {
        return Err("a slot of the kernel's choice");
    }
    Ok(Kind::Open { path: memory::path(sqe.addr), flags, slot: sqe.file_index.checked_sub(1) })
}

fn timeout(sqe: &Sqe) -> Result<Kind, &'static str> {
    let linked = sqe.opcode == opcode::LinkTimeout::CODE;
    if sqe.op_flags & !TIMEOUT_ETIME_SUCCESS != 0 || !linked && sqe.off != 0 {
        return Err("clocks, absolute times and counts of TIMEOUT");
    }
    if sqe.ioprio != 0 || sqe.len != 1 || sqe.file_index != 0 || linked && sqe.off != 0 {
        return Ok(Kind::Refused(libc::EINVAL));
    }
    let expiry_succeeds = sqe.op_flags & TIMEOUT_ETIME_SUCCESS != 0;
    Ok(match memory::time(sqe.addr) {
        None => Kind::Refused(libc::EINVAL),
        Some(after) if linked => Kind::LinkTimeout(after),
        Some(after) => Kind::Timeout { after, expiry_succeeds },
    })
}
