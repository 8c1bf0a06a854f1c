//! A log: records at the end of a file, safe on the device once their append has ended.

mod batch;
mod frame;
mod scan;

use std::{
    future::poll_fn,
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_core::Stream;
use runtime_core::{
    alarm::Alarm,
    file::{Lock, lock},
    shard,
};

use crate::{Dir, File};
pub(crate) use batch::write_all;
use batch::{Shared, write_batches};
use frame::{HEADER, Header, PREFIX};
use scan::{Found, Scan};

/// Longest record unless the user says otherwise.
const RECORD_MAX: usize = 1 << 20;
/// Most bytes of one batch unless the user says otherwise.
const BATCH_MAX: usize = 4 << 20;
/// How long to wait for another owner to go, unless the user says otherwise.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// How often to look meanwhile.
const LOCK_LOOK: Duration = Duration::from_millis(2);

/// Where a record is: the number of its first byte in the file. Later records have greater ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for Position {
    fn from(place: u64) -> Position {
        Position(place)
    }
}

/// Limits of a [`Log`].
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// let log = runtime::fs::LogOptions::new().max_record(4096).open("orders.log").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LogOptions {
    record_max: usize,
    batch_max: usize,
    lock_wait: Duration,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions::new()
    }
}

impl LogOptions {
    /// Records of up to 1 MiB, batches of up to 4 MiB, two seconds' wait for the lock.
    pub fn new() -> LogOptions {
        LogOptions { record_max: RECORD_MAX, batch_max: BATCH_MAX, lock_wait: LOCK_WAIT }
    }

    /// The longest record, in bytes: longer ones are refused when they are appended, and taken for damage when they are
    /// read. At most what fits a batch.
    pub fn max_record(&mut self, bytes: usize) -> &mut LogOptions {
        self.record_max = bytes;
        self
    }

    /// Most bytes of records that one write and sync are for, 8 more for each record. A new log keeps this number in its
    /// file, and goes by that when it is opened again: it is also the most that a crash can tear off the end. Twice as
    /// many bytes are the most memory that waiting records take.
    pub fn max_batch(&mut self, bytes: usize) -> &mut LogOptions {
        self.batch_max = bytes;
        self
    }

    /// How long `open` waits for another owner of the log to go. The kernel lets go of the files of a process that was
    /// killed once their syncs have ended, which may be after the process has.
    pub fn lock_wait(&mut self, limit: Duration) -> &mut LogOptions {
        self.lock_wait = limit;
        self
    }

