//! Memory that is registered ahead of its use: rings of buffers that receives take from, and fixed buffers.

use std::sync::atomic::{AtomicU16, Ordering::Acquire};

/// `struct io_uring_buf`, without what lies behind the number.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    address: u64,
    len: u32,
    buffer: u16,
    /// Of the first entry: the ring's tail.
    tail: u16,
}

/// A ring of buffers (IORING_REGISTER_PBUF_RING).
#[derive(Clone, Copy, Debug)]
struct Ring {
    address: u64,
    entries: u16,
    /// The next one to take.
    head: u16,
}

/// All that is registered.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// By their group.
    rings: Vec<Option<Ring>>,
    /// By their index: address and length.
    fixed: Vec<Option<(u64, usize)>>,
}

/// A buffer at the head of a ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selected {
    pub(super) address: u64,
    pub(super) len: u32,
    /// Its number, as the CQE tells it.
    pub(super) buffer: u16,
}

impl Buffers {
    /// An errno if the group is in use.
    ///
    /// # Safety
    /// As for [`Kernel::register_buffers`](crate::kernel::Kernel::register_buffers).
    pub(super) unsafe fn register(&mut self, address: u64, entries: u16, group: u16) -> Result<(), i32> {
        if !entries.is_power_of_two() || address == 0 {
            return Err(libc::EINVAL);
        }
        let index = group as usize;
        if index >= self.rings.len() {
            self.rings.resize(index + 1, None);
        }
        match &mut self.rings[index] {
            Some(_) => Err(libc::EEXIST),
            free => {
                *free = Some(Ring { address, entries, head: 0 });
                Ok(())
            }
        }
    }

    pub(super) fn unregister(&mut self, group: u16) -> Result<(), i32> {
        let ring = self.rings.get_mut(group as usize).and_then(Option::take);
        ring.map(|_| ()).ok_or(libc::ENOENT)
    }

    /// The next buffer of a group, which stays there until it is [taken](Buffers::take); an errno if there is none.
    pub(super) fn select(&self, group: u16) -> Result<Selected, i32> {
        let ring = self.rings.get(group as usize).and_then(Option::as_ref).ok_or(libc::ENOBUFS)?;
        let first = ring.address as *const Entry;
        // SAFETY: the ring's memory belongs to its pool, which keeps it until it is unregistered, when it leaves this list;
        // the tail is written by this thread, as an atomic. Test: runtime/tests/net_recv_stream.rs.
        let entry = unsafe {
            let tail = AtomicU16::from_ptr((&raw const (*first).tail).cast_mut()).load(Acquire);
            if tail == ring.head {
                return Err(libc::ENOBUFS);
            }
            let place = first.add(usize::from(ring.head & (ring.entries - 1)));
            ((*place).address, (*place).len, (*place).buffer)
        };
        Ok(Selected { address: entry.0, len: entry.1, buffer: entry.2 })
    }

    /// The buffer that was selected last is the op's.
    pub(super) fn take(&mut self, group: u16) {
        let ring = self.rings[group as usize].as_mut().expect("a buffer of it was selected");
        ring.head = ring.head.wrapping_add(1);
    }

    pub(super) fn register_fixed(&mut self, index: u16, address: u64, bytes: usize) {
        let index = index as usize;
        if index >= self.fixed.len() {
            self.fixed.resize(index + 1, None);
        }
        self.fixed[index] = Some((address, bytes));
    }

    pub(super) fn unregister_fixed(&mut self, index: u16) -> Result<(), i32> {
        let place = self.fixed.get_mut(index as usize).ok_or(libc::ENXIO)?;
        place.take().map(|_| ()).ok_or(libc::ENXIO)
    }

    /// Whether these bytes lie in the fixed buffer `index`.
    pub(super) fn has_fixed(&self, index: u16, address: u64, len: u32) -> bool {
        let Some(Some((start, bytes))) = self.fixed.get(index as usize) else { return false };
        let offset = address.checked_sub(*start);
        offset.and_then(|offset| offset.checked_add(u64::from(len))).is_some_and(|end| end <= *bytes as u64)
    }
}
