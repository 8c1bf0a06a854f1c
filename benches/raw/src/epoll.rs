//! Level-triggered epoll, many events per wait, one recv and one send per event.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};

use crate::Work;

const EVENTS: usize = 256;
const INPUT: usize = 4096;

/// Serves until the process is ended.
///
/// # Errors
/// Those of epoll(7) and of accept(2).
pub fn serve<W: Work>(listener: &TcpListener, mut work: impl FnMut() -> W) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // SAFETY: no memory is passed, and the descriptor has no other owner.
    let epoll = unsafe { OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
    watch(&epoll, listener.as_raw_fd())?;
    let mut connections: HashMap<RawFd, (TcpStream, W)> = HashMap::new();
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let mut input = [0; INPUT];
    loop {
        // SAFETY: the kernel writes at most as many events as the local array holds, during the call.
        let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), EVENTS as i32, -1) };
        for event in &events[..check(count)? as usize] {
            let fd = event.u64 as RawFd;
            if fd == listener.as_raw_fd() {
                while let Some(stream) = unless_blocking(listener.accept())? {
                    stream.0.set_nonblocking(true)?;
                    watch(&epoll, stream.0.as_raw_fd())?;
                    connections.insert(stream.0.as_raw_fd(), (stream.0, work()));
                }
                continue;
            }
            let (stream, work) = connections.get_mut(&fd).expect("watched until it is dropped");
            match stream.read(&mut input) {
                Ok(count @ 1..) => send(stream, work.answer(&input[..count]))?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Its drop closes it, and epoll forgets it.
                Ok(0) | Err(_) => drop(connections.remove(&fd)),
            }
        }
    }
}

fn send(mut stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match unless_blocking(stream.write(bytes)) {
            Ok(Some(count)) => bytes = &bytes[count..],
            Ok(None) => {
                let mut poll = libc::pollfd { fd: stream.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
                // SAFETY: one entry, a local, written during the call.
                check(unsafe { libc::poll(&raw mut poll, 1, -1) })?;
            }
            // The next read tells that the connection is gone.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

fn watch(epoll: &OwnedFd, fd: RawFd) -> io::Result<()> {
    let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: fd as u64 };
    // SAFETY: the event is a local, read during the call.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) }).map(drop)
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn unless_blocking<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}
