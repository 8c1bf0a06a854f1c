//! Signals: a handler that counts, and who waits for a count to change.
//!
//! The handler may do next to nothing: it adds one to the signal's count and writes to an eventfd, the alarm, of which
//! there is one in a process. Each shard on which a task listens has one poll op on the alarm, in a task of its own;
//! whichever of them looks first silences it and wakes everybody whose signal has come, on any thread. A listener keeps the
//! count that it saw last, so deliveries between two looks are one, and each listener gets its own.
//!
//! Why so: signalfd gives a signal to one reader only, and only if every thread of the process blocks it, also those that
//! are not ours, and children inherit that. A thread of its own that waits for signals would have to be started in processes
//! that may be built on having one thread per core, or one at all.
//!
//! The order that makes it lossless. Handler: count, then alarm. Whoever looks: silence the alarm, then wake. Listener: leave
//! a waker, then compare counts. If the listener does not see the new count, its waker was there before the count went
//! up, so before the alarm, so before it was silenced, so before the wakes.

#[cfg(test)]
mod tests;

use std::{
    cell::Cell,
    io,
    mem::MaybeUninit,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, AtomicPtr, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use crate::{
    fd::SharedFd,
    op,
    shard::{self, ShardId},
};

/// The numbers of the signals that have names of their own in the public interface.
pub mod number {
    pub use libc::{SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
}

/// One more than the largest signal number: SIGRTMAX is 64.
const SIGNALS: usize = 65;

/// A handler that comes back to the failing instruction would run for ever; the other two the kernel does not give away.
const FORBIDDEN: [i32; 5] = [libc::SIGILL, libc::SIGFPE, libc::SIGSEGV, libc::SIGKILL, libc::SIGSTOP];

/// What there is of one signal. It lasts as long as the process, and so does its handler once it is installed.
struct Signal {
    /// How often it has come. Written by the handler.
    count: AtomicU64,
    /// The handler that was there before ours, never freed. Set before ours is installed.
    before: AtomicPtr<libc::sigaction>,
    listening: Mutex<Listening>,
}

/// Who listens. No user code runs under its lock: wakers come in cloned, and go out to be woken and dropped.
struct Listening {
    installed: bool,
    /// Each with the listener that left it. At most one per listener.
    wakers: Vec<(u64, Waker)>,
}

static ALL: [Signal; SIGNALS] = [const {
    Signal {
        count: AtomicU64::new(0),
        before: AtomicPtr::new(ptr::null_mut()),
        listening: Mutex::new(Listening { installed: false, wakers: Vec::new() }),
    }
}; SIGNALS];

/// The alarm's number for the handler; -1 before there is one. It is never closed.
static ALARM_NUMBER: AtomicI32 = AtomicI32::new(-1);
/// The alarm for all others.
static ALARM: Mutex<Option<SharedFd>> = Mutex::new(None);

impl Signal {
    fn of(number: i32) -> &'static Signal {
        &ALL[number as usize]
    }

    fn listening(&self) -> MutexGuard<'_, Listening> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears every delivery of one signal since it was made; several in a row may be heard as one. `Send` and `Sync`.
#[derive(Debug)]
pub struct Listener {
    number: i32,
    /// Tells listeners apart.
    id: u64,
    /// The count that was heard last.
    heard: u64,
}

impl Listener {
    /// Listens to a signal. The first listener of a process installs the handler, which stays: the signal's default effect
    /// is gone for good, a handler that was there before is called still.
    ///
    /// # Errors
    /// For SIGKILL, SIGSTOP, SIGILL, SIGFPE and SIGSEGV, and for numbers that are no signal's; those of sigaction(2) and of
    /// eventfd(2).
    pub fn new(number: i32) -> io::Result<Listener> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if number <= 0 || FORBIDDEN.contains(&number) {
            return Err(io::Error::other(format!("signal {number} cannot be listened to")));
        }
        if number as usize >= SIGNALS {
            return Err(io::Error::other(format!("{number} is no signal: the largest is {}", SIGNALS - 1)));
        }
        let signal = Signal::of(number);
        let mut listening = signal.listening();
        if !listening.installed {
            alarm()?;
            install(number)?;
            listening.installed = true;
        }
        drop(listening);
        watch();
        let heard = signal.count.load(Ordering::Acquire);
        Ok(Listener { number, id: NEXT.fetch_add(1, Ordering::Relaxed), heard })
    }

    /// Ready if the signal has come since the last time; else the task is woken when it does.
    ///
    /// The wake comes from a shard on which somebody listens; polling this on a shard makes it one.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let signal = Signal::of(self.number);
        let waker = cx.waker().clone();
        let old = {
            let mut listening = signal.listening();
            let old = listening.take(self.id);
            listening.wakers.push((self.id, waker));
            old
        };
        drop(old);
        let count = signal.count.load(Ordering::Acquire);
        if count == self.heard {
            watch();
            return Poll::Pending;
        }
        self.heard = count;
        let left = signal.listening().take(self.id);
        drop(left);
        Poll::Ready(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let left = Signal::of(self.number).listening().take(self.id);
        drop(left);
    }
}

impl Listening {
    fn take(&mut self, id: u64) -> Option<Waker> {
        let index = self.wakers.iter().position(|(listener, _)| *listener == id)?;
        Some(self.wakers.swap_remove(index).1)
    }
}

/// The alarm; made on first need.
fn alarm() -> io::Result<SharedFd> {
    let mut alarm = ALARM.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(alarm) = &*alarm {
        return Ok(alarm.clone());
    }
    // SAFETY: no memory is passed. Test: runtime/tests/signal.rs.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor without another owner. Test: as above.
    let shared = SharedFd::new(unsafe { OwnedFd::from_raw_fd(fd) });
    ALARM_NUMBER.store(fd, Ordering::Release);
    *alarm = Some(shared.clone());
    Ok(shared)
}

fn install(number: i32) -> io::Result<()> {
    let mut before = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the kernel writes a whole `sigaction`, a local, during the call. Test: runtime/tests/signal.rs.
    if unsafe { libc::sigaction(number, ptr::null(), before.as_mut_ptr()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it succeeded, so the local is written. Test: as above.
    let before = unsafe { before.assume_init() };
    let kept = &Signal::of(number).before;
    if kept.load(Ordering::Acquire).is_null() {
        // Never freed, since the handler may be looking at it at any time.
        kept.store(Box::into_raw(Box::new(before)), Ordering::Release);
    }
    // SAFETY: all zeros are a valid `sigaction`. Test: as above.
    let mut ours: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    ours.sa_sigaction = handle as extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) as usize;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: `ours` is a local, read during the call; the handler lasts as long as the process, is of the kind that
    // SA_SIGINFO says, and does nothing that a handler may not. Test: as above.
    if unsafe { libc::sigaction(number, &raw const ours, ptr::null_mut()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The handler. It may run at any instruction of any thread, so it takes no lock, allocates nothing, cannot panic, and leaves
/// errno as it was.
extern "C" fn handle(number: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(signal) = ALL.get(number as usize) else { return };
    // SAFETY: the address of this thread's errno, which lives as long as the thread. Test: runtime/tests/signal.rs.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let kept = unsafe { *errno };
    signal.count.fetch_add(1, Ordering::Release);
    let one = 1u64;
    // SAFETY: eight bytes of a local, read during the call; the alarm is never closed. A full counter (EAGAIN) is an alarm as
    // well. Test: as above.
    unsafe { libc::write(ALARM_NUMBER.load(Ordering::Acquire), (&raw const one).cast(), 8) };
    // SAFETY: null, or a `sigaction` that was written before the store and is never freed. Test: as above.
    if let Some(before) = unsafe { signal.before.load(Ordering::Acquire).as_ref() } {
        // SAFETY: it was installed for this signal, with these flags. Test: as above.
        unsafe { call(before, number, info, context) };
    }
    // SAFETY: as above.
    unsafe { *errno = kept };
}

/// # Safety
/// `before` was the signal's action, and this is a delivery of that signal.
unsafe fn call(before: &libc::sigaction, number: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    if before.sa_sigaction == libc::SIG_DFL || before.sa_sigaction == libc::SIG_IGN {
        return;
    }
    if before.sa_flags & libc::SA_SIGINFO != 0 {
        // SAFETY: neither of the two special values, so a function, by the flag of this type. Test: runtime/tests/signal.rs.
        let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) =
            unsafe { std::mem::transmute(before.sa_sigaction) };
        handler(number, info, context);
    } else {
        // SAFETY: as above.
        let handler: extern "C" fn(i32) = unsafe { std::mem::transmute(before.sa_sigaction) };
        handler(number);
    }
}

thread_local! {
    /// The shard of this thread that watches the alarm, or did when it was there.
    static WATCHING: Cell<Option<ShardId>> = const { Cell::new(None) };
}

/// Sees to it that this thread's shard, if there is one, watches the alarm.
fn watch() {
    shard::with_current(|shard| {
        if WATCHING.replace(Some(shard.id)) != Some(shard.id) {
            shard.spawn_own(watch_alarm());
        }
    });
}

/// Runs until the shard ends. A poll that is refused (the shard is full) ends it, and the next listener that waits here starts
/// it again.
async fn watch_alarm() {
    let Ok(alarm) = alarm() else { return };
    while op::poll(&alarm, libc::POLLIN as u32).await.is_ok() {
        silence(&alarm);
        for signal in &ALL {
            let wakers = std::mem::take(&mut signal.listening().wakers);
            for (_, waker) in wakers {
                waker.wake();
            }
        }
    }
    WATCHING.set(None);
}

fn silence(alarm: &SharedFd) {
    let mut count = 0u64;
    // SAFETY: eight bytes of a local, written during the call; the descriptor does not block. Test: runtime/tests/signal.rs.
    unsafe { libc::read(alarm.as_raw_fd(), (&raw mut count).cast(), 8) };
}
