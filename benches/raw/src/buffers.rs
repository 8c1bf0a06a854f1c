//! Memory that is never freed: buffers, and the ring of those that the kernel can fill.

use std::{
    alloc::{Layout, alloc_zeroed, handle_alloc_error},
    io,
    sync::atomic::{AtomicU16, Ordering},
};

use io_uring::{Submitter, types::BufRingEntry};

const BUFFERS: u16 = 2048;
const BUFFER: usize = 4096;

pub struct Buffers {
    entries: *mut BufRingEntry,
    memory: *mut u8,
    tail: u16,
}

impl Buffers {
    /// As the group 0.
    pub fn register(submitter: &Submitter<'_>) -> io::Result<Buffers> {
        let entries = allocate(BUFFERS as usize * size_of::<BufRingEntry>()).cast();
        let mut buffers = Buffers { entries, memory: allocate(BUFFERS as usize * BUFFER), tail: 0 };
        // SAFETY: the ring and the buffers belong to the process, since nothing frees them: the kernel may read the one and
        // fill the others until the process ends. Test: tests/echo.rs, whose clients check every byte.
        unsafe { submitter.register_buf_ring_with_flags(buffers.entries as u64, BUFFERS, 0, 0)? };
        (0..BUFFERS).for_each(|buffer| buffers.provide(buffer));
        Ok(buffers)
    }

    /// What the kernel has put into a buffer.
    pub fn bytes(&self, buffer: u16, len: usize) -> &[u8] {
        assert!(buffer < BUFFERS && len <= BUFFER, "{len} bytes of buffer {buffer}");
        // SAFETY: the range lies within the memory (asserted), which is never freed and was zeroed at first. The kernel
        // writes into a buffer only between `provide`, which needs this value for itself, and the CQE that names it; callers
        // ask after that CQE. Test: tests/echo.rs.
        unsafe { std::slice::from_raw_parts(self.memory.add(buffer as usize * BUFFER), len) }
    }

    /// Lets the kernel fill a buffer.
    pub fn provide(&mut self, buffer: u16) {
        assert!(buffer < BUFFERS, "no buffer {buffer}");
        // SAFETY: both places lie within memory that is never freed: the entry by the mask, the buffer as asserted. The kernel
        // reads an entry only once the tail has passed it. Test: tests/echo.rs.
        unsafe {
            let entry = &mut *self.entries.add((self.tail & (BUFFERS - 1)) as usize);
            entry.set_addr(self.memory.add(buffer as usize * BUFFER) as u64);
            entry.set_len(BUFFER as u32);
            entry.set_bid(buffer);
        }
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail is a word of the first entry, aligned and never freed; the kernel only reads it, and no reference
        // to that entry lives by now. Test: tests/echo.rs.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.entries).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

/// Whole pages, zeroed, for good.
fn allocate(bytes: usize) -> *mut u8 {
    let layout = Layout::from_size_align(bytes, 4096).expect("a layout");
    assert!(bytes > 0);
    // SAFETY: the size is not zero (asserted); nobody frees it. Test: tests/echo.rs.
    let memory = unsafe { alloc_zeroed(layout) };
    if memory.is_null() { handle_alloc_error(layout) } else { memory }
}
