//! Slots, and rings of buffers: all are given back.

use super::*;
use crate::shots::{CQE_BUFFER, CQE_MORE};

#[test]
fn a_slots_file_is_closed_once_it_is_empty_and_nobody_uses_it() {
    let mut kernel = kernel();
    kernel.register_slots(2).unwrap();
    let (source, mut sink) = std::io::pipe().unwrap();
    put(&mut kernel, 0, source.into());
    let mut bytes = [0; 4];
    push(&mut kernel, &[read(1, FIXED_FILE, 0, &mut bytes)]);
    assert!(now(&mut kernel).is_empty());
    let empty = sqe(2, 0, opcode::Close::new(types::Fixed(0)).build());
    push(&mut kernel, &[empty, Sqe { user_data: 3, ..empty }]);
    assert_eq!(results(&mut kernel, 2), [(2, 0), (3, -libc::EBADF)]);
    // The read holds it.
    sink.write_all(b"full").unwrap();
    assert_eq!(results(&mut kernel, 1), [(1, 4)]);
    assert_eq!(sink.write_all(b"late").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
}

#[test]
fn slots_that_the_kernel_chooses_run_out_and_come_back() {
    let mut kernel = kernel();
    kernel.register_slots(4).unwrap();
    kernel.register_chosen_slots(1, 2).unwrap();
    let open = |user_data| {
        let open = opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), c"/".as_ptr());
        sqe(user_data, 0, open.file_index(Some(types::DestinationSlot::auto_target())).build())
    };
    push(&mut kernel, &[open(1), open(2), open(3)]);
    let opened = results(&mut kernel, 3);
    let mut slots: Vec<i32> = opened.iter().map(|(_, slot)| *slot).collect();
    slots.sort_unstable();
    assert_eq!(slots, [-libc::ENFILE, 1, 2]);
    push(&mut kernel, &[sqe(4, IO_LINK, opcode::Close::new(types::Fixed(2)).build()), open(5)]);
    assert_eq!(results(&mut kernel, 2), [(4, 0), (5, 2)]);
}

#[test]
fn slots_are_closed_with_the_kernel() {
    let mut kernel = kernel();
    kernel.register_slots(2).unwrap();
    let (source, mut sink) = std::io::pipe().unwrap();
    put(&mut kernel, 1, source.into());
    sink.write_all(b"held").unwrap();
    drop(kernel);
    assert_eq!(sink.write_all(b"late").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
}

/// A ring of buffers by hand, as `struct io_uring_buf` has it: address, length, number, and in the first the tail.
#[repr(C, align(4096))]
struct Ring([[u64; 2]; 4]);

impl Ring {
    fn offer(&mut self, at: usize, buffer: &mut [u8], number: u64, tail: u64) {
        self.0[at][0] = buffer.as_mut_ptr() as u64;
        self.0[at][1] = buffer.len() as u64 | number << 32 | self.0[at][1] & 0xffff << 48;
        self.0[0][1] = self.0[0][1] & !(0xffff << 48) | tail << 48;
    }
}

#[test]
fn a_receive_takes_buffers_in_turn_and_says_when_none_is_left() {
    let mut kernel = kernel();
    let (stream, mut peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut memory = [[0; 4]; 3];
    let mut ring = Box::new(Ring([[0; 2]; 4]));
    let [first, second, third] = &mut memory;
    ring.offer(0, first, 7, 1);
    ring.offer(1, second, 8, 2);
    let address = &raw mut *ring as u64;
    // SAFETY: ring and memory are dropped after the kernel, or at least not before its last CQE.
    unsafe { kernel.register_buffers(address, 4, 3, false) }.unwrap();
    let receive = sqe(1, 0, opcode::RecvMulti::new(types::Fd(stream.as_raw_fd()), 3).build());
    push(&mut kernel, &[receive]);
    assert!(now(&mut kernel).is_empty());
    peer.write_all(b"onetwosixten").unwrap();
    let got: Vec<(i32, u32)> = now(&mut kernel).iter().map(|cqe| (cqe.res, cqe.flags)).collect();
    let named = |number: u32| number << 16 | CQE_BUFFER | CQE_MORE;
    assert_eq!(got, [(4, named(7)), (4, named(8)), (-libc::ENOBUFS, 0)]);
    // What came last is still there for the next receive, and its cancel takes no buffer.
    ring.offer(2, third, 9, 3);
    push(&mut kernel, &[receive]);
    let got: Vec<(i32, u32)> = now(&mut kernel).iter().map(|cqe| (cqe.res, cqe.flags)).collect();
    assert_eq!(got, [(4, named(9)), (-libc::ENOBUFS, 0)]);
    ring.offer(3, first, 7, 4);
    push(&mut kernel, &[receive]);
    assert!(now(&mut kernel).is_empty());
    push(&mut kernel, &[cancel(2, 1)]);
    assert_eq!(results(&mut kernel, 2), [(1, CANCELED), (2, 0)]);
    peer.write_all(b"last").unwrap();
    push(&mut kernel, &[receive]);
    assert_eq!(now(&mut kernel)[0].flags, named(7));
    kernel.unregister_buffers(3).unwrap();
    assert_eq!(kernel.unregister_buffers(3).unwrap_err().raw_os_error(), Some(libc::ENOENT));
    drop(kernel);
    assert_eq!(&memory, &[*b"last", *b"wosi", *b"xten"].map(|text| text));
}

fn put(kernel: &mut Emulated, slot: u32, file: OwnedFd) {
    assert_eq!(kernel.slots.put(slot + 1, file), 0);
}
