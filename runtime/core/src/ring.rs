//! The real kernel behind the seam: set-up, queueing, entering and reaping.

use std::{
    io,
    os::fd::{AsRawFd, RawFd},
    time::Duration,
};

use io_uring::{
    IoUring, Probe, cqueue,
    squeue::{Entry, Entry128, EntryMarker},
};

use crate::{
    features::{Features, SetupError},
    fixed::POOLS_MAX,
    kernel::{Cqe, Kernel},
    probe,
    sqe::{Sqe, WideSqe},
};

/// When the kernel runs completion work on the shard's thread. See `ARCHITECTURE.md` for the figures behind the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskRun {
    /// Only inside `io_uring_enter` (IORING_SETUP_DEFER_TASKRUN): least CPU per request, but a chain does not go on
    /// while the core computes.
    Defer,
    /// At the next switch to the kernel, without an interrupt (IORING_SETUP_COOP_TASKRUN): a chain goes on beside
    /// computing tasks only where completions come from interrupts of the shard's own core.
    Coop,
    /// At once, by interrupting the thread: chains and gates go on while the core computes.
    #[default]
    Interrupt,
}

/// How a ring is set up.
#[derive(Clone, Copy, Debug)]
pub struct RingConfig {
    /// Submission queue entries; rounded up to a power of two by the kernel.
    pub sq_entries: u32,
    /// Completion queue entries; rounded up likewise.
    pub cq_entries: u32,
    /// When completion work runs.
    pub task_run: TaskRun,
}

/// A ring of the running kernel. It must be made on the thread that enters it (IORING_SETUP_SINGLE_ISSUER).
///
/// `E` is what lies in its submission queue: SQEs of 64 bytes, or of 128, which few commands need and all others pay for.
pub struct Ring<E: Width = Entry> {
    ring: IoUring<E>,
    features: Features,
    /// What `io_uring_enter` is called with: the index of the registered ring, or its descriptor.
    enter_fd: RawFd,
    enter_flags: u32,
    sq_entries: u32,
    cq_entries: u32,
    /// Any thread can post a CQE to the ring.
    messages: bool,
    /// Enters that the set-up took, on a ring of its own.
    setup_enters: u32,
    /// The table of registered buffers is there.
    has_fixed: bool,
}

/// What lies in a submission queue.
pub trait Width: EntryMarker {
    /// A wide SQE as an entry; `None` where it has no place.
    fn from_wide(sqe: &WideSqe) -> Option<Self>;
    /// Whether [`from_wide`](Width::from_wide) gives something.
    const WIDE: bool;
}

impl Width for Entry {
    const WIDE: bool = false;

    fn from_wide(_: &WideSqe) -> Option<Entry> {
        None
    }
}

impl Width for Entry128 {
    const WIDE: bool = true;

    fn from_wide(sqe: &WideSqe) -> Option<Entry128> {
        Some(Entry128::from(*sqe))
    }
}

const ENTER_GETEVENTS: u32 = 1 << 0;
const ENTER_EXT_ARG: u32 = 1 << 3;
const ENTER_REGISTERED_RING: u32 = 1 << 4;
const REGISTER_RING_FDS: libc::c_uint = 20;
/// `IORING_REGISTER_FILE_ALLOC_RANGE`.
const REGISTER_FILE_ALLOC_RANGE: libc::c_uint = 25;
/// `IOU_PBUF_RING_INC`.
const BUFFERS_INCREMENTAL: u16 = 2;

/// `struct io_uring_getevents_arg`.
#[repr(C)]
struct GeteventsArg {
    sigmask: u64,
    sigmask_size: u32,
    min_wait_usec: u32,
    timespec: u64,
}

/// `struct io_uring_rsrc_update` as IORING_REGISTER_RING_FDS takes it.
#[repr(C)]
struct RingFdUpdate {
    offset: u32,
    resv: u32,
    data: u64,
}

