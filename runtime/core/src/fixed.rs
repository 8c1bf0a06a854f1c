//! Buffers that the kernel has pinned once (IORING_REGISTER_BUFFERS): reads and writes of files use them without looking
//! up their pages each time, O_DIRECT above all.
//!
//! A pool is one piece of page-aligned memory of one shard, and one entry of its ring's table. Whatever op fills a lease,
//! `read_at` and `read_exact_at` of a file, is READ_FIXED then; whatever reads one, or a loan of one, from a file op of a
//! later stage, is WRITE_FIXED. One fill serves any number of them, without a copy.
//!
//! **Who frees the memory.** Each lease holds a share of its pool, and an op its lease until its last CQE. The shard holds
//! one more until it has taken the registration back, or its ring is closed. So the memory goes after both.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    future::poll_fn,
    io,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    rc::Rc,
    task::{Poll, Waker},
};

use crate::{
    buf::{IoBuf, IoBufMut},
    lower::invalid,
    pool::Pages,
    shard::{self, Shard},
};

/// Most pools of one shard.
pub const POOLS_MAX: u16 = 64;
/// What sizes are multiples of: enough for O_DIRECT on any device.
pub const ALIGNMENT: usize = 4096;
/// Most bytes of one pool: the kernel pins no more at once.
pub const BYTES_MAX: usize = 1 << 30;

/// A pool of registered buffers. `count` × `size` bytes, made once: it does not grow.
///
/// ```no_run
/// # async fn example(file: runtime_core::fd::SharedFd) -> std::io::Result<()> {
/// use runtime_core::{fixed::FixedBuffers, op}; // runtime::fs::FixedBuffers, and `file.read_at`
///
/// let buffers = FixedBuffers::new(8, 4096)?;
/// let (count, bytes) = op::read_at(&file, buffers.take().await, 0).await;
/// println!("{} bytes: {:?}", count?, &bytes[..]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FixedBuffers(Rc<Pool>);

struct Pool {
    /// Place in the ring's table.
    index: u16,
    size: usize,
    count: usize,
    memory: Pages,
    free: RefCell<Vec<u32>>,
    waiting: RefCell<VecDeque<(u64, Waker)>>,
    next_ticket: Cell<u64>,
}

impl FixedBuffers {
    /// A pool of `count` buffers of `size` bytes on the current shard.
    ///
    /// # Errors
    /// `InvalidInput` for a size that is no multiple of [`ALIGNMENT`], for none, for more than [`BYTES_MAX`] in all, and for
    /// more than [`POOLS_MAX`] pools. `OutOfMemory` if the kernel may not pin so much: without CAP_IPC_LOCK, all that a
    /// user has pinned counts against RLIMIT_MEMLOCK.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Cost
    /// Two system calls, the first time three; the memory is there, and pinned, from now on.
    pub fn new(count: usize, size: usize) -> io::Result<FixedBuffers> {
        let made = shard::with_current(|shard| Pool::new(shard, count, size));
        made.expect("registered buffers were made outside a runtime").map(FixedBuffers)
    }

    /// Bytes of each buffer.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// How many buffers there are.
    pub fn count(&self) -> usize {
        self.0.count
    }

    /// How many of them are free.
    pub fn available(&self) -> usize {
        self.0.free.borrow().len()
    }

    /// A free buffer, empty; `None` if there is none.
    pub fn try_take(&self) -> Option<FixedBuf> {
        let buffer = self.0.free.borrow_mut().pop()?;
        Some(FixedBuf { pool: self.0.clone(), buffer, len: 0, on_its_shard: PhantomData })
    }

    /// A free buffer, empty, once there is one. Who has waited longest is woken first.
    ///
    /// # Cancel safety
    /// Dropped it has taken nothing.
    pub async fn take(&self) -> FixedBuf {
        let mut waits = Waits { pool: &self.0, ticket: None };
        poll_fn(|cx| match self.try_take() {
            Some(taken) => Poll::Ready(taken),
            None => {
                waits.wait(cx.waker());
                Poll::Pending
            }
        })
        .await
    }
}

/// A place among those who wait. Given up unused, its wake is passed on.
struct Waits<'a> {
    pool: &'a Pool,
    ticket: Option<u64>,
}

impl Waits<'_> {
    fn wait(&mut self, waker: &Waker) {
        let waker = waker.clone();
        let ticket = *self.ticket.get_or_insert_with(|| self.pool.next_ticket.replace(self.pool.next_ticket.get() + 1));
        let mut waiting = self.pool.waiting.borrow_mut();
        let old = match waiting.iter_mut().find(|(other, _)| *other == ticket) {
            Some((_, old)) => Some(std::mem::replace(old, waker)),
            None => {
                waiting.push_back((ticket, waker));
                None
            }
        };
        drop(waiting);
        drop(old);
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut waiting = self.pool.waiting.borrow_mut();
        let place = waiting.iter().position(|(other, _)| *other == ticket);
        let old = place.and_then(|place| waiting.remove(place));
        drop(waiting);
        drop(old);
        if !self.pool.free.borrow().is_empty() {
            self.pool.wake_one();
        }
    }
}

