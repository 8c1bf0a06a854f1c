//! Carrying a request out, and what its end starts or severs.

use std::{
    io,
    os::fd::{AsRawFd, RawFd},
    time::Duration,
};

use io_uring::opcode;

use super::{
    Emulated, cancel,
    files::{Place, place},
    multishot, open,
    poller::Fired,
    pool::{Job, Step},
    request::{Attempt, NONE, Request, State},
    rw, sockets,
};
use crate::{
    key::Tag,
    shots::{CQE_MORE, CQE_NOTIF},
    sqe::{FIXED_FILE, Sqe},
};

const NOP_INJECT_RESULT: u32 = 1 << 0;
/// Most requests of one job: so many cannot be cancelled one by one.
const STEPS_MAX: usize = 16;
/// Until the next try of what nothing tells of.
const SOON: Duration = Duration::from_millis(1);

impl Emulated {
    /// Carries out all whose turn it is. A queue and no recursion: chains may be long.
    pub(super) fn pump(&mut self) {
        while let Some(index) = self.ready.pop_front() {
            let place = &mut self.requests[index as usize];
            let request = std::mem::replace(place, Request::new(Sqe::default()));
            self.carry_out(request, Some(index));
        }
    }

    /// Starts a request that is not in the slab: most end here, and never are.
    pub(super) fn start(&mut self, request: Request) {
        self.carry_out(request, None);
    }

    /// A wait for readiness is over.
    pub(super) fn fired(&mut self, news: Fired) {
        let request = &mut self.requests[news.request as usize];
        if request.sqe.opcode == opcode::PollAdd::CODE {
            let request = self.take(news.request);
            return self.complete(request, news.events as i32, false);
        }
        (request.state, request.waited) = (State::Linked, true);
        self.ready.push_back(news.request);
    }

    fn carry_out(&mut self, mut request: Request, mut index: Option<u32>) {
        let mut attempt = match request.sqe.opcode {
            opcode::Timeout::CODE => return self.start_timeout(request, index),
            _ => self.attempt(&mut request),
        };
        while let Attempt::Wait { fd, events } = attempt {
            let sqe = request.sqe;
            let parked = self.park(request, index, State::Waits(fd));
            let Err(error) = self.wait(&sqe, fd, events, parked) else { return };
            request = std::mem::replace(&mut self.requests[parked as usize], Request::new(Sqe::default()));
            (index, request.waited) = (Some(parked), true);
            attempt = not_pollable(&sqe, events, error.raw_os_error().unwrap_or(libc::EIO));
        }
        match attempt {
            Attempt::Done { res, severs } => {
                if let Some(index) = index {
                    self.requests.remove(index as usize);
                    self.known.remove(&request.sqe.user_data);
                }
                self.complete(request, res, severs);
            }
            Attempt::Block => self.send_to_pool(request, index),
            Attempt::Later | Attempt::Wait { .. } => {
                let index = self.park(request, index, State::Timed);
                self.requests[index as usize].deadline = Some(self.timeouts.set(SOON, index));
            }
        }
    }

    fn wait(&mut self, sqe: &Sqe, fd: RawFd, events: u32, index: u32) -> io::Result<()> {
        let tag = if sqe.opcode == opcode::PollAdd::CODE { Tag::parse(sqe.user_data) } else { None };
        let is_bell = matches!(tag, Some(Tag::Bell(_)));
        // The doorbell is for sleeps; nobody has to look at it before.
        self.poller.wait(fd, events, index, is_bell || tag == Some(Tag::Edges), !is_bell)
    }

    fn start_timeout(&mut self, request: Request, index: Option<u32>) {
        let after = cancel::time(&request.sqe).unwrap_or_default();
        let index = self.park(request, index, State::Timed);
        self.requests[index as usize].deadline = Some(self.timeouts.set(after, index));
    }

    /// Puts a request into the slab, where a cancel finds it, and starts its time limit.
    fn park(&mut self, mut request: Request, index: Option<u32>, state: State) -> u32 {
        request.state = state;
        let (user_data, limit) = (request.sqe.user_data, request.timeout);
        let index = match index {
            None => self.requests.insert(request) as u32,
            Some(index) => {
                self.requests[index as usize] = request;
                index
            }
        };
        self.known.insert(user_data, index);
        if limit != NONE && self.requests[limit as usize].deadline.is_none() {
            let after = cancel::time(&self.requests[limit as usize].sqe).unwrap_or_default();
            self.requests[limit as usize].deadline = Some(self.timeouts.set(after, limit));
        }
        index
    }

    /// Gives a request, and what is linked behind it, to a thread.
    fn send_to_pool(&mut self, request: Request, index: Option<u32>) {
        let first = self.park(request, index, State::Pooled);
        let mut steps = Vec::new();
        let mut at = first;
        while at != NONE && steps.len() < STEPS_MAX {
            let request = &self.requests[at as usize];
            let sqe = request.sqe;
            let begun = at == first;
            if !begun && (request.timeout != NONE || place(sqe.opcode) == Place::Shard || !self.memory_is_there(&sqe)) {
                break;
            }
            let found = begun.then(|| (request.fd, request.slot.clone()));
            steps.push(Step { sqe, found, moved: request.moved, streams: begun && request.waited });
            if request.timeout != NONE {
                break;
            }
            at = request.next;
        }
        self.pool.send(Job { first, steps });
    }

