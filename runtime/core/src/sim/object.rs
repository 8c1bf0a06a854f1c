//! What descriptors lead to: devices, files, pipes and streams.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io,
    os::fd::{AsRawFd, OwnedFd},
    rc::Rc,
};

/// Bytes that a pipe holds, or one direction of a stream.
pub(super) const CHANNEL_BYTES: usize = 64 << 10;
/// A write of up to so many bytes into a pipe is not divided (pipe(7)).
const PIPE_BUF: usize = 4096;

/// Bytes of a pipe, or of one direction of a stream, on their way.
#[derive(Debug, Default)]
pub(super) struct Channel {
    bytes: RefCell<VecDeque<u8>>,
    readers: Cell<u32>,
    writers: Cell<u32>,
}

/// A file in memory.
pub(super) type Contents = Rc<RefCell<Vec<u8>>>;

#[derive(Debug)]
pub(super) enum Object {
    /// Reads give [`device_byte`], writes are noted; never blocks.
    Device {
        size: u64,
        written: RefCell<Vec<(u64, Vec<u8>)>>,
    },
    File(Contents),
    /// An end of a real pipe, which the library made for a gate: moved through without waiting.
    RealPipe(OwnedFd),
    /// A pipe's end has one of the two, a stream both.
    Channels {
        source: Option<Rc<Channel>>,
        sink: Option<Rc<Channel>>,
        socket: bool,
    },
}

/// What a device holds at `offset`.
pub(super) fn device_byte(offset: u64) -> u8 {
    (offset ^ (offset >> 8) ^ (offset >> 16)).wrapping_mul(31) as u8
}

/// An open file description: what numbers, slots and running ops share.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) object: Object,
    pub(super) readable: bool,
    pub(super) writable: bool,
    position: Cell<u64>,
}

type Errno = i32;

impl Description {
    pub(super) fn new(object: Object, readable: bool, writable: bool) -> Rc<Description> {
        if let Object::Channels { source, sink, .. } = &object {
            source.iter().for_each(|channel| channel.readers.set(channel.readers.get() + 1));
            sink.iter().for_each(|channel| channel.writers.set(channel.writers.get() + 1));
        }
        Rc::new(Description { object, readable, writable, position: Cell::new(0) })
    }

    /// The two ends of a pipe: to read, to write.
    pub(super) fn pipe() -> [Rc<Description>; 2] {
        let channel = Rc::new(Channel::default());
        let source = Object::Channels { source: Some(channel.clone()), sink: None, socket: false };
        let sink = Object::Channels { source: None, sink: Some(channel), socket: false };
        [Description::new(source, true, false), Description::new(sink, false, true)]
    }