impl Pool {
    fn new(shard: &Shard, count: usize, size: usize) -> io::Result<Rc<Pool>> {
        if size == 0 || !size.is_multiple_of(ALIGNMENT) {
            return Err(invalid(format!("registered buffers of {size} bytes: it has to be a multiple of {ALIGNMENT}")));
        }
        let Some(bytes) = count.checked_mul(size).filter(|bytes| (1..=BYTES_MAX).contains(bytes)) else {
            return Err(invalid(format!(
                "{count} registered buffers of {size} bytes: a pool has 1 to {BYTES_MAX} bytes"
            )));
        };
        let mut pools = shard.fixed.0.borrow_mut();
        let mut driver = shard.driver.borrow_mut();
        // Of pools that nobody uses any more the registration is taken back now.
        pools.retain(|pool| Rc::strong_count(pool) > 1 || driver.kernel.unregister_fixed(pool.index).is_err());
        let free_index = (0..POOLS_MAX).find(|index| pools.iter().all(|pool| pool.index != *index));
        let Some(index) = free_index else {
            return Err(invalid(format!("a shard has at most {POOLS_MAX} pools of registered buffers")));
        };
        let memory = Pages::new(bytes)?;
        // SAFETY: the memory is zeroed and stays until the registration is taken back above, or the ring, which goes
        // before the shard's pools, is closed. Test: runtime/tests/fs_fixed.rs under AddressSanitizer.
        let registered = unsafe { driver.kernel.register_fixed(index, memory.start() as u64, bytes) };
        registered.map_err(|error| explain(error, bytes))?;
        let free = RefCell::new((0..count as u32).rev().collect());
        let (waiting, next_ticket) = (RefCell::default(), Cell::new(0));
        let pool = Rc::new(Pool { index, size, count, memory, free, waiting, next_ticket });
        pools.push(pool.clone());
        Ok(pool)
    }

    fn start(&self, buffer: u32) -> *mut u8 {
        self.memory.start().wrapping_add(buffer as usize * self.size)
    }

    /// Runs user code.
    fn wake_one(&self) {
        let woken = self.waiting.borrow_mut().pop_front();
        if let Some((_, waker)) = woken {
            waker.wake();
        }
    }
}

fn explain(error: io::Error, bytes: usize) -> io::Error {
    if error.raw_os_error() != Some(libc::ENOMEM) {
        return error;
    }
    let text = format!(
        "the kernel refuses to pin {bytes} bytes of buffers (ENOMEM): without CAP_IPC_LOCK, what a user has pinned counts \
         against RLIMIT_MEMLOCK; raise it (`ulimit -l`, LimitMEMLOCK= of systemd), or ask for less"
    );
    io::Error::new(io::ErrorKind::OutOfMemory, text)
}

/// The pools of a shard.
#[derive(Default)]
pub(crate) struct FixedPools(RefCell<Vec<Rc<Pool>>>);

impl fmt::Debug for FixedBuffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, size) = (self.count(), self.size());
        f.debug_struct("FixedBuffers").field("count", &count).field("size", &size).finish_non_exhaustive()
    }
}

/// A registered buffer on lease; it goes back to its pool when it is dropped.
///
/// As with `Vec<u8>`, a read fills `len` bytes, or all of an empty one, and what it has read is the length afterwards.
pub struct FixedBuf {
    pool: Rc<Pool>,
    buffer: u32,
    len: usize,
    on_its_shard: PhantomData<*const ()>,
}

impl FixedBuf {
    /// How many bytes it can have.
    pub fn capacity(&self) -> usize {
        self.pool.size
    }

    /// Sets the length; bytes that come in have the values that were there.
    ///
    /// # Panics
    /// Above the capacity.
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= self.pool.size, "a length of {len} in a buffer of {} bytes", self.pool.size);
        self.len = len;
    }
}

impl Deref for FixedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the pool owns the memory, which was zeroed, and lives as long as this; nobody else has this buffer, and
        // no op, since that would own the lease. Test: runtime/tests/fs_fixed.rs.
        unsafe { std::slice::from_raw_parts(self.pool.start(self.buffer), self.len) }
    }
}

impl DerefMut for FixedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above. Test: as above.
        unsafe { std::slice::from_raw_parts_mut(self.pool.start(self.buffer), self.len) }
    }
}

// SAFETY: the bytes lie in the pool's memory, which a move of the lease leaves where it is, and which the lease keeps.
// Test: runtime/tests/fs_fixed.rs.
unsafe impl IoBuf for FixedBuf {
    fn stable_ptr(&self) -> *const u8 {
        self.pool.start(self.buffer)
    }

    fn bytes_init(&self) -> usize {
        self.len
    }

    fn registered(&self) -> Option<u16> {
        Some(self.pool.index)
    }
}

// SAFETY: as above; nobody else has the buffer. Test: as above.
unsafe impl IoBufMut for FixedBuf {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.pool.start(self.buffer)
    }

    fn bytes_writable(&self) -> usize {
        if self.len == 0 { self.pool.size } else { self.len }
    }

    unsafe fn set_init(&mut self, filled: usize) {
        self.len = filled;
    }
}

impl Drop for FixedBuf {
    fn drop(&mut self) {
        self.pool.free.borrow_mut().push(self.buffer);
        self.pool.wake_one();
    }
}

impl fmt::Debug for FixedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedBuf").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_limit() {
        let error = explain(io::Error::from_raw_os_error(libc::ENOMEM), 1 << 20);
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        assert!(error.to_string().contains("RLIMIT_MEMLOCK"));
        assert_eq!(explain(io::Error::from_raw_os_error(libc::EFAULT), 1).raw_os_error(), Some(libc::EFAULT));
    }
}
