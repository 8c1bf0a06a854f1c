//! The connections of a listener, by one op for all of them.

use std::{
    future::poll_fn,
    io,
    marker::PhantomData,
    os::fd::OwnedFd,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_core::Stream;
use runtime_core::{
    alarm::{Alarm, Stage},
    coop,
    fd::Target,
    multishot::{Accepting, Arrival},
    op::{Connection, Resource},
    shard,
    slot::SlotFd,
};

use crate::{SlotStream, TcpListener, TcpStream, UnixListener, UnixStream, accept::Listener};

/// Connections that may lie untaken, if nothing else is asked for.
const LIMIT_DEFAULT: usize = 128;
/// The first wait after an error, doubled by each that follows.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The connections of a listener, one after the other: IORING_OP_ACCEPT, multishot, which takes one SQE for any number of
/// them. Made by `incoming()` of listeners.
///
/// Connections are accepted as they come, also while nobody asks for them, up to a [`limit`](Incoming::limit); the others
/// wait in the listener's backlog. `T`'s peer addresses cost a system call each: `T::peer_addr`.
///
/// **Errors do not end it**, but for those that mean that the socket does not listen (any more). Each is given once, and the
/// next connection is waited for 5 ms, 10 ms, ... at most 1 s later. After EMFILE, which is the usual one, the connection
/// still waits: close something.
///
/// ```no_run
/// # async fn example(listener: &runtime::net::TcpListener) -> std::io::Result<()> {
/// let mut incoming = listener.incoming();
/// while let Some(stream) = incoming.next().await {
///     let stream = stream?;
///     runtime::spawn(async move { stream.send_all("220 ready\r\n").await });
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
/// A dropped `next` has lost nothing. When the `Incoming` itself is dropped, connections that it has accepted and nobody has
/// taken are **closed**, and so are those that come before the kernel hears of it, with the shard's next submission:
/// [`stop`](Incoming::stop) it and take them, if their peers are to be served.
///
/// # Threads
/// `Send`, but bound to the shard that polled it first, until it is dropped.
#[derive(Debug)]
pub struct Incoming<T: Incomer> {
    accepting: Accepting<T::From>,
    target: Target,
    /// Set after an error.
    pause: Option<Pause>,
    /// The next pause; `PAUSE_MIN` after a connection.
    pause_next: Duration,
    over: bool,
    makes: PhantomData<fn() -> T>,
}

mod sealed {
    /// Keeps what connections can come as free to change.
    pub trait Sealed {}
}
use sealed::Sealed;

/// What a listener's connections come as: a stream, or the slot of one.
pub trait Incomer: Sealed {
    #[doc(hidden)]
    type From: Connection;

    #[doc(hidden)]
    fn made_from(connection: Self::From) -> Self;
}

impl Sealed for TcpStream {}
impl Sealed for UnixStream {}
impl<T> Sealed for SlotStream<T> {}

macro_rules! incomers {
    ($($stream:ty),+) => { $(
        impl Incomer for $stream {
            type From = OwnedFd;

            fn made_from(connection: OwnedFd) -> $stream {
                Resource::from_fd(connection)
            }
        }
    )+ };
}

incomers!(TcpStream, UnixStream);

impl<T: Resource> Incomer for SlotStream<T> {
    type From = SlotFd;

    fn made_from(connection: SlotFd) -> SlotStream<T> {
        SlotStream::new(connection)
    }
}

#[derive(Debug)]
struct Pause {
    until: Instant,
    alarm: Option<Alarm>,
}

/// Nothing is ever pinned in it.
impl<T: Incomer> Unpin for Incoming<T> {}

impl<T: Incomer> Incoming<T> {
    pub(crate) fn new(target: Target) -> Incoming<T> {
        let accepting = Accepting::new(target.clone(), LIMIT_DEFAULT);
        Incoming { accepting, target, pause: None, pause_next: PAUSE_MIN, over: false, makes: PhantomData }
    }

    /// How many connections may lie untaken before it stops accepting; 1 at least, default 128. What the kernel has
    /// accepted until it hears of that comes on top: as many as the completion queue holds at most.
    ///
    /// # Panics
    /// If it has been polled.
    pub fn limit(self, limit: usize) -> Incoming<T> {
        assert!(!self.accepting.has_begun(), "the limit of an Incoming was set after it was polled");
        Incoming { accepting: Accepting::new(self.target.clone(), limit), ..self }
    }

    /// The next connection, or why there is none now; `None` once it has ended, by [`stop`](Incoming::stop) or because the
    /// socket does not listen.
    ///
    /// # Errors
    /// Those of accept4(2).
    ///
    /// # Panics
    /// Outside a runtime, and on another shard than it was first polled on.
    ///
    /// # Cancel safety
    /// Dropped it has taken no connection.
    ///
    /// # Cost
    /// No SQE, system call or allocation for a connection that has come.
    pub async fn next(&mut self) -> Option<io::Result<T>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Incoming::next), inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for `next`.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<T>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let budget = ready!(coop::poll_proceed(cx));
        ready!(self.poll_pause(cx));
        let arrival = ready!(self.accepting.poll_next(cx));
        budget.made();
        Poll::Ready(match arrival {
            Arrival::Connection(fd) => {
                self.pause_next = PAUSE_MIN;
                Some(Ok(T::made_from(fd)))
            }
            Arrival::Stopped => {
                self.over = true;
                None
            }
            Arrival::Failed(error) => {
                self.over = does_not_listen(&error);
                self.pause = Some(Pause { until: now() + self.pause_next, alarm: None });
                self.pause_next = (self.pause_next * 2).min(PAUSE_MAX);
                Some(Err(error))
            }
        })
    }

    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(Pause { until, alarm }) = &mut self.pause else { return Poll::Ready(()) };
        let waits = match alarm {
            Some(alarm) => alarm.update(cx) == Stage::Set,
            None => false,
        };
        if !waits && now() < *until {
            *alarm = Alarm::set(*until, cx.waker());
            return Poll::Pending;
        }
        if waits {
            return Poll::Pending;
        }
        self.pause = None;
        Poll::Ready(())
    }

    /// Accepts no more. [`next`](Incoming::next) gives the connections that have been accepted by then, and after them `None`;
    /// those in the backlog stay there for the listener's next `accept`.
    pub fn stop(&mut self) {
        self.pause = None;
        self.accepting.stop();
    }
}