    /// The two ends of a stream.
    pub(super) fn stream() -> [Rc<Description>; 2] {
        let (one, other) = (Rc::new(Channel::default()), Rc::new(Channel::default()));
        let end = |source: &Rc<Channel>, sink: &Rc<Channel>| {
            let (source, sink) = (Some(source.clone()), Some(sink.clone()));
            Description::new(Object::Channels { source, sink, socket: true }, true, true)
        };
        [end(&one, &other), end(&other, &one)]
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self.object, Object::Channels { socket: true, .. })
    }

    /// A read would not block.
    pub(super) fn can_read(&self) -> bool {
        match &self.object {
            Object::Channels { source: Some(source), .. } => {
                !source.bytes.borrow().is_empty() || source.writers.get() == 0
            }
            Object::RealPipe(pipe) => poll(pipe.as_raw_fd(), libc::POLLIN) != 0,
            _ => true,
        }
    }

    /// A write of `len` bytes would not block.
    pub(super) fn can_write(&self, len: usize) -> bool {
        match &self.object {
            Object::Channels { sink: Some(sink), socket, .. } => {
                let free = CHANNEL_BYTES - sink.bytes.borrow().len();
                let needed = if !socket && len <= PIPE_BUF { len } else { len.min(1) };
                free >= needed || sink.readers.get() == 0
            }
            Object::RealPipe(pipe) => poll(pipe.as_raw_fd(), libc::POLLOUT) != 0,
            _ => true,
        }
    }

    /// Where an op with this offset works; `u64::MAX` stands for the description's own position.
    fn place(&self, offset: u64) -> u64 {
        if offset == u64::MAX { self.position.get() } else { offset }
    }

    fn moved(&self, offset: u64, bytes: usize) {
        if offset == u64::MAX {
            self.position.set(self.position.get() + bytes as u64);
        }
    }

    /// Up to `max` bytes. What could not block gives none at the end of file.
    pub(super) fn read(&self, offset: u64, max: usize) -> Result<Vec<u8>, Errno> {
        if !self.readable {
            return Err(libc::EBADF);
        }
        let at = self.place(offset);
        let bytes = match &self.object {
            Object::Device { size, .. } => (at..(*size).min(at.saturating_add(max as u64))).map(device_byte).collect(),
            Object::File(contents) => {
                let contents = contents.borrow();
                let start = (at as usize).min(contents.len());
                contents[start..(start + max).min(contents.len())].to_vec()
            }
            Object::Channels { source, .. } => {
                let mut bytes = source.as_ref().ok_or(libc::EBADF)?.bytes.borrow_mut();
                let count = max.min(bytes.len());
                bytes.drain(..count).collect()
            }
            Object::RealPipe(pipe) => read_pipe(pipe, max)?,
        };
        self.moved(offset, bytes.len());
        Ok(bytes)
    }

    /// Takes as much of `bytes` as it can.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        if !self.writable {
            return Err(libc::EBADF);
        }
        let at = self.place(offset);
        let count = match &self.object {
            Object::Device { written, .. } => {
                written.borrow_mut().push((at, bytes.to_vec()));
                bytes.len()
            }
            Object::File(contents) => {
                let (mut contents, start) = (contents.borrow_mut(), at as usize);
                let end = start + bytes.len();
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[start..end].copy_from_slice(bytes);
                bytes.len()
            }
            Object::Channels { sink, .. } => {
                let sink = sink.as_ref().ok_or(libc::EBADF)?;
                if sink.readers.get() == 0 {
                    return Err(libc::EPIPE);
                }
                let mut held = sink.bytes.borrow_mut();
                let count = bytes.len().min(CHANNEL_BYTES - held.len());
                held.extend(&bytes[..count]);
                count
            }
            Object::RealPipe(pipe) => write_pipe(pipe, bytes)?,
        };
        self.moved(offset, count);
        Ok(count)
    }

    pub(super) fn sync(&self) -> Result<(), Errno> {
        let pipe = matches!(self.object, Object::Channels { .. } | Object::RealPipe(_));
        if pipe { Err(libc::EINVAL) } else { Ok(()) }
    }

    pub(super) fn truncate(&self, len: u64) -> Result<(), Errno> {
        match &self.object {
            _ if !self.writable => Err(libc::EINVAL),
            Object::File(contents) => {
                contents.borrow_mut().resize(len as usize, 0);
                Ok(())
            }
            Object::Device { .. } | Object::Channels { .. } | Object::RealPipe(_) => Err(libc::EINVAL),
        }
    }

    /// Bytes that lie in it to be read, for dumps and tests.
    pub(super) fn pending(&self) -> usize {
        match &self.object {
            Object::Channels { source: Some(source), .. } => source.bytes.borrow().len(),
            _ => 0,
        }
    }
}

/// Which of `events` a real descriptor has now.
pub(super) fn poll(fd: i32, events: i16) -> i16 {
    let mut poll = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: a local, for the time of the call, which does not wait. Test: the_bell_ends_a_wait.
    unsafe { libc::poll(&mut poll, 1, 0) };
    poll.revents
}

fn read_pipe(pipe: &OwnedFd, max: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0u8; max];
    let iovec = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: max };
    // SAFETY: `bytes` is a local of `max` bytes, written during the call, which does not wait (RWF_NOWAIT).
    let count = unsafe { libc::preadv2(pipe.as_raw_fd(), &iovec, 1, -1, libc::RWF_NOWAIT) };
    bytes.truncate(usize::try_from(count).map_err(|_| last_errno())?);
    Ok(bytes)
}

fn write_pipe(pipe: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    let iovec = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: `bytes` is read during the call, which does not wait (RWF_NOWAIT).
    let count = unsafe { libc::pwritev2(pipe.as_raw_fd(), &iovec, 1, -1, libc::RWF_NOWAIT) };
    usize::try_from(count).map_err(|_| last_errno())
}

fn last_errno() -> Errno {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

impl Drop for Description {
    fn drop(&mut self) {
        if let Object::Channels { source, sink, .. } = &self.object {
            source.iter().for_each(|channel| channel.readers.set(channel.readers.get() - 1));
            sink.iter().for_each(|channel| channel.writers.set(channel.writers.get() - 1));
        }
    }
}
