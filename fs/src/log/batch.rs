//! Group commit: records gather while a sync runs, and the next write and sync is for all of them.

use std::{
    future::poll_fn,
    io, mem,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use runtime_core::{buf::IoBuf, fd::SharedFd, op, sync::Semaphore};

use super::frame::Header;

/// What all handles of a log, its appends and its writer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) fd: SharedFd,
    pub(super) header: Header,
    pub(super) record_max: usize,
    /// Bytes for which the gathering batch has room.
    pub(super) room: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Where the next record goes.
    end: u64,
    /// What is safe on the device.
    durable: u64,
    gathering: Batch,
    /// Being written and synced.
    committing: Vec<Option<Waker>>,
    writer: Option<Waker>,
    handles: usize,
    /// Why there is no more to be had from this log.
    closed: Option<(io::ErrorKind, String)>,
}

#[derive(Debug, Default)]
struct Batch {
    number: u64,
    bytes: Vec<u8>,
    waiting: Vec<Option<Waker>>,
}

/// A record that has been given its place.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) place: u64,
    end: u64,
    batch: u64,
    /// Its place among those who wait for the batch.
    index: Option<usize>,
}

impl Shared {
    pub(super) fn new(fd: SharedFd, header: Header, record_max: usize, end: u64) -> Shared {
        let gathering = Batch { number: 1, ..Batch::default() };
        let (committing, writer) = (Vec::new(), None);
        let state = State { end, durable: end, gathering, committing, writer, handles: 1, closed: None };
        let room = Semaphore::new(header.batch_max as usize);
        Shared { fd, header, record_max, room, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of what is on the device.
    pub(super) fn durable(&self) -> u64 {
        self.state().durable
    }

    pub(super) fn closed(&self) -> Option<io::Error> {
        self.state().closed.as_ref().map(error)
    }

    pub(super) fn add_handle(&self) {
        self.state().handles += 1;
    }

    pub(super) fn drop_handle(&self) {
        let mut state = self.state();
        state.handles -= 1;
        let writer = if state.handles == 0 { state.writer.take() } else { None };
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    /// Puts a record into the batch that gathers. The caller has got room for it.
    pub(super) fn place(&self, bytes: &[u8]) -> io::Result<Placed> {
        let mut state = self.state();
        if let Some(closed) = &state.closed {
            return Err(error(closed));
        }
        let place = state.end;
        let prefix = self.header.prefix(place, bytes);
        let batch = &mut state.gathering;
        batch.bytes.extend_from_slice(&prefix);
        batch.bytes.extend_from_slice(bytes);
        let number = batch.number;
        state.end += (prefix.len() + bytes.len()) as u64;
        let (end, writer) = (state.end, state.writer.take());
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        Ok(Placed { place, end, batch: number, index: None })
    }

    /// Ready once the record is on the device, or will not come there.
    pub(super) fn poll_durable(&self, placed: &mut Placed, waker: &Waker) -> Poll<io::Result<()>> {
        // No waker is cloned or dropped under the lock.
        let waker = waker.clone();
        let mut guard = self.state();
        let state = &mut *guard;
        if state.durable >= placed.end {
            return Poll::Ready(Ok(()));
        }
        if let Some(closed) = &state.closed {
            return Poll::Ready(Err(error(closed)));
        }
        let waiting =
            if placed.batch == state.gathering.number { &mut state.gathering.waiting } else { &mut state.committing };
        let old = match placed.index {
            Some(index) => waiting[index].replace(waker),
            None => {
                placed.index = Some(waiting.len());
                waiting.push(Some(waker));
                None
            }
        };
        drop(guard);
        drop(old);
        Poll::Pending
    }

    /// Closes the log for good, and tells all who wait.
    pub(super) fn close(&self, kind: io::ErrorKind, why: String) {
        let mut state = self.state();
        state.closed.get_or_insert((kind, why));
        let mut wakers = mem::take(&mut state.committing);
        wakers.append(&mut state.gathering.waiting);
        drop(state);
        self.room.close();
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Takes what has gathered; `None` once nothing has and nobody is left to append.
    async fn next_batch(&self, spare: &mut Vec<u8>) -> Option<(u64, u64)> {
        let taken = poll_fn(|cx| {
            let waker = cx.waker().clone();
            let mut state = self.state();
            if state.gathering.bytes.is_empty() {
                if state.handles == 0 {
                    drop(state);
                    return Poll::Ready(None);
                }
                let old = state.writer.replace(waker);
                drop(state);
                drop(old);
                return Poll::Pending;
            }
            let state = &mut *state;
            spare.clear();
            mem::swap(spare, &mut state.gathering.bytes);
            mem::swap(&mut state.committing, &mut state.gathering.waiting);
            state.gathering.number += 1;
            Poll::Ready(Some((state.end - spare.len() as u64, state.end)))
        })
        .await;
        if taken.is_some() {
            self.room.add_permits(spare.len());
        }
        taken
    }

    fn committed(&self, end: u64, wakers: &mut Vec<Option<Waker>>) {
        let mut state = self.state();
        state.durable = end;
        mem::swap(&mut state.committing, wakers);
        drop(state);
        wakers.drain(..).flatten().for_each(Waker::wake);
    }
}

fn error((kind, why): &(io::ErrorKind, String)) -> io::Error {
    io::Error::new(*kind, why.clone())
}

/// Writes and syncs batch after batch, until the last handle is gone or something fails.
pub(super) async fn write_batches(shared: std::sync::Arc<Shared>) {
    let end = Ends(shared);
    let shared = &end.0;
    let (mut bytes, mut wakers) = (Vec::new(), Vec::new());
    while let Some((start, stop)) = shared.next_batch(&mut bytes).await {
        let written;
        (written, bytes) = write_all(&shared.fd, bytes, start).await;
        let done = match written {
            Ok(()) => op::sync_data(&shared.fd).await.map_err(|error| ("sync", error)),
            Err(error) => Err(("write", error)),
        };
        if let Err((what, error)) = done {
            shared.close(error.kind(), format!("the log is closed: a {what} failed: {error}; open it again"));
            return;
        }
        shared.committed(stop, &mut wakers);
    }
}

/// However the writer ends, nobody waits for it for ever.
struct Ends(std::sync::Arc<Shared>);

impl Drop for Ends {
    fn drop(&mut self) {
        let why = "the log is closed: the runtime that it was opened on has ended";
        self.0.close(io::ErrorKind::BrokenPipe, why.into());
    }
}

/// Writes all of `bytes`, in as many steps as the kernel takes.
pub(crate) async fn write_all(fd: &SharedFd, mut bytes: Vec<u8>, offset: u64) -> (io::Result<()>, Vec<u8>) {
    let mut done = 0;
    while done < bytes.len() {
        let (result, piece) = op::write_at(fd, bytes.slice(done..), offset + done as u64).await;
        bytes = piece.into_inner();
        match result {
            Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), bytes),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (Err(error), bytes),
        }
    }
    (Ok(()), bytes)
}
