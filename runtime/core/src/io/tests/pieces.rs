//! Streams that follow a script, and what the tests run their calls with.

use std::{
    collections::VecDeque,
    future::Future,
    io::{self, ErrorKind, IoSlice, SeekFrom},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
};

use crate::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// What a stream does next. Behind its last step a reader is at its end, and a writer takes all it is given.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Gives these bytes, as far as there is room.
    Give(&'static [u8]),
    /// Takes up to so many bytes.
    Accept(usize),
    /// Is pending, and wakes the task.
    Wait,
    /// Fails.
    Fail(ErrorKind),
}

/// A stream that follows its script.
#[derive(Debug, Default)]
pub struct Script {
    steps: VecDeque<Step>,
    /// What a reader has to give of its present step.
    bytes: &'static [u8],
    /// What a writer has taken.
    pub taken: Vec<u8>,
    /// How many writes were offered more than one slice.
    pub vectored: usize,
    /// Says that it is good at vectored writes.
    pub likes_vectored: bool,
    pub flushes: usize,
    pub shutdowns: usize,
    /// What seeks have done.
    pub seeks: Vec<SeekFrom>,
}

impl Script {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Script {
        Script { steps: steps.into_iter().collect(), ..Script::default() }
    }

    /// A writer that says it is good at vectored writes.
    pub fn vectored(steps: impl IntoIterator<Item = Step>) -> Script {
        Script { likes_vectored: true, ..Script::new(steps) }
    }

    /// Carries out waits and failures; ready at any other step, or at the end.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.steps.front() {
            Some(Step::Wait) => {
                self.steps.pop_front();
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(&Step::Fail(kind)) => {
                self.steps.pop_front();
                Poll::Ready(Err(kind.into()))
            }
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for Script {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let available = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = available.len().min(buf.remaining());
        buf.put_slice(&available[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Script {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let me = self.get_mut();
        if me.bytes.is_empty() {
            ready!(me.poll_step(cx))?;
            if let Some(Step::Give(bytes)) = me.steps.pop_front() {
                me.bytes = bytes;
            }
        }
        Poll::Ready(Ok(me.bytes))
    }

    fn consume(mut self: Pin<&mut Self>, amt: usize) {
        self.bytes = &self.bytes[amt..];
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_step(cx))?;
        let count = match self.steps.pop_front() {
            Some(Step::Accept(count)) => count.min(buf.len()),
            _ => buf.len(),
        };
        self.taken.extend_from_slice(&buf[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_step(cx))?;
        self.flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_step(cx))?;
        self.shutdowns += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.vectored += usize::from(bufs.len() > 1);
        self.poll_write(cx, &bufs.iter().flat_map(|buf| buf.iter().copied()).collect::<Vec<u8>>())
    }

    fn is_write_vectored(&self) -> bool {
        self.likes_vectored
    }
}

impl AsyncSeek for Script {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.seeks.push(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        ready!(self.poll_step(cx))?;
        Poll::Ready(Ok(self.seeks.len() as u64))
    }
}

/// The same bytes cut in every way: at once, in pieces of one and three, with waits and interruptions in between.
pub fn readers(bytes: &'static [u8]) -> Vec<Script> {
    let mut all = Vec::new();
    for piece in [1, 3, usize::MAX] {
        for between in [&[][..], &[Step::Wait], &[Step::Fail(ErrorKind::Interrupted)], &[Step::Wait, Step::Wait]] {
            let pieces = bytes.chunks(piece.min(bytes.len().max(1)));
            let steps = pieces.flat_map(|piece| between.iter().copied().chain([Step::Give(piece)]));
            all.push(Script::new(steps.chain(between.iter().copied())));
        }
    }
    all
}

/// Writers that take all, in every way.
pub fn writers() -> Vec<Script> {
    let mut all = Vec::new();
    for likes_vectored in [false, true] {
        for accept in [1, 3, usize::MAX] {
            for between in [&[][..], &[Step::Wait], &[Step::Fail(ErrorKind::Interrupted)], &[Step::Wait, Step::Wait]] {
                let steps = between.iter().copied().chain([Step::Accept(accept)]);
                let mut writer = Script::new(std::iter::repeat_n(steps, 100).flatten());
                writer.likes_vectored = likes_vectored;
                all.push(writer);
            }
        }
    }
    all
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls until done. Nobody else could wake it: a future that is pending unwoken would hang.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        let before = wakes.0.load(Ordering::Relaxed);
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => assert!(wakes.0.load(Ordering::Relaxed) > before, "pending, and nobody will wake it"),
        }
    }
}

/// Polls `times` times, each of them pending, then drops the future.
pub fn drop_after(times: usize, future: impl Future) {
    let mut future = pin!(future);
    for _ in 0..times {
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}

/// The kind of the error that this is.
#[track_caller]
pub fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> ErrorKind {
    result.expect_err("an error").kind()
}
