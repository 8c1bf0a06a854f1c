//! OPENDIR, READDIR, READDIRPLUS, RELEASEDIR, FSYNCDIR.

use std::{
    ffi::{CString, OsStr},
    io,
    os::unix::ffi::OsStrExt,
    sync::{Arc, Mutex, PoisonError},
};

use runtime::{
    fs::File,
    join_all,
    op::{self, At, OpenHow},
};
use rustix::fs::{Dir, OFlags, Stat};

use crate::{
    file_system::{FileSystem, blocking, open_place, place},
    protocol::{ENTRY, Fields, Header, Reply, put_entry, put_no_entry},
    room::Room,
};

/// Sizes of `struct fuse_read_in` and of `struct fuse_dirent` without its name.
const READ: usize = 40;
const NAMED: usize = 24;
/// `FUSE_FSYNC_FDATASYNC`.
const DATA_ONLY: u32 = 1;
/// Names that are looked up by one plan.
const AT_ONCE: usize = 64;

/// An open directory. Its names are read when the kernel begins at the start, and offsets count them.
#[derive(Debug)]
pub struct Directory {
    file: File,
    names: Mutex<Arc<[Named]>>,
}

#[derive(Debug)]
struct Named {
    name: CString,
    inode: u64,
    /// `DT_*`.
    kind: u32,
}

impl Named {
    /// What its `struct fuse_dirent` takes.
    fn size(&self) -> usize {
        (NAMED + self.name.as_bytes().len()).next_multiple_of(8)
    }

    fn is_dots(&self) -> bool {
        matches!(self.name.as_bytes(), b"." | b"..")
    }

    fn put(&self, reply: &mut Reply<'_>, next: u64) {
        let name = self.name.as_bytes();
        reply.u64(self.inode).u64(next).u32(name.len() as u32).u32(self.kind);
        reply.put(name).zeroes(self.size() - NAMED - name.len());
    }
}

impl Directory {
    async fn names(self: &Arc<Directory>, offset: u64) -> io::Result<Arc<[Named]>> {
        if offset == 0 {
            let directory = self.clone();
            let names = blocking(move || list(&directory.file)).await?;
            *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
        }
        Ok(self.names.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn list(directory: &File) -> io::Result<Arc<[Named]>> {
    let named = |entry: rustix::fs::DirEntry| Named {
        name: entry.file_name().into(),
        inode: entry.ino(),
        kind: entry.file_type().as_raw_mode() >> 12,
    };
    Dir::read_from(directory)?.map(|entry| Ok(named(entry?))).collect()
}

pub async fn open<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let inode = fs.inodes.get(header.node)?;
    let how = OpenHow { flags: OFlags::DIRECTORY.bits() as i32, ..OpenHow::default() };
    let file: File = op::open(At::from(inode.path().as_path()), Ok(how)).await?;
    let directory = Directory { file, names: Mutex::new(Arc::new([])) };
    Ok(Reply::new(room.reply()).u64(fs.directories.insert(directory)).u32(0).u32(0).len())
}

struct Asked {
    directory: Arc<Directory>,
    offset: u64,
    size: usize,
}

fn asked<R: Room>(fs: &FileSystem, room: &mut R) -> io::Result<Asked> {
    let mut fields = Fields(room.arguments(READ)?.0);
    let (directory, offset, size) = (fs.directories.get(fields.u64())?, fields.u64(), fields.u32() as usize);
    Ok(Asked { directory, offset, size: size.min(room.reply().len()) })
}

pub async fn read<R: Room>(fs: &FileSystem, room: &mut R) -> io::Result<usize> {
    let Asked { directory, offset, size } = asked(fs, room)?;
    let names = directory.names(offset).await?;
    let mut reply = Reply::new(&mut room.reply()[..size]);
    for (index, named) in names.iter().enumerate().skip(offset as usize) {
        if named.size() > reply.left() {
            break;
        }
        named.put(&mut reply, index as u64 + 1);
    }
    Ok(reply.len())
}

/// READDIRPLUS. Each name is looked up, many in one plan; but `.` and `..`, which the kernel knows.
pub async fn read_and_look_up<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let Asked { directory, offset, size } = asked(fs, room)?;
    let parent = fs.inodes.get(header.node)?;
    let names = directory.names(offset).await?;
    let mut left = size;
    let fits = |named: &&Named| {
        let taken = ENTRY + named.size();
        let fits = taken <= left;
        left = left.saturating_sub(taken);
        fits
    };
    let start = names.len().min(offset as usize);
    let count = names[start..].iter().take_while(fits).count();
    let mut reply = Reply::new(&mut room.reply()[..size]);
    let mut next = offset;
    for part in names[start..start + count].chunks(AT_ONCE) {
        let open = |named: &Named| open_place(parent.below(OsStr::from_bytes(named.name.as_bytes())));
        let mut opened = join_all(part.iter().filter(|named| !named.is_dots()).map(open)).await.into_iter();
        for named in part {
            next += 1;
            let found = if named.is_dots() { None } else { opened.next().and_then(|opened| tell(fs, opened)) };
            match found {
                Some((node, stat)) => put_entry(&mut reply, node, &stat, fs.validity),
                None => put_no_entry(&mut reply),
            }
            named.put(&mut reply, next);
        }
    }
    Ok(reply.len())
}

/// `None` for what is gone meanwhile.
fn tell(fs: &FileSystem, opened: io::Result<File>) -> Option<(u64, Stat)> {
    fs.inodes.tell(place(opened.ok()?)).ok()
}

pub fn release<R: Room>(fs: &FileSystem, room: &R) -> io::Result<usize> {
    drop(fs.directories.remove(Fields(room.arguments(24)?.0).u64()));
    Ok(0)
}

pub async fn sync<R: Room>(fs: &FileSystem, room: &R) -> io::Result<usize> {
    let mut fields = Fields(room.arguments(16)?.0);
    let (directory, flags) = (fs.directories.get(fields.u64())?, fields.u32());
    let file = &directory.file;
    if flags & DATA_ONLY != 0 {
        file.sync_data().await?
    } else {
        file.sync_all().await?
    }
    Ok(0)
}
