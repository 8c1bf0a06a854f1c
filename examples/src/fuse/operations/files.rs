//! OPEN, CREATE, RELEASE, FSYNC.

use std::io;

use runtime::{
    fs::File,
    op::{self, At, OpenHow},
};
use rustix::fs::OFlags;

use crate::{
    file_system::{FileSystem, place},
    inodes::path_of,
    protocol::{Fields, Header, Reply, name, put_entry},
    room::Room,
};

/// `FUSE_FSYNC_FDATASYNC`.
const DATA_ONLY: u32 = 1;

/// What the kernel does itself: it appends by offset, makes and empties files by requests of their own, and asks with O_DIRECT
/// for what need not be aligned here.
fn flags(asked: u32) -> i32 {
    let kept = OFlags::APPEND | OFlags::CREATE | OFlags::EXCL | OFlags::TRUNC | OFlags::DIRECT | OFlags::NOCTTY;
    (asked & !(kept | OFlags::NOFOLLOW).bits()) as i32
}

/// `struct fuse_open_out`.
fn opened(fs: &FileSystem, reply: &mut Reply<'_>, file: File) -> io::Result<usize> {
    Ok(reply.u64(fs.files.insert(file)).u32(0).u32(0).len())
}

pub async fn open<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let inode = fs.inodes.get(header.node)?;
    let flags = flags(Fields(room.arguments(8)?.0).u32());
    let how = OpenHow { flags, ..OpenHow::default() };
    let file: File = op::open(At::from(inode.path().as_path()), Ok(how)).await?;
    opened(fs, &mut Reply::new(room.reply()), file)
}

pub async fn create<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let parent = fs.inodes.get(header.node)?;
    let (structure, rest) = room.arguments(16)?;
    let mut fields = Fields(structure);
    let (asked, mode) = (fields.u32(), fields.u32());
    let exclusive = asked & OFlags::EXCL.bits();
    let make = (OFlags::CREATE | OFlags::NOFOLLOW).bits() | exclusive;
    let how = OpenHow { flags: flags(asked) | make as i32, mode: mode & 0o7777, ..OpenHow::default() };
    let file: File = op::open(parent.below(name(rest)?), Ok(how)).await?;
    // By the file and not by its name, which may lead elsewhere by now.
    let itself = follow(&file).await?;
    let (node, stat) = fs.inodes.tell(itself)?;
    let (node, stat) = fs.give(&parent, node, stat, header).await?;
    let mut reply = Reply::new(room.reply());
    put_entry(&mut reply, node, &stat, fs.validity);
    opened(fs, &mut reply, file)
}

/// A descriptor of the same file as a mere place.
async fn follow(file: &File) -> io::Result<std::os::fd::OwnedFd> {
    let how = OpenHow { flags: OFlags::PATH.bits() as i32, ..OpenHow::default() };
    let opened: File = op::open(At::from(path_of(file).as_path()), Ok(how)).await?;
    Ok(place(opened))
}

pub fn release<R: Room>(fs: &FileSystem, room: &R) -> io::Result<usize> {
    drop(fs.files.remove(Fields(room.arguments(24)?.0).u64()));
    Ok(0)
}

pub async fn sync<R: Room>(fs: &FileSystem, room: &R) -> io::Result<usize> {
    let mut fields = Fields(room.arguments(16)?.0);
    let (file, flags) = (fs.files.get(fields.u64())?, fields.u32());
    if flags & DATA_ONLY != 0 {
        file.sync_data().await?
    } else {
        file.sync_all().await?
    }
    Ok(0)
}
