//! What a pool shares with the kernel: the ring of buffers, and the buffers.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    io,
    ptr::NonNull,
    sync::atomic::{AtomicU16, Ordering},
};

/// The kernel maps the ring by pages; this is the largest that they are anywhere.
const PAGE: usize = 1 << 16;

/// `struct io_uring_buf`. The tail of the ring lies where the first one has its last field.
#[repr(C)]
struct Entry {
    address: u64,
    len: u32,
    buffer: u16,
    tail: AtomicU16,
}

/// Zeroed pages, freed on drop.
pub(crate) struct Pages {
    start: NonNull<u8>,
    layout: Layout,
}

impl Pages {
    pub(crate) fn new(bytes: usize) -> io::Result<Pages> {
        let layout = Layout::from_size_align(bytes, PAGE).map_err(io::Error::other)?;
        // SAFETY: the layout is not empty, since no caller asks for 0 bytes. Test: pool::tests.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) });
        let start = start.ok_or_else(|| io::Error::new(io::ErrorKind::OutOfMemory, "no memory for a buffer pool"))?;
        Ok(Pages { start, layout })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout. The pool that owns it goes after the last op on it and after its
        // registration (see `pool`), so the kernel has no use for it. Test: pool::tests under AddressSanitizer.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

/// The ring and the buffers.
pub(super) struct Memory {
    ring: Pages,
    bytes: Pages,
    entries: u16,
    size: u32,
}

impl Memory {
    pub(super) fn new(buffers: u16, size: u32) -> io::Result<Memory> {
        let entries = buffers.next_power_of_two();
        let ring = Pages::new(entries as usize * size_of::<Entry>())?;
        let bytes = Pages::new(buffers as usize * size as usize)?;
        Ok(Memory { ring, bytes, entries, size })
    }

    /// Places in the ring: a power of two.
    pub(super) fn entries(&self) -> u16 {
        self.entries
    }

    pub(super) fn ring_address(&self) -> u64 {
        self.ring.start.as_ptr() as u64
    }

    /// Start of a buffer, of which there are `size` bytes.
    pub(super) fn buffer(&self, buffer: u16) -> *mut u8 {
        let offset = buffer as usize * self.size as usize;
        debug_assert!(offset + self.size as usize <= self.bytes.layout.size());
        self.bytes.start.as_ptr().wrapping_add(offset)
    }

    /// Writes a buffer to a place of the ring and lets the kernel see all up to `tail`.
    pub(super) fn publish(&self, place: u16, buffer: u16, tail: u16) {
        debug_assert!(place < self.entries);
        let ring = self.ring.start.cast::<Entry>().as_ptr();
        // SAFETY: `place` lies in the ring, which this owns. The kernel does not read it before it sees the tail that
        // follows, since the ring has room for all buffers; the tail, which shares the first place, is not touched here.
        // Test: runtime/tests/net_recv_stream.rs.
        unsafe {
            let entry = ring.add(place as usize);
            (&raw mut (*entry).address).write(self.buffer(buffer) as u64);
            (&raw mut (*entry).len).write(self.size);
            (&raw mut (*entry).buffer).write(buffer);
            let shared = &(*ring).tail;
            shared.store(tail, Ordering::Release);
        }
    }
}
