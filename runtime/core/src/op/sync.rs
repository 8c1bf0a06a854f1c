//! IORING_OP_FSYNC and IORING_OP_SYNC_FILE_RANGE. No error severs a chain, and there is no short result.

use std::{
    io,
    ops::Range,
    task::{Context, Poll},
};

use io_uring::{opcode, types};

use super::{
    Before, Completion, Op, Request, Success,
    extent::{byte_range, file_offset},
    plain_op,
};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, sqe::Sqe};

/// A sync of a file to its device.
#[derive(Debug)]
pub struct Sync {
    target: Target,
    before: Before,
    data_only: bool,
}

/// Data and metadata: fsync(2).
pub fn sync_all(target: impl Into<Target>) -> Io<One<Sync>> {
    sync_after(target, false, Before::default())
}

/// Data, and the metadata needed to read it back: fdatasync(2).
pub fn sync_data(target: impl Into<Target>) -> Io<One<Sync>> {
    sync_after(target, true, Before::default())
}

/// Either of the two, once something outside the kernel has ended: the plan that it is in waits for that.
pub fn sync_after(target: impl Into<Target>, data_only: bool, before: Before) -> Io<One<Sync>> {
    Io::new(One::new(Sync { target: target.into(), before, data_only }))
}

impl Sealed for Sync {}

impl Op for Sync {
    const NAME: &'static str = "sync";
    const SEVERS: bool = false;
    type Output = io::Result<()>;
    plain_op!();

    fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.before.poll(cx)
    }

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let flags = if self.data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
        let mut sqe = Sqe::from(opcode::Fsync::new(types::Fd(-1)).flags(flags).build());
        scope.target(&mut self.target, &mut sqe)?;
        scope.syncs(&self.target);
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}

/// Writes a part of a file's pages back.
#[derive(Debug)]
pub struct SyncRange {
    target: Target,
    range: Range<u64>,
}

/// Starts to write the dirty pages of `range` back, after those on their way, and waits for them: sync_file_range(2) with
/// all three flags. `start..u64::MAX` reaches to the end of the file.
pub fn sync_range(target: impl Into<Target>, range: Range<u64>) -> Io<One<SyncRange>> {
    Io::new(One::new(SyncRange { target: target.into(), range }))
}

impl Sealed for SyncRange {}

impl Op for SyncRange {
    const NAME: &'static str = "sync_range";
    const SEVERS: bool = false;
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let offset = file_offset(self.range.start)?;
        let len = byte_range(&self.range, u64::from(u32::MAX))?;
        let flags = libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        let sync = opcode::SyncFileRange::new(types::Fd(-1), len as u32).offset(offset).flags(flags);
        let mut sqe = Sqe::from(sync.build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
