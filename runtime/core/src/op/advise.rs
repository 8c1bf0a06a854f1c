//! IORING_OP_FADVISE. Any error severs a chain; there is no short result.

use std::{io, ops::Range};

use io_uring::{opcode, types};

use super::{
    Completion, Op, Request, Success,
    extent::{byte_range, file_offset},
    plain_op,
};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, sqe::Sqe};

/// How a range of a file will be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// No particular way.
    Normal,
    /// From the front to the back: the kernel reads farther ahead.
    Sequential,
    /// Here and there: it reads nothing ahead.
    Random,
    /// Once.
    NoReuse,
    /// Soon: it begins to read now.
    WillNeed,
    /// Not soon: clean pages leave the cache.
    DontNeed,
}

impl Advice {
    fn number(self) -> i32 {
        match self {
            Advice::Normal => libc::POSIX_FADV_NORMAL,
            Advice::Sequential => libc::POSIX_FADV_SEQUENTIAL,
            Advice::Random => libc::POSIX_FADV_RANDOM,
            Advice::NoReuse => libc::POSIX_FADV_NOREUSE,
            Advice::WillNeed => libc::POSIX_FADV_WILLNEED,
            Advice::DontNeed => libc::POSIX_FADV_DONTNEED,
        }
    }
}

/// An advice.
#[derive(Debug)]
pub struct Advise {
    target: Target,
    range: Range<u64>,
    advice: Advice,
}

/// Says how `range` will be used: posix_fadvise(2). `start..u64::MAX` reaches to the end of the file.
pub fn advise(target: impl Into<Target>, range: Range<u64>, advice: Advice) -> Io<One<Advise>> {
    Io::new(One::new(Advise { target: target.into(), range, advice }))
}

impl Sealed for Advise {}

impl Op for Advise {
    const NAME: &'static str = "fadvise";
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let offset = file_offset(self.range.start)?;
        // Longer ones need a field that kernels before 6.10 do not read.
        let len = byte_range(&self.range, u64::from(u32::MAX))?;
        let advise = opcode::Fadvise::new(types::Fd(-1), len as i64, self.advice.number()).offset(offset);
        let mut sqe = Sqe::from(advise.build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
