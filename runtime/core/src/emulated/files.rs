//! Ops that may block for long, by plain system calls: on a thread of the pool.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use io_uring::opcode;

use super::{open, pool::Step, rw, slots::Slots};
use crate::sqe::{FIXED_FILE, Sqe};

// Names of `include/uapi/linux/io_uring.h`, which the io-uring crate does not have.
pub(super) const FSETXATTR: u8 = 41;
pub(super) const SETXATTR: u8 = 42;
pub(super) const FGETXATTR: u8 = 43;
pub(super) const GETXATTR: u8 = 44;
const FSYNC_DATASYNC: u32 = 1;

/// How a thread of the pool takes part in an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its first try is on the shard; if that would block, in the pool.
    ShardFirst,
    /// Always in the pool.
    Pool,
    /// Never there.
    Shard,
}

/// Where an op is carried out.
pub(super) fn place(code: u8) -> Place {
    match code {
        opcode::OpenAt::CODE
        | opcode::OpenAt2::CODE
        | opcode::Close::CODE
        | opcode::Read::CODE
        | opcode::Readv::CODE
        | opcode::ReadFixed::CODE
        | opcode::Write::CODE
        | opcode::Writev::CODE
        | opcode::WriteFixed::CODE
        | opcode::Splice::CODE
        | opcode::Tee::CODE => Place::ShardFirst,
        opcode::Fadvise::CODE
        | opcode::Fsync::CODE
        | opcode::SyncFileRange::CODE
        | opcode::Fallocate::CODE
        | opcode::Ftruncate::CODE
        | FSETXATTR
        | FGETXATTR => Place::Pool,
        _ if is_of_path(code) => Place::Pool,
        _ => Place::Shard,
    }
}

/// Whether an op works on a path; else it works on its descriptor.
pub(super) fn is_of_path(code: u8) -> bool {
    matches!(
        code,
        opcode::OpenAt::CODE
            | opcode::OpenAt2::CODE
            | opcode::Statx::CODE
            | opcode::RenameAt::CODE
            | opcode::UnlinkAt::CODE
            | opcode::MkDirAt::CODE
            | opcode::SymlinkAt::CODE
            | opcode::LinkAt::CODE
            | SETXATTR
            | GETXATTR
    )
}

/// Carries a step out, to its end: its result, and whether that severs. `None`: it is nothing for a thread that is to come
/// back, as it would wait for a peer; the shard has to do it.
pub(super) fn blocking(step: &Step, slots: &Slots) -> Option<(i32, bool)> {
    let sqe = &step.sqe;
    match sqe.opcode {
        opcode::OpenAt::CODE | opcode::OpenAt2::CODE => return Some(severing(open::blocking(sqe, slots))),
        opcode::Close::CODE => return Some(severing(open::close(sqe, slots).0)),
        code if is_of_path(code) => return Some((of_path(sqe), false)),
        _ => {}
    }
    let held;
    let fd = match &step.found {
        Some((fd, _)) => *fd,
        None if sqe.flags & FIXED_FILE == 0 => sqe.fd,
        None => match slots.get(sqe.fd) {
            Some(file) => {
                held = file;
                held.as_raw_fd()
            }
            None => return Some((-libc::EBADF, true)),
        },
    };
    if matches!(sqe.opcode, opcode::Splice::CODE | opcode::Tee::CODE) {
        let input = match sqe.op_flags & rw::INPUT_IN_SLOT {
            0 => None,
            _ => Some(slots.get(sqe.file_index as i32)),
        };
        let input = match &input {
            None => sqe.file_index as RawFd,
            Some(Some(file)) => file.as_raw_fd(),
            Some(None) => return Some((-libc::EBADF, true)),
        };
        return Some(rw::splice_ready(sqe, input, fd)).filter(|(res, _)| *res != -libc::EAGAIN);
    }
    if rw::is_transfer(sqe.opcode) {
        return rw::blocking(sqe, fd, step.moved, step.streams);
    }
    let res = of_descriptor(sqe, fd);
    Some((res, res == -libc::EBADF || sqe.opcode == opcode::Fadvise::CODE && res < 0))
}

fn severing(res: i32) -> (i32, bool) {
    (res, res < 0)
}

