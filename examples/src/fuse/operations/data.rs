//! READ and WRITE: one op each, between the file and the room, without a copy.

use std::io;

use crate::{
    file_system::FileSystem,
    protocol::{Fields, Reply},
    room::Room,
};

/// `struct fuse_read_in` and `struct fuse_write_in`, which are alike.
const STRUCTURE: usize = 40;

#[derive(Debug)]
struct Transfer {
    handle: u64,
    offset: u64,
    size: usize,
}

fn decode<R: Room>(room: &R) -> io::Result<Transfer> {
    let mut fields = Fields(room.arguments(STRUCTURE)?.0);
    Ok(Transfer { handle: fields.u64(), offset: fields.u64(), size: fields.u32() as usize })
}

pub async fn read<R: Room>(fs: &FileSystem, mut room: R) -> (R, io::Result<usize>) {
    let found = decode(&room).and_then(|transfer| Ok((fs.files.get(transfer.handle)?, transfer)));
    let (file, Transfer { offset, size, .. }) = match found {
        Ok(found) => found,
        Err(error) => return (room, Err(error)),
    };
    let size = size.min(room.reply().len());
    // The kernel takes a short reply for the end of the file.
    let mut done = 0;
    loop {
        let (result, part) = file.read_at(room.slice(R::REPLY + done..R::REPLY + size), offset + done as u64).await;
        room = part.into_inner();
        match result {
            Ok(count) if count == 0 || done + count == size => return (room, Ok(done + count)),
            Ok(count) => done += count,
            Err(error) => return (room, Err(error)),
        }
    }
}

pub async fn write<R: Room>(fs: &FileSystem, mut room: R) -> (R, io::Result<usize>) {
    let found = decode(&room).and_then(|transfer| Ok((fs.files.get(transfer.handle)?, transfer)));
    let (file, Transfer { offset, size, .. }) = match found {
        Ok(found) => found,
        Err(error) => return (room, Err(error)),
    };
    let data = room.rest(STRUCTURE);
    let data = data.start..data.end.min(data.start + size);
    let (result, part) = file.write_at(room.slice(data), offset).await;
    room = part.into_inner();
    let result = result.map(|count| Reply::new(room.reply()).u32(count as u32).u32(0).len());
    (room, result)
}
