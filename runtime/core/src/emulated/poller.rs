//! Who waits for which descriptor: one epoll for all of a shard's ops.
//!
//! A descriptor is armed for one event at a time (EPOLLONESHOT), and armed anew for each wait: nothing tells when its user
//! closes it and the number comes to mean another file, and arming finds that out (ENOENT). What belongs to the shard itself,
//! the doorbell and the epoll of `edges.rs`, lives as long as the shard: it is armed once, level-triggered, and let go of only
//! when there is news for which nobody waits.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
    time::Duration,
};

use crate::clapper::Clapper;

/// Events taken in at once.
const EVENTS_MAX: usize = 256;
/// What the kernel reports unasked.
const ALWAYS: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
/// The pool's eventfd.
const POOL: u64 = u64::MAX;

/// The poller of one emulated kernel.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
    /// By the number of the descriptor.
    watched: Vec<Watched>,
    /// Requests that wait, the doorbell's not counted.
    waiting: usize,
    /// epoll_pwait2(2) is there (Linux 5.11).
    has_pwait2: bool,
    found: Vec<libc::epoll_event>,
}

#[derive(Debug, Default)]
struct Watched {
    /// In the epoll's list, as far as is known.
    registered: bool,
    /// Events that it is armed for; 0 if there is none.
    armed: u32,
    /// It belongs to the shard.
    lasting: bool,
    /// Which registration of this number: what an earlier one still reports is passed over.
    generation: u32,
    waiters: Vec<Waiter>,
}

#[derive(Clone, Copy, Debug)]
struct Waiter {
    request: u32,
    events: u32,
    counted: bool,
}

/// A request whose wait is over, and the events that ended it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fired {
    pub(super) request: u32,
    pub(super) events: u32,
}

/// How long a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Never,
    After(Duration),
}

impl Poller {
    pub(super) fn new(pool: &Clapper) -> io::Result<Poller> {
        // SAFETY: no memory is passed; the new descriptor has no other owner. Test: emulated::tests.
        let epoll = unsafe {
            match libc::epoll_create1(libc::EPOLL_CLOEXEC) {
                -1 => return Err(io::Error::last_os_error()),
                fd => OwnedFd::from_raw_fd(fd),
            }
        };
        // Edge-triggered: each strike is news, and nobody has to read the count.
        control(&epoll, libc::EPOLL_CTL_ADD, pool.fd(), (libc::EPOLLIN | libc::EPOLLET) as u32, POOL)?;
        let found = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX];
        Ok(Poller { epoll, watched: Vec::new(), waiting: 0, has_pwait2: true, found })
    }

    /// Has `request` fired once `fd` has one of `events`. `lasting`: the descriptor belongs to the shard; `counted`: somebody
    /// wants to hear of it though the shard does not sleep.
    pub(super) fn wait(
        &mut self,
        fd: RawFd,
        events: u32,
        request: u32,
        lasting: bool,
        counted: bool,
    ) -> io::Result<()> {
        let index = usize::try_from(fd).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
        if index >= self.watched.len() {
            self.watched.resize_with(index + 1, Watched::default);
        }
        let watched = &mut self.watched[index];
        watched.waiters.push(Waiter { request, events, counted });
        watched.lasting = lasting;
        if let Err(error) = watched.arm(&self.epoll, fd) {
            watched.waiters.pop();
            return Err(error);
        }
        self.waiting += usize::from(counted);
        Ok(())
    }

    /// The request waits no more.
    pub(super) fn leave(&mut self, fd: RawFd, request: u32) {
        let watched = &mut self.watched[fd as usize];
        let at = watched.waiters.iter().position(|waiter| waiter.request == request).expect("a request that waits");
        self.waiting -= usize::from(watched.waiters.swap_remove(at).counted);
        watched.forget_if_unwanted();
    }

    /// The descriptor is closed.
    pub(super) fn closed(&mut self, fd: RawFd) {
        let watched = usize::try_from(fd).ok().and_then(|index| self.watched.get_mut(index));
        if let Some(watched) = watched.filter(|watched| watched.waiters.is_empty()) {
            (watched.registered, watched.armed) = (false, 0);
        }
    }

    /// As on a kernel without it.
    #[cfg(test)]
    pub(super) fn forget_pwait2(&mut self) {
        self.has_pwait2 = false;
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Waits for events; those that requests wait for are added to `fired`.
    ///
    /// # Errors
    /// `Interrupted` by a signal.
    pub(super) fn poll(&mut self, limit: Limit, fired: &mut Vec<Fired>) -> io::Result<()> {
        let count = self.system_call(limit)?;
        for index in 0..count {
            let event = self.found[index];
            if event.u64 == POOL {
                continue;
            }
            let (fd, generation) = (event.u64 as u32 as RawFd, (event.u64 >> 32) as u32);
            let watched = &mut self.watched[fd as usize];
            if watched.generation == generation {
                let before = fired.len();
                self.waiting -= watched.fire(event.events, fired);
                watched.rearm(&self.epoll, fd, fired.len() == before);
            }
        }
        Ok(())
    }

    fn system_call(&mut self, limit: Limit) -> io::Result<usize> {
        let epoll = self.epoll.as_raw_fd();
        let limit = match limit {
            Limit::Never => None,
            Limit::After(limit) => Some(limit),
        };
        let timespec = limit.map(|limit| libc::timespec {
            tv_sec: limit.as_secs().min(1 << 32) as _,
            tv_nsec: limit.subsec_nanos() as _,
        });
        let timespec = timespec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let (found, most) = (self.found.as_mut_ptr(), self.found.len() as i32);
        if limit == Some(Duration::ZERO) || limit.is_none() {
            let limit = if limit.is_none() { -1 } else { 0 };
            // SAFETY: the kernel writes at most `most` events to the poller's own list, during the call. Test: emulated::tests.
            return result(unsafe { libc::epoll_wait(epoll, found, most, limit) });
        }
        if self.has_pwait2 {
            let no_mask = std::ptr::null::<libc::sigset_t>();
            // SAFETY: as above; the time is a local. Test: as above.
            let count = unsafe { libc::syscall(libc::SYS_epoll_pwait2, epoll, found, most, timespec, no_mask, 8) };
            match result(count as i32) {
                Err(error) if !matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBADF)) => {
                    self.has_pwait2 = false
                }
                done => return done,
            }
        }
        let mut look = libc::pollfd { fd: epoll, events: libc::POLLIN, revents: 0 };
        // SAFETY: both are locals that outlive the call. Test: as above.
        result(unsafe { libc::ppoll(&raw mut look, 1, timespec, std::ptr::null()) })?;
        // SAFETY: as above.
        result(unsafe { libc::epoll_wait(epoll, found, most, 0) })
    }
}

