//! Buffered writes on the spot.
//!
//! A buffered write copies bytes into the page cache. On ext4 and tmpfs io_uring hands each of them to a kernel thread,
//! which costs ten times the copy itself, and one file's writes wait for each other there. A write on the spot is one
//! system call; but it may block: for a page that has to be read first, for the journal, or because too much is dirty. So
//! the file system is asked not to wait where it can be (RWF_NOWAIT), only short writes are done here, and a slow one
//! keeps the shard from the next for sixteen times as long: it loses at most a seventeenth of its time to them. Slow is a
//! write that slept; one that took long because the thread had lost its core is not.

use std::{
    cell::Cell,
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::RawFd,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use io_uring::opcode;

use crate::{coop, fd::SharedFd, shard, sqe::Sqe};

/// How buffered writes to regular files are done: those of ops that are awaited on their own, of one buffer or of several,
/// and of a file's cursor. Writes inside plans always go to the ring.
///
/// Never on the spot, whatever is asked for: files of FUSE and of network file systems (NFS, SMB, 9P, Ceph, AFS), where a write
/// waits for another process or machine, perhaps for this very thread; and O_DIRECT, O_SYNC and O_DSYNC.
///
/// A write on the spot that has to wait (for a page, for the journal, because too much is dirty) holds up its shard. Where
/// the file system can say so it is asked not to wait, and the ring does the write. Elsewhere (ext4, tmpfs) the shard goes by what it
/// sees: after a write that slept and took more than 200 µs there is none on the spot for 16 times as long, up to 200 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BufferedWrites {
    /// What measures best: on the spot up to [`LEN_MAX`] bytes.
    #[default]
    Auto,
    /// On the spot up to this many bytes, unless such writes have been slow just now; else as `Worker`.
    Inline {
        /// The longest write that is done on the spot.
        max_len: usize,
    },
    /// By the ring, which hands them to a kernel thread where the file system cannot promise not to wait.
    Worker,
}

/// The longest write that [`BufferedWrites::Auto`] does on the spot: copying it takes some 20 µs.
pub const LEN_MAX: usize = 64 << 10;

/// Most pieces of one write (IOV_MAX).
const PIECES_MAX: i32 = 1024;

/// A write that takes longer has waited for something.
const SLOW: Duration = Duration::from_micros(200);
/// How much longer than a slow write took the next ones go to the ring.
const REST: u32 = 16;
/// After a write that took long, for so many it is looked at why: had it waited, or had the thread lost its core?
const WATCHED: u32 = 64;
/// At most so long.
const REST_MAX: Duration = Duration::from_millis(200);

/// FUSE, NFS, CIFS, SMB2, 9P, Ceph and AFS, as statfs(2) names them.
const OF_OTHERS: [u32; 7] = [0x6573_5546, 0x6969, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997, 0x00c3_6400, 0x5346_414f];

// What is known of a descriptor.
pub(crate) const UNKNOWN: u8 = 0;
/// A regular file, its writes buffered.
const BUFFERED: u8 = 1;
/// As before, and its file system cannot promise not to wait.
const BUFFERED_MAY_WAIT: u8 = 2;
pub(crate) const OTHER: u8 = 3;
/// As little as at first, but it has been read.
pub(crate) const READ_ONCE: u8 = 4;

/// The policy of a shard, and its memory.
#[derive(Debug)]
pub(crate) struct Writes {
    len_max: Cell<usize>,
    not_before: Cell<Option<Instant>>,
    watched: Cell<u32>,
}

impl Default for Writes {
    fn default() -> Writes {
        Writes { len_max: Cell::new(LEN_MAX), not_before: Cell::new(None), watched: Cell::new(0) }
    }
}

impl Writes {
    pub(crate) fn set(&self, how: BufferedWrites) {
        self.len_max.set(match how {
            BufferedWrites::Auto => LEN_MAX,
            BufferedWrites::Inline { max_len } => max_len,
            BufferedWrites::Worker => 0,
        });
    }

