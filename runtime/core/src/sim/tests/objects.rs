//! Descriptors, slots, pipes, streams, files, devices.

use super::*;
use std::{
    ffi::CString,
    os::fd::{FromRawFd, OwnedFd},
};

#[test]
fn descriptors_are_looked_up_when_the_op_starts() {
    own_descriptors();
    let mut rig = manual();
    let (device, other) = (rig.handle.device(64), rig.handle.device(64));
    let mut buf = [0; 4];
    // Closed before the submission.
    rig.push(1, 0, read(other.as_raw_fd(), &mut buf));
    drop(other);
    assert_eq!(rig.run(1), [(1, -libc::EBADF)]);
    // Closed by the chain itself, behind a running op that goes on.
    let number = std::os::fd::IntoRawFd::into_raw_fd(device);
    rig.push(2, 0, read(number, &mut buf));
    rig.push(3, IO_HARDLINK, opcode::Close::new(types::Fd(number)).build());
    rig.push(4, 0, opcode::Fsync::new(types::Fd(number)).build());
    rig.handle.schedule([3, 2]);
    assert_eq!(rig.run(3), [(3, 0), (4, -libc::EBADF), (2, 4)]);
}

#[test]
fn slots_are_opened_used_and_closed_in_one_chain() {
    let mut rig = fifo();
    rig.handle.file("a", b"abcdef");
    let path = CString::new("a").unwrap();
    let open = |slot| {
        let slot = types::DestinationSlot::try_from_slot_target(slot).unwrap();
        opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), path.as_ptr()).file_index(Some(slot)).build()
    };
    rig.push(1, 0, open(0));
    assert_eq!(rig.run(1), [(1, -libc::ENXIO)], "no table yet");
    rig.sim.register_slots(2).unwrap();
    assert_eq!(rig.sim.register_slots(2).unwrap_err().raw_os_error(), Some(libc::EBUSY));
    let mut buf = [0; 6];
    let read = opcode::Read::new(types::Fixed(1), buf.as_mut_ptr(), 6).build();
    let close = |index: u32| Entry::from(Sqe { opcode: opcode::Close::CODE, file_index: index + 1, ..Sqe::default() });
    rig.push(2, IO_LINK, open(1));
    rig.push(3, IO_HARDLINK, read);
    rig.push(4, IO_LINK, close(1));
    rig.push(5, 0, close(1));
    assert_eq!(rig.run(4), [(2, 0), (3, 6), (4, 0), (5, -libc::EBADF)]);
    assert_eq!((&buf, rig.handle.open_slots()), (b"abcdef", vec![]));
    rig.push(6, 0, open(2));
    assert_eq!(rig.run(1), [(6, INVALID)], "beyond the table");
    rig.push(7, 0, open(0));
    rig.run(1);
    rig.push(8, 0, opcode::FixedFdInstall::new(types::Fixed(0), 0).build());
    let installed = rig.run(1)[0].1;
    // SAFETY: the result of an op that makes a descriptor, taken once.
    let installed = unsafe { OwnedFd::from_raw_fd(installed) };
    assert_eq!(rig.handle.read(&installed, 2).unwrap(), b"ab");
    rig.push(9, 0, opcode::FixedFdInstall::new(types::Fixed(1), 0).build());
    assert_eq!(rig.run(1), [(9, -libc::EBADF)], "an empty slot");
}

#[test]
fn files_are_opened_by_name_into_ordinary_descriptors() {
    let mut rig = fifo();
    let path = CString::new("new").unwrap();
    let open = |flags| opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), path.as_ptr()).flags(flags).build();
    rig.push(1, 0, open(libc::O_RDONLY));
    assert_eq!(rig.run(1), [(1, -libc::ENOENT)]);
    rig.push(2, 0, open(libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC));
    // SAFETY: the result of an op that makes a descriptor, taken once.
    let file = unsafe { OwnedFd::from_raw_fd(rig.run(1)[0].1) };
    rig.push(3, 0, open(libc::O_RDWR | libc::O_CREAT | libc::O_EXCL));
    assert_eq!(rig.run(1), [(3, -libc::EEXIST)]);
    let (number, mut buf) = (file.as_raw_fd(), [0; 4]);
    let at = |offset| opcode::Write::new(types::Fd(number), b"abcd".as_ptr(), 4).offset(offset).build();
    rig.push(4, IO_LINK, at(0));
    rig.push(5, IO_LINK, at(6));
    rig.push(6, IO_LINK, opcode::Ftruncate::new(types::Fd(number), 8).build());
    rig.push(7, IO_LINK, opcode::Fsync::new(types::Fd(number)).build());
    rig.push(8, 0, read(number, &mut buf));
    assert_eq!(rig.run(5), [(4, 4), (5, 4), (6, 0), (7, 0), (8, -libc::EBADF)]);
    assert_eq!(rig.handle.contents("new").unwrap(), b"abcd\0\0ab");
}

