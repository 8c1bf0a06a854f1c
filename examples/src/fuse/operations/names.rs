//! LOOKUP, SYMLINK, READLINK, MKNOD, MKDIR, UNLINK, RMDIR, RENAME, RENAME2, LINK.

use std::io;

use runtime::op::{self, Existing};
use rustix::fs::{AtFlags, CWD, FileType, Mode, Stat, linkat, makedev, mknodat, readlinkat};

use crate::{
    file_system::{FileSystem, blocking},
    protocol::{Fields, Header, Reply, name, names, put_entry},
    room::Room,
};

const EINVAL: i32 = 22;
const RENAME_NOREPLACE: u32 = 1;
const RENAME_EXCHANGE: u32 = 2;

fn entry<R: Room>(fs: &FileSystem, room: &mut R, (node, stat): (u64, Stat)) -> io::Result<usize> {
    let mut reply = Reply::new(room.reply());
    put_entry(&mut reply, node, &stat, fs.validity);
    Ok(reply.len())
}

pub async fn lookup<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let parent = fs.inodes.get(header.node)?;
    let found = fs.find(&parent, name(room.arguments(0)?.1)?).await?;
    entry(fs, room, found)
}

pub async fn symlink<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let parent = fs.inodes.get(header.node)?;
    let (name, rest) = names(room.arguments(0)?.1)?;
    let (name, (text, _)) = (name.to_owned(), names(rest)?);
    op::symlink(text.as_ref(), parent.below(&name)).await?;
    let made = fs.find_made(&parent, &name, header).await?;
    entry(fs, room, made)
}

pub async fn read_link<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let inode = fs.inodes.get(header.node)?;
    let text = blocking(move || Ok(readlinkat(inode.fd(), "", Vec::new())?)).await?;
    Ok(Reply::new(room.reply()).put(text.as_bytes()).len())
}

pub async fn make_node<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let parent = fs.inodes.get(header.node)?;
    let (structure, rest) = room.arguments(16)?;
    let mut fields = Fields(structure);
    let (mode, device) = (fields.u32(), fields.u32());
    let name = name(rest)?.to_owned();
    let made = {
        let (parent, name) = (parent.clone(), name.clone());
        // As the kernel unpacks 32 bits (`new_decode_dev`).
        let device = makedev((device & 0xf_ff00) >> 8, device & 0xff | (device >> 12) & 0xf_ff00);
        move || {
            let (kind, mode) = (FileType::from_raw_mode(mode), Mode::from_raw_mode(mode & 0o7777));
            Ok(mknodat(parent.fd(), &name, kind, mode, device)?)
        }
    };
    blocking(made).await?;
    let made = fs.find_made(&parent, &name, header).await?;
    entry(fs, room, made)
}

pub async fn make_directory<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let parent = fs.inodes.get(header.node)?;
    let (structure, rest) = room.arguments(8)?;
    let (mode, name) = (Fields(structure).u32(), name(rest)?.to_owned());
    op::mkdir(parent.below(&name), mode).await?;
    let made = fs.find_made(&parent, &name, header).await?;
    entry(fs, room, made)
}

pub async fn unlink<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let parent = fs.inodes.get(header.node)?;
    let unlink = op::unlink(parent.below(name(room.arguments(0)?.1)?));
    unlink.await.map(|()| 0)
}

pub async fn remove_directory<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let parent = fs.inodes.get(header.node)?;
    let unlink = op::unlink_dir(parent.below(name(room.arguments(0)?.1)?));
    unlink.await.map(|()| 0)
}

/// RENAME2 has flags behind the new parent's number.
pub async fn rename<R: Room>(fs: &FileSystem, header: &Header, room: &mut R, flags: bool) -> io::Result<usize> {
    let (structure, rest) = room.arguments(if flags { 16 } else { 8 })?;
    let mut fields = Fields(structure);
    let (parent, new_parent) = (fs.inodes.get(header.node)?, fs.inodes.get(fields.u64())?);
    let existing = match if flags { fields.u32() } else { 0 } {
        0 => Existing::Replace,
        RENAME_NOREPLACE => Existing::Keep,
        RENAME_EXCHANGE => Existing::Exchange,
        _ => return Err(io::Error::from_raw_os_error(EINVAL)),
    };
    let (from, rest) = names(rest)?;
    let rename = op::rename(parent.below(from), new_parent.below(name(rest)?), existing);
    rename.await.map(|()| 0)
}

pub async fn link<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let parent = fs.inodes.get(header.node)?;
    let (structure, rest) = room.arguments(8)?;
    let (file, name) = (fs.inodes.get(Fields(structure).u64())?, name(rest)?.to_owned());
    {
        let (parent, name) = (parent.clone(), name.clone());
        // The op does not follow the link that leads to the file itself.
        let link = move || Ok(linkat(CWD, file.path(), parent.fd(), &name, AtFlags::SYMLINK_FOLLOW)?);
        blocking(link).await?;
    }
    let linked = fs.find(&parent, &name).await?;
    entry(fs, room, linked)
}
