//! A ring of buffers that the kernel takes from when bytes arrive (IORING_REGISTER_PBUF_RING), and their leases.
//!
//! ```text
//! in the ring ──CQE names it──► out, as leases ──last lease dropped──► in the ring
//! ```
//!
//! A pool belongs to one shard. Its memory is made once and does not grow: whoever holds leases takes buffers away from
//! all streams of the pool, and streams that find none wait until some come back.
//!
//! **Who frees the memory.** The kernel reads the ring from its registration on, and writes to a buffer while an op that
//! selects from the pool is in flight. Each such op holds a share of the pool until its last CQE, and the shard holds one
//! until it has taken the registration back, or its ring is closed. So the memory goes after both.

mod memory;
pub(crate) use memory::Pages;
#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt, io,
    marker::PhantomData,
    ops::Deref,
    rc::Rc,
    task::Waker,
};

use crate::{
    buf::IoBuf,
    lower::invalid,
    shard::{self, Shard},
    shots::CQE_BUF_MORE,
};
use memory::Memory;

/// Most buffers of a pool: what a ring of the kernel holds.
pub const BUFFERS_MAX: u16 = 1 << 15;
/// Buffers of a shard's own pool, if the builder does not say.
pub const BUFFERS_DEFAULT: u16 = 256;
/// Bytes of each of them.
pub const BUFFER_SIZE_DEFAULT: u32 = 4096;

/// Buffers that the kernel fills when bytes arrive, for any number of streams of one shard: idle ones hold none.
///
/// It takes `buffers` × `size` bytes, and 16 bytes a buffer for the ring, from when it is made to when the last stream
/// and the last lease are gone; it never grows. A clone is the same pool. Pools do not leave their shard.
#[derive(Clone)]
pub struct BufferPool(pub(crate) Rc<Pool>);

/// What a pool is made with.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    buffers: u16,
    size: u32,
    incremental: bool,
    bundles: bool,
}

impl Default for PoolOptions {
    fn default() -> PoolOptions {
        PoolOptions { buffers: BUFFERS_DEFAULT, size: BUFFER_SIZE_DEFAULT, incremental: false, bundles: false }
    }
}

impl PoolOptions {
    /// 256 buffers of 4 KiB, one per receive.
    pub fn new() -> PoolOptions {
        PoolOptions::default()
    }

    /// How many buffers: 1 to 32768.
    pub fn buffers(mut self, buffers: u16) -> PoolOptions {
        self.buffers = buffers;
        self
    }

    /// Bytes of each buffer: 1 to 1 GiB.
    pub fn size(mut self, size: u32) -> PoolOptions {
        self.size = size;
        self
    }

    /// Lets the kernel fill a buffer bit by bit, so that small messages do not take a whole one each (IOU_PBUF_RING_INC,
    /// Linux 6.12). Use large buffers then: each goes back when all leases of it are dropped. Older kernels, and pools with
    /// [`bundles`](PoolOptions::bundles), do without.
    ///
    /// The leases' places in a buffer follow the order of the CQEs, which kernels before 6.16 do not keep if one connection
    /// ends while another receives: use it from 6.16 on.
    pub fn incremental(mut self, incremental: bool) -> PoolOptions {
        self.incremental = incremental;
        self
    }

    /// Lets one receive fill several buffers (IORING_RECVSEND_BUNDLE, Linux 6.10): fewer CQEs where much data arrives at
    /// once. Older kernels do without.
    pub fn bundles(mut self, bundles: bool) -> PoolOptions {
        self.bundles = bundles;
        self
    }

    /// Makes the pool on the current shard: one system call.
    ///
    /// # Errors
    /// `InvalidInput` for sizes out of range; ENOMEM; `Unsupported` where the kernel has no buffer rings.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn build(self) -> io::Result<BufferPool> {
        let made = shard::with_current(|shard| Pool::new(shard, self));
        made.expect("a buffer pool was made outside a runtime").map(BufferPool)
    }
}

impl BufferPool {
    /// A pool of `buffers` × `size` bytes on the current shard: see [`PoolOptions`].
    ///
    /// # Errors
    /// As for [`PoolOptions::build`].
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn new(buffers: u16, size: u32) -> io::Result<BufferPool> {
        PoolOptions::new().buffers(buffers).size(size).build()
    }

    /// The shard's own pool, made at its first use, of the size that the builder says.
    ///
    /// # Errors
    /// As for [`PoolOptions::build`].
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn of_shard() -> io::Result<BufferPool> {
        let own = shard::with_current(|shard| shard.pools.own(shard));
        own.expect("a buffer pool was asked for outside a runtime").map(BufferPool)
    }

    /// How many buffers there are.
    pub fn buffers(&self) -> u16 {
        self.0.options.buffers
    }

    /// Bytes of each buffer.
    pub fn size(&self) -> u32 {
        self.0.options.size
    }

