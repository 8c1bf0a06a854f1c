//! The log's file: opened, put in order after a crash, read back.

use std::{
    error::Error,
    io,
    path::Path,
    time::{Duration, Instant},
};

use runtime::{
    fs::{self, Dir, File, OpenOptions, TryLockError},
    time::sleep,
};

use crate::record::{self, Found, PREFIX, RECORD_MAX};

/// What the file begins with, so that no other one is taken for a log, and cut.
const MAGIC: &[u8; 8] = b"rtlog\0\0\x01";
/// How long to wait for another owner of the log to go, and how often to look.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const LOCK_LOOK: Duration = Duration::from_millis(5);
/// Bytes read at once.
const BLOCK: usize = 1 << 20;

/// An open log.
#[derive(Debug)]
pub struct Storage {
    pub file: File,
    /// Where the next record goes.
    pub end: u64,
}

impl Storage {
    /// Opens the log in a folder, or creates both; cuts off what a crash has left behind the last whole record.
    pub async fn open(dir: &Path) -> Result<Storage, Box<dyn Error>> {
        fs::create_dir_all(dir).await.map_err(|error| format!("cannot make {}: {error}", dir.display()))?;
        let path = dir.join("records.log");
        let file = OpenOptions::new().read(true).write(true).create(true).open(&path).await;
        let file = file.map_err(|error| format!("cannot open {}: {error}", path.display()))?;
        lock(&file).await.map_err(|error| format!("{} is in use: {error}", path.display()))?;
        let length = file.metadata().await?.len();
        if length < MAGIC.len() as u64 {
            file.write_all_at(MAGIC.to_vec(), 0).await.0?;
            file.set_len(MAGIC.len() as u64).await?;
            file.sync_all().await?;
            // The name is safe, too.
            Dir::open(dir).await?.sync_all().await?;
            return Ok(Storage { file, end: MAGIC.len() as u64 });
        }
        let (read, magic) = file.read_exact_at(vec![0; MAGIC.len()], 0).await;
        read?;
        if magic != MAGIC {
            return Err(format!("{} is no log of this program: move it away", path.display()).into());
        }
        let mut records = Records::new(&file, 0, u64::MAX);
        while records.next().await?.is_some() {}
        let end = records.position;
        if end < length {
            eprintln!("log: {} bytes of a record that was never acknowledged are cut off", length - end);
            file.set_len(end).await?;
            file.sync_all().await?;
        }
        Ok(Storage { file, end })
    }
}

/// Locks the file. The kernel lets go of the files of a process that was killed once their syncs have ended, which may be
/// after the process has; so a server that comes back at once waits a little.
async fn lock(file: &File) -> Result<(), TryLockError> {
    let end = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(LOCK_LOOK).await,
            locked => return locked,
        }
    }
}

/// Records, one after the other.
#[derive(Debug)]
pub struct Records<'a> {
    file: &'a File,
    /// Of the next record.
    pub position: u64,
    end: u64,
    /// What has been read, from `at` on not yet given.
    bytes: Vec<u8>,
    at: usize,
}

impl<'a> Records<'a> {
    /// The records from `position` on, which is one's, up to `end`.
    pub fn new(file: &'a File, position: u64, end: u64) -> Records<'a> {
        Records { file, position: position.max(MAGIC.len() as u64), end, bytes: Vec::new(), at: 0 }
    }

    /// The next record and its position; `None` at the end, and where no whole record follows.
    pub async fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        loop {
            if self.position >= self.end {
                return Ok(None);
            }
            let length = match record::read(self.position, &self.bytes[self.at..]) {
                Found::Record(bytes) => Some(bytes.len()),
                Found::Part => None,
                Found::Torn => return Ok(None),
            };
            let Some(length) = length else {
                if self.read_on().await? {
                    continue;
                }
                return Ok(None);
            };
            let (position, start) = (self.position, self.at + PREFIX);
            self.at = start + length;
            self.position += (PREFIX + length) as u64;
            return Ok(Some((position, &self.bytes[start..self.at])));
        }
    }

    /// False at the end of the file.
    async fn read_on(&mut self) -> io::Result<bool> {
        self.bytes.drain(..self.at);
        self.at = 0;
        let from = self.position + self.bytes.len() as u64;
        let (read, block) = self.file.read_at(Vec::with_capacity(BLOCK.max(RECORD_MAX / 4)), from).await;
        self.bytes.extend_from_slice(&block);
        Ok(read? > 0)
    }
}
