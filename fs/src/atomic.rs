//! Whole files, replaced in one step.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, Permissions},
    future::{Future, poll_fn},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    task::Poll,
};

use runtime_core::{blocking, buf::IoBuf, future::Io, op, plan::Plan, shard, sync::oneshot};

use crate::{Dir, File, OpenOptions, symlink_metadata};

/// The most that one write takes.
const WRITE_MAX: usize = 1 << 30;

/// Replaces a file's content in one step: whoever opens it, and whoever finds it after a crash, sees the old content or
/// the new, never a part or a mixture. When this has ended, the new content is safe on the device.
///
/// The bytes go to a new file in the same directory, named after it (`.name.….tmp`), which is synced, renamed, and the
/// directory synced. The new file has the mode of the old one; if there was none, 0o666 without the umask. It belongs to
/// who calls, and other hard links and extended attributes stay with the old content. A symbolic link is followed.
///
/// # Errors
/// Those of openat(2), write(2), fsync(2) and renameat(2); `InvalidInput` if there is something that is no regular file. The
/// old content stays, but if the directory's sync fails: then it is the new one, which a crash may undo. No temporary
/// file is left.
///
/// # Panics
/// Outside a runtime.
///
/// # Cancel safety
/// Dropped it leaves old or new content. What it has begun is cancelled, and the temporary file removed, by a task of the
/// runtime's. A process that is killed, and a runtime that ends right then, can leave that file.
///
/// # Cost
/// One copy of `contents`, and a task. One enter finds what is there; one more if there is a file whose mode is kept. Then
/// open → write → fsync → rename → fsync is one plan, in stages, as the kernel would not sever a chain behind a sync that
/// fails: an enter for each step, which the shard shares with whatever else is ready, and one wake in all.
pub async fn write_atomic(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let (path, contents) = (path.as_ref().to_owned(), contents.as_ref().to_vec());
    let (mut report, result) = oneshot::channel();
    let job = async move {
        let gone = poll_fn(|cx| report.poll_closed(cx));
        let outcome = replace(path, contents, gone).await;
        let _nobody_waits = report.send(outcome);
    };
    let spawned = shard::with_current(|shard| shard.spawn_own(job));
    spawned.expect("a file was written outside a runtime; use #[runtime::main] or Runtime::block_on");
    result.await.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::BrokenPipe, "the runtime has ended")))
}

async fn replace(path: PathBuf, contents: Vec<u8>, gone: impl Future<Output = ()> + Unpin) -> io::Result<()> {
    let (path, mode) = find(path).await?;
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    };
    let dir = Dir::open(parent_of(&path)).await?;
    let temporary = Temporary { path: parent_of(&path).join(temporary_name(name)), there: true };
    let to = Path::new(name);
    let result = match mode {
        None if contents.len() <= WRITE_MAX => create(&dir, &temporary, contents, to, gone).await,
        _ => fill(&dir, &temporary, contents, to, mode, gone).await,
    };
    temporary.remove_unless(&result, &dir).await;
    result.map_err(|(error, _)| error)
}

/// How far it came: true if the file has its name.
type Failed = (io::Error, bool);

/// There was no file: all in one plan.
async fn create(
    dir: &Dir,
    temporary: &Temporary,
    contents: Vec<u8>,
    to: &Path,
    gone: impl Future<Output = ()> + Unpin,
) -> Result<(), Failed> {
    let plan = new_file(0o666)
        .open_at(dir, temporary.name())
        .then(|file| file.write_all_at(contents, 0).then(|_| file.sync_all()))
        .then(|_| dir.rename(temporary.name(), dir, to))
        .then(|_| dir.sync_all());
    let (opened, (written, synced), renamed, named) = run(plan, gone).await;
    let first = opened.map(drop).and(written.0).and(synced);
    ended(first, renamed, named)
}

