//! What the simulation does not let pass.

use super::*;

#[test]
fn a_full_queue_refuses_and_room_says_so() {
    let mut rig = rig(SimConfig { sq_entries: 2, ..SimConfig::default() });
    rig.nop(1, 0);
    assert_eq!((rig.sim.room(), rig.sim.queued(), rig.sim.sq_entries()), (1, 1, 2));
    rig.nop(2, 0);
    assert_eq!(rig.sim.room(), 0);
    assert!(panics(|| rig.nop(3, 0)).contains("full submission queue"));
}

#[test]
fn reserved_fields_must_be_zero() {
    let bad = [
        Sqe { personality: 1, ..Sqe::default() },
        Sqe { buf_index: 1, ..Sqe::default() },
        Sqe { addr3: 1, ..Sqe::default() },
        Sqe { pad: 1, ..Sqe::default() },
        Sqe { flags: 1 << 1, ..Sqe::default() },
        Sqe { flags: 1 << 6, ..Sqe::default() },
    ];
    for sqe in bad {
        let mut rig = fifo();
        // SAFETY: a NOP points to nothing.
        let text = panics(|| unsafe { rig.sim.push(&sqe) });
        assert!(text.starts_with("SQE with"), "{text}");
    }
    // What the kernel refuses is an error of the op, with or without the rest of a chain.
    let refused = [
        Sqe { ioprio: 1, ..Sqe::default() },
        Sqe { op_flags: 1 << 20, ..Sqe::default() },
        Sqe { opcode: opcode::Fsync::CODE, addr: 1, ..Sqe::default() },
        Sqe { opcode: opcode::Close::CODE, file_index: 1, fd: 1, ..Sqe::default() },
        Sqe { opcode: opcode::AsyncCancel::CODE, off: 1, ..Sqe::default() },
    ];
    let mut rig = fifo();
    for (user_data, sqe) in refused.into_iter().enumerate() {
        // SAFETY: refused before anything that they point to is used.
        unsafe { rig.sim.push(&Sqe { user_data: user_data as u64, ..sqe }) };
        assert_eq!(rig.run(1), [(user_data as u64, INVALID)]);
    }
}

#[test]
fn opcodes_that_the_features_lack_are_unknown() {
    let mut rig = rig(SimConfig { features: Features::default(), ..SimConfig::default() });
    rig.push(1, 0, opcode::Ftruncate::new(types::Fd(0), 0).build());
    rig.push(2, 0, opcode::FixedFdInstall::new(types::Fixed(0), 0).build());
    let mut results = rig.run(2);
    results.sort_unstable();
    assert_eq!(results, [(1, INVALID), (2, INVALID)]);
}

#[test]
fn a_user_data_is_free_again_when_its_cqe_is_reaped() {
    let mut rig = fifo();
    rig.nop(1, 0);
    rig.sim.enter(1, None).unwrap();
    assert!(panics(|| rig.nop(1, 0)).contains("is in flight"));
    assert_eq!(rig.reap(), [(1, 0)]);
    rig.nop(1, 0);
    assert_eq!(rig.run(1), [(1, 0)]);
}

#[test]
fn running_ops_must_not_write_what_others_use() {
    for (first_writes, second_writes, gap, panic) in [
        (true, true, 3, true),
        (true, false, 3, true),
        (false, true, 3, true),
        (false, false, 3, false),
        (true, true, 4, false),
    ] {
        // Before the kernel, which looks at what still runs when it is dropped.
        let mut buf = [0; 8];
        let mut rig = manual();
        let device = rig.handle.device(64);
        let entry = |memory_written: bool, buf: &mut [u8]| match memory_written {
            true => read(device.as_raw_fd(), buf),
            false => write(device.as_raw_fd(), buf),
        };
        rig.push(1, 0, entry(first_writes, &mut buf[..4]));
        rig.push(2, 0, entry(second_writes, &mut buf[gap..gap + 4]));
        if panic {
            assert!(panics(|| drop(rig.sim.enter(0, None))).contains("run at once on the same memory"));
            rig.handle.complete(1);
        } else {
            rig.handle.schedule([1, 2]);
            assert_eq!(rig.run(2), [(1, 4), (2, 4)]);
        }
    }
    // One after the other is what plans do.
    let mut rig = fifo();
    let device = rig.handle.device(64);
    let mut buf = [0; 8];
    rig.push(1, IO_LINK, read(device.as_raw_fd(), &mut buf));
    rig.push(2, 0, write(device.as_raw_fd(), &buf));
    assert_eq!(rig.run(2), [(1, 8), (2, 8)]);
    assert_eq!(rig.handle.written(&device)[0].1, buf);
}

#[test]
fn a_number_that_means_something_else_now_is_no_target() {
    let mut buf = [0; 4];
    own_descriptors();
    let mut rig = fifo();
    let (source, _sink) = rig.handle.pipe();
    let number = source.as_raw_fd();
    rig.nop(1, IO_LINK);
    rig.push(2, 0, read(number, &mut buf));
    drop(source);
    let again = rig.handle.device(64);
    assert_eq!(again.as_raw_fd(), number, "the lowest number that is free");
    assert!(panics(|| drop(rig.sim.enter(2, None))).contains("its number reused"));
    // A real descriptor that the simulation did not make.
    let mut rig = fifo();
    let null = std::fs::File::open("/dev/null").unwrap();
    rig.push(1, 0, read(null.as_raw_fd(), &mut buf));
    assert!(panics(|| drop(rig.sim.enter(1, None))).contains("is a real one"));
}

#[test]
fn a_slot_is_opened_once() {
    let mut rig = fifo();
    rig.sim.register_slots(1).unwrap();
    let file = rig.handle.file("a", b"");
    rig.handle.fill_slot(0, &file);
    let slot = types::DestinationSlot::try_from_slot_target(0).unwrap();
    let open = opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), c"a".as_ptr()).file_index(Some(slot)).build();
    rig.push(1, 0, open);
    assert!(panics(|| drop(rig.sim.enter(1, None))).contains("an open into slot 0"));
}

/// Run under AddressSanitizer with `freed` it is a report each: on completion, on cancel, at the ring's end.
#[test]
fn memory_is_used_until_the_last_moment() {
    let freed = std::env::var("SIM_FREE_EARLY").ok();
    for when in ["complete", "cancel", "close"] {
        let mut rig = manual();
        let device = rig.handle.device(64);
        let mut buf = vec![0u8; 64];
        rig.push(1, 0, read(device.as_raw_fd(), &mut buf));
        rig.run(0);
        if freed.as_deref() == Some(when) {
            drop(std::mem::take(&mut buf));
        }
        match when {
            "complete" => rig.handle.complete(1),
            "cancel" => {
                rig.cancel(2, 1);
                rig.run(2);
            }
            _ => {
                drop(rig.sim);
                assert!(rig.handle.in_kernel()[0].running);
                rig.handle.complete(1);
            }
        }
        if freed.is_none() && when != "cancel" {
            assert_eq!(buf[5], SimHandle::device_byte(5));
        }
    }
}