    /// Opens the log at `path`, or creates it.
    ///
    /// Reads all of it to find its end. What a crash has left behind the last whole record is cut off: no append of it
    /// has ended.
    ///
    /// # Errors
    /// Those of openat(2), flock(2), read(2), ftruncate(2) and fsync(2). `WouldBlock` if another process, or another
    /// `Log`, keeps it open; `InvalidData` if the file is no log, or is damaged before what a crash can have torn: nothing
    /// is cut off then. `InvalidInput` for a batch that has no room for the longest record, or is larger than 1 GiB.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cancel safety
    /// Dropped it may have created the file, and cut off its torn end.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<Log> {
        let path = path.as_ref();
        if self.batch_max > 1 << 30 {
            return Err(invalid("a batch of a log has at most 1 GiB"));
        }
        let file = File::options().read(true).write(true).create(true).open(path).await?;
        self.lock(&file).await?;
        let length = file.metadata().await?.len();
        let header = match read_header(&file).await? {
            Some(header) => header,
            // A crash may have met the log while it was made.
            None if length <= HEADER as u64 => self.create(&file, path).await?,
            None => return Err(damaged("the file is no log")),
        };
        if self.record_max.saturating_add(PREFIX) as u64 > header.batch_max {
            let (record, batch) = (self.record_max, header.batch_max);
            return Err(invalid(format!("a batch of {batch} bytes has no room for a record of {record} bytes")));
        }
        let end = self.find_end(&file, header, length.max(HEADER as u64)).await?;
        let shared = Arc::new(Shared::new(file.shared().clone(), header, self.record_max, end));
        let writer = write_batches(shared.clone());
        let spawned = shard::with_current(|shard| shard.spawn_own(writer));
        spawned.expect("a log was opened outside a runtime; use #[runtime::main] or Runtime::block_on");
        Ok(Log { shared })
    }

    async fn lock(&self, file: &File) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            match lock(file, Lock::Exclusive, false) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if begun.elapsed() >= self.lock_wait {
                        let text = "the log is open already, here or in another process";
                        return Err(io::Error::new(error.kind(), text));
                    }
                    rest(LOCK_LOOK).await;
                }
                result => return result,
            }
        }
    }

    async fn create(&self, file: &File, path: &Path) -> io::Result<Header> {
        let header = Header::new(self.batch_max as u64);
        file.set_len(0).await?;
        write_all(file.shared(), header.encode(), 0).await.0?;
        file.sync_all().await?;
        // The file's name has to be safe, too.
        Dir::open(crate::atomic::parent_of(path)).await?.sync_all().await?;
        Ok(header)
    }

    /// Goes through the log; cuts off what a crash has torn.
    async fn find_end(&self, file: &File, header: Header, length: u64) -> io::Result<u64> {
        let mut scan = Scan::new(file.shared().clone(), header, self.record_max, HEADER as u64, length);
        let torn = loop {
            match poll_fn(|cx| scan.poll_next(cx)).await? {
                Found::Record(..) => {}
                Found::End => return Ok(length),
                Found::Torn(place) => break place,
            }
        };
        if length - torn > header.batch_max {
            let lost = length - torn;
            return Err(damaged(format!(
                "no whole record at byte {torn}, {lost} before the end: no crash tears that much"
            )));
        }
        file.set_len(torn).await?;
        file.sync_all().await?;
        Ok(torn)
    }
}

async fn rest(time: Duration) {
    let deadline = Instant::now() + time;
    let mut alarm = None;
    poll_fn(|cx| {
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        alarm = Alarm::set(deadline, cx.waker());
        Poll::Pending
    })
    .await;
}

async fn read_header(file: &File) -> io::Result<Option<Header>> {
    let (read, bytes) = file.read_at(Vec::with_capacity(HEADER), 0).await;
    read?;
    Ok(Header::decode(&bytes))
}

/// Records at the end of a file, for any number of tasks on any shard: group commit.
///
/// Appends that come while a sync runs wait together for the next one: N appends, one write, one fdatasync(2), N
/// acknowledgements. A record has a length and a checksum, so that after a crash the last whole one is found.
///
/// Once a write or a sync has failed the log is closed for good: the kernel tells of a lost page once, and what a later
/// sync says of it is nothing. Open it again, which goes by what the file has.
///
/// A clone is another handle of the same log. The file is locked (flock(2)) until the last of them is dropped.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("orders.log");
/// use runtime::fs::Log;
///
/// let log = Log::open(&path).await?;
/// let position = log.append("one").await?; // safe on the device
/// log.append("two").await?;
/// assert_eq!(log.read(position).await?, b"one");
///
/// let mut records = log.replay();
/// while let Some(record) = records.next().await {
///     let (position, bytes) = record?;
///     println!("{position:?}: {bytes:?}");
/// }
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Log {
    shared: Arc<Shared>,
}

impl Log {
    /// Opens the log at `path` with the limits of [`LogOptions::new`], or creates it.
    ///
    /// # Errors
    /// As for [`LogOptions::open`].
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Log> {
        LogOptions::new().open(path).await
    }