/// What these calls report, they report without failing their request in the kernel, but for a descriptor that is none.
fn of_descriptor(sqe: &Sqe, fd: RawFd) -> i32 {
    let (address, second) = (sqe.addr as *const libc::c_char, sqe.off as *mut libc::c_void);
    // SAFETY: names and values belong to the op that this request carries out; it stays in the shard's slab until its CQE,
    // which the caller posts after this (contract of `Kernel::push`). Test: drop_everywhere, fs_locks, fs_ops.
    unsafe {
        match sqe.opcode {
            opcode::Fsync::CODE if sqe.op_flags & FSYNC_DATASYNC != 0 => result(libc::fdatasync(fd)),
            opcode::Fsync::CODE => result(libc::fsync(fd)),
            opcode::SyncFileRange::CODE => {
                result(libc::sync_file_range(fd, sqe.off as i64, sqe.len.into(), sqe.op_flags))
            }
            opcode::Fallocate::CODE => result(libc::fallocate(fd, sqe.len as i32, sqe.off as i64, sqe.addr as i64)),
            opcode::Ftruncate::CODE => result(libc::ftruncate(fd, sqe.off as i64)),
            opcode::Fadvise::CODE => -libc::posix_fadvise(fd, sqe.off as i64, sqe.len.into(), sqe.op_flags as i32),
            FGETXATTR => result_of(libc::fgetxattr(fd, address, second, sqe.len as usize)),
            FSETXATTR => result(libc::fsetxattr(fd, address, second, sqe.len as usize, sqe.op_flags as i32)),
            _ => -libc::EINVAL,
        }
    }
}

fn of_path(sqe: &Sqe) -> i32 {
    let (first, second) = (sqe.addr as *const libc::c_char, sqe.off as *const libc::c_char);
    // SAFETY: paths, and what is filled or read, belong to the op that this request carries out; it stays in the shard's slab
    // until its CQE, which the caller posts after this (contract of `Kernel::push`). Test: drop_everywhere, fs_ops, fs_locks.
    unsafe {
        match sqe.opcode {
            opcode::Statx::CODE => {
                result(libc::statx(sqe.fd, first, sqe.op_flags as i32, sqe.len, sqe.off as *mut libc::statx))
            }
            opcode::RenameAt::CODE => {
                let (from, to, flags) = (sqe.fd, sqe.len as i32, sqe.op_flags);
                result_of(libc::syscall(libc::SYS_renameat2, from, first, to, second, flags) as isize)
            }
            opcode::UnlinkAt::CODE => result(libc::unlinkat(sqe.fd, first, sqe.op_flags as i32)),
            opcode::MkDirAt::CODE => result(libc::mkdirat(sqe.fd, first, sqe.len)),
            opcode::SymlinkAt::CODE => result(libc::symlinkat(first, sqe.fd, second)),
            opcode::LinkAt::CODE => result(libc::linkat(sqe.fd, first, sqe.len as i32, second, sqe.op_flags as i32)),
            GETXATTR => {
                let path = sqe.addr3 as *const libc::c_char;
                result_of(libc::getxattr(path, first, sqe.off as *mut libc::c_void, sqe.len as usize))
            }
            SETXATTR => {
                let (path, value) = (sqe.addr3 as *const libc::c_char, sqe.off as *const libc::c_void);
                result(libc::setxattr(path, first, value, sqe.len as usize, sqe.op_flags as i32))
            }
            _ => -libc::EINVAL,
        }
    }
}

/// What a system call has returned, as a CQE tells it.
pub(super) fn result(value: i32) -> i32 {
    if value < 0 { -errno() } else { value }
}

/// As [`result`], of a count: no op asks for more than an i32 holds.
pub(super) fn result_of(value: isize) -> i32 {
    if value < 0 { -errno() } else { i32::try_from(value).unwrap_or(i32::MAX) }
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// Takes over a descriptor that a system call has just made.
pub(super) fn new_file(fd: i32) -> OwnedFd {
    crate::slot::own_fd(fd)
}

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// On a disk or in memory: never waits for a peer.
    File,
    Socket,
    /// A pipe, a terminal, an eventfd, ...
    Stream,
}

pub(super) fn kind(fd: RawFd) -> Kind {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` is a local that the call fills or leaves alone, and that is read only if it was filled.
    // Test: emulated::tests.
    let mode = unsafe {
        match libc::fstat(fd, stat.as_mut_ptr()) {
            0 => stat.assume_init().st_mode & libc::S_IFMT,
            _ => 0,
        }
    };
    match mode {
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => Kind::File,
        libc::S_IFSOCK => Kind::Socket,
        _ => Kind::Stream,
    }
}

/// Flags of the open file; 0 if there is none.
pub(super) fn status_flags(fd: RawFd) -> i32 {
    // SAFETY: no memory is passed. Test: emulated::tests.
    unsafe { libc::fcntl(fd, libc::F_GETFL).max(0) }
}

/// Events that are there now, of those asked for.
pub(super) fn look(fd: RawFd, events: i16) -> i16 {
    let mut look = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one local entry, which outlives the call. Test: emulated::tests.
    let found = unsafe { libc::poll(&raw mut look, 1, 0) };
    if found > 0 { look.revents } else { 0 }
}