impl<T: Incomer> Stream for Incoming<T> {
    type Item = io::Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<T>>> {
        Incoming::poll_next(self.get_mut(), cx)
    }
}

/// The time that the shard's timers go by.
fn now() -> Instant {
    shard::with_current(|shard| shard.clock().now()).unwrap_or_else(Instant::now)
}

fn does_not_listen(error: &io::Error) -> bool {
    let ends = [libc::EBADF, libc::EINVAL, libc::ENOTSOCK, libc::EOPNOTSUPP];
    error.raw_os_error().is_some_and(|errno| ends.contains(&errno))
}

macro_rules! incoming {
    ($($listener:ty => $stream:ty),+ $(,)?) => { $(
        impl $listener {
            /// The connections one after the other, accepted by one op for all of them: see [`Incoming`].
            ///
            /// What an `accept` beside it takes, it does not see, and the other way round.
            pub fn incoming(&self) -> Incoming<$stream> {
                Incoming::new(Listener::target(self))
            }

            /// As [`incoming`](Self::incoming), into direct descriptor slots that the kernel chooses of those that
            /// `Builder::accept_slots` sets aside: a connection takes no place in the process's table of descriptors, and
            /// each op on it saves the look there. They serve ops and plans only.
            ///
            /// # Errors
            /// Of its `next`, beside the others: `InvalidInput` if no slots were set aside. ENFILE if all are taken; the
            /// kernel has closed that connection then, so set aside as many as there may be connections, and those that
            /// may lie untaken, at once.
            pub fn incoming_slots(&self) -> Incoming<SlotStream<$stream>> {
                Incoming::new(Listener::target(self))
            }
        }
    )+ };
}

incoming!(TcpListener => TcpStream, UnixListener => UnixStream);