    /// Buffers that the kernel can fill now; the others are leased, or hold what nobody has taken yet.
    pub fn available(&self) -> u16 {
        self.0.available()
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The pools of a shard.
#[derive(Debug)]
pub(crate) struct Pools {
    all: RefCell<Vec<Rc<Pool>>>,
    own: RefCell<Option<Rc<Pool>>>,
    pub(crate) own_options: Cell<PoolOptions>,
}

impl Default for Pools {
    fn default() -> Pools {
        Pools { all: RefCell::default(), own: RefCell::default(), own_options: Cell::new(PoolOptions::default()) }
    }
}

impl Pools {
    fn own(&self, shard: &Shard) -> io::Result<Rc<Pool>> {
        if let Some(pool) = &*self.own.borrow() {
            return Ok(pool.clone());
        }
        let pool = Pool::new(shard, self.own_options.get())?;
        *self.own.borrow_mut() = Some(pool.clone());
        Ok(pool)
    }

    /// Takes back the registration of pools that nobody uses any more.
    fn sweep(&self, shard: &Shard) {
        self.all.borrow_mut().retain(|pool| {
            let used = Rc::strong_count(pool) > 1;
            // A ring that does not give it up keeps its memory.
            used || shard.driver.borrow_mut().kernel.unregister_buffers(pool.group).is_err()
        });
    }
}

/// A part of a buffer that a CQE has named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    buffer: u16,
    start: u32,
    len: u32,
}

/// One ring of buffers.
pub(crate) struct Pool {
    pub(crate) group: u16,
    options: PoolOptions,
    memory: Memory,
    /// The kernel has not refused a limit for an op yet (Linux 6.17).
    limits_ops: Cell<bool>,
    state: RefCell<State>,
}

struct State {
    buffers: Vec<Buffer>,
    /// Which buffer lies at each place of the ring.
    order: Vec<u16>,
    tail: u16,
    /// Buffers in the ring, as far as CQEs have been reaped.
    available: u16,
    /// Streams that wait for a buffer, by their tickets, which are in the order they came.
    waiting: BTreeMap<u64, Waker>,
    next_waiter: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Buffer {
    /// Pieces of it that have not been dropped.
    pieces: u32,
    /// Bytes of it that the kernel has filled.
    filled: u32,
    /// The kernel goes on filling it.
    in_ring: bool,
    /// Its place in the ring.
    place: u16,
}

impl Pool {
    fn new(shard: &Shard, mut options: PoolOptions) -> io::Result<Rc<Pool>> {
        let PoolOptions { buffers, size, .. } = options;
        if buffers == 0 || buffers > BUFFERS_MAX || size == 0 || size > 1 << 30 {
            return Err(invalid(format!("a pool of {buffers} buffers of {size} bytes; 1 to 32768 of 1 byte to 1 GiB")));
        }
        shard.pools.sweep(shard);
        options.bundles &= shard.features().bundles;
        options.incremental &= !options.bundles;
        let memory = Memory::new(buffers, size)?;
        let entries = memory.entries();
        let mut all = shard.pools.all.borrow_mut();
        let group = (0..u16::MAX).find(|group| all.iter().all(|pool| pool.group != *group));
        let group = group.ok_or_else(|| invalid("65535 buffer pools on one shard, the most there can be"))?;
        let register = |incremental| {
            let mut driver = shard.driver.borrow_mut();
            // SAFETY: the pool holds the memory, and `all` a share of the pool until `sweep` has unregistered it, or the
            // ring is closed, since a shard drops its driver first. Test: pool::tests.
            unsafe { driver.kernel.register_buffers(memory.ring_address(), entries, group, incremental) }
        };
        if options.incremental && register(true).is_err() {
            options.incremental = false;
        }
        if !options.incremental {
            register(false)?;
        }
        let state = State {
            buffers: vec![Buffer::default(); buffers as usize],
            order: vec![0; entries as usize],
            tail: 0,
            available: 0,
            waiting: BTreeMap::new(),
            next_waiter: 0,
        };
        let pool = Rc::new(Pool { group, options, memory, limits_ops: Cell::new(true), state: RefCell::new(state) });
        for buffer in 0..buffers {
            pool.provide(&mut pool.state.borrow_mut(), buffer);
        }
        all.push(pool.clone());
        Ok(pool)
    }

    pub(crate) fn available(&self) -> u16 {
        self.state.borrow().available
    }

    pub(crate) fn bundles(&self) -> bool {
        self.options.bundles
    }

    /// How many of the buffers one stream may have filled before it has to take them.
    pub(crate) fn share(&self) -> usize {
        (self.options.buffers as usize / 8).max(1)
    }

    /// How many bytes one op receives before it ends: without that a connection with enough of them fills all buffers
    /// before anybody is asked. 0, for no limit, where the kernel cannot.
    pub(crate) fn bytes_per_op(&self) -> u32 {
        let share = (self.share() as u32).saturating_mul(self.options.size);
        if self.limits_ops.get() { share } else { 0 }
    }

    /// The kernel has refused an op with a limit.
    pub(crate) fn without_limits(&self) {
        self.limits_ops.set(false);
    }

