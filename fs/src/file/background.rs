//! What a cursor leaves to others when it is not done on the spot: a read to an op, a write to a thread of the pool.
//!
//! The op is a task's, since the file may be polled on another shard than the one that the read began on. A write is
//! not an op: a shard that shuts down cancels its ops, and a write that the caller counts as done has to be done.
//! The kernel would give a buffered write to a thread of its own in any case.

use std::io::{self, Seek, SeekFrom, Write};

use runtime_core::{blocking, fd::SharedFd, op, shard, sync::CancellationToken, task::JoinHandle, trace::Place};

/// The bytes that were read, or written and can be used again, and how it went.
pub(super) type Ended = (Vec<u8>, io::Result<()>);

/// Reads up to `len_max` bytes at the file's own position.
///
/// # Panics
/// Outside a runtime.
pub(super) fn read(fd: &SharedFd, bytes: Vec<u8>, len_max: usize) -> JoinHandle<Ended> {
    let read = read_once(fd.clone(), bytes, len_max);
    let task = shard::with_current(|shard| shard.spawn_at(read, Place::of_caller()));
    task.expect("a file was read outside a runtime; use #[runtime::main] or Runtime::block_on")
}

async fn read_once(fd: SharedFd, mut bytes: Vec<u8>, len_max: usize) -> Ended {
    // An empty vector's capacity is what an op fills: no zeroes are written first, and no more is read than was asked for.
    bytes.clear();
    if bytes.capacity() > len_max {
        bytes = Vec::new();
    }
    bytes.reserve_exact(len_max);
    loop {
        let (result, filled) = op::read_next(&fd, bytes).await;
        bytes = filled;
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => bytes.clear(),
            Err(error) => return (Vec::new(), Err(error)),
            Ok(_) => return (bytes, Ok(())),
        }
    }
}

/// Writes all of `bytes` at the file's own position, after moving that back by `back` bytes. `done` is told when it has
/// ended and the descriptor is let go of.
pub(super) fn write(fd: &SharedFd, bytes: Vec<u8>, back: i64, done: CancellationToken) -> JoinHandle<Ended> {
    let promised = Promised(Some(Errand { fd: fd.clone(), bytes, back, done }));
    blocking::spawn(move || promised.keep())
}

struct Errand {
    fd: SharedFd,
    bytes: Vec<u8>,
    back: i64,
    done: CancellationToken,
}

impl Errand {
    fn run(self) -> Ended {
        let Errand { fd, bytes, back, done } = self;
        let result = fd.with_std(|mut file| {
            if back > 0 {
                file.seek(SeekFrom::Current(-back))?;
            }
            file.write_all(&bytes)
        });
        drop(fd);
        done.cancel();
        (bytes, result)
    }
}

/// A write that the caller counts as done. A pool that is shut down before a thread has taken it drops it: then it is done
/// on the spot.
struct Promised(Option<Errand>);

impl Promised {
    fn keep(mut self) -> Ended {
        self.0.take().expect("taken here or in drop").run()
    }
}

impl Drop for Promised {
    fn drop(&mut self) {
        if let Some(errand) = self.0.take() {
            let _nobody_is_left_to_ask = errand.run();
        }
    }
}