/// The file there was has a mode, which is set before anything is written.
async fn fill(
    dir: &Dir,
    temporary: &Temporary,
    mut contents: Vec<u8>,
    to: &Path,
    mode: Option<u32>,
    mut gone: impl Future<Output = ()> + Unpin,
) -> Result<(), Failed> {
    let early = |error| (error, false);
    let file: File =
        run(new_file(mode.unwrap_or(0o666)).open_at(dir, temporary.name()), &mut gone).await.map_err(early)?;
    if let Some(mode) = mode {
        let set = file.shared().with_std(|file| match file.metadata()?.permissions().mode() & 0o7777 {
            same if same == mode => Ok(()),
            // The umask has taken something away.
            _ => file.set_permissions(Permissions::from_mode(mode)),
        });
        set.map_err(early)?;
    }
    let mut done = 0;
    while contents.len() - done > WRITE_MAX {
        let write = op::write_all_at(file.shared(), contents.slice(done..done + WRITE_MAX), done as u64);
        let (written, piece) = run(write, &mut gone).await;
        written.map_err(early)?;
        contents = piece.into_inner();
        done += WRITE_MAX;
    }
    let plan = file
        .write_all_at(contents.slice(done..), done as u64)
        .then(|_| file.sync_all())
        .then(|_| dir.rename(temporary.name(), dir, to))
        .then(|_| dir.sync_all());
    let ((written, _), synced, renamed, named) = run(plan, gone).await;
    ended(written.and(synced), renamed, named)
}

fn ended(before: io::Result<()>, renamed: io::Result<()>, named: io::Result<()>) -> Result<(), Failed> {
    let has_name = renamed.is_ok();
    before.and(renamed).and(named).map_err(|error| (error, has_name))
}

/// Runs a plan; once nobody waits for it, cancels it and takes what it came to.
async fn run<P: Plan>(mut plan: Io<P>, mut gone: impl Future<Output = ()> + Unpin) -> P::Output {
    let output = poll_fn(|cx| match Pin::new(&mut plan).poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Pin::new(&mut gone).poll(cx).map(|()| None),
    });
    match output.await {
        Some(output) => output,
        None => plan.cancel().await,
    }
}

/// Where the file is, links followed, and its mode if there is one.
async fn find(path: PathBuf) -> io::Result<(PathBuf, Option<u32>)> {
    let mut found = symlink_metadata(&path).await;
    let mut path = path;
    if found.as_ref().is_ok_and(|found| found.file_type().is_symlink()) {
        path = blocking::spawn(move || fs::canonicalize(path)).await??;
        found = symlink_metadata(&path).await;
    }
    match found {
        Ok(found) if found.is_file() => Ok((path, Some(found.permissions().mode() & 0o7777))),
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "only regular files are replaced")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((path, None)),
        Err(error) => Err(error),
    }
}

/// The directory that a path's last name is in.
pub(crate) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn new_file(mode: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    options
}

/// A name that nothing else of this machine takes, as long as processes have different numbers.
fn temporary_name(name: &OsStr) -> OsString {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // A name has at most 255 bytes.
    let mut temporary = OsString::from(".");
    if name.len() <= 200 {
        temporary.push(name);
    }
    temporary.push(format!(".{:x}.{:x}.tmp", std::process::id(), NEXT.fetch_add(1, Relaxed)));
    temporary
}

/// The file that takes the other's place.
struct Temporary {
    path: PathBuf,
    /// It may exist.
    there: bool,
}

impl Temporary {
    fn name(&self) -> &Path {
        Path::new(self.path.file_name().expect("was made with a name"))
    }

    async fn remove_unless(mut self, result: &Result<(), Failed>, dir: &Dir) {
        if matches!(result, Err((_, false))) {
            // Not there if it was the open that failed.
            let _gone = dir.remove_file(self.name()).await;
        }
        self.there = false;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The runtime ends, and nothing can be awaited any more.
        if self.there {
            let _gone = fs::remove_file(&self.path);
        }
    }
}
