//! What all shards share: nodes, and what is open.

use std::{
    ffi::OsStr,
    fs::OpenOptions,
    io,
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::Path,
    time::Duration,
};

use runtime::{Io, fs::File, op, op::At, plan::One, task::spawn_blocking};
use rustix::fs::{AtFlags, Gid, OFlags, Stat, Uid};

use crate::{
    handles::Handles,
    inodes::{Inode, Inodes},
    operations::Directory,
    protocol::{Header, Validity},
};

const SET_GROUP: u32 = 0o2000;
/// Others may change the source, and the kernel asks again after this long.
const VALID: Duration = Duration::from_secs(1);

/// The source, as the mount shows it.
#[derive(Debug)]
pub struct FileSystem {
    pub inodes: Inodes,
    pub files: Handles<File>,
    pub directories: Handles<Directory>,
    pub validity: Validity,
    /// Runs as root: what is made belongs to who asked for it.
    privileged: bool,
}

impl FileSystem {
    pub fn open(source: &Path, privileged: bool) -> io::Result<FileSystem> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let root = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(source)?;
        Ok(FileSystem {
            inodes: Inodes::new(root.into())?,
            files: Handles::new(),
            directories: Handles::new(),
            validity: Validity(VALID),
            privileged,
        })
    }

    /// The node that a name leads to, which the kernel will be told.
    pub async fn find(&self, parent: &Inode, name: &OsStr) -> io::Result<(u64, Stat)> {
        self.inodes.tell(place(open_place(parent.below(name)).await?))
    }

    /// As [`find`](FileSystem::find), of what was just made, and given to whoever asked for it.
    pub async fn find_made(&self, parent: &Inode, name: &OsStr, header: &Header) -> io::Result<(u64, Stat)> {
        let (node, stat) = self.find(parent, name).await?;
        self.give(parent, node, stat, header).await
    }

    /// Gives a new node to whoever asked for it; its attributes then.
    pub async fn give(&self, parent: &Inode, node: u64, stat: Stat, header: &Header) -> io::Result<(u64, Stat)> {
        // A directory with the group bit set gives its group to what is made in it.
        let group = if parent.stat()?.st_mode & SET_GROUP == 0 { header.gid } else { stat.st_gid };
        if !self.privileged || (stat.st_uid, stat.st_gid) == (header.uid, group) {
            return Ok((node, stat));
        }
        let (inode, user, group) = (self.inodes.get(node)?, Uid::from_raw(header.uid), Gid::from_raw(group));
        let given = blocking(move || {
            rustix::fs::chownat(inode.fd(), "", Some(user), Some(group), AtFlags::EMPTY_PATH)?;
            inode.stat()
        });
        match given.await {
            Ok(stat) => Ok((node, stat)),
            Err(error) => {
                self.inodes.forget(node, 1);
                Err(error)
            }
        }
    }
}

/// Opens what `at` names as a mere place (O_PATH), which follows no link and waits for nothing.
pub fn open_place(at: At) -> Io<One<op::Open<File>>> {
    let flags = (OFlags::PATH | OFlags::NOFOLLOW).bits() as i32;
    op::open(at, Ok(op::OpenHow { flags, ..op::OpenHow::default() }))
}

/// The descriptor of what was opened.
pub fn place(opened: File) -> OwnedFd {
    opened.try_into_std().expect("nothing is under way on what was just opened").into()
}

/// Runs calls that no op is there for on a thread that may wait.
pub async fn blocking<T: Send + 'static>(call: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(call).await.map_err(io::Error::other)?
}
