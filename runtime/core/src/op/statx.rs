//! IORING_OP_STATX. No error severs a chain, and there is no short result. Always carried out by a kernel worker.

use std::{
    io, ptr,
    time::{Duration, SystemTime},
};

use io_uring::{opcode, types};

use super::{At, Completion, Op, Request, Success, plain_op};
use crate::{future::Io, lower::Scope, plan::One, sealed::Sealed};

/// What statx(2) tells of a file.
#[derive(Clone, Copy)]
pub struct Statx(libc::statx);

/// Asks for it.
#[derive(Debug)]
pub struct StatxOp {
    at: At,
    follow: bool,
    /// Written by the kernel, in the op, which does not move until its last CQE.
    filled: Statx,
}

/// What `at` names; of a symbolic link what it leads to, or itself if `follow` is false.
pub fn statx(at: impl Into<At>, follow: bool) -> Io<One<StatxOp>> {
    Io::new(One::new(StatxOp { at: at.into(), follow, filled: Statx::empty() }))
}

impl Sealed for StatxOp {}

impl Op for StatxOp {
    const NAME: &'static str = "statx";
    const SEVERS: bool = false;
    type Output = io::Result<Statx>;
    plain_op!();

    fn lower(&mut self, _: &mut Scope<'_>) -> io::Result<Request> {
        let mut flags = if self.follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
        if self.at.is_descriptor() {
            flags |= libc::AT_EMPTY_PATH;
        }
        let filled = ptr::from_mut(&mut self.filled.0).cast::<types::statx>();
        let statx = opcode::Statx::new(self.at.dir(), self.at.path()?, filled);
        let sqe = statx.flags(flags).mask(libc::STATX_BASIC_STATS | libc::STATX_BTIME).build().into();
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<Statx> {
        completion.done().map(|()| self.filled)
    }
}

impl Statx {
    fn empty() -> Statx {
        // SAFETY: a struct of integers, for which zeroes are values; nobody's memory is lent.
        // Test: runtime/tests/fs_ops.rs.
        Statx(unsafe { std::mem::zeroed() })
    }

    /// Size in bytes.
    #[allow(clippy::len_without_is_empty, reason = "as of std's Metadata")]
    pub fn len(&self) -> u64 {
        self.0.stx_size
    }

    /// Type and permissions: `st_mode`.
    pub fn mode(&self) -> u32 {
        u32::from(self.0.stx_mode)
    }

    /// True for a regular file.
    pub fn is_file(&self) -> bool {
        self.mode() & libc::S_IFMT == libc::S_IFREG
    }

    /// True for a directory.
    pub fn is_dir(&self) -> bool {
        self.mode() & libc::S_IFMT == libc::S_IFDIR
    }

    /// True for a symbolic link, which only a call that does not follow them can find.
    pub fn is_symlink(&self) -> bool {
        self.mode() & libc::S_IFMT == libc::S_IFLNK
    }

    /// The owner.
    pub fn uid(&self) -> u32 {
        self.0.stx_uid
    }

    /// The owning group.
    pub fn gid(&self) -> u32 {
        self.0.stx_gid
    }

    /// The inode's number on its device.
    pub fn ino(&self) -> u64 {
        self.0.stx_ino
    }

    /// How many names it has.
    pub fn nlink(&self) -> u32 {
        self.0.stx_nlink
    }

    /// The device that it is on.
    pub fn dev(&self) -> u64 {
        libc::makedev(self.0.stx_dev_major, self.0.stx_dev_minor)
    }

    /// The device that a device file stands for.
    pub fn rdev(&self) -> u64 {
        libc::makedev(self.0.stx_rdev_major, self.0.stx_rdev_minor)
    }

    /// The size that transfers go best with, in bytes.
    pub fn block_size(&self) -> u32 {
        self.0.stx_blksize
    }

    /// What it takes on its device, in units of 512 bytes; less than its size says for a sparse file.
    pub fn blocks(&self) -> u64 {
        self.0.stx_blocks
    }

    /// The last time it was read.
    pub fn accessed(&self) -> SystemTime {
        time(&self.0.stx_atime)
    }

    /// The last time its content was changed.
    pub fn modified(&self) -> SystemTime {
        time(&self.0.stx_mtime)
    }

    /// The last time its content or what this struct tells was changed.
    pub fn changed(&self) -> SystemTime {
        time(&self.0.stx_ctime)
    }

    /// When it was made; `None` where the file system does not keep it.
    pub fn created(&self) -> Option<SystemTime> {
        (self.0.stx_mask & libc::STATX_BTIME != 0).then(|| time(&self.0.stx_btime))
    }
}

/// Also of times before 1970.
fn time(time: &libc::statx_timestamp) -> SystemTime {
    let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
    let whole = match time.tv_sec >= 0 {
        true => SystemTime::UNIX_EPOCH + seconds,
        false => SystemTime::UNIX_EPOCH - seconds,
    };
    whole + Duration::from_nanos(u64::from(time.tv_nsec))
}

impl std::fmt::Debug for Statx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statx")
            .field("mode", &format_args!("{:o}", self.mode()))
            .field("len", &self.len())
            .field("ino", &self.ino())
            .field("modified", &self.modified())
            .finish_non_exhaustive()
    }
}
