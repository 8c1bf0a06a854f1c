//! SETXATTR, GETXATTR, LISTXATTR, REMOVEXATTR.

use std::io;

use runtime::op::{self, At, ExistingXattr};

use crate::{
    file_system::{FileSystem, blocking},
    protocol::{Fields, Header, Reply, name, names},
    room::Room,
};

const ERANGE: i32 = 34;
const EINVAL: i32 = 22;
const XATTR_CREATE: u32 = 1;
const XATTR_REPLACE: u32 = 2;
/// Most that an attribute, or a list of names, can have.
const LARGEST: usize = 1 << 16;

/// `struct fuse_getxattr_in`: room for nothing asks for the size.
pub async fn get<R: Room>(fs: &FileSystem, header: &Header, mut room: R) -> (R, io::Result<usize>) {
    let asked = (|| {
        let (structure, rest) = room.arguments(8)?;
        let size = Fields(structure).u32() as usize;
        Ok((fs.inodes.get(header.node)?, size, name(rest)?.to_owned()))
    })();
    let (inode, size, name) = match asked {
        Ok(asked) => asked,
        Err(error) => return (room, Err(error)),
    };
    let most = room.reply().len().min(LARGEST);
    let end = R::REPLY + if size == 0 { most } else { size.min(most) };
    // The path, not the descriptor: the kernel has no attributes for one of a mere place.
    let value = room.slice(R::REPLY..end);
    let (result, value) = op::get_xattr(At::from(inode.path().as_path()), &name, value).await;
    room = value.into_inner();
    let result = match result {
        Ok(len) if size == 0 => Ok(Reply::new(room.reply()).u32(len as u32).u32(0).len()),
        other => other,
    };
    (room, result)
}

/// `struct fuse_setxattr_in`, the short one: FUSE_SETXATTR_EXT was not asked for.
pub async fn set<R: Room>(fs: &FileSystem, header: &Header, room: &R) -> io::Result<usize> {
    let inode = fs.inodes.get(header.node)?;
    let (structure, rest) = room.arguments(8)?;
    let mut fields = Fields(structure);
    let (size, flags) = (fields.u32() as usize, fields.u32());
    let existing = match flags {
        XATTR_CREATE => ExistingXattr::Keep,
        XATTR_REPLACE => ExistingXattr::Replace,
        _ => ExistingXattr::Any,
    };
    let (name, value) = names(rest)?;
    let value = value.get(..size).ok_or_else(|| io::Error::from_raw_os_error(EINVAL))?.to_vec();
    op::set_xattr(At::from(inode.path().as_path()), name, value, existing).await.0.map(|()| 0)
}

pub async fn list<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    let inode = fs.inodes.get(header.node)?;
    let size = Fields(room.arguments(8)?.0).u32() as usize;
    let names = blocking(move || {
        let mut names = vec![0; LARGEST];
        let len = rustix::fs::listxattr(inode.path(), &mut names[..])?;
        names.truncate(len);
        Ok(names)
    });
    let names = names.await?;
    match size {
        0 => Ok(Reply::new(room.reply()).u32(names.len() as u32).u32(0).len()),
        size if size < names.len() => Err(io::Error::from_raw_os_error(ERANGE)),
        _ => Ok(Reply::new(room.reply()).put(&names).len()),
    }
}

pub async fn remove<R: Room>(fs: &FileSystem, header: &Header, room: &R) -> io::Result<usize> {
    let inode = fs.inodes.get(header.node)?;
    let name = name(room.arguments(0)?.1)?.to_owned();
    blocking(move || Ok(rustix::fs::removexattr(inode.path(), &name)?)).await?;
    Ok(0)
}
