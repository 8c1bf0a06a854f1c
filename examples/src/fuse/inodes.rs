//! Nodes: what the kernel has names for, each an open descriptor (O_PATH) of a file in the source.
//!
//! A descriptor stays with its file whatever it is renamed to, and keeps the inode's number from being used again. The price
//! is one per file that the kernel remembers; it forgets when it is short of memory.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use runtime::op::{At, SharedFd};
use rustix::fs::{Stat, fstat};

const ENOENT: i32 = 2;
/// The node that the kernel begins with: `FUSE_ROOT_ID`.
const ROOT: u64 = 1;

/// A file of the source that the kernel knows by a number.
#[derive(Debug)]
pub struct Inode {
    fd: SharedFd,
}

impl Inode {
    pub fn fd(&self) -> &SharedFd {
        &self.fd
    }

    pub fn stat(&self) -> io::Result<Stat> {
        Ok(fstat(&self.fd)?)
    }

    /// A path that leads to the file itself, for calls that take no O_PATH descriptor.
    pub fn path(&self) -> PathBuf {
        path_of(&self.fd)
    }

    /// A name in this directory.
    pub fn below(&self, name: &std::ffi::OsStr) -> At {
        At::below(&self.fd, name.as_ref())
    }
}

/// The path by which the process finds what it has open.
pub fn path_of(fd: &impl AsRawFd) -> PathBuf {
    format!("/proc/self/fd/{}", fd.as_raw_fd()).into()
}

/// Shared by all shards; locked for a look into a table.
#[derive(Debug)]
pub struct Inodes(Mutex<Table>);

#[derive(Debug)]
struct Table {
    nodes: HashMap<u64, Node>,
    /// Two names of one file are one node.
    by_file: HashMap<(u64, u64), u64>,
    next: u64,
}

#[derive(Debug)]
struct Node {
    inode: Arc<Inode>,
    file: (u64, u64),
    /// How often the kernel was told of it, less what it has forgotten.
    told: u64,
}

impl Inodes {
    pub fn new(root: OwnedFd) -> io::Result<Inodes> {
        let table = Table { nodes: HashMap::new(), by_file: HashMap::new(), next: ROOT };
        let inodes = Inodes(Mutex::new(table));
        // Told once for ever: the kernel does not forget the root.
        inodes.tell(root)?;
        Ok(inodes)
    }

    /// # Errors
    /// ENOENT for a node that was forgotten, which the kernel does not ask for.
    pub fn get(&self, node: u64) -> io::Result<Arc<Inode>> {
        let found = self.table().nodes.get(&node).map(|node| node.inode.clone());
        found.ok_or_else(|| io::Error::from_raw_os_error(ENOENT))
    }

    /// The node of a file that was found by name, which the kernel will be told.
    pub fn tell(&self, fd: OwnedFd) -> io::Result<(u64, Stat)> {
        let stat = fstat(&fd)?;
        let file = (stat.st_dev, stat.st_ino);
        let mut table = self.table();
        let Table { nodes, by_file, next } = &mut *table;
        let number = *by_file.entry(file).or_insert(*next);
        if number == *next {
            *next += 1;
        }
        let known = nodes.contains_key(&number);
        if !known {
            let inode = Arc::new(Inode { fd: SharedFd::new(fd) });
            nodes.insert(number, Node { inode, file, told: 1 });
        } else if let Some(node) = nodes.get_mut(&number) {
            node.told += 1;
            // The descriptor is closed once the lock is free.
            drop(table);
        }
        Ok((number, stat))
    }

    /// The kernel forgets that it was told of the node so many times.
    pub fn forget(&self, node: u64, times: u64) {
        let mut table = self.table();
        let Some(known) = table.nodes.get_mut(&node) else { return };
        known.told = known.told.saturating_sub(times);
        if known.told == 0 {
            let file = known.file;
            table.by_file.remove(&file);
            let gone = table.nodes.remove(&node);
            drop(table);
            drop(gone);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &std::path::Path) -> OwnedFd {
        std::fs::File::open(path).unwrap().into()
    }

    #[test]
    fn two_names_of_a_file_are_one_node_until_both_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        std::fs::write(&one, "text").unwrap();
        std::fs::hard_link(&one, &two).unwrap();
        let inodes = Inodes::new(open(dir.path())).unwrap();
        let (node, stat) = inodes.tell(open(&one)).unwrap();
        assert_eq!((node, stat.st_size), (2, 4));
        assert_eq!(inodes.tell(open(&two)).unwrap().0, node);
        inodes.forget(node, 1);
        assert_eq!(inodes.get(node).unwrap().stat().unwrap().st_ino, stat.st_ino);
        inodes.forget(node, 1);
        assert_eq!(inodes.get(node).unwrap_err().raw_os_error(), Some(ENOENT));
        assert_eq!(inodes.tell(open(&one)).unwrap().0, 3, "a number is not used again");
        inodes.forget(ROOT, 0);
        inodes.get(ROOT).unwrap();
    }
}