impl Ring {
    /// Sets up a ring, and finds out what the kernel can do.
    ///
    /// # Errors
    /// A [`SetupError`] that names the cause and the remedy.
    pub fn new(config: RingConfig) -> Result<Ring, SetupError> {
        Ring::probed(config)
    }

    /// Sets up a ring without the probes that need a ring themselves.
    pub(crate) fn bare(config: RingConfig) -> Result<Ring, SetupError> {
        Ring::set_up(config)
    }
}

impl Ring<Entry128> {
    /// As [`Ring::new`], with SQEs of 128 bytes (IORING_SETUP_SQE128).
    ///
    /// # Errors
    /// As for [`Ring::new`].
    pub fn wide(config: RingConfig) -> Result<Ring<Entry128>, SetupError> {
        Ring::probed(config)
    }
}

impl<E: Width> Ring<E> {
    fn probed(config: RingConfig) -> Result<Ring<E>, SetupError> {
        let mut ring = Ring::set_up(config)?;
        (ring.features.groups, ring.setup_enters) = probe::groups();
        ring.messages = probe::messages();
        Ok(ring)
    }

    /// Where messages to it would go.
    pub(crate) fn fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }

    fn set_up(config: RingConfig) -> Result<Ring<E>, SetupError> {
        let RingConfig { sq_entries, cq_entries, task_run } = config;
        let mut builder = IoUring::<E, cqueue::Entry>::builder();
        // SUBMIT_ALL: without it one refused SQE leaves the rest of the batch behind, and cuts the next chain.
        // dontfork: a child must not share the rings' memory.
        builder.dontfork().setup_single_issuer().setup_submit_all().setup_cqsize(cq_entries);
        match task_run {
            TaskRun::Defer => builder.setup_defer_taskrun().setup_taskrun_flag(),
            TaskRun::Coop => builder.setup_coop_taskrun().setup_taskrun_flag(),
            TaskRun::Interrupt => &mut builder,
        };
        let ring = builder.build(sq_entries).map_err(|error| SetupError::explain(error, sq_entries, cq_entries))?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe).map_err(SetupError::Other)?;
        let params = ring.params();
        if !params.is_feature_nodrop() || !params.is_feature_ext_arg() || !params.is_feature_linked_file() {
            let release = crate::features::kernel_version().map(|(_, release)| release).unwrap_or_default();
            return Err(SetupError::TooOld(release));
        }
        let (sq_entries, cq_entries) = (params.sq_entries(), params.cq_entries());
        let (enter_fd, enter_flags) = match register_ring_fd(ring.as_raw_fd()) {
            Ok(index) => (index, ENTER_REGISTERED_RING),
            // Registration saves an atomic per enter and is refused only where its table (16 rings a thread) is full.
            Err(_) => (ring.as_raw_fd(), 0),
        };
        let features = Features { bundles: params.is_feature_recvsend_bundle(), ..Features::from_probe(&probe) };
        let (messages, setup_enters, has_fixed) = (false, 0, false);
        Ok(Ring { ring, features, enter_fd, enter_flags, sq_entries, cq_entries, messages, setup_enters, has_fixed })
    }
}

/// Registers the ring's descriptor for this thread, so that an enter need not look it up.
fn register_ring_fd(fd: RawFd) -> io::Result<RawFd> {
    let mut update = RingFdUpdate { offset: u32::MAX, resv: 0, data: fd as u64 };
    // SAFETY: `update` is a local that the kernel reads and writes only during the call. Test: any test of a ring.
    let done = unsafe { libc::syscall(libc::SYS_io_uring_register, fd, REGISTER_RING_FDS, &raw mut update, 1) };
    if done == 1 { Ok(update.offset as RawFd) } else { Err(io::Error::last_os_error()) }
}

impl<E: Width> Kernel for Ring<E> {
    fn features(&self) -> &Features {
        &self.features
    }

    fn sq_entries(&self) -> u32 {
        self.sq_entries
    }