/// N ops write a byte each, a collector reads them one by one: the gate between two stages.
#[test]
fn pipes_block_count_and_end() {
    let mut rig = rig(SimConfig::default());
    let (source, sink) = rig.handle.pipe();
    let (bytes, mut gate) = ([1u8; 3], [0u8; 3]);
    for (index, byte) in gate.iter_mut().enumerate() {
        let link = if index < 2 { IO_LINK } else { 0 };
        rig.push(10 + index as u64, link, read(source.as_raw_fd(), std::slice::from_mut(byte)));
    }
    for index in 0..3 {
        rig.nop(20 + index, IO_LINK);
        rig.push(30 + index, 0, write(sink.as_raw_fd(), &bytes[index as usize..][..1]));
    }
    assert_eq!(rig.run(9).len(), 9);
    assert_eq!(gate, [1; 3]);
    // Full, short and, when all writers are gone, at its end.
    let big = vec![1u8; (64 << 10) + 1];
    rig.push(1, IO_LINK, write(sink.as_raw_fd(), &big));
    rig.nop(2, 0);
    assert_eq!(rig.run(2), [(1, 64 << 10), (2, CANCELED)], "what fits");
    rig.push(3, 0, write(sink.as_raw_fd(), &big[..1]));
    assert!(panics(|| drop(rig.sim.enter(1, None))).starts_with("deadlock"));
    assert_eq!(rig.handle.read(&source, 1 << 20).unwrap().len(), 64 << 10);
    assert_eq!(rig.run(1), [(3, 1)]);
    drop(sink);
    let mut buf = [0; 4];
    rig.push(4, IO_LINK, read(source.as_raw_fd(), &mut buf));
    rig.nop(5, 0);
    assert_eq!(rig.run(2), [(4, 1), (5, CANCELED)]);
    rig.push(6, 0, read(source.as_raw_fd(), &mut buf));
    assert_eq!(rig.run(1), [(6, 0)]);
}

#[test]
fn streams_wait_for_all_when_asked_to() {
    let mut rig = rig(SimConfig::default());
    let (one, other) = rig.handle.stream();
    let mut bufs = [[0; 4]; 2];
    rig.push(1, IO_LINK, recv(one.as_raw_fd(), &mut bufs[0], libc::MSG_WAITALL));
    rig.push(2, 0, send(one.as_raw_fd(), b"answer", 0));
    rig.push(3, IO_LINK, send(other.as_raw_fd(), b"ab", 0));
    rig.push(4, 0, send(other.as_raw_fd(), b"cdef", libc::MSG_WAITALL));
    assert_eq!(rig.run(4).iter().map(|(_, res)| res).sum::<i32>(), 4 + 6 + 2 + 4);
    assert_eq!(&bufs[0], b"abcd");
    assert_eq!(rig.handle.read(&other, 9).unwrap(), b"answer");
    rig.push(5, 0, recv(one.as_raw_fd(), &mut bufs[1], 0));
    assert_eq!(rig.run(1), [(5, 2)], "what is there");
    drop(other);
    rig.push(6, IO_LINK, recv(one.as_raw_fd(), &mut bufs[1], 0));
    rig.push(7, 0, send(one.as_raw_fd(), b"x", libc::MSG_NOSIGNAL));
    assert_eq!(rig.run(2), [(6, 0), (7, -libc::EPIPE)], "the end of file is no failure");
    let device = rig.handle.device(1);
    rig.push(8, 0, recv(device.as_raw_fd(), &mut bufs[1], 0));
    assert_eq!(rig.run(1), [(8, -libc::ENOTSOCK)]);
}

#[test]
fn devices_keep_what_is_written() {
    let mut rig = fifo();
    let device = rig.handle.device(10);
    let (number, mut buf) = (device.as_raw_fd(), [0; 4]);
    let iovecs = [b"ab", b"cd"].map(|part| libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: 2 });
    rig.push(1, 0, opcode::Writev::new(types::Fd(number), iovecs.as_ptr(), 2).offset(3).build());
    rig.push(2, 0, opcode::Read::new(types::Fd(number), buf.as_mut_ptr(), 4).offset(8).build());
    assert_eq!(rig.run(2), [(1, 4), (2, 2)]);
    assert_eq!(rig.handle.written(&device), [(3, b"abcd".to_vec())]);
    assert_eq!(buf[..2], [8, 9].map(SimHandle::device_byte));
    for result in [opcode::Nop::CODE, 0x40] {
        let nop = Sqe { opcode: opcode::Nop::CODE, op_flags: 1, len: result as u32, ..Sqe::default() };
        rig.push(10 + result as u64, 0, nop.into());
        assert_eq!(rig.run(1), [(10 + result as u64, result as i32)], "an injected result");
    }
}
