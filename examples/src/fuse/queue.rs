//! Requests through a ring: one queue per CPU, and in each as many entries as requests may be under way there.

use std::{io, sync::Arc};

use runtime::{
    fuse::{Device, Entry},
    spawn,
};

use crate::{
    device::is_over,
    file_system::FileSystem,
    operations,
    protocol::{PAYLOAD, reply_header},
    room::Room,
};

/// Serves one queue until the file system is unmounted.
///
/// # Errors
/// If an entry cannot be registered.
pub async fn serve(fs: Arc<FileSystem>, device: Device, queue: u16, depth: usize) -> io::Result<()> {
    let entries: Vec<_> =
        (0..depth).map(|_| spawn(serve_entry(fs.clone(), Entry::new(&device, queue, PAYLOAD)))).collect();
    for entry in entries {
        entry.await.map_err(io::Error::other)??;
    }
    Ok(())
}

/// One request after the other. To reply and to wait for the next one is a single op.
async fn serve_entry(fs: Arc<FileSystem>, entry: Entry) -> io::Result<()> {
    let (mut fetched, mut entry) = entry.register().await;
    loop {
        match fetched {
            Ok(()) => {}
            Err(error) if is_over(&error) => return Ok(()),
            Err(error) => return Err(error),
        }
        let header = Room::header(&entry);
        let (room, result) = operations::answer(&fs, &header, entry).await;
        // All that comes this way has a reply.
        let (header, len) = reply_header(header.unique, &result.unwrap_or(Ok(0)));
        (fetched, entry) = room.reply(&header, len).await;
    }
}