    /// Does the write of this SQE, `len` bytes, at once, if that is the way to do it; gives the result as a CQE would.
    pub(crate) fn try_now(&self, fd: &SharedFd, sqe: &Sqe, len: usize) -> Option<i32> {
        let started = self.may_write(fd, len)?;
        let piece = libc::iovec { iov_base: sqe.addr as *mut libc::c_void, iov_len: sqe.len as usize };
        let (pieces, count) = match sqe.opcode {
            opcode::Write::CODE => (&raw const piece, 1),
            opcode::Writev::CODE => (sqe.addr as *const libc::iovec, sqe.len as i32),
            _ => return None,
        };
        if !coop::try_spend() {
            return None;
        }
        self.watch(started, || write(fd, pieces, count, sqe.off as i64, sqe.op_flags as i32))
    }

    /// The time, if a write of `len` bytes may be tried on the spot now.
    fn may_write(&self, fd: &SharedFd, len: usize) -> Option<Instant> {
        if len > self.len_max.get() || kind(fd) == OTHER {
            return None;
        }
        let started = Instant::now();
        if self.not_before.get().is_some_and(|end| started < end) {
            return None;
        }
        self.not_before.set(None);
        Some(started)
    }

    /// Remembers how `write` went. None if it has to be done in another way.
    fn watch(&self, started: Instant, write: impl FnOnce() -> i32) -> Option<i32> {
        let watched = self.watched.get();
        let sleeps = if watched > 0 { sleeps_so_far() } else { 0 };
        let res = write();
        let took = started.elapsed();
        match (took > SLOW, watched > 0) {
            (false, _) => self.watched.set(watched.saturating_sub(1)),
            (true, false) => self.watched.set(WATCHED),
            (true, true) if sleeps_so_far() == sleeps => {}
            (true, true) => self.not_before.set(Some(started + took + (took * REST).min(REST_MAX))),
        }
        (res != -libc::EAGAIN && res != -libc::EINTR).then_some(res)
    }
}

/// Writes at the file's own position, on the spot, if the policy of this thread's shard is to; `None` if nothing was
/// written, and another has to do it. May write less than it was given.
pub fn write_now(fd: &SharedFd, pieces: &[IoSlice<'_>]) -> Option<io::Result<usize>> {
    let len = pieces.iter().map(|piece| piece.len()).sum();
    let count = i32::try_from(pieces.len()).ok().filter(|count| *count <= PIECES_MAX)?;
    shard::with_current(|shard| {
        let started = shard.writes.may_write(fd, len)?;
        // An `IoSlice` is an iovec, std promises.
        let res = shard.writes.watch(started, || write(fd, pieces.as_ptr().cast(), count, -1, 0))?;
        shard.counters.writes_on_the_spot.add(1);
        Some(usize::try_from(res).map_err(|_| io::Error::from_raw_os_error(-res)))
    })?
}

/// How often this thread has given its core away to wait for something.
fn sleeps_so_far() -> i64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is a local that the call fills or leaves zeroed, which is a value of its type.
    // Test: runtime/tests/fs_writes.rs.
    unsafe {
        libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
        usage.assume_init().ru_nvcsw
    }
}

/// Writes at `offset`, or at the file's own position for -1, without a wait if the file system can promise that.
fn write(fd: &SharedFd, pieces: *const libc::iovec, count: i32, offset: i64, flags: i32) -> i32 {
    let call = |flags| {
        // SAFETY: the op that the caller lowers owns the bytes and the pieces, or they are borrowed by `write_now`; both
        // live through the call, and the kernel keeps neither. Test: runtime/tests/fs_writes.rs.
        let res = unsafe { libc::pwritev2(fd.number(), pieces, count, offset, flags) };
        // At most 2 GiB are asked for, and an errno is small.
        if res < 0 { -std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO) } else { res as i32 }
    };
    if kind(fd) == BUFFERED {
        let res = call(flags | libc::RWF_NOWAIT);
        if res != -libc::EOPNOTSUPP {
            return res;
        }
        fd.write_kind().store(BUFFERED_MAY_WAIT, Relaxed);
    }
    call(flags)
}