    fn cq_entries(&self) -> u32 {
        self.cq_entries
    }

    fn setup_enters(&self) -> u32 {
        self.setup_enters
    }

    fn queued(&self) -> u32 {
        // SAFETY: the ring has one thread (it is `!Sync` behind `&self`), so no other SubmissionQueue is in use at
        // the same time. Test: ring::tests.
        unsafe { self.ring.submission_shared() }.len() as u32
    }

    unsafe fn push(&mut self, sqe: &Sqe) {
        let entry = E::from(Entry::from(*sqe));
        // SAFETY: the caller keeps what the SQE points to until its terminal CQE (contract of `push`).
        // Test: drop_everywhere.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        assert!(pushed.is_ok(), "SQE pushed into a full submission queue of {}", self.sq_entries);
    }

    fn is_wide(&self) -> bool {
        E::WIDE
    }

    unsafe fn push_wide(&mut self, sqe: &WideSqe) {
        let entry = E::from_wide(sqe).expect("whoever pushes a wide SQE has asked whether the ring is wide");
        // SAFETY: as in `push`. Test: runtime/tests/fuse.rs.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        assert!(pushed.is_ok(), "SQE pushed into a full submission queue of {}", self.sq_entries);
    }

    fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<u32> {
        let to_submit = self.queued();
        let mut flags = self.enter_flags;
        if want > 0 || self.needs_enter() {
            flags |= ENTER_GETEVENTS;
        }
        let timespec = timeout.map(|d| libc::timespec { tv_sec: d.as_secs() as _, tv_nsec: d.subsec_nanos() as _ });
        let mut arg = GeteventsArg { sigmask: 0, sigmask_size: 0, min_wait_usec: 0, timespec: 0 };
        let (arg_ptr, arg_size) = match &timespec {
            Some(timespec) if want > 0 => {
                flags |= ENTER_EXT_ARG;
                arg.timespec = &raw const *timespec as u64;
                (&raw const arg, size_of::<GeteventsArg>())
            }
            _ => (std::ptr::null(), 0),
        };
        // SAFETY: `arg` and `timespec` are locals that outlive the call, which only reads them; what the queued SQEs
        // point to is kept by the contract of `push`. Test: drop_everywhere.
        let taken = unsafe {
            libc::syscall(libc::SYS_io_uring_enter, self.enter_fd, to_submit, want, flags, arg_ptr, arg_size)
        };
        if taken >= 0 {
            return Ok(taken as u32);
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ETIME) => Ok(0),
            error => Err(error),
        }
    }

    fn needs_enter(&self) -> bool {
        // SAFETY: as in `queued`.
        let queue = unsafe { self.ring.submission_shared() };
        queue.taskrun() || queue.cq_overflow()
    }

    fn has_news(&self) -> bool {
        // SAFETY: as in `queued`; the completion queue likewise has no other user at the same time.
        !unsafe { self.ring.completion_shared() }.is_empty() || self.needs_enter()
    }

    fn message_fd(&self) -> Option<RawFd> {
        self.messages.then(|| self.ring.as_raw_fd())
    }

    fn reap(&mut self, into: &mut Vec<Cqe>) {
        into.extend(self.ring.completion().map(|cqe| Cqe {
            user_data: cqe.user_data(),
            res: cqe.result(),
            flags: cqe.flags(),
        }));
    }

    fn register_slots(&mut self, count: u32) -> io::Result<()> {
        self.ring.submitter().register_files_sparse(count)
    }

    fn register_chosen_slots(&mut self, offset: u32, count: u32) -> io::Result<()> {
        // `struct io_uring_file_index_range`.
        let range = [offset, count, 0, 0];
        // SAFETY: the kernel reads the local array, of the size that it expects, during the call. Test: net_incoming.
        let done = unsafe {
            let (fd, range) = (self.ring.as_raw_fd(), (&raw const range).cast::<libc::c_void>());
            libc::syscall(libc::SYS_io_uring_register, fd, REGISTER_FILE_ALLOC_RANGE, range, 0)
        };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    unsafe fn register_buffers(&mut self, address: u64, entries: u16, group: u16, incremental: bool) -> io::Result<()> {
        let flags = if incremental { BUFFERS_INCREMENTAL } else { 0 };
        // SAFETY: as promised by the caller. Test: pool::tests.
        unsafe { self.ring.submitter().register_buf_ring_with_flags(address, entries, group, flags) }
    }

    fn unregister_buffers(&mut self, group: u16) -> io::Result<()> {
        self.ring.submitter().unregister_buf_ring(group)
    }

    unsafe fn register_fixed(&mut self, index: u16, address: u64, bytes: usize) -> io::Result<()> {
        if !self.has_fixed {
            self.ring.submitter().register_buffers_sparse(u32::from(POOLS_MAX))?;
            self.has_fixed = true;
        }
        let piece = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: bytes };
        // SAFETY: as promised by the caller. Test: runtime/tests/fs_fixed.rs.
        unsafe { self.ring.submitter().register_buffers_update(u32::from(index), &[piece], None) }
    }

    fn unregister_fixed(&mut self, index: u16) -> io::Result<()> {
        let none = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        // SAFETY: no memory is named. Test: as above.
        unsafe { self.ring.submitter().register_buffers_update(u32::from(index), &[none], None) }
    }
}

