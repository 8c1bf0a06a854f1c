//! io_uring with all that a server of small requests can use: single issuer, deferred task work, registered ring
//! descriptor, multishot accept into direct descriptors, multishot receives from a buffer ring.

use std::{
    alloc::{Layout, alloc_zeroed, handle_alloc_error},
    collections::VecDeque,
    io,
    net::TcpListener,
    os::fd::AsRawFd,
    sync::atomic::{AtomicU16, Ordering},
};

use io_uring::{
    IoUring, cqueue, opcode, squeue,
    types::{BufRingEntry, Fd, Fixed},
};

use crate::Work;

const BUFFERS: u16 = 2048;
const BUFFER: usize = 4096;
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
    let buffers = Buffers::new();
    // SAFETY: the memory is never freed.
    unsafe { ring.submitter().register_buf_ring_with_flags(buffers.entries as u64, BUFFERS, 0, 0)? };
    let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).allocate_file_index(true).build().user_data(ACCEPT);
    // One `Submitter` for good: it is what knows of the registered descriptor.
    let (mut submitter, queue, mut completions) = ring.split();
    // Where the kernel can: from 5.18 on.
    let _ = submitter.register_ring_fd();
    let mut server =
        Server { queue: Queue { queue, ready: VecDeque::new() }, buffers, connections: Vec::new(), accept };
    server.queue.push(server.accept.clone());
    loop {
        server.queue.fill();
        submitter.submit_and_wait(1)?;
        server.queue.queue.sync();
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
                    Some(Connection { work, sending: false, sent_from: None, waiting, ended: false });
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
                connection.ended = true;
            }
        }
        self.go_on(slot);
    }

    /// Answers what has come, one send at a time; closes the connection after its end.
    fn go_on(&mut self, slot: u32) {
        let connection = self.connections[slot as usize].as_mut().expect("called for open ones");
        while !connection.sending {
            let Some((buffer, len)) = connection.waiting.pop_front() else {
                if connection.ended {
                    self.connections[slot as usize] = None;
                    self.queue.push(opcode::Close::new(Fixed(slot)).build().user_data(CLOSE));
                }
                return;
            };
            let input = self.buffers.bytes(buffer, len);
            let answer = connection.work.answer(input);
            if answer.is_empty() || connection.ended {
                self.buffers.provide(buffer);
                continue;
            }
            let (from, len) = (answer.as_ptr(), answer.len() as u32);
            if from == input.as_ptr() {
                connection.sent_from = Some(buffer);
            } else {
                self.buffers.provide(buffer);
            }
            connection.sending = true;
            let send = opcode::Send::new(Fixed(slot), from, len).flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL);
            self.queue.push(send.build().user_data(SEND | u64::from(slot)));
        }
    }
}

/// The submission queue, and what had no room in it.
struct Queue<'a> {
    queue: squeue::SubmissionQueue<'a>,
    ready: VecDeque<squeue::Entry>,
}

impl Queue<'_> {
    fn push(&mut self, entry: squeue::Entry) {
        // SAFETY: what entries point to is a buffer of the ring, never freed, or a connection's answer, which stays as it is
        // until its send has ended.
        if !self.ready.is_empty() || unsafe { self.queue.push(&entry) }.is_err() {
            self.ready.push_back(entry);
        }
    }

    /// Before a submission.
    fn fill(&mut self) {
        while let Some(entry) = self.ready.front() {
            // SAFETY: as in `push`.
            if unsafe { self.queue.push(entry) }.is_err() {
                break;
            }
            self.ready.pop_front();
        }
        self.queue.sync();
    }
}

/// Memory that is never freed: buffers, and the ring of those that the kernel can fill.
struct Buffers {
    entries: *mut BufRingEntry,
    memory: *mut u8,
    tail: u16,
}

impl Buffers {
    fn new() -> Buffers {
        let allocate = |bytes: usize| {
            let layout = Layout::from_size_align(bytes, 4096).expect("a layout");
            // SAFETY: the size is not zero.
            let memory = unsafe { alloc_zeroed(layout) };
            if memory.is_null() { handle_alloc_error(layout) } else { memory }
        };
        let entries = allocate(BUFFERS as usize * size_of::<BufRingEntry>()).cast();
        let mut buffers = Buffers { entries, memory: allocate(BUFFERS as usize * BUFFER), tail: 0 };
        (0..BUFFERS).for_each(|buffer| buffers.provide(buffer));
        buffers
    }

    fn bytes(&self, buffer: u16, len: usize) -> &'static [u8] {
        // SAFETY: the kernel has filled these bytes, and writes there no more until the buffer is provided again.
        unsafe { std::slice::from_raw_parts(self.memory.add(buffer as usize * BUFFER), len) }
    }

    fn provide(&mut self, buffer: u16) {
        // SAFETY: the place lies within the ring, and the kernel does not look at it before the tail has passed it.
        unsafe {
            let entry = &mut *self.entries.add((self.tail & (BUFFERS - 1)) as usize);
            entry.set_addr(self.memory.add(buffer as usize * BUFFER) as u64);
            entry.set_len(BUFFER as u32);
            entry.set_bid(buffer);
        }
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail is a word of the first entry, which the kernel reads and only this writes.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.entries).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}