/// What a descriptor is, found out once.
pub(crate) fn kind(fd: &SharedFd) -> u8 {
    let known = fd.write_kind().load(Relaxed);
    if known != UNKNOWN && known != READ_ONCE {
        return known;
    }
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` is a local that the call fills or leaves alone, and that is read only if it was filled.
    // Test: runtime/tests/fs_writes.rs.
    let regular = unsafe {
        libc::fstat(fd.number(), stat.as_mut_ptr()) == 0 && stat.assume_init().st_mode & libc::S_IFMT == libc::S_IFREG
    };
    let unbuffered = libc::O_DIRECT | libc::O_SYNC | libc::O_DSYNC;
    let buffered =
        regular && crate::nonblocking::status_flags(fd).is_ok_and(|flags| flags & unbuffered == 0) && !asks_another(fd);
    let found = if buffered { BUFFERED } else { OTHER };
    fd.write_kind().store(found, Relaxed);
    found
}

/// If a write may wait for another process or machine: this very thread may be the one that serves a FUSE file system.
fn asks_another(fd: &SharedFd) -> bool {
    is_of_others(fd.number()).unwrap_or(true)
}

/// If the file system of a descriptor is in another process or on another machine. `None`: there is no such descriptor.
pub(crate) fn is_of_others(fd: RawFd) -> Option<bool> {
    let mut stat = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: `stat` is a local that the call fills or leaves alone, and that is read only if it was filled.
    // Test: runtime/tests/fs_writes.rs.
    let magic = unsafe {
        match libc::fstatfs(fd, stat.as_mut_ptr()) {
            0 => stat.assume_init().f_type as u32,
            _ => return None,
        }
    };
    Some(OF_OTHERS.contains(&magic))
}

#[cfg(test)]
mod tests {
    use std::{fs, hint, os::fd::OwnedFd, thread};

    use super::*;

    fn file() -> SharedFd {
        let path = std::env::temp_dir().join(format!("runtime-writes-{}", std::process::id()));
        let file = fs::File::create(&path).unwrap();
        let _another_test_was_faster = fs::remove_file(path);
        SharedFd::new(OwnedFd::from(file))
    }

    /// A write that takes so long, and sleeps or computes.
    fn slow(writes: &Writes, fd: &SharedFd, took: Duration, sleeps: bool) -> Option<i32> {
        let started = writes.may_write(fd, 1).expect("may be tried");
        writes.watch(started, || {
            if sleeps {
                thread::sleep(took);
            }
            while started.elapsed() < took {
                hint::spin_loop();
            }
            1
        })
    }

    /// The first slow one makes it look, the second is seen to have slept.
    #[test]
    fn writes_that_sleep_keep_the_shard_from_the_next() {
        let (writes, fd) = (Writes::default(), file());
        let took = Duration::from_millis(2);
        assert_eq!(slow(&writes, &fd, took, true), Some(1));
        let started = Instant::now();
        assert_eq!(slow(&writes, &fd, took, true), Some(1));
        let end = writes.not_before.get().expect("a rest");
        assert!(end >= started + took * (REST + 1), "16 times as long as it took, from its end on");
        assert!(end <= Instant::now() + REST_MAX);
        assert!(writes.may_write(&fd, 1).is_none());
        while Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(writes.may_write(&fd, 1).is_some());
    }

    #[test]
    fn the_longest_rest_has_an_end() {
        let (writes, fd) = (Writes::default(), file());
        for _ in 0..2 {
            slow(&writes, &fd, REST_MAX / 4, true);
        }
        assert!(writes.not_before.get().expect("a rest") <= Instant::now() + REST_MAX);
    }

    #[test]
    fn one_slow_write_is_no_habit() {
        let (writes, fd) = (Writes::default(), file());
        slow(&writes, &fd, SLOW * 2, true);
        for _ in 0..WATCHED {
            assert_eq!(slow(&writes, &fd, Duration::ZERO, false), Some(1));
        }
        slow(&writes, &fd, SLOW * 2, true);
        assert_eq!(writes.not_before.get(), None, "it was looked at too long ago");
    }

    #[test]
    fn what_would_have_to_wait_goes_another_way() {
        let (writes, fd) = (Writes::default(), file());
        for (res, done) in [(-libc::EAGAIN, None), (-libc::EINTR, None), (-libc::EIO, Some(-libc::EIO)), (0, Some(0))] {
            assert_eq!(writes.watch(Instant::now(), || res), done);
        }
        writes.set(BufferedWrites::Worker);
        assert!(writes.may_write(&fd, 1).is_none());
    }
}