impl<E: Width> std::fmt::Debug for Ring<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("sq_entries", &self.sq_entries).field("cq_entries", &self.cq_entries).finish()
    }
}

/// A ring for a test that is of no use without one. `None` where io_uring is refused, which is said past the test harness:
/// it keeps to itself what tests print.
#[cfg(test)]
pub(crate) fn for_test(config: RingConfig) -> Option<Ring> {
    use io::Write;
    match Ring::new(config) {
        Ok(ring) => Some(ring),
        Err(cause @ (SetupError::Missing | SetupError::Sysctl(_) | SetupError::Seccomp | SetupError::TooOld(_))) => {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            let _ = writeln!(io::stderr(), "skipped: {test}: needs a ring: {cause}");
            None
        }
        Err(error) => panic!("no ring: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use io_uring::opcode;

    #[test]
    fn nops_come_back_in_every_task_run_mode() {
        for task_run in [TaskRun::Defer, TaskRun::Coop, TaskRun::Interrupt] {
            let Some(mut ring) = for_test(RingConfig { sq_entries: 4, cq_entries: 8, task_run }) else { return };
            for round in 0..3 {
                for i in 0..4 {
                    let sqe = Sqe { user_data: round * 10 + i, ..opcode::Nop::new().build().into() };
                    // SAFETY: a NOP points to nothing.
                    unsafe { ring.push(&sqe) };
                }
                assert_eq!(ring.room(), 0);
                assert_eq!(ring.enter(4, None).unwrap(), 4);
                let mut cqes = Vec::new();
                ring.reap(&mut cqes);
                assert_eq!(
                    cqes.iter().map(|c| c.user_data).collect::<Vec<_>>(),
                    (0..4).map(|i| round * 10 + i).collect::<Vec<_>>()
                );
            }
        }
    }

    #[test]
    fn a_wait_ends_with_its_timeout() {
        let config = RingConfig { sq_entries: 4, cq_entries: 8, task_run: TaskRun::Coop };
        let Some(mut ring) = for_test(config) else { return };
        assert_eq!(ring.enter(1, Some(Duration::from_millis(1))).unwrap(), 0);
    }

    #[test]
    fn refused_sizes_are_explained() {
        let config = RingConfig { sq_entries: 0, cq_entries: 8, task_run: TaskRun::Coop };
        if for_test(RingConfig { sq_entries: 4, ..config }).is_none() {
            return;
        }
        let error = Ring::new(config).unwrap_err();
        assert!(matches!(error, SetupError::Entries { sq: 0, .. }), "{error}");
    }
}
