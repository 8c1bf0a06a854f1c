//! GETATTR, SETATTR, STATFS.

use std::{fs::OpenOptions, io, sync::Arc};

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, Uid, chmod, chownat, fstatvfs, utimensat,
};

use crate::{
    file_system::{FileSystem, blocking},
    inodes::Inode,
    protocol::{Fields, Header, Reply, put_attributes},
    room::Room,
};

/// On the spot: the inode is in memory, and a call takes a tenth of what a kernel worker would.
pub fn get<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let stat = fs.inodes.get(header.node)?.stat()?;
    let mut reply = Reply::new(room.reply());
    put_attributes(&mut reply, &stat, fs.validity);
    Ok(reply.len())
}

/// `struct fuse_setattr_in`.
#[derive(Debug)]
struct Changes {
    mode: Option<u32>,
    user: Option<u32>,
    group: Option<u32>,
    size: Option<u64>,
    times: Option<Timestamps>,
}

/// Its flags, `FATTR_*`.
mod valid {
    pub const MODE: u32 = 1 << 0;
    pub const UID: u32 = 1 << 1;
    pub const GID: u32 = 1 << 2;
    pub const SIZE: u32 = 1 << 3;
    pub const ATIME: u32 = 1 << 4;
    pub const MTIME: u32 = 1 << 5;
    pub const ATIME_NOW: u32 = 1 << 7;
    pub const MTIME_NOW: u32 = 1 << 8;
}

impl Changes {
    fn decode(structure: &[u8]) -> Changes {
        let mut fields = Fields(structure);
        let valid = fields.u32();
        // Padding and the file handle; the node says enough.
        fields.skip(12);
        let size = fields.u64();
        fields.skip(8);
        let (accessed, modified) = (fields.u64(), fields.u64());
        fields.skip(8);
        let (accessed_nsec, modified_nsec) = (fields.u32(), fields.u32());
        fields.skip(4);
        let mode = fields.u32();
        fields.skip(4);
        let (user, group) = (fields.u32(), fields.u32());
        let given = |flag| valid & flag != 0;
        let time = |set, now, seconds: u64, nsec: u32| match (given(set), given(now)) {
            (_, true) => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
            (true, false) => Timespec { tv_sec: seconds as i64, tv_nsec: nsec.into() },
            (false, false) => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        };
        let times = given(valid::ATIME | valid::MTIME | valid::ATIME_NOW | valid::MTIME_NOW).then(|| Timestamps {
            last_access: time(valid::ATIME, valid::ATIME_NOW, accessed, accessed_nsec),
            last_modification: time(valid::MTIME, valid::MTIME_NOW, modified, modified_nsec),
        });
        Changes {
            mode: given(valid::MODE).then_some(mode),
            user: given(valid::UID).then_some(user),
            group: given(valid::GID).then_some(group),
            size: given(valid::SIZE).then_some(size),
            times,
        }
    }

    /// chown first: it takes the set-user bit away. Times last: the others change them.
    fn make(&self, inode: &Inode) -> io::Result<()> {
        if self.user.is_some() || self.group.is_some() {
            let (user, group) = (self.user.map(Uid::from_raw), self.group.map(Gid::from_raw));
            chownat(inode.fd(), "", user, group, AtFlags::EMPTY_PATH)?;
        }
        if let Some(mode) = self.mode {
            chmod(inode.path(), Mode::from_raw_mode(mode & 0o7777))?;
        }
        if let Some(size) = self.size {
            OpenOptions::new().write(true).open(inode.path())?.set_len(size)?;
        }
        if let Some(times) = &self.times {
            utimensat(CWD, inode.path(), times, AtFlags::empty())?;
        }
        Ok(())
    }
}

pub async fn set<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let changes = Changes::decode(room.arguments(88)?.0);
    let inode: Arc<Inode> = fs.inodes.get(header.node)?;
    let stat = blocking(move || changes.make(&inode).and_then(|()| inode.stat())).await?;
    let mut reply = Reply::new(room.reply());
    put_attributes(&mut reply, &stat, fs.validity);
    Ok(reply.len())
}

pub async fn of_file_system<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let inode = fs.inodes.get(header.node)?;
    let stat = blocking(move || Ok(fstatvfs(inode.fd())?)).await?;
    let mut reply = Reply::new(room.reply());
    reply.u64(stat.f_blocks).u64(stat.f_bfree).u64(stat.f_bavail).u64(stat.f_files).u64(stat.f_ffree);
    reply.u32(stat.f_bsize as u32).u32(stat.f_namemax as u32).u32(stat.f_frsize as u32).zeroes(28);
    Ok(reply.len())
}
