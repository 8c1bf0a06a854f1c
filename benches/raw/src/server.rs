//! io_uring with all that a server of small requests can use: single issuer, deferred task work, registered ring
//! descriptor, multishot accept into direct descriptors, multishot receives from a buffer ring.

use std::{collections::VecDeque, io, mem::ManuallyDrop, net::TcpListener, os::fd::AsRawFd};

use io_uring::{
    IoUring, cqueue, opcode, squeue,
    types::{Fd, Fixed},
};

use crate::{Work, buffers::Buffers, queue::Queue};

const SLOTS: u32 = 16384;

/// What an op's CQE is for, in the upper half of its user data; the lower one is the connection's slot.
const ACCEPT: u64 = 1 << 32;
const RECEIVE: u64 = 2 << 32;
const SEND: u64 = 3 << 32;
const CLOSE: u64 = 4 << 32;

struct Connection<W> {
    work: W,
    /// A send is under way, perhaps from this buffer.
    sending: bool,
    sent_from: Option<u16>,
    /// Input that came during it.
    waiting: VecDeque<(u16, usize)>,
    /// A receive is under way. The slot stays taken until its last CQE, which names the slot.
    receiving: bool,
    ended: bool,
}

/// Serves until the process is ended.
///
/// # Errors
/// Those of the ring, and of accept(2).
pub fn serve<W: Work>(listener: &TcpListener, mut work: impl FnMut() -> W) -> io::Result<()> {
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_submit_all().setup_cqsize(8192);
    let mut ring: IoUring = builder.build(2048)?;
    ring.submitter().register_files_sparse(SLOTS)?;
    let buffers = Buffers::register(&ring.submitter())?;
    let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).allocate_file_index(true).build().user_data(ACCEPT);
    // One `Submitter` for good: it is what knows of the registered descriptor.
    let (mut submitter, queue, mut completions) = ring.split();
    // Where the kernel can: from 5.18 on.
    let _ = submitter.register_ring_fd();
    let server = Server { queue: Queue::new(queue), buffers, connections: Vec::new(), accept };
    // Never dropped, whatever ends the loop: sends that are under way read the answers in it.
    let mut server = ManuallyDrop::new(server);
    let accept = server.accept.clone();
    server.queue.push(accept);
    loop {
        server.queue.fill();
        submitter.submit_and_wait(1)?;
        server.queue.submitted();
        completions.sync();
        for cqe in &mut completions {
            server.take_in(&cqe, &mut work)?;
        }
    }
}

struct Server<'a, W> {
    queue: Queue<'a>,
    buffers: Buffers,
    connections: Vec<Option<Connection<W>>>,
    accept: squeue::Entry,
}

impl<W: Work> Server<'_, W> {
    fn take_in(&mut self, cqe: &cqueue::Entry, work: &mut impl FnMut() -> W) -> io::Result<()> {
        let slot = cqe.user_data() as u32;
        match cqe.user_data() & !u64::from(u32::MAX) {
            ACCEPT => {
                if !cqueue::more(cqe.flags()) {
                    self.queue.push(self.accept.clone());
                }
                let Ok(slot) = u32::try_from(cqe.result()) else {
                    return Err(io::Error::from_raw_os_error(-cqe.result()));
                };
                let at = slot as usize;
                if self.connections.len() <= at {
                    self.connections.resize_with(at + 1, || None);
                }
                let (waiting, work) = (VecDeque::new(), work());
                self.connections[at] =
                    Some(Connection { work, sending: false, sent_from: None, waiting, receiving: true, ended: false });
                self.receive(slot);
            }
            RECEIVE => self.received(slot, cqe),
            SEND => {
                let connection = self.connections[slot as usize].as_mut().expect("open while it sends");
                connection.sending = false;
                if let Some(buffer) = connection.sent_from.take() {
                    self.buffers.provide(buffer);
                }
                connection.ended |= cqe.result() <= 0;
                self.go_on(slot);
            }
            _ => {}
        }
        Ok(())
    }

    fn receive(&mut self, slot: u32) {
        let receive = opcode::RecvMulti::new(Fixed(slot), 0).build();
        self.queue.push(receive.user_data(RECEIVE | u64::from(slot)));
    }

    fn received(&mut self, slot: u32, cqe: &cqueue::Entry) {
        let connection = self.connections[slot as usize].as_mut().expect("open while it receives");
        if let Some(buffer) = cqueue::buffer_select(cqe.flags()) {
            connection.waiting.push_back((buffer, cqe.result().max(0) as usize));
        }
        if !cqueue::more(cqe.flags()) {
            if cqe.result() > 0 || cqe.result() == -libc::ENOBUFS {
                self.receive(slot);
            } else {
                (connection.receiving, connection.ended) = (false, true);
            }
        }
        self.go_on(slot);
    }

    /// Answers what has come, one send at a time; closes the connection after its end.
    fn go_on(&mut self, slot: u32) {
        let connection = self.connections[slot as usize].as_mut().expect("called for open ones");
        while !connection.sending {
            let Some((buffer, len)) = connection.waiting.pop_front() else {
                if connection.ended && !connection.receiving {
                    self.connections[slot as usize] = None;
                    self.queue.push(opcode::Close::new(Fixed(slot)).build().user_data(CLOSE));
                }
                return;
            };
            let input = self.buffers.bytes(buffer, len);
            let answer = connection.work.answer(input);
            let (from, len, is_input) = (answer.as_ptr(), answer.len() as u32, answer.as_ptr() == input.as_ptr());
            if len == 0 || connection.ended {
                self.buffers.provide(buffer);
                continue;
            }
            if is_input {
                connection.sent_from = Some(buffer);
            } else {
                self.buffers.provide(buffer);
            }
            connection.sending = true;
            let send = opcode::Send::new(Fixed(slot), from, len).flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL);
            let send = send.build().user_data(SEND | u64::from(slot));
            // SAFETY: the bytes are a buffer's, which is not provided again before the send's CQE (`sent_from`), or the
            // connection's answer, which is neither changed nor dropped before it (`sending`); the server, which owns both, is
            // never dropped. Test: tests/echo.rs, whose clients check every byte.
            unsafe { self.queue.push_borrowing(send) };
        }
    }
}
