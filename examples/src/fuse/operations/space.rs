//! FALLOCATE, LSEEK (for data and holes), COPY_FILE_RANGE.

use std::io;

use rustix::fs::{FallocateFlags, SeekFrom, copy_file_range, fallocate};

use crate::{
    file_system::{FileSystem, blocking},
    protocol::{Fields, Reply},
    room::Room,
};

const EINVAL: i32 = 22;
const SEEK_DATA: u32 = 3;
const SEEK_HOLE: u32 = 4;
/// Bytes that are copied for one request: others wait for the thread meanwhile.
const COPIED_MAX: u64 = 1 << 30;

pub async fn allocate<R: Room>(fs: &FileSystem, room: &R) -> io::Result<usize> {
    let mut fields = Fields(room.arguments(32)?.0);
    let file = fs.files.get(fields.u64())?;
    let (offset, len) = (fields.u64(), fields.u64());
    let mode = FallocateFlags::from_bits_retain(fields.u32());
    // The runtime's op knows names for the modes; these are the kernel's own bits.
    blocking(move || Ok(fallocate(&*file, mode, offset, len)?)).await?;
    Ok(0)
}

pub async fn seek<R: Room>(fs: &FileSystem, room: &mut R) -> io::Result<usize> {
    let mut fields = Fields(room.arguments(24)?.0);
    let (file, offset) = (fs.files.get(fields.u64())?, fields.u64());
    let seek = match fields.u32() {
        SEEK_DATA => SeekFrom::Data(offset),
        SEEK_HOLE => SeekFrom::Hole(offset),
        _ => return Err(io::Error::from_raw_os_error(EINVAL)),
    };
    // It moves the file's own position, which nobody goes by.
    let offset = blocking(move || Ok(rustix::fs::seek(&*file, seek)?)).await?;
    Ok(Reply::new(room.reply()).u64(offset).len())
}

pub async fn copy<R: Room>(fs: &FileSystem, room: &mut R) -> io::Result<usize> {
    let mut fields = Fields(room.arguments(56)?.0);
    let (from, mut from_offset) = (fs.files.get(fields.u64())?, fields.u64());
    fields.skip(8);
    let (to, mut to_offset) = (fs.files.get(fields.u64())?, fields.u64());
    let len = fields.u64().min(COPIED_MAX) as usize;
    let copy = move || Ok(copy_file_range(&*from, Some(&mut from_offset), &*to, Some(&mut to_offset), len)?);
    let count = blocking(copy).await?;
    Ok(Reply::new(room.reply()).u32(count as u32).u32(0).len())
}
