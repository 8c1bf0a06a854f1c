//! When a descriptor can be read from or written to: for calls that are made without blocking, and wait if they would have.
//!
//! Nothing is kept between waits, but for reads of sockets ([`Readiness::poll_read_edge`], see `edges`). Each task that waits has a poll op of its own, on the shard that it runs on, and the
//! kernel looks at the descriptor itself when that op starts. So no readiness can be missed or out of date for longer than
//! it takes to try, there is nothing to clear after a call that would have blocked, and any number of tasks on any shards
//! can wait for one descriptor. A wait that is dropped takes its op with it. A poll op holds a share of the descriptor
//! until its CQE, so that one closed while it is polled keeps its number for that long.
//!
//! The price is one SQE per wait, where epoll has one system call per descriptor and then keeps account of readiness. A
//! call that finds data at once costs no wait; that is why everything here tries first.

mod interest;
mod ready;
#[cfg(test)]
mod tests;

use std::{
    future::{Future, poll_fn},
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
    pin::Pin,
    sync::{Mutex, OnceLock, PoisonError},
    task::{Context, Poll, ready},
};

use crate::{
    coop,
    edges::Edge,
    fd::{SharedFd, Target},
    future::Io,
    op::{self, Polled, poll_any},
    plan::One,
    shard,
};

pub use interest::Interest;
pub use ready::Ready;

type PollOp = Io<One<op::Poll>>;

/// The readiness of one descriptor, for any number of tasks on any shards.
#[derive(Debug)]
pub struct Readiness {
    polled: Polled,
    /// Made at the first wait that needs it: most connections have none, and there are many.
    waits: OnceLock<Box<Waits>>,
    /// The registration of [`poll_read_edge`](Readiness::poll_read_edge), with the shard that polled last.
    edge: Mutex<Option<Edge>>,
}

/// The waits inside polls.
#[derive(Debug, Default)]
struct Waits {
    /// The op of the task that last asked by `poll_read_ready`. It is taken out while it is polled, so that no waker is
    /// touched under the lock; of two tasks that poll at once the later to put its op back stays, the other's is cancelled.
    reader: Mutex<Option<PollOp>>,
    /// As `reader`, for writes.
    writer: Mutex<Option<PollOp>>,
}

/// One of them.
type Direction = fn(&Waits) -> &Mutex<Option<PollOp>>;

const READER: Direction = |waits| &waits.reader;
const WRITER: Direction = |waits| &waits.writer;

impl Readiness {
    /// The readiness of a descriptor that the waits share.
    pub fn new(fd: &SharedFd) -> Readiness {
        Readiness::of(Polled::Target(Target::from(fd)))
    }

    /// The readiness of a descriptor that somebody else owns. Whoever waits after the owner has closed it is told about
    /// whatever has the number then, or gets EBADF.
    pub fn of_number(fd: RawFd) -> Readiness {
        Readiness::of(Polled::Number(fd))
    }

    fn of(polled: Polled) -> Readiness {
        Readiness { polled, waits: OnceLock::new(), edge: Mutex::default() }
    }

