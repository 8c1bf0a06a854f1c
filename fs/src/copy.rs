//! Copies of files.
//!
//! Blocks that two files share cost nothing, so the file system is asked for that first (FICLONE). Then the kernel is
//! asked to copy (copy_file_range(2)). What is left, files in /proc and pairs of file systems that have neither, is read
//! and written here.

use std::{
    collections::VecDeque,
    fs,
    future::{Future, poll_fn},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Poll,
};

use runtime_core::{
    blocking,
    file::{clone_content, copy_range},
};

use crate::File;

/// What one call of the kernel copies: a copy that was dropped stops after it.
const RANGE: usize = 8 << 20;
/// What one plan reads and writes.
const BLOCK: usize = 256 << 10;
/// How many of them are in flight.
const BLOCKS: usize = 8;

/// Copies a file's content and permissions to `to`, which is created or replaced, and gives the number of bytes.
///
/// A file of /proc, whose size is not known, is copied to its end; one that grows or shrinks meanwhile, as far as it
/// reaches then. Holes become zeroes where blocks cannot be shared. A file that is copied onto itself is emptied, as by
/// std's `copy`.
///
/// # Errors
/// Those of open(2), copy_file_range(2), read(2), write(2) and fchmod(2); `InvalidInput` if `from` is no regular file. `to`
/// may then be empty or cut.
///
/// # Panics
/// Outside a runtime.
///
/// # Cancel safety
/// Dropped it stops: what is under way ends, at most 8 MiB. `to` may be empty or cut then.
///
/// # Cost
/// A pass to a thread of the pool, which shares the blocks if the file system has that (btrfs, XFS), and else has the
/// kernel copy them. Between file systems: plans of a read and a write, 8 of 256 KiB in flight, whose buffers pass from
/// the one to the other without a copy.
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
    let wanted = Wanted::default();
    let asked = wanted.0.clone();
    let files = match blocking::spawn(move || begin(&from, &to, &asked)).await?? {
        Begun::Done(count) => return Ok(count),
        Begun::Blocks(files) => files,
    };
    let (reader, writer) = (File::from_std(files.reader), File::from_std(files.writer));
    let done = copy_blocks(&reader, &writer, files.len).await?;
    let (mut reader, mut writer) = (reader.into_std().await, writer.into_std().await);
    let asked = wanted.0.clone();
    // Where the blocks ended the file may go on; or it became shorter, and blocks behind its end were written.
    let rest = move || {
        writer.set_len(done)?;
        reader.seek(SeekFrom::Start(done))?;
        writer.seek(SeekFrom::Start(done))?;
        copy_rest(&mut reader, &mut writer, &asked)
    };
    Ok(done + blocking::spawn(rest).await??)
}

/// Tells the pool's thread, when it is dropped, that nobody waits any more.
#[derive(Default)]
struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

enum Begun {
    Done(u64),
    Blocks(Files),
}

struct Files {
    reader: fs::File,
    writer: fs::File,
    len: u64,
}

/// Opens both files, and does what can be done without reading and writing.
fn begin(from: &Path, to: &Path, unwanted: &AtomicBool) -> io::Result<Begun> {
    let mut reader = fs::File::open(from)?;
    let source = reader.metadata()?;
    if !source.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the source of a copy is no regular file"));
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(source.permissions().mode());
    let mut writer = options.open(to)?;
    let regular = writer.metadata()?.is_file();
    if regular {
        // The umask may have taken something away, and a file that was there has its own.
        writer.set_permissions(source.permissions())?;
        if source.len() > 0 && clone_content(&reader, &writer).is_ok() {
            return Ok(Begun::Done(writer.metadata()?.len()));
        }
        if let Some(count) = copy_ranges(&reader, &writer, unwanted)? {
            return Ok(Begun::Done(count));
        }
    }
    if regular && source.len() > BLOCK as u64 {
        return Ok(Begun::Blocks(Files { reader, writer, len: source.len() }));
    }
    copy_rest(&mut reader, &mut writer, unwanted).map(Begun::Done)
}

/// None if the kernel cannot copy these, or says that there is nothing, which it also does of what it does not know.
fn copy_ranges(reader: &fs::File, writer: &fs::File, unwanted: &AtomicBool) -> io::Result<Option<u64>> {
    let mut done = 0;
    loop {
        check(unwanted)?;
        match copy_range(reader, writer, RANGE) {
            Ok(0) => return Ok((done > 0).then_some(done)),
            Ok(count) => done += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Real ones (EIO, ENOSPC) come again from reads and writes, which say it better.
            Err(_) if done == 0 => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Reads and writes to the end, one after the other.
fn copy_rest(reader: &mut fs::File, writer: &mut fs::File, unwanted: &AtomicBool) -> io::Result<u64> {
    let (mut block, mut done) = (vec![0; BLOCK], 0);
    loop {
        check(unwanted)?;
        match reader.read(&mut block) {
            Ok(0) => return Ok(done),
            Ok(count) => {
                writer.write_all(&block[..count])?;
                done += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn check(unwanted: &AtomicBool) -> io::Result<()> {
    match unwanted.load(Relaxed) {
        true => Err(io::Error::other("nobody waits for this copy")),
        false => Ok(()),
    }
}

/// Copies block by block up to `len`, or to where a block comes short; gives how far. Nothing is in flight then.
async fn copy_blocks(reader: &File, writer: &File, len: u64) -> io::Result<u64> {
    let (mut flying, mut spare) = (VecDeque::with_capacity(BLOCKS), Vec::new());
    let (mut begun, mut done, mut short) = (0, 0, false);
    loop {
        while flying.len() < BLOCKS && begun < len && !short {
            let buf = spare.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK));
            let mut block = reader.read_at(buf, begun).then(|bytes| writer.write_all_at(bytes, begun));
            // The first poll sends it off. What is ready already is kept.
            let output = poll_fn(|cx| Poll::Ready(Pin::new(&mut block).poll(cx))).await;
            flying.push_back((block, output));
            begun += BLOCK as u64;
        }
        let Some((block, output)) = flying.pop_front() else { return Ok(done) };
        let ((read, mut buf), (written, _)) = match output {
            Poll::Ready(output) => output,
            Poll::Pending => block.await,
        };
        let count = read?;
        if count > 0 {
            written?;
        }
        if !short {
            done += count as u64;
            short = count < BLOCK;
        }
        buf.clear();
        spare.push(buf);
    }
}
