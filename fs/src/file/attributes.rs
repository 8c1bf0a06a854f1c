//! Size, permissions and times of an open file.

use std::{
    fs::{Metadata, Permissions},
    io::{self, Seek, SeekFrom},
    time::SystemTime,
};

use runtime_core::{
    blocking,
    fd::SharedFd,
    future::Io,
    op::{self, At, StatxOp},
    plan::One,
};

use super::File;

/// Times for [`File::set_times`]: those that are not set stay as they are.
#[derive(Clone, Debug, Default)]
#[must_use = "times change nothing before `File::set_times`"]
pub struct FileTimes {
    accessed: Option<SystemTime>,
    modified: Option<SystemTime>,
}

impl FileTimes {
    /// No time set.
    pub fn new() -> FileTimes {
        FileTimes::default()
    }

    /// The last time it was read.
    pub fn set_accessed(mut self, t: SystemTime) -> FileTimes {
        self.accessed = Some(t);
        self
    }

    /// The last time its content was changed.
    pub fn set_modified(mut self, t: SystemTime) -> FileTimes {
        self.modified = Some(t);
        self
    }

    fn into_std(self) -> std::fs::FileTimes {
        let times = std::fs::FileTimes::new();
        let times = self.accessed.map_or(times, |time| times.set_accessed(time));
        self.modified.map_or(times, |time| times.set_modified(time))
    }
}

impl File {
    /// Size, times and permissions, once a write that is under way has ended: by fstat(2) on the spot, which reads memory
    /// and takes a third of a microsecond, where IORING_OP_STATX always goes through a kernel thread.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub async fn metadata(&self) -> io::Result<Metadata> {
        self.settled().await;
        self.fd.with_std(|file| file.metadata())
    }

    /// What statx(2) tells of the file, as an op.
    ///
    /// # Errors
    /// Those of statx(2).
    pub fn statx(&self) -> Io<One<StatxOp>> {
        op::statx(At::of(&self.fd), true)
    }

    /// Cuts the file to `size` bytes, or extends it with zeroes, once a write that is under way has ended: by an SQE from
    /// Linux 6.9 on, else by ftruncate(2) on a thread of the pool. The position stays, even behind the end.
    ///
    /// # Errors
    /// Those of ftruncate(2).
    ///
    /// # Cancel safety
    /// The size may or may not have been set when the call is dropped.
    pub async fn set_len(&self, size: u64) -> io::Result<()> {
        self.settled().await;
        let ahead = self.cursor().give_up();
        if ahead > 0 {
            self.fd.with_std(|mut file| file.seek(SeekFrom::Current(-ahead)))?;
        }
        if op::can_truncate() {
            op::truncate(&self.fd, size).await
        } else {
            on_pool(&self.fd, move |file| file.set_len(size)).await
        }
    }

    /// Sets the permissions: fchmod(2), on a thread of the pool.
    ///
    /// # Errors
    /// Those of fchmod(2).
    pub async fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        on_pool(&self.fd, move |file| file.set_permissions(perm)).await
    }

    /// Sets the times, once a write that is under way has ended: futimens(2), on a thread of the pool.
    ///
    /// # Errors
    /// Those of futimens(2).
    pub async fn set_times(&self, times: FileTimes) -> io::Result<()> {
        self.settled().await;
        on_pool(&self.fd, move |file| file.set_times(times.into_std())).await
    }

    /// Sets the last time that the content was changed.
    ///
    /// # Errors
    /// As for [`set_times`](File::set_times).
    pub async fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.set_times(FileTimes::new().set_modified(time)).await
    }
}

/// Calls `work` with the file, on a thread of the pool. The descriptor stays open until it has ended.
pub(super) async fn on_pool<R: Send + 'static>(
    fd: &SharedFd,
    work: impl FnOnce(&std::fs::File) -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    let fd = fd.clone();
    blocking::spawn(move || fd.with_std(work)).await?
}