    /// Waits until what is asked for holds.
    ///
    /// # Errors
    /// EBADF if the descriptor is not open.
    ///
    /// # Panics
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    /// Nothing is taken from the descriptor; dropping it cancels its op.
    pub fn ready(&self, interest: Interest) -> WhenReady<'_> {
        WhenReady { readiness: self, interest, op: None }
    }

    /// Says whether the descriptor can be read from; if not, wakes the task when it can. Only the task that asked last is
    /// woken.
    ///
    /// # Errors
    /// As for [`ready`](Readiness::ready).
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.poll_last(READER, Interest::READABLE, cx)
    }

    /// As [`poll_read_ready`](Readiness::poll_read_ready), for writes.
    ///
    /// # Errors
    /// As for [`ready`](Readiness::ready).
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.poll_last(WRITER, Interest::WRITABLE, cx)
    }

    fn poll_last(&self, direction: Direction, interest: Interest, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        let slot = direction(self.waits.get_or_init(Box::default));
        let lock = || slot.lock().unwrap_or_else(PoisonError::into_inner);
        let mut op = lock().take();
        let polled = self.poll_op(&mut op, interest, cx);
        if let Some(op) = op {
            let displaced = lock().replace(op);
            drop(displaced);
        }
        polled
    }

    /// Polls the op, or a new one in place of none and of one that is bound to another shard.
    fn poll_op(&self, op: &mut Option<PollOp>, interest: Interest, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        op.take_if(|op| op.is_elsewhere());
        let polling = op.get_or_insert_with(|| poll_any(self.polled.clone(), interest.events()));
        let events = ready!(Pin::new(polling).poll(cx));
        *op = None;
        Poll::Ready(events.map(|events| interest.of(Ready::of_events(events))))
    }

    /// Calls `f`, which must not block, until it does something else than fail with `WouldBlock`; waits in between.
    ///
    /// # Errors
    /// Those of `f` and of [`ready`](Readiness::ready).
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has done nothing: `f` would have blocked.
    pub async fn async_io<R>(&self, interest: Interest, mut f: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        loop {
            if let Some(done) = poll_fn(|cx| attempt(cx, &mut f)).await {
                return done;
            }
            self.ready(interest).await?;
        }
    }

    /// As [`async_io`](Readiness::async_io) for a read inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for [`async_io`](Readiness::async_io).
    pub fn poll_read_io<R>(&self, cx: &mut Context<'_>, f: impl FnMut() -> io::Result<R>) -> Poll<io::Result<R>> {
        self.poll_io(READER, Interest::READABLE, cx, f)
    }

    /// As [`async_io`](Readiness::async_io) for a write inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for [`async_io`](Readiness::async_io).
    pub fn poll_write_io<R>(&self, cx: &mut Context<'_>, f: impl FnMut() -> io::Result<R>) -> Poll<io::Result<R>> {
        self.poll_io(WRITER, Interest::WRITABLE, cx, f)
    }

    fn poll_io<R>(
        &self,
        direction: Direction,
        interest: Interest,
        cx: &mut Context<'_>,
        mut f: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        // Callers such as hyper poll again and again while nothing has come: as long as the wait that the last attempt has
        // begun is under way, another one would be a system call for nothing.
        let waits = |waits: &Waits| direction(waits).lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let mut waits = self.waits.get().is_some_and(|all| waits(all));
        loop {
            if waits {
                ready!(self.poll_last(direction, interest, cx))?;
            }
            if let Some(done) = ready!(attempt(cx, &mut f)) {
                return Poll::Ready(done);
            }
            waits = true;
        }
    }

    /// As [`poll_read_io`](Readiness::poll_read_io), for sockets that are read often: what arrives is told by the shard's
    /// epoll, see `edges`. `took_all` says of a result that nothing was left behind it.
    ///
    /// # Errors
    /// As for [`async_io`](Readiness::async_io).
    pub fn poll_read_edge<R>(
        &self,
        cx: &mut Context<'_>,
        took_all: impl Fn(&R) -> bool,
        mut f: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let polled = shard::with_current(|shard| {
            let lock = || self.edge.lock().unwrap_or_else(PoisonError::into_inner);
            let known = lock().as_ref().and_then(|edge| edge.on(shard));
            if let Some(key) = known
                && !shard.edges.may_be_readable(key)
            {
                shard.edges.wait(key, cx.waker());
                return Some(Poll::Pending);
            }
            let attempted = match attempt(cx, &mut f) {
                Poll::Pending => return Some(Poll::Pending),
                Poll::Ready(attempted) => attempted,
            };
            if let Some(done) = attempted {
                if let (Some(key), Ok(result)) = (known, &done)
                    && took_all(result)
                {
                    shard.edges.found_less(key);
                }
                return Some(Poll::Ready(done));
            }
            let key = match known {
                Some(key) => key,
                None => {
                    let edge = shard.edges.add(shard, self.polled.number()).ok()?;
                    let key = edge.on(shard);
                    let old = lock().replace(edge);
                    drop(old);
                    key?
                }
            };
            shard.edges.found_nothing(key);
            shard.edges.wait(key, cx.waker());
            Some(Poll::Pending)
        });
        // Without a shard, or an epoll that takes the socket, as other waits.
        polled.flatten().unwrap_or_else(|| self.poll_read_io(cx, f))
    }

    /// What of `interest` holds now: poll(2) without waiting, one system call. Empty if nothing does.
    ///
    /// # Errors
    /// EBADF if the descriptor is not open.
    pub fn now(&self, interest: Interest) -> io::Result<Ready> {
        let mut poll =
            libc::pollfd { fd: self.polled.number(), events: interest.events() as libc::c_short, revents: 0 };
        loop {
            // SAFETY: one entry, a local, written during the call. Test: runtime/tests/async_fd.rs.
            match unsafe { libc::poll(&raw mut poll, 1, 0) } {
                0 => return Ok(Ready::EMPTY),
                1 if poll.revents & libc::POLLNVAL != 0 => return Err(io::Error::from_raw_os_error(libc::EBADF)),
                1 => return Ok(interest.of(Ready::of_events(u32::from(poll.revents as u16)))),
                _ => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
            }
        }
    }
}

/// One call, at the price of a unit of the task's budget if it does something. `None`: it would have blocked.
fn attempt<R>(cx: &mut Context<'_>, f: &mut impl FnMut() -> io::Result<R>) -> Poll<Option<io::Result<R>>> {
    let budget = ready!(coop::poll_proceed(cx));
    match f() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Ready(None),
        done => {
            budget.made();
            Poll::Ready(Some(done))
        }
    }
}

/// See [`Readiness::ready`]. It may move between shards while it waits.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct WhenReady<'a> {
    readiness: &'a Readiness,
    interest: Interest,
    op: Option<PollOp>,
}

impl Future for WhenReady<'_> {
    type Output = io::Result<Ready>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        let WhenReady { readiness, interest, op } = &mut *self;
        readiness.poll_op(op, *interest, cx)
    }
}

/// Fails if waiting for a descriptor makes no sense because it is always ready, as regular files are: what epoll says of
/// it. One system call for sockets and pipes, four for others.
///
/// # Errors
/// EPERM if it cannot be waited for, EBADF if it is not open; EMFILE, ENFILE, ENOMEM.
pub fn check_pollable(fd: RawFd) -> io::Result<()> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the kernel writes a whole `stat`, a local, during the call. Test: runtime/tests/async_fd.rs.
    if unsafe { libc::fstat(fd, stat.as_mut_ptr()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: fstat succeeded, so it is written. Test: as above.
    let kind = unsafe { stat.assume_init() }.st_mode & libc::S_IFMT;
    if kind == libc::S_IFSOCK || kind == libc::S_IFIFO {
        return Ok(());
    }
    // SAFETY: no memory is passed. Test: as above.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    if epoll < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor without another owner. Test: as above.
    let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: the event is a local, read during the call. Test: as above.
    if unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
