//! Taking SQEs: what is refused at once, and chains.

use io_uring::opcode;

use super::{
    Emulated,
    files::{self, FGETXATTR, FSETXATTR, GETXATTR, SETXATTR},
    request::{NONE, Request, State},
};
use crate::sqe::{FIXED_FILE, IO_HARDLINK, IO_LINK, Sqe};

const ASYNC: u8 = 1 << 4;
const BUFFER_SELECT: u8 = 1 << 5;
const KNOWN_FLAGS: u8 = FIXED_FILE | IO_LINK | IO_HARDLINK | ASYNC | BUFFER_SELECT;
const NOP_INJECT_RESULT: u32 = 1 << 0;
const FSYNC_DATASYNC: u32 = 1 << 0;
/// `IORING_TIMEOUT_ETIME_SUCCESS`.
pub(super) const ETIME_SUCCESS: u32 = 1 << 5;
/// `IORING_ACCEPT_MULTISHOT`.
pub(super) const ACCEPT_MULTISHOT: u16 = 1 << 0;
/// `IORING_RECV_MULTISHOT`.
pub(super) const RECV_MULTISHOT: u16 = 1 << 1;
const IOVECS_MAX: u32 = 1024;

impl Emulated {
    /// Takes all that is queued: one submission, beyond which no chain goes.
    pub(super) fn submit(&mut self) -> u32 {
        let mut queue = std::mem::take(&mut self.queue);
        let mut chain: Vec<Request> = std::mem::take(&mut self.chain);
        for sqe in &queue {
            let mut request = Request::new(*sqe);
            request.refused = refused(sqe);
            self.has_timeouts |= sqe.opcode == opcode::Timeout::CODE;
            let limits = sqe.opcode == opcode::LinkTimeout::CODE;
            if limits && request.refused == 0 {
                let behind = chain.last().is_some_and(|last| last.sqe.opcode != opcode::LinkTimeout::CODE);
                request.refused = if behind { 0 } else { libc::EINVAL };
            }
            if request.is_linked() {
                chain.push(request);
            } else if chain.is_empty() && request.refused == 0 {
                self.start(request);
            } else {
                chain.push(request);
                self.start_chain(&mut chain);
            }
        }
        if !chain.is_empty() {
            self.start_chain(&mut chain);
        }
        let count = queue.len() as u32;
        queue.clear();
        (self.queue, self.chain) = (queue, chain);
        self.pump();
        count
    }

    /// Starts a chain, or refuses all of it.
    fn start_chain(&mut self, chain: &mut Vec<Request>) {
        if chain.iter().any(|request| request.refused != 0) {
            for request in chain.drain(..) {
                let errno = if request.refused != 0 { request.refused } else { libc::ECANCELED };
                self.post(request.sqe.user_data, -errno, 0);
            }
            return;
        }
        // From its end: what is behind a request lies in the slab already.
        let (mut next, mut timeout) = (NONE, NONE);
        while chain.len() > 1 {
            let Some(request) = chain.pop() else { break };
            self.link(request, &mut next, &mut timeout);
        }
        let Some(mut head) = chain.pop() else { return };
        (head.next, head.timeout) = (next, timeout);
        if timeout == NONE {
            self.start(head);
        } else {
            let index = self.requests.insert(head) as u32;
            self.requests[timeout as usize].limits = index;
            self.ready.push_back(index);
            self.pump();
        }
    }

    fn link(&mut self, mut request: Request, next: &mut u32, timeout: &mut u32) {
        if request.sqe.opcode == opcode::LinkTimeout::CODE {
            *timeout = self.requests.insert(request) as u32;
            return;
        }
        (request.next, request.timeout, request.state) = (*next, *timeout, State::Linked);
        let index = self.requests.insert(request) as u32;
        if *timeout != NONE {
            self.requests[*timeout as usize].limits = index;
        }
        (*next, *timeout) = (index, NONE);
    }
}

