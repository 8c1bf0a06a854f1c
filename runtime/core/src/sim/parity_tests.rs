//! The same SQEs on the running kernel, on the emulated one and on the simulation: the same results, as multisets of
//! (user_data, res).
//!
//! What the running kernel lacks is printed as `skipped: why`. Run in a VM (`shared/kernel/run-in-vm`) for others.

use std::{
    cell::RefCell,
    ffi::CString,
    io::Write,
    os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd},
    sync::OnceLock,
    time::Duration,
};

use io_uring::{opcode, squeue::Entry, types};

use super::{Sim, SimConfig, SimHandle};
use crate::{
    emulated::Emulated,
    features::Features,
    kernel::Kernel,
    ring::{RingConfig, TaskRun, for_test},
    sqe::{FIXED_FILE, IO_HARDLINK, IO_LINK, SQE_GROUP, Sqe},
};

mod cases;
mod shapes;

const CONTENTS: &[u8] = b"0123456789";
/// Long enough for the real kernel to do what it can.
const SOON: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(5);

/// Objects of one of the two kernels, and memory that outlives it.
struct Env {
    /// Ten bytes, readable and writable.
    file: OwnedFd,
    /// The name of such a file.
    path: CString,
    source: OwnedFd,
    sink: OwnedFd,
    stream: OwnedFd,
    /// The stream's other end; taken by the case that closes it.
    peer: RefCell<Option<OwnedFd>>,
    bytes: RefCell<Vec<Box<[u8]>>>,
    #[allow(clippy::vec_box, reason = "SQEs point to them")]
    times: RefCell<Vec<Box<types::Timespec>>>,
    iovecs: RefCell<Vec<Vec<libc::iovec>>>,
}

impl Env {
    fn of(file: OwnedFd, path: &str, pipe: (OwnedFd, OwnedFd), stream: (OwnedFd, OwnedFd)) -> Env {
        Env {
            file,
            path: CString::new(path).unwrap(),
            source: pipe.0,
            sink: pipe.1,
            stream: stream.0,
            peer: RefCell::new(Some(stream.1)),
            bytes: RefCell::default(),
            times: RefCell::default(),
            iovecs: RefCell::default(),
        }
    }

    fn real(path: &str) -> Env {
        let mut file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap();
        file.write_all(CONTENTS).unwrap();
        let (source, sink) = std::io::pipe().unwrap();
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        Env::of(file.into(), path, (source.into(), sink.into()), (one.into(), other.into()))
    }

    fn simulated(handle: &SimHandle, path: &str) -> Env {
        Env::of(handle.file(path, CONTENTS), path, handle.pipe(), handle.stream())
    }

    fn peer(&self) -> RawFd {
        self.peer.borrow().as_ref().unwrap().as_raw_fd()
    }

    /// The stream's other end, for a CLOSE.
    fn take_peer(&self) -> RawFd {
        self.peer.borrow_mut().take().unwrap().into_raw_fd()
    }

    fn buf(&self, len: usize) -> *mut u8 {
        let mut bytes = self.bytes.borrow_mut();
        bytes.push(vec![0u8; len].into_boxed_slice());
        bytes.last_mut().unwrap().as_mut_ptr()
    }

    fn time(&self, millis: u32) -> *const types::Timespec {
        let mut times = self.times.borrow_mut();
        times.push(Box::new(types::Timespec::new().nsec(millis * 1_000_000)));
        &raw const **times.last().unwrap()
    }

    fn iovecs(&self, lens: &[usize]) -> *const libc::iovec {
        let iovec = |len: &usize| libc::iovec { iov_base: self.buf(*len).cast(), iov_len: *len };
        let list = lens.iter().map(iovec).collect::<Vec<_>>();
        let mut iovecs = self.iovecs.borrow_mut();
        iovecs.push(list);
        iovecs.last().unwrap().as_ptr()
    }

    fn read(&self, fd: RawFd, len: u32) -> Entry {
        opcode::Read::new(types::Fd(fd), self.buf(len as usize), len).build()
    }

    fn write(&self, fd: RawFd, len: u32) -> Entry {
        opcode::Write::new(types::Fd(fd), self.buf(len as usize), len).build()
    }

    fn recv(&self, fd: RawFd, len: u32, flags: i32) -> Entry {
        opcode::Recv::new(types::Fd(fd), self.buf(len as usize), len).flags(flags).build()
    }

