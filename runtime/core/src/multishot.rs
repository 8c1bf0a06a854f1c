//! Streams of results out of one op each: connections of a listener, bytes of a connection.
//!
//! An op gives results until it ends. Why it has ended tells what is next: it was stopped because too much lay untaken, or
//! the kernel had no room for another CQE (another op is started once all is taken); the pool was empty (another one once
//! buffers come back); or this is the end.

mod accepting;
mod receiving;

pub use accepting::{Accepting, Arrival};
pub use receiving::Receiving;

use std::{
    collections::VecDeque,
    io, iter,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{
    future::Io,
    op::{Completion, Op},
    plan::One,
    shots::Shots,
};

/// What an op that gives many results comes to.
#[derive(Debug)]
pub struct Ended<T> {
    /// What has come and was not taken.
    rest: VecDeque<T>,
    /// The last CQE's result.
    result: io::Result<u32>,
}

impl<T> Ended<T> {
    /// `take` takes the results out of what the completion brings.
    pub(crate) fn new(completion: Completion, take: impl Fn(&mut Shots) -> Option<T>) -> Ended<T> {
        let mut rest = VecDeque::new();
        if let Some(mut shots) = completion.shots {
            rest.extend(iter::from_fn(|| take(&mut shots)));
        }
        Ended { rest, result: completion.result }
    }
}

/// One result, or the op's end.
enum Next<T> {
    Shot(T),
    End(io::Result<u32>),
}

/// The op of a stream, one after the other.
#[derive(Debug)]
enum Series<O: Op<Output = Ended<T>>, T> {
    /// No op yet, or no more.
    Idle,
    Running(Io<One<O>>),
    Ended(Ended<T>),
}

impl<O: Op<Output = Ended<T>>, T> Series<O, T> {
    /// The next result, by `take` out of what has come. Without an op, `start` makes one.
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        start: impl FnOnce() -> O,
        take: impl Fn(&mut Shots) -> Option<T>,
    ) -> Poll<Next<T>> {
        if let Series::Idle = self {
            *self = Series::Running(Io::new(One::new(start())));
        }
        if let Series::Running(op) = self
            && let Some(shot) = op.with_shots(take)
        {
            return Poll::Ready(Next::Shot(shot));
        }
        ready!(self.poll_end(cx));
        match self.take_rest() {
            Some(shot) => Poll::Ready(Next::Shot(shot)),
            None => match std::mem::replace(self, Series::Idle) {
                Series::Ended(ended) => Poll::Ready(Next::End(ended.result)),
                Series::Idle | Series::Running(_) => unreachable!("its end was waited for"),
            },
        }
    }

    /// Of what an ended op has left behind.
    fn take_rest(&mut self) -> Option<T> {
        match self {
            Series::Ended(ended) => ended.rest.pop_front(),
            Series::Idle | Series::Running(_) => None,
        }
    }

    /// Waits for the end of the op; to be asked for it once by [`ask_stop`](Series::ask_stop).
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Series::Running(op) = self {
            let ended = ready!(Pin::new(op).poll(cx));
            *self = Series::Ended(ended);
        }
        Poll::Ready(())
    }

    fn ask_stop(&mut self) {
        if let Series::Running(op) = self {
            op.ask_cancel();
        }
    }

    /// The result of the op that was stopped, all of whose results are taken; being stopped is no error.
    fn stopped(&mut self) -> io::Result<()> {
        match std::mem::replace(self, Series::Idle) {
            Series::Ended(Ended { result: Err(error), .. }) if !goes_on(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// True of errors after which another op can be started at once or later, as if nothing had happened.
fn goes_on(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ECANCELED | libc::ENOBUFS | libc::EINTR | libc::EAGAIN))
}