    /// Puts a buffer into the ring.
    fn provide(&self, state: &mut State, buffer: u16) {
        let place = state.tail & (self.memory.entries() - 1);
        state.buffers[buffer as usize] = Buffer { in_ring: true, place, ..Buffer::default() };
        state.order[place as usize] = buffer;
        state.available += 1;
        state.tail = state.tail.wrapping_add(1);
        self.memory.publish(place, buffer, state.tail);
    }

    /// Takes in a CQE that names a buffer; what it has filled is given to `push`. Called for the CQEs in their order.
    /// Wakes nobody, as the driver is borrowed.
    pub(crate) fn filled(&self, res: i32, flags: u32, mut push: impl FnMut(Piece)) {
        let state = &mut *self.state.borrow_mut();
        let mut buffer = (flags >> 16) as u16;
        let mut left = u32::try_from(res).unwrap_or(0);
        loop {
            let of = &mut state.buffers[buffer as usize];
            assert!(of.in_ring, "the kernel has filled buffer {buffer}, which it did not have");
            let (start, room) = (of.filled, self.options.size - of.filled);
            let len = left.min(room);
            left -= len;
            of.filled += len;
            if !(self.options.incremental && flags & CQE_BUF_MORE != 0) {
                of.in_ring = false;
                state.available -= 1;
            }
            if len > 0 {
                of.pieces += 1;
                push(Piece { buffer, start, len });
            } else if !of.in_ring && of.pieces == 0 {
                self.provide(state, buffer);
            }
            if left == 0 {
                return;
            }
            assert!(self.options.bundles, "{res} bytes in a buffer with room for {room}");
            let next = state.buffers[buffer as usize].place.wrapping_add(1) & (self.memory.entries() - 1);
            buffer = state.order[next as usize];
        }
    }

    fn give_back(&self, piece: Piece) {
        let mut state = self.state.borrow_mut();
        let buffer = &mut state.buffers[piece.buffer as usize];
        buffer.pieces -= 1;
        if buffer.pieces == 0 && !buffer.in_ring {
            self.provide(&mut state, piece.buffer);
        }
        drop(state);
        self.wake_waiting();
    }

    /// Wakes as many of those who wait as there are buffers. Runs user code.
    pub(crate) fn wake_waiting(&self) {
        let mut state = self.state.borrow_mut();
        let count = state.waiting.len().min(state.available as usize);
        let woken: Vec<Waker> = (0..count).filter_map(|_| state.waiting.pop_first()).map(|(_, waker)| waker).collect();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Has a stream woken when a buffer comes back; `ticket` is its place among those who wait, once it has one.
    pub(crate) fn wait(&self, ticket: &mut Option<u64>, waker: &Waker) {
        let waker = waker.clone();
        let mut state = self.state.borrow_mut();
        let id = match ticket.filter(|id| state.waiting.contains_key(id)) {
            Some(id) => id,
            None => {
                state.next_waiter += 1;
                *ticket.insert(state.next_waiter)
            }
        };
        let old = state.waiting.insert(id, waker);
        drop(state);
        drop(old);
    }

    /// The stream waits no more. If it was woken and has no use for that, the next one is.
    pub(crate) fn wait_no_more(&self, ticket: &mut Option<u64>, used: bool) {
        let Some(id) = ticket.take() else { return };
        let mut state = self.state.borrow_mut();
        let old = state.waiting.remove(&id);
        drop(state);
        drop(old);
        if !used {
            self.wake_waiting();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool")
            .field("buffers", &self.options.buffers)
            .field("size", &self.options.size)
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}

/// Bytes that have arrived, in a buffer of the pool, which goes back to the kernel when this is dropped.
///
/// It is a buffer for ops, too: `stream.send_all(lease)` sends it without a copy.
pub struct Lease {
    pool: Rc<Pool>,
    piece: Piece,
    on_its_shard: PhantomData<*const ()>,
}

impl Lease {
    pub(crate) fn new(pool: Rc<Pool>, piece: Piece) -> Lease {
        Lease { pool, piece, on_its_shard: PhantomData }
    }
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let Piece { buffer, start, len } = self.piece;
        // SAFETY: the pool owns the memory and lives as long as this. The kernel filled these bytes before the CQE that
        // made the piece, and writes to this part no more until the buffer is provided again, which the drop of its last
        // piece does. Test: runtime/tests/net_recv_stream.rs.
        unsafe { std::slice::from_raw_parts(self.pool.memory.buffer(buffer).add(start as usize), len as usize) }
    }
}

impl AsRef<[u8]> for Lease {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

// SAFETY: the bytes lie in the pool's memory, which a move of the lease leaves where it is and which the lease keeps; they
// change no more until it is dropped. Test: runtime/tests/net_recv_stream.rs.
unsafe impl IoBuf for Lease {
    fn stable_ptr(&self) -> *const u8 {
        self.as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.len()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.give_back(self.piece);
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("len", &self.len()).finish_non_exhaustive()
    }
}
