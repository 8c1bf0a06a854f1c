//! Ops: one request to the kernel each, as values that do nothing until awaited.
//!
//! One opcode, one file, one shape: owned arguments → [`Op::lower`] makes the SQE → [`Op::finish`] turns the CQE into
//! the output. What *short*, *zero* and *cancelled* mean for it, and whether a short result severs a chain, stands in
//! its documentation.

mod accept;
mod accept_many;
mod advise;
mod allocate;
mod at;
mod before;
mod close;
mod connect;
mod extent;
mod fuse_fetch;
mod install;
mod link;
mod message;
mod mkdir;
mod nop;
mod open;
mod poll;
mod read;
mod read_vectored;
mod recv;
mod recv_many;
mod recv_msg;
mod recv_vectored;
mod rename;
mod send;
mod send_msg;
mod send_vectored;
mod send_zc;
mod shutdown;
mod socket;
mod splice;
mod statx;
mod symlink;
mod sync;
mod truncate;
mod unlink;
mod write;
mod write_vectored;
mod xattr;

pub use crate::fd::{SharedFd, Target};
pub use accept::{Accept, AcceptSlot, Accepted, accept};
pub use accept_many::{AcceptMany, Connection};
pub use advise::{Advice, Advise, advise};
pub use allocate::{Allocate, Allocation, allocate};
pub use at::At;
pub use before::Before;
pub use close::{Close, close_fd, close_slot};
pub use connect::{Connect, Dial, DialSlot, connect, dial};
pub use extent::{Exact, Extent, Variable};
pub use fuse_fetch::FuseFetch;
pub(crate) use fuse_fetch::fuse_fetch;
pub use install::{Install, install};
pub use link::{Link, link};
pub use message::PIECES_MAX;
pub use mkdir::{Mkdir, mkdir};
pub use nop::{Nop, nop};
pub use open::{Open, OpenHow, OpenSlot, Resource, open};
pub use poll::{Poll, poll};
pub(crate) use poll::{Polled, poll_any};
pub use read::{Read, read_at, read_exact_at, read_next};
pub use read_vectored::{ReadVectored, read_exact_vectored_at, read_vectored_at};
pub use recv::{Recv, recv, recv_exact};
pub use recv_many::RecvMany;
pub use recv_msg::{Received, RecvMsg, recv_msg};
pub use recv_vectored::{RecvVectored, recv_vectored};
pub use rename::{Existing, Rename, rename};
pub use send::{Send, send, send_all};
pub use send_msg::{SendMsg, send_msg};
pub use send_vectored::{SendVectored, send_all_vectored, send_vectored};
pub use send_zc::{SendZc, send_all_zc, send_zc};
pub use shutdown::{Shutdown, shutdown};
pub use socket::SocketSlot;
pub use splice::{Moved, Splice, SpliceEnd, SpliceLen, splice};
pub use statx::{Statx, StatxOp, statx};
pub use symlink::{Symlink, symlink};
pub use sync::{Sync, SyncRange, sync_after, sync_all, sync_data, sync_range};
pub use truncate::{Truncate, can_truncate, truncate};
pub use unlink::{Unlink, unlink, unlink_dir};
pub use write::{Write, append, append_all, write_all_at, write_at, write_next};
pub use write_vectored::{WriteVectored, append_all_vectored, write_all_vectored_at, write_vectored_at};
pub use xattr::{ExistingXattr, GetXattr, SetXattr, get_xattr, set_xattr};

use std::{io, task};

use crate::{handle::OpId, lower::Scope, sealed::Sealed, shots::Shots, sqe::Sqe};

