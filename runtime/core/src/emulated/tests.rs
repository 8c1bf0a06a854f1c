//! What the comparisons with the real kernel (`sim::parity_tests`, `model::conformance`) do not reach: jobs that hang, the three
//! answers to a cancel at each place of a request, numbers of descriptors that come to mean other files, and the end.

use std::{
    ffi::CString,
    fs::File,
    io::Write,
    os::{
        fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use io_uring::{opcode, squeue::Entry, types};

use super::{Emulated, pool::THREADS_MAX};
use crate::{
    kernel::{Cqe, Kernel},
    ring::{RingConfig, TaskRun},
    sqe::{FIXED_FILE, IO_HARDLINK, IO_LINK, Sqe},
};

mod buffers;
mod cancel;
mod end;
mod poller;

/// Longer than anything takes that comes.
const LIMIT: Duration = Duration::from_secs(20);
const CANCELED: i32 = -libc::ECANCELED;

fn kernel() -> Emulated {
    Emulated::new(RingConfig { sq_entries: 256, cq_entries: 512, task_run: TaskRun::Coop }).unwrap()
}

fn sqe(user_data: u64, flags: u8, entry: Entry) -> Sqe {
    let sqe = Sqe::from(entry);
    Sqe { user_data, flags: sqe.flags | flags, ..sqe }
}

fn nop(user_data: u64, flags: u8) -> Sqe {
    sqe(user_data, flags, opcode::Nop::new().build())
}

fn cancel(user_data: u64, target: u64) -> Sqe {
    sqe(user_data, 0, opcode::AsyncCancel::new(target).build())
}

fn read(user_data: u64, flags: u8, fd: RawFd, into: &mut [u8]) -> Sqe {
    sqe(user_data, flags, opcode::Read::new(types::Fd(fd), into.as_mut_ptr(), into.len() as u32).build())
}

fn time(millis: u32) -> types::Timespec {
    types::Timespec::new().nsec(millis * 1_000_000)
}

fn limit(user_data: u64, flags: u8, after: &types::Timespec) -> Sqe {
    sqe(user_data, flags, opcode::LinkTimeout::new(after).build())
}

fn push(kernel: &mut Emulated, sqes: &[Sqe]) {
    for sqe in sqes {
        // SAFETY: each test keeps what its SQEs point to until their CQEs have come.
        unsafe { kernel.push(sqe) };
    }
}

/// What is there without a wait, in order of coming.
fn now(kernel: &mut Emulated) -> Vec<Cqe> {
    kernel.enter(0, None).unwrap();
    let mut cqes = Vec::new();
    kernel.reap(&mut cqes);
    cqes
}

/// Waits for just so many results, sorted.
fn results(kernel: &mut Emulated, count: usize) -> Vec<(u64, i32)> {
    let late = Instant::now() + LIMIT;
    let mut cqes = Vec::new();
    while cqes.len() < count {
        assert!(Instant::now() < late, "{cqes:?} are all of {count}\n{kernel:#?}");
        kernel.enter((count - cqes.len()) as u32, Some(LIMIT)).unwrap();
        kernel.reap(&mut cqes);
    }
    let mut results: Vec<_> = cqes.iter().map(|cqe| (cqe.user_data, cqe.res)).collect();
    results.sort_unstable();
    results
}

/// A pipe with a name: to open it waits for who opens its other end. It is gone with this.
struct Fifo(PathBuf);

impl Fifo {
    fn new(name: &str) -> Fifo {
        let path = std::env::temp_dir().join(format!("emulated-{}-{name}", std::process::id()));
        let fifo = Fifo(path);
        // SAFETY: the path is a local that outlives the call.
        assert_eq!(unsafe { libc::mkfifo(fifo.name().as_ptr(), 0o600) }, 0);
        fifo
    }

    fn name(&self) -> CString {
        CString::new(self.0.as_os_str().as_bytes()).unwrap()
    }

    /// An open of its end for reads. Who might make the file is sent to a thread, which then waits.
    fn open(&self, user_data: u64, flags: u8, name: &CString) -> Sqe {
        let open = opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), name.as_ptr()).flags(libc::O_CREAT | libc::O_CLOEXEC);
        sqe(user_data, flags, open.build())
    }

    /// The end for writes, as soon as somebody waits at the other one.
    fn release(&self) -> File {
        File::options().write(true).open(&self.0).unwrap()
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Until threads of the pool have begun all that was sent to it.
fn begun(kernel: &Emulated) {
    wait_begun(kernel.pool.watch());
}

fn wait_begun(queued: impl Fn() -> Option<usize>) {
    let late = Instant::now() + LIMIT;
    while queued().is_some_and(|count| count > 0) {
        assert!(Instant::now() < late, "no thread takes the job");
        thread::yield_now();
    }
}

fn close(fd: i32) {
    assert!(fd >= 0, "{fd}");
    drop(super::files::new_file(fd));
}
