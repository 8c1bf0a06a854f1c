//! The two ends of a copy.

use std::{error::Error, io, io::SeekFrom, os::unix::fs::FileTypeExt, os::unix::fs::MetadataExt, path::Path};

use runtime::{
    fs::{File, OpenOptions},
    io::AsyncSeekExt,
};

use crate::Options;

const O_DIRECT: i32 = 0o40000;

/// What is copied, and where to.
#[derive(Debug)]
pub struct Ends {
    pub source: File,
    pub destination: File,
    /// The same again without O_DIRECT, which cannot read or write the end of a file that is not aligned.
    pub source_end: File,
    pub destination_end: File,
    pub size: u64,
}

/// Opens both. The destination is made, or emptied.
pub async fn open(options: &Options) -> Result<Ends, Box<dyn Error>> {
    let (from, to) = (&options.source, &options.destination);
    let reads = |flags: i32| OpenOptions::new().read(true).custom_flags(flags).open(from);
    let mut source_end = reads(0).await.map_err(failed("open", from))?;
    let metadata = source_end.metadata().await?;
    if !metadata.is_file() && !metadata.file_type().is_block_device() {
        return Err(format!("{} is neither a file nor a block device", from.display()).into());
    }
    if let Ok(other) = runtime::fs::metadata(to).await {
        if (other.dev(), other.ino()) == (metadata.dev(), metadata.ino()) {
            return Err(format!("{} and {} are the same file", from.display(), to.display()).into());
        }
        if other.file_type().is_block_device() && !options.device {
            return Err(format!(
                "{} is a block device: all on it would be lost; say --device if that is meant",
                to.display()
            )
            .into());
        }
        if !other.is_file() && !other.file_type().is_block_device() {
            return Err(format!("{} is neither a file nor a block device", to.display()).into());
        }
    }
    // A device tells its size by its end only.
    let size = source_end.seek(SeekFrom::End(0)).await.map_err(failed("find the size of", from))?;
    let mut writes = OpenOptions::new();
    writes.read(true).write(true);
    if !options.device {
        writes.create(true).truncate(true);
    }
    let destination_end = writes.open(to).await.map_err(failed("open", to))?;
    if !options.device {
        // What is copied has its place, or the copy fails before it begins.
        destination_end.set_len(size).await.map_err(failed("make room in", to))?;
    }
    let flags = if options.direct { O_DIRECT } else { 0 };
    let source = reads(flags).await.map_err(failed("open with O_DIRECT", from))?;
    let destination = OpenOptions::new().read(true).write(true).custom_flags(flags).open(to).await;
    let destination = destination.map_err(failed("open with O_DIRECT", to))?;
    Ok(Ends { source, destination, source_end, destination_end, size })
}

/// Says which step failed, at which path.
pub fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> String + 'a {
    move |error| format!("cannot {what} {}: {error}", path.display())
}