    /// Appends a record; done once it is safe on the device. Gives its position.
    ///
    /// Records lie in the order in which their appends were first polled.
    ///
    /// # Errors
    /// `InvalidInput` for a record that is too long. Those of write(2) and fdatasync(2), which close the log; then, and
    /// once the runtime that opened it has ended, every append fails. A record whose append failed may be found when the
    /// log is opened again.
    ///
    /// # Cancel safety
    /// Dropped it may or may not have appended its record, and has never appended a part of it.
    ///
    /// # Cost
    /// One copy of the bytes. An allocation only where buffers have to grow. Per batch one write on the spot (or one SQE if
    /// it is longer than those are) and one SQE for the sync.
    pub async fn append(&self, bytes: impl AsRef<[u8]>) -> io::Result<Position> {
        let (shared, bytes) = (&*self.shared, bytes.as_ref());
        if bytes.len() > shared.record_max {
            let (len, most) = (bytes.len(), shared.record_max);
            return Err(invalid(format!("a record of {len} bytes; the log's records have at most {most}")));
        }
        match shared.room.acquire_many((PREFIX + bytes.len()) as u32).await {
            Ok(room) => room.forget(),
            Err(_) => return Err(shared.closed().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())),
        }
        let mut placed = shared.place(bytes)?;
        poll_fn(|cx| shared.poll_durable(&mut placed, cx.waker())).await?;
        Ok(Position(placed.place))
    }

    /// The record at `position`.
    ///
    /// # Errors
    /// Those of read(2); `InvalidInput` for a position at which no append has ended; `InvalidData` if there is no whole
    /// record.
    pub async fn read(&self, position: Position) -> io::Result<Vec<u8>> {
        let end = self.shared.durable();
        if position.0 < HEADER as u64 || position.0 >= end {
            return Err(invalid(format!("there is no record at byte {}", position.0)));
        }
        match self.records(position.0, end).next().await {
            Some(record) => record.map(|(_, bytes)| bytes),
            None => Err(damaged("the log has become shorter")),
        }
    }

    /// All records whose append has ended by now, the first one first.
    pub fn replay(&self) -> Replay {
        self.replay_from(Position(HEADER as u64))
    }

    /// The record at `position` and all after it whose append has ended by now.
    pub fn replay_from(&self, position: Position) -> Replay {
        self.records(position.0.max(HEADER as u64), self.shared.durable())
    }

    fn records(&self, place: u64, end: u64) -> Replay {
        let shared = &self.shared;
        Replay { scan: Some(Scan::new(shared.fd.clone(), shared.header, shared.record_max, place, end)) }
    }
}

impl Clone for Log {
    fn clone(&self) -> Log {
        self.shared.add_handle();
        Log { shared: self.shared.clone() }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shared.drop_handle();
    }
}

type Replayed = io::Result<(Position, Vec<u8>)>;

/// The records of a [`Log`], one after the other. Made by [`Log::replay`].
///
/// # Cost
/// A read op per 256 KiB, and an allocation per record.
#[derive(Debug)]
pub struct Replay {
    scan: Option<Scan>,
}

impl Replay {
    /// The next record; `None` after the last, and after an error.
    ///
    /// # Errors
    /// Those of read(2); `InvalidData` where there is no whole record.
    ///
    /// # Cancel safety
    /// A dropped `next` has lost nothing.
    pub async fn next(&mut self) -> Option<io::Result<(Position, Vec<u8>)>> {
        poll_fn(|cx| self.poll_next_record(cx)).await
    }

    fn poll_next_record(&mut self, cx: &mut Context<'_>) -> Poll<Option<Replayed>> {
        let Some(scan) = &mut self.scan else { return Poll::Ready(None) };
        let ended = match ready!(scan.poll_next(cx)) {
            Ok(Found::Record(place, bytes)) => return Poll::Ready(Some(Ok((Position(place), bytes)))),
            Ok(Found::End) => None,
            Ok(Found::Torn(place)) => Some(Err(damaged(format!("there is no whole record at byte {place}")))),
            Err(error) => Some(Err(error)),
        };
        self.scan = None;
        Poll::Ready(ended)
    }
}

impl Stream for Replay {
    type Item = Replayed;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_next_record(cx)
    }
}

fn invalid(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text.into())
}

fn damaged(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.into())
}