/// One request to the kernel. Sealed: what an op's SQE points to is trusted to live until its last CQE.
pub trait Op: Sealed + Sized + 'static {
    /// The op as errors and traces call it.
    const NAME: &'static str;
    /// An error of it severs a chain. The kernel only reports the errors of some ops and goes on: those that do not call
    /// `req_set_fail` (`fs.c`, `sync.c`, `statx.c`, `truncate.c`, `xattr.c`, shutdown in `net.c`).
    #[doc(hidden)]
    const SEVERS: bool = true;
    /// What awaiting it gives.
    type Output;
    /// The form it takes when something is planned behind it: a slot instead of an object for ops that open.
    type Planned: Op<Handle = Self::Handle>;
    /// What later ops get to name its result by.
    type Handle;

    /// Turns into the planned form.
    #[doc(hidden)]
    fn planned(self) -> Self::Planned;

    /// The handle; ops that have one take an identity on first need.
    #[doc(hidden)]
    fn handle(id: &mut Option<OpId>) -> Self::Handle;

    /// Ready once what has to end first, outside the kernel, has ended. Asked before the plan of the op is lowered.
    #[doc(hidden)]
    fn poll_before(&mut self, _: &mut task::Context<'_>) -> task::Poll<()> {
        task::Poll::Ready(())
    }

    /// The SQE. Called once, when the op lies where it stays until its last CQE.
    #[doc(hidden)]
    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request>;

    /// The second half of its SQE, if that has 128 bytes. Asked after [`lower`](Op::lower).
    #[doc(hidden)]
    fn rest(&self) -> Option<[u8; 64]> {
        None
    }

    /// Where its results go if it gives many.
    #[doc(hidden)]
    fn shots(&self) -> Option<Box<Shots>> {
        None
    }

    /// The output, once nothing of the op is in the kernel any more.
    #[doc(hidden)]
    fn finish(self, completion: Completion) -> Self::Output;
}

/// What an op asks of the kernel.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub(crate) sqe: Sqe,
    pub(crate) success: Success,
    /// A cancel at any time loses nothing that cannot be had again.
    pub(crate) lossless: bool,
}

/// Which results are a success.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Success {
    /// Any that is not an error.
    NonNegative,
    /// All bytes.
    Exact(usize),
    /// Any number of bytes; none is the end of file if at least one was asked for.
    Variable {
        /// Bytes asked for.
        asked: usize,
    },
}

/// What became of an op: the kernel's result (≥ 0), or why there is none.
#[doc(hidden)]
#[derive(Debug)]
pub struct Completion {
    pub(crate) result: io::Result<u32>,
    /// Bytes that the op was asked to move, where an earlier op's result decided it.
    pub(crate) asked: Option<u32>,
    /// The kernel has seen the op start.
    pub(crate) started: bool,
    /// What an op that gives many results has given and nobody has taken.
    pub(crate) shots: Option<Box<Shots>>,
}

impl Completion {
    /// The result of a CQE.
    pub(crate) fn from_res(res: i32, asked: Option<u32>) -> Completion {
        let result = u32::try_from(res).map_err(|_| io::Error::from_raw_os_error(-res));
        Completion { result, asked, started: res != -libc::ECANCELED, shots: None }
    }

    /// An op that the kernel never started.
    pub(crate) fn never(error: io::Error) -> Completion {
        Completion { result: Err(error), asked: None, started: false, shots: None }
    }

    /// True if the kernel began the op: what it does by beginning is done.
    pub(crate) fn ran(&self) -> bool {
        self.started
    }

    /// For ops whose result says nothing but that they succeeded.
    pub(crate) fn done(self) -> io::Result<()> {
        self.result.map(drop)
    }
}

/// For ops that stay what they are when planned, and have no handle.
macro_rules! plain_op {
    () => {
        type Planned = Self;
        type Handle = ();

        fn planned(self) -> Self {
            self
        }

        fn handle(_: &mut Option<$crate::handle::OpId>) {}
    };
}
pub(crate) use plain_op;

/// For ops that fill a buffer, which later ops can borrow.
macro_rules! lending_op {
    () => {
        type Planned = Self;
        type Handle = $crate::handle::Loan;

        fn planned(self) -> Self {
            self
        }

        fn handle(id: &mut Option<$crate::handle::OpId>) -> $crate::handle::Loan {
            $crate::handle::Loan::new(*id.get_or_insert_with($crate::handle::OpId::unique))
        }
    };
}
pub(crate) use lending_op;
