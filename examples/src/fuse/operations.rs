//! What is done for each request. A file per subject; each operation reads its structure, does, and writes its reply.

mod attributes;
mod data;
mod directories;
mod files;
mod forget;
mod names;
mod space;
mod xattrs;

pub use directories::Directory;

use std::io;

use crate::{
    file_system::FileSystem,
    protocol::{Header, opcode as code},
    room::Room,
};

const ENOSYS: i32 = 38;

/// Carries the request out. The reply lies in the room then: as many bytes of it as the result says. `None`: there is none.
pub async fn answer<R: Room>(fs: &FileSystem, header: &Header, mut room: R) -> (R, Option<io::Result<usize>>) {
    match header.opcode {
        // These lend the room to an op.
        code::READ => some(data::read(fs, room).await),
        code::WRITE => some(data::write(fs, room).await),
        code::GETXATTR => some(xattrs::get(fs, header, room).await),
        code::FORGET | code::BATCH_FORGET | code::INTERRUPT => {
            forget::forget(fs, header, &room);
            (room, None)
        }
        _ => {
            let result = reply(fs, header, &mut room).await;
            (room, Some(result))
        }
    }
}

fn some<R>((room, result): (R, io::Result<usize>)) -> (R, Option<io::Result<usize>>) {
    (room, Some(result))
}

async fn reply<R: Room>(fs: &FileSystem, header: &Header, room: &mut R) -> io::Result<usize> {
    match header.opcode {
        code::LOOKUP => names::lookup(fs, header, room).await,
        code::SYMLINK => names::symlink(fs, header, room).await,
        code::READLINK => names::read_link(fs, header, room).await,
        code::MKNOD => names::make_node(fs, header, room).await,
        code::MKDIR => names::make_directory(fs, header, room).await,
        code::UNLINK => names::unlink(fs, header, room).await,
        code::RMDIR => names::remove_directory(fs, header, room).await,
        code::RENAME => names::rename(fs, header, room, false).await,
        code::RENAME2 => names::rename(fs, header, room, true).await,
        code::LINK => names::link(fs, header, room).await,
        code::GETATTR => attributes::get(fs, header, room),
        code::SETATTR => attributes::set(fs, header, room).await,
        code::STATFS => attributes::of_file_system(fs, header, room).await,
        code::OPEN => files::open(fs, header, room).await,
        code::CREATE => files::create(fs, header, room).await,
        code::RELEASE => files::release(fs, room),
        code::FSYNC => files::sync(fs, room).await,
        code::OPENDIR => directories::open(fs, header, room).await,
        code::READDIR => directories::read(fs, room).await,
        code::READDIRPLUS => directories::read_and_look_up(fs, header, room).await,
        code::RELEASEDIR => directories::release(fs, room),
        code::FSYNCDIR => directories::sync(fs, room).await,
        code::FALLOCATE => space::allocate(fs, room).await,
        code::LSEEK => space::seek(fs, room).await,
        code::COPY_FILE_RANGE => space::copy(fs, room).await,
        code::SETXATTR => xattrs::set(fs, header, room).await,
        code::LISTXATTR => xattrs::list(fs, header, room).await,
        code::REMOVEXATTR => xattrs::remove(fs, header, room).await,
        // The kernel has looked at the permissions (default_permissions).
        code::ACCESS | code::DESTROY => Ok(0),
        // Nothing is kept back here that a close could lose. The kernel does not ask again after ENOSYS, and takes it as
        // success.
        code::FLUSH => Err(io::Error::from_raw_os_error(ENOSYS)),
        _ => Err(io::Error::from_raw_os_error(ENOSYS)),
    }
}