    fn memory_is_there(&self, sqe: &Sqe) -> bool {
        let fixed = matches!(sqe.opcode, opcode::ReadFixed::CODE | opcode::WriteFixed::CODE);
        !fixed || self.buffers.has_fixed(sqe.buf_index, sqe.addr, sqe.len)
    }

    /// Finds the descriptor of an op that has its turn; an errno if there is none.
    fn find_file(&self, request: &mut Request) -> Result<(), i32> {
        let sqe = &request.sqe;
        if sqe.flags & FIXED_FILE != 0 && request.slot.is_none() {
            let file = self.slots.get(sqe.fd).ok_or(libc::EBADF)?;
            request.fd = file.as_raw_fd();
            request.slot = Some(file);
        }
        Ok(())
    }

    /// Tries an op.
    fn attempt(&mut self, request: &mut Request) -> Attempt {
        let code = request.sqe.opcode;
        if let Err(errno) = self.find_file(request) {
            return Attempt::of(-errno);
        }
        if multishot::is(&request.sqe) {
            return self.attempt_many(request);
        }
        let sqe = request.sqe;
        match code {
            opcode::Nop::CODE if sqe.op_flags & NOP_INJECT_RESULT != 0 => Attempt::of(sqe.len as i32),
            opcode::Nop::CODE => Attempt::of(0),
            opcode::PollAdd::CODE => Attempt::Wait { fd: request.fd, events: sqe.op_flags & 0xffff },
            opcode::AsyncCancel::CODE => Attempt::of(self.answer_cancel(sqe.addr)),
            opcode::Recv::CODE
            | opcode::Send::CODE
            | opcode::SendZc::CODE
            | opcode::RecvMsg::CODE
            | opcode::SendMsg::CODE
            | opcode::SendMsgZc::CODE => sockets::transfer(request),
            opcode::Accept::CODE => sockets::accept(request, &self.slots),
            opcode::Connect::CODE => sockets::connect(request),
            opcode::Socket::CODE => sockets::socket(&sqe, &self.slots),
            opcode::Shutdown::CODE => sockets::shut_down(request),
            opcode::OpenAt::CODE | opcode::OpenAt2::CODE => open::attempt(&sqe, &self.slots),
            opcode::Close::CODE => {
                let (res, closed) = open::close(&sqe, &self.slots);
                closed.into_iter().for_each(|number| self.poller.closed(number));
                Attempt::of(res)
            }
            opcode::FixedFdInstall::CODE => Attempt::of(open::duplicate(&sqe, &self.slots)),
            opcode::Splice::CODE | opcode::Tee::CODE => self.splice(request),
            _ if rw::is_transfer(code) && !self.memory_is_there(&sqe) => Attempt::of(-libc::EFAULT),
            _ if rw::is_transfer(code) => rw::attempt(request),
            _ if place(code) == Place::Pool => Attempt::Block,
            _ => Attempt::of(-libc::EINVAL),
        }
    }

    fn splice(&self, request: &Request) -> Attempt {
        let sqe = &request.sqe;
        if sqe.op_flags & rw::INPUT_IN_SLOT == 0 {
            return rw::splice(request, sqe.file_index as i32);
        }
        match self.slots.get(sqe.file_index as i32) {
            Some(file) => rw::splice(request, file.as_raw_fd()),
            None => Attempt::of(-libc::EBADF),
        }
    }

    /// A request has ended.
    pub(super) fn complete(&mut self, request: Request, res: i32, severs: bool) {
        let next = self.end(request, res, severs);
        if next != NONE {
            self.ready.push_back(next);
        }
    }

    /// Posts the CQE of a request that is out of the slab, and what follows from it; gives the one whose turn it is next.
    pub(super) fn end(&mut self, request: Request, res: i32, severs: bool) -> u32 {
        let user_data = request.sqe.user_data;
        let lends = matches!(request.sqe.opcode, opcode::SendZc::CODE | opcode::SendMsgZc::CODE);
        if lends && res >= 0 {
            // The memory was copied; it is free already.
            self.post(user_data, res, CQE_MORE);
            self.post(user_data, 0, CQE_NOTIF);
        } else {
            self.post(user_data, res, request.flags);
        }
        if let Some(deadline) = request.deadline {
            self.timeouts.clear(deadline);
        }
        self.disarm(request.timeout);
        if request.next == NONE || !severs || request.is_hard() {
            return request.next;
        }
        let mut next = request.next;
        while next != NONE {
            let severed = self.requests.remove(next as usize);
            self.post(severed.sqe.user_data, -libc::ECANCELED, 0);
            self.disarm(severed.timeout);
            next = severed.next;
        }
        NONE
    }

    /// Ends a LINK_TIMEOUT whose op has ended.
    fn disarm(&mut self, index: u32) {
        if index == NONE {
            return;
        }
        let limit = self.requests.remove(index as usize);
        if let Some(deadline) = limit.deadline {
            self.timeouts.clear(deadline);
        }
        self.post(limit.sqe.user_data, -libc::ECANCELED, 0);
    }
}

/// What becomes of an op whose descriptor epoll does not take.
fn not_pollable(sqe: &Sqe, events: u32, errno: i32) -> Attempt {
    match errno {
        // A file is ready at all times.
        libc::EPERM if sqe.opcode == opcode::PollAdd::CODE => {
            let always = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDNORM | libc::EPOLLWRNORM;
            Attempt::of((events & always as u32) as i32)
        }
        libc::EPERM if place(sqe.opcode) == Place::ShardFirst => Attempt::Block,
        errno => Attempt::of(-errno),
    }
}
