//! What is in a directory. There is no op for getdents64(2), so threads of the pool read it, many entries at a time.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fmt,
    fs::{FileType, Metadata},
    future::{Future, poll_fn},
    io,
    os::unix::fs::DirEntryExt,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use runtime_core::{blocking, coop, task::JoinHandle};

/// Entries that one pass to the pool brings at most.
const BATCH: usize = 64;

/// Reads a directory.
///
/// # Errors
/// Those of opendir(3): `NotADirectory`.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// let mut entries = runtime::fs::read_dir(".").await?;
/// while let Some(entry) = entries.next_entry().await? {
///     println!("{}", entry.path().display());
/// }
/// # Ok(())
/// # }
/// ```
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref().to_owned();
    let batch = blocking::spawn(move || std::fs::read_dir(path).map(Batch::of)).await??;
    Ok(ReadDir(State::Here(batch)))
}

/// The entries of a directory, in no particular order, without `.` and `..`. Made by [`read_dir`]. Also a [`Stream`].
///
/// What is made or removed meanwhile may or may not be among them.
#[derive(Debug)]
#[must_use = "a directory is read by `next_entry`"]
pub struct ReadDir(State);

#[derive(Debug)]
enum State {
    Here(Batch),
    /// With a thread that fills it.
    Away(JoinHandle<Batch>),
    Lost,
}

/// Entries that have been read, and where to read on.
struct Batch {
    entries: VecDeque<io::Result<DirEntry>>,
    /// `None` at the end.
    more: Option<std::fs::ReadDir>,
}

impl Batch {
    fn of(entries: std::fs::ReadDir) -> Batch {
        let mut batch = Batch { entries: VecDeque::with_capacity(BATCH), more: Some(entries) };
        batch.fill();
        batch
    }

    fn fill(&mut self) {
        while self.entries.len() < BATCH {
            let Some(more) = &mut self.more else { return };
            match more.next() {
                Some(entry) => self.entries.push_back(entry.map(DirEntry::of)),
                None => self.more = None,
            }
        }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("entries", &self.entries.len()).field("more", &self.more).finish()
    }
}

impl ReadDir {
    /// The next entry; `None` once all have been given.
    ///
    /// # Errors
    /// Those of readdir(3).
    ///
    /// # Cancel safety
    /// Dropped, it has taken no entry.
    ///
    /// # Cost
    /// One pass to the pool for every 64 entries.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_next_entry(cx)).await
    }

    /// As [`next_entry`](ReadDir::next_entry). Pending: the task is woken once it is worth asking again.
    ///
    /// # Errors
    /// As for [`next_entry`](ReadDir::next_entry).
    pub fn poll_next_entry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<DirEntry>>> {
        loop {
            if let State::Away(filling) = &mut self.0 {
                let filled = ready!(Pin::new(filling).poll(cx));
                self.0 = State::Lost;
                self.0 = State::Here(filled?);
            }
            let State::Here(batch) = &mut self.0 else {
                return Poll::Ready(Err(io::Error::other("the pool was shut down while it read the directory")));
            };
            if !batch.entries.is_empty() {
                ready!(coop::poll_spend(cx));
                return Poll::Ready(batch.entries.pop_front().transpose());
            }
            if batch.more.is_none() {
                return Poll::Ready(Ok(None));
            }
            if let State::Here(mut batch) = std::mem::replace(&mut self.0, State::Lost) {
                self.0 = State::Away(blocking::spawn(move || {
                    batch.fill();
                    batch
                }));
            }
        }
    }
}

impl Stream for ReadDir {
    type Item = io::Result<DirEntry>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<DirEntry>>> {
        self.poll_next_entry(cx).map(Result::transpose)
    }
}

/// An entry of a directory.
pub struct DirEntry {
    entry: Arc<std::fs::DirEntry>,
    /// `None` if the thread that read the entry could not tell.
    file_type: Option<FileType>,
}

impl DirEntry {
    fn of(entry: std::fs::DirEntry) -> DirEntry {
        DirEntry { file_type: entry.file_type().ok(), entry: Arc::new(entry) }
    }

    /// The path given to [`read_dir`], and the name behind it.
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// The name alone.
    pub fn file_name(&self) -> OsString {
        self.entry.file_name()
    }

    /// The metadata, of a symbolic link itself: on a thread of the pool, from the directory as it was opened.
    ///
    /// # Errors
    /// Those of lstat(2): `NotFound` if it has been removed.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let entry = self.entry.clone();
        blocking::spawn(move || entry.metadata()).await?
    }

    /// What it is. Most file systems tell it with the name; then this does not wait.
    ///
    /// # Errors
    /// Those of lstat(2).
    pub async fn file_type(&self) -> io::Result<FileType> {
        if let Some(file_type) = self.file_type {
            return Ok(file_type);
        }
        let entry = self.entry.clone();
        blocking::spawn(move || entry.file_type()).await?
    }

    /// The inode's number on its device.
    pub fn ino(&self) -> u64 {
        self.entry.ino()
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.path()).finish()
    }
}