/// The errno that `io_uring` refuses an SQE with before it looks at its descriptor; 0 if it takes it.
fn refused(sqe: &Sqe) -> i32 {
    if sqe.flags & !KNOWN_FLAGS != 0 {
        return libc::EINVAL;
    }
    let is_recv = sqe.opcode == opcode::Recv::CODE;
    if sqe.flags & BUFFER_SELECT != 0 && !(is_recv && sqe.ioprio & RECV_MULTISHOT != 0) {
        return libc::EOPNOTSUPP;
    }
    let fixed = sqe.flags & FIXED_FILE != 0;
    let opens = matches!(
        sqe.opcode,
        opcode::OpenAt::CODE | opcode::OpenAt2::CODE | opcode::Accept::CODE | opcode::Socket::CODE
    );
    let no_descriptor = files::is_of_path(sqe.opcode) || sqe.opcode == opcode::Close::CODE;
    if fixed && no_descriptor || !fixed && sqe.opcode == opcode::FixedFdInstall::CODE {
        return libc::EBADF;
    }
    if opens && sqe.file_index != 0 {
        let cloexec = match sqe.opcode {
            opcode::OpenAt::CODE => sqe.op_flags & libc::O_CLOEXEC as u32,
            opcode::Accept::CODE => sqe.op_flags & libc::SOCK_CLOEXEC as u32,
            opcode::Socket::CODE => sqe.off as u32 & libc::SOCK_CLOEXEC as u32,
            _ => 0,
        };
        if cloexec != 0 {
            return libc::EINVAL;
        }
    }
    let flags_in_ioprio = matches!(
        sqe.opcode,
        opcode::Recv::CODE
            | opcode::Send::CODE
            | opcode::RecvMsg::CODE
            | opcode::SendMsg::CODE
            | opcode::SendZc::CODE
            | opcode::SendMsgZc::CODE
            | opcode::Accept::CODE
    );
    if sqe.ioprio != 0 && !flags_in_ioprio {
        return libc::EINVAL;
    }
    if is_allowed(sqe) { 0 } else { libc::EINVAL }
}

/// What each op looks at by itself.
fn is_allowed(sqe: &Sqe) -> bool {
    match sqe.opcode {
        opcode::Nop::CODE => sqe.op_flags & !NOP_INJECT_RESULT == 0,
        opcode::Fsync::CODE => sqe.addr == 0 && sqe.file_index == 0 && sqe.op_flags & !FSYNC_DATASYNC == 0,
        opcode::Close::CODE => {
            let others = sqe.off != 0 || sqe.addr != 0 || sqe.len != 0 || sqe.op_flags != 0;
            !others && (sqe.file_index == 0 || sqe.fd == 0)
        }
        opcode::Readv::CODE | opcode::Writev::CODE => sqe.len <= IOVECS_MAX,
        opcode::Ftruncate::CODE => sqe.op_flags == 0 && sqe.addr == 0 && sqe.len == 0 && sqe.file_index == 0,
        opcode::FixedFdInstall::CODE => sqe.op_flags <= 1,
        // One match by user_data; the driver asks for nothing else.
        opcode::AsyncCancel::CODE => sqe.op_flags == 0 && sqe.off == 0 && sqe.file_index == 0,
        opcode::Timeout::CODE | opcode::LinkTimeout::CODE => {
            let odd = sqe.len != 1 || sqe.off != 0 || sqe.op_flags & !ETIME_SUCCESS != 0;
            !odd && super::cancel::time(sqe).is_some()
        }
        opcode::PollAdd::CODE => sqe.len == 0 && sqe.off == 0 && sqe.addr == 0,
        // The kernel has more of its flags; receives here have one form of several results.
        opcode::Recv::CODE => sqe.ioprio & !(super::sockets::POLL_FIRST | RECV_MULTISHOT) == 0,
        opcode::Socket::CODE => sqe.addr == 0 && sqe.op_flags == 0,
        opcode::Read::CODE
        | opcode::Write::CODE
        | opcode::ReadFixed::CODE
        | opcode::WriteFixed::CODE
        | opcode::Send::CODE
        | opcode::SendZc::CODE
        | opcode::RecvMsg::CODE
        | opcode::SendMsg::CODE
        | opcode::SendMsgZc::CODE
        | opcode::Accept::CODE
        | opcode::Connect::CODE
        | opcode::Shutdown::CODE
        | opcode::Splice::CODE
        | opcode::Tee::CODE
        | opcode::OpenAt::CODE
        | opcode::OpenAt2::CODE
        | opcode::Fadvise::CODE
        | opcode::Fallocate::CODE
        | opcode::SyncFileRange::CODE
        | opcode::Statx::CODE
        | opcode::RenameAt::CODE
        | opcode::UnlinkAt::CODE
        | opcode::MkDirAt::CODE
        | opcode::SymlinkAt::CODE
        | opcode::LinkAt::CODE => true,
        FGETXATTR | FSETXATTR | GETXATTR | SETXATTR => true,
        _ => false,
    }
}