impl Watched {
    fn wanted(&self) -> u32 {
        self.waiters.iter().fold(0, |events, waiter| events | waiter.events)
    }

    /// Makes sure that all that is wanted is reported.
    fn arm(&mut self, epoll: &OwnedFd, fd: RawFd) -> io::Result<()> {
        let wanted = self.wanted();
        if self.armed != 0 && self.armed & wanted == wanted {
            return Ok(());
        }
        let once = if self.lasting { 0 } else { libc::EPOLLONESHOT as u32 };
        if self.registered {
            match control(epoll, libc::EPOLL_CTL_MOD, fd, wanted | once, self.data(fd)) {
                // The number means another file by now.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.armed = wanted;
                    return Ok(());
                }
            }
        }
        self.generation = self.generation.wrapping_add(1);
        match control(epoll, libc::EPOLL_CTL_ADD, fd, wanted | once, self.data(fd)) {
            // The number was closed and means the same open file again, which another descriptor has kept alive.
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                control(epoll, libc::EPOLL_CTL_MOD, fd, wanted | once, self.data(fd))?;
            }
            added => added?,
        }
        (self.registered, self.armed) = (true, wanted);
        Ok(())
    }

    fn data(&self, fd: RawFd) -> u64 {
        u64::from(self.generation) << 32 | u64::from(fd as u32)
    }

    /// Takes out those whose events have come; how many of them were counted.
    fn fire(&mut self, events: u32, fired: &mut Vec<Fired>) -> usize {
        let mut counted = 0;
        self.waiters.retain(|waiter| {
            let its = events & (waiter.events | ALWAYS);
            if its != 0 {
                counted += usize::from(waiter.counted);
                fired.push(Fired { request: waiter.request, events: its });
            }
            its == 0
        });
        counted
    }

    /// After news: what is still waited for is armed again; what has fired nobody reports no more.
    fn rearm(&mut self, epoll: &OwnedFd, fd: RawFd, in_vain: bool) {
        if !self.lasting {
            self.armed = 0;
            if !self.waiters.is_empty() {
                // It is open, since somebody waits.
                let _ = self.arm(epoll, fd);
            }
        } else if in_vain && self.waiters.is_empty() {
            // The level stays up until the shard looks, and would end each wait.
            let _ = control(epoll, libc::EPOLL_CTL_MOD, fd, 0, self.data(fd));
            self.armed = 0;
        }
    }

    fn forget_if_unwanted(&mut self) {
        if self.waiters.is_empty() && !self.lasting {
            // The kernel may report once more; nobody minds. But the number may come to mean another file.
            self.armed = 0;
        }
    }
}

fn result(count: i32) -> io::Result<usize> {
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

fn control(epoll: &OwnedFd, operation: i32, fd: RawFd, events: u32, data: u64) -> io::Result<()> {
    let mut event = libc::epoll_event { events, u64: data };
    // SAFETY: the event is a local, read during the call. Test: emulated::tests.
    let done = unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &raw mut event) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