    fn send(&self, fd: RawFd, len: u32, flags: i32) -> Entry {
        opcode::Send::new(types::Fd(fd), self.buf(len as usize), len).flags(flags | libc::MSG_NOSIGNAL).build()
    }
}

/// An SQE with its user_data and link flags.
fn sqe(user_data: u64, flags: u8, entry: Entry) -> Sqe {
    let sqe = Sqe::from(entry);
    Sqe { user_data, flags: sqe.flags | flags, ..sqe }
}

fn nop(user_data: u64, flags: u8) -> Sqe {
    sqe(user_data, flags, opcode::Nop::new().build())
}

fn malformed(user_data: u64, flags: u8) -> Sqe {
    Sqe { opcode: 0xfe, user_data, flags, ..Sqe::default() }
}

/// SQEs of one enter, and how many CQEs come before the next.
type Phase = (Vec<Sqe>, u32);

/// Runs the phases; all results, sorted.
fn run(kernel: &mut dyn Kernel, phases: &[Phase]) -> Vec<(u64, i32)> {
    let mut cqes = Vec::new();
    for (sqes, expected) in phases {
        for sqe in sqes {
            // SAFETY: an Env keeps what its SQEs point to, and outlives the kernel that they are pushed to.
            unsafe { kernel.push(sqe) };
        }
        let all = cqes.len() + *expected as usize;
        // Where nothing is expected time passes all the same, and ops make what progress they can.
        kernel.enter((*expected).max(1), Some(if *expected == 0 { SOON } else { LIMIT })).unwrap();
        kernel.reap(&mut cqes);
        let mut tries = 0;
        while cqes.len() < all && tries < 20 {
            // A TIMEOUT that fires ends a wait early.
            kernel.enter((all - cqes.len()) as u32, Some(LIMIT)).unwrap();
            kernel.reap(&mut cqes);
            tries += 1;
        }
    }
    let mut results: Vec<_> = cqes.iter().map(|cqe| (cqe.user_data, cqe.res)).collect();
    results.sort_unstable();
    results
}

const CONFIG: RingConfig = RingConfig { sq_entries: 64, cq_entries: 128, task_run: TaskRun::Coop };

/// The real kernel. Where it refuses io_uring, the emulated one stands in for it, which is said once.
fn real() -> Box<dyn Kernel> {
    static STANDS_IN: OnceLock<bool> = OnceLock::new();
    let stands_in = *STANDS_IN.get_or_init(|| for_test(CONFIG).is_none());
    if stands_in { Box::new(Emulated::new(CONFIG).unwrap()) } else { Box::new(for_test(CONFIG).expect("a ring")) }
}

/// The simulation with the running kernel's features.
fn simulation(features: &Features, seed: u64) -> (Sim, SimHandle) {
    let inline_percent = if seed.is_multiple_of(2) { 100 } else { 40 };
    Sim::new(SimConfig { seed, inline_percent, features: features.clone(), ..SimConfig::default() })
}

/// A file name of this test's own.
fn scratch(name: &str) -> String {
    format!("{}/sim_parity_{}_{name}", std::env::temp_dir().display(), std::process::id())
}

/// All kernels give the same results; what they are.
fn compare(name: &str, make: impl Fn(&Env) -> Vec<Phase>) -> Vec<(u64, i32)> {
    let path = scratch(name);
    let mut kernel = real();
    kernel.register_slots(4).unwrap();
    let features = kernel.features().clone();
    let env = Env::real(&path);
    let real = run(&mut *kernel, &make(&env));
    drop(kernel);
    let _ = std::fs::remove_file(&path);
    let mut kernel = Emulated::new(CONFIG).unwrap();
    kernel.register_slots(4).unwrap();
    let env = Env::real(&path);
    let emulated = run(&mut kernel, &make(&env));
    assert_eq!(emulated, real, "{name}: emulated left, real right\n{kernel:#?}");
    drop(kernel);
    let _ = std::fs::remove_file(&path);
    for seed in 0..8 {
        let (mut sim, handle) = simulation(&features, seed);
        sim.register_slots(4).unwrap();
        let env = Env::simulated(&handle, &path);
        let simulated = run(&mut sim, &make(&env));
        assert_eq!(simulated, real, "{name}, seed {seed}: simulated left, real right\n{}", handle.dump());
    }
    real
}
