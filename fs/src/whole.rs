//! Whole files: `read`, `read_to_string` and `write`.

use std::{io, path::Path};

use runtime_core::{buf::IoBuf, fd::Target, into_result::IntoResult, op, slot::SlotFd};

use crate::File;

/// What the first read of [`read`] asks for.
const FIRST_READ: usize = 64 << 10;
/// What the further ones ask for.
const NEXT_READ: usize = 1 << 20;
/// Enough to see whether the file goes on.
const PROBE: usize = 32;
/// Largest single write; the kernel takes no more than 2 GiB at once.
const WRITE_MAX: usize = 1 << 30;

/// Reads a whole file.
///
/// # Errors
/// Those of openat(2) and read(2): a directory gives `IsADirectory`.
///
/// # Cancel safety
/// Nothing is lost but what has to be read again; of a FIFO, what was read.
///
/// # Cost
/// A file of up to 64 KiB is one plan and one `io_uring_enter`: open into a slot → read → read again, to see the end.
/// That second read is there because a short one is not the end of the file everywhere (/proc, FIFOs). The slot is
/// closed by its drop, with the shard's next submission, and not by the plan: a file that goes on is read on from
/// where the first read ended, on the same open file, so that a file that is replaced meanwhile is never mixed with its
/// successor.
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let plan = File::open(path)
        .then(|file| file.read_next(Vec::with_capacity(FIRST_READ)))
        .finally(|(file, _)| file.read_next(Vec::with_capacity(PROBE)));
    let (file, (_, mut bytes), (probed, probe)) = plan.await.into_result()?;
    // The bare slot is `Send`, as a `SlotFile` is not, and so this future is, which a handler of axum has to be.
    let slot = file.into_slot();
    bytes.extend_from_slice(&probe);
    if probed > 0 {
        read_on(&slot, &mut bytes).await?;
    }
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// Reads a whole file of text.
///
/// # Errors
/// As for [`read`]; `InvalidData` for what is not UTF-8.
///
/// # Cancel safety
/// As for [`read`].
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let text = String::from_utf8(read(path).await?);
    text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file is no text: its bytes are not UTF-8"))
}

/// Reads from the file's position to its end.
async fn read_on(slot: &SlotFd, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut block = Vec::with_capacity(NEXT_READ);
    loop {
        let (result, filled) = op::read_next(Target::from(slot), block).await;
        match result {
            Ok(0) => return Ok(()),
            Ok(_) => bytes.extend_from_slice(&filled),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        block = filled;
        block.clear();
    }
}

/// Writes a whole file: creates it or replaces its content.
///
/// Not atomic: after an error or a crash the file may be empty or cut.
///
/// # Errors
/// Those of openat(2), write(2) and close(2): a full file system gives `StorageFull`.
///
/// # Cancel safety
/// Dropped in flight, it leaves the file empty, cut or whole.
///
/// # Cost
/// One plan: open into a slot → write → close by `finally`. One copy of `contents`, as the op has to own its bytes.
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let path = path.as_ref();
    let contents = contents.as_ref().to_vec();
    if contents.len() > WRITE_MAX {
        return write_in_pieces(path, contents).await;
    }
    let plan = File::create(path).then(|file| file.write_all_at(contents, 0)).finally(|(file, _)| file.close());
    let (opened, (written, contents), closed) = plan.await;
    opened?;
    match written {
        // The kernel took a part; the next write will say why not all.
        Err(error) if error.kind() == io::ErrorKind::WriteZero => write_in_pieces(path, contents).await,
        Err(error) => Err(error),
        Ok(()) => closed,
    }
}

async fn write_in_pieces(path: &Path, mut contents: Vec<u8>) -> io::Result<()> {
    let file = File::create(path).await?;
    let mut done = 0;
    while done < contents.len() {
        let end = contents.len().min(done + WRITE_MAX);
        let (result, piece) = file.write_at(contents.slice(done..end), done as u64).await;
        contents = piece.into_inner();
        done += match result {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
    }
    file.close().await
}
