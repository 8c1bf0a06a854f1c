//! A blocking stream that goes to a thread of the pool with each errand, and comes back with what came of it.

use std::{
    fmt,
    future::Future,
    io::{self, IoSlice, Read, Write},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{
    io::ReadBuf,
    task::{JoinHandle, spawn_blocking},
};

/// Most bytes of one errand. A caller that brings more, or asks for more, gets a part.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// A stream with blocking calls, behind polls. One errand is under way at most, so all happens in order.
pub(super) struct HandOver<T> {
    state: State<T>,
    /// There was a write since the last flush was sent.
    unflushed: bool,
}

/// Where the stream is.
enum State<T> {
    Here(Stream<T>),
    /// With a thread; its result is looked at by whatever call comes next.
    Away(JoinHandle<(Stream<T>, io::Result<()>)>),
    /// The pool was shut down, or the stream's own code has panicked.
    Lost,
}

/// The stream, and the bytes of its errand.
struct Stream<T> {
    inner: T,
    /// To be written; or read, of which `bytes[given..]` has yet to be given to the caller.
    bytes: Vec<u8>,
    given: usize,
}

impl<T: Send + 'static> HandOver<T> {
    pub(super) fn new(inner: T) -> HandOver<T> {
        HandOver { state: State::Here(Stream { inner, bytes: Vec::new(), given: 0 }), unflushed: false }
    }

    /// Waits for the stream, and gives the result of the errand that it comes from; at once if it is here.
    fn poll_back(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut Stream<T>>> {
        if let State::Away(errand) = &mut self.state {
            let (state, result) = match ready!(Pin::new(errand).poll(cx)) {
                Ok((stream, result)) => (State::Here(stream), result),
                Err(error) => (State::Lost, Err(error.into())),
            };
            self.state = state;
            result?;
        }
        Poll::Ready(match &mut self.state {
            State::Here(stream) => Ok(stream),
            _ => Err(io::Error::other("the thread that had this stream has not brought it back")),
        })
    }

    /// Lets the stream, which must be here, go on an errand; the caller sets the state.
    fn leave(&mut self) -> Stream<T> {
        match mem::replace(&mut self.state, State::Lost) {
            State::Here(stream) => stream,
            _ => unreachable!("an errand is sent with a stream that is here"),
        }
    }
}

impl<T: Read + Send + 'static> HandOver<T> {
    /// A Pending read brings its bytes to whichever read comes next.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let has_read = matches!(self.state, State::Away(_));
            let stream = ready!(self.poll_back(cx))?;
            let rest = &stream.bytes[stream.given..];
            if has_read || !rest.is_empty() {
                let count = rest.len().min(buf.remaining());
                buf.put_slice(&rest[..count]);
                stream.given += count;
                return Poll::Ready(Ok(()));
            }
            let count_max = buf.remaining().min(BYTES_MAX);
            let mut stream = self.leave();
            self.state = State::Away(spawn_blocking(move || {
                let result = stream.read(count_max);
                (stream, result)
            }));
        }
    }
}

impl<T: Write + Send + 'static> HandOver<T> {
    /// Takes the bytes once the write before is done. If that failed, this is its error, and nothing is taken.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let stream = ready!(self.poll_back(cx))?;
        stream.bytes.clear();
        for buf in bufs {
            let room = BYTES_MAX - stream.bytes.len();
            let taken = whole_characters(buf, room);
            stream.bytes.extend_from_slice(taken);
            if taken.len() < buf.len() {
                break;
            }
        }
        let count = stream.bytes.len();
        if count > 0 {
            self.unflushed = true;
            let promised = Promised(Some(self.leave()));
            self.state = State::Away(spawn_blocking(move || promised.keep()));
        }
        Poll::Ready(Ok(count))
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_back(cx))?;
            if !mem::replace(&mut self.unflushed, false) {
                return Poll::Ready(Ok(()));
            }
            let mut stream = self.leave();
            self.state = State::Away(spawn_blocking(move || {
                let result = stream.inner.flush();
                (stream, result)
            }));
        }
    }
}

impl<T: Read> Stream<T> {
    /// One read of up to `count_max` bytes, in the place of those that were given.
    fn read(&mut self, count_max: usize) -> io::Result<()> {
        self.given = 0;
        self.bytes.resize(count_max, 0);
        let result = loop {
            match self.inner.read(&mut self.bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.bytes.truncate(*result.as_ref().unwrap_or(&0));
        result.map(drop)
    }
}

/// A write that the caller counts as done. A pool that is shut down before a thread has taken it drops it: then it is done
/// on the spot, so that a program may print and end.
struct Promised<T: Write>(Option<Stream<T>>);

impl<T: Write> Promised<T> {
    fn keep(mut self) -> (Stream<T>, io::Result<()>) {
        let mut stream = self.0.take().expect("taken here or in drop");
        let result = stream.inner.write_all(&stream.bytes);
        (stream, result)
    }
}

impl<T: Write> Drop for Promised<T> {
    fn drop(&mut self) {
        if let Some(mut stream) = self.0.take() {
            let _nobody_is_left_to_ask = stream.inner.write_all(&stream.bytes);
        }
    }
}

/// The first `count_max` bytes, or up to three less, so that no character of a text is cut: what others write to the same
/// place may come between two errands.
fn whole_characters(bytes: &[u8], count_max: usize) -> &[u8] {
    if bytes.len() <= count_max {
        return bytes;
    }
    let starts_character = |&end: &usize| bytes[end] & 0b1100_0000 != 0b1000_0000;
    let end = (count_max.saturating_sub(3)..=count_max).rev().find(starts_character);
    // No text; or no room for a character, of which a later errand brings all.
    &bytes[..end.unwrap_or(count_max)]
}

impl<T> fmt::Debug for HandOver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, waiting) = match &self.state {
            State::Here(stream) => ("here", stream.bytes.len() - stream.given),
            State::Away(_) => ("away", 0),
            State::Lost => ("lost", 0),
        };
        f.debug_struct("HandOver").field("stream", &place).field("bytes", &waiting).finish()
    }
}

#[cfg(test)]
mod tests;
