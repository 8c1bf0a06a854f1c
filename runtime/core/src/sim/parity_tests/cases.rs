//! One case per rule.

use super::*;

const CANCELED: i32 = -libc::ECANCELED;

fn cancel(user_data: u64, target: u64) -> Sqe {
    sqe(user_data, 0, opcode::AsyncCancel::new(target).build())
}

#[test]
fn links() {
    for (name, link, next) in [("soft", IO_LINK, CANCELED), ("hard", IO_HARDLINK, 0)] {
        let results = compare(&format!("link_{name}"), |env| {
            let sqes = vec![sqe(1, link, env.read(-1, 4)), nop(2, link), nop(3, 0), nop(4, IO_LINK), nop(5, 0)];
            vec![(sqes, 5)]
        });
        assert_eq!(results, [(1, -libc::EBADF), (2, next), (3, next), (4, 0), (5, 0)]);
    }
    let results = compare("link_dangling", |_| vec![(vec![malformed(1, IO_LINK)], 1), (vec![nop(2, 0)], 1)]);
    assert_eq!(results, [(1, -libc::EINVAL), (2, 0)]);
}

#[test]
fn short_transfers_of_files() {
    for (asked, next) in [(10, 0), (16, CANCELED)] {
        let results = compare(&format!("file_{asked}"), |env| {
            vec![(vec![sqe(1, IO_LINK, env.read(env.file.as_raw_fd(), asked)), nop(2, 0)], 2)]
        });
        assert_eq!(results, [(1, 10), (2, next)]);
    }
    let results = compare("file_vectors", |env| {
        let (file, list) = (types::Fd(env.file.as_raw_fd()), env.iovecs(&[4, 8]));
        let at_end = opcode::Read::new(file, env.buf(4), 4).offset(10).build();
        vec![
            (vec![sqe(1, IO_LINK, opcode::Readv::new(file, list, 2).build()), nop(2, 0)], 2),
            (
                vec![
                    sqe(3, IO_HARDLINK, at_end),
                    sqe(4, IO_LINK, opcode::Writev::new(file, list, 2).offset(2).build()),
                    nop(5, 0),
                ],
                3,
            ),
            (vec![sqe(6, IO_LINK, env.read(file.0, 14)), nop(7, 0)], 2),
        ]
    });
    assert_eq!(results, [(1, 10), (2, CANCELED), (3, 0), (4, 12), (5, 0), (6, 14), (7, 0)]);
}

#[test]
fn short_transfers_of_pipes() {
    let results = compare("pipe_read", |env| {
        let (source, sink) = (env.source.as_raw_fd(), env.sink.as_raw_fd());
        vec![(vec![sqe(1, IO_LINK, env.write(sink, 3)), sqe(2, IO_LINK, env.read(source, 8)), nop(3, 0)], 3)]
    });
    assert_eq!(results, [(1, 3), (2, 3), (3, CANCELED)]);
    if crate::features::kernel_version().is_some_and(|(version, _)| version < (6, 4)) {
        println!("skipped: before Linux 6.4 a worker writes to pipes, and waits until all is written");
        return;
    }
    let results = compare("pipe_write", |env| {
        let (source, sink) = (env.source.as_raw_fd(), env.sink.as_raw_fd());
        vec![
            (vec![sqe(4, IO_LINK, env.write(sink, (64 << 10) + 1)), nop(5, 0)], 2),
            (vec![sqe(6, IO_LINK, env.read(source, 64 << 10)), nop(7, 0)], 2),
        ]
    });
    assert_eq!(results, [(4, 64 << 10), (5, CANCELED), (6, 64 << 10), (7, 0)]);
}

/// Each of two ops writes a byte, a chain collects them and then goes on.
#[test]
fn a_gate_of_bytes() {
    let results = compare("gate", |env| {
        let (source, sink) = (env.source.as_raw_fd(), env.sink.as_raw_fd());
        let collector = [sqe(1, IO_LINK, env.read(source, 1)), sqe(2, IO_LINK, env.read(source, 1)), nop(3, 0)];
        let writers = [nop(4, IO_LINK), sqe(5, 0, env.write(sink, 1)), nop(6, IO_LINK), sqe(7, 0, env.write(sink, 1))];
        vec![([&collector[..], &writers[..]].concat(), 7)]
    });
    assert_eq!(results.iter().map(|(_, res)| *res).collect::<Vec<_>>(), [1, 1, 0, 0, 1, 0, 1]);
}

#[test]
fn receives_and_sends() {
    let all = libc::MSG_WAITALL;
    let results = compare("stream", |env| {
        let (one, other) = (env.stream.as_raw_fd(), env.peer());
        vec![
            (vec![sqe(1, IO_LINK, env.send(other, 3, 0)), sqe(2, IO_LINK, env.recv(one, 8, 0)), nop(3, 0)], 3),
            (vec![sqe(4, IO_LINK, env.recv(one, 8, all)), nop(5, 0)], 0),
            (vec![sqe(6, 0, env.send(other, 3, all))], 1),
            (vec![sqe(7, 0, env.send(other, 5, 0))], 3),
            (vec![sqe(8, 0, env.send(other, 2, 0))], 1),
            (vec![sqe(9, 0, opcode::Close::new(types::Fd(env.take_peer())).build())], 1),
            (vec![sqe(10, IO_LINK, env.recv(one, 4, all)), nop(11, 0)], 2),
            (vec![sqe(12, IO_LINK, env.recv(one, 4, 0)), nop(13, 0)], 2),
            (vec![sqe(14, IO_LINK, env.recv(one, 4, all)), nop(15, 0)], 2),
            (vec![sqe(16, IO_LINK, env.send(one, 4, all)), nop(17, 0)], 2),
        ]
    });
    let expected = [3, 3, 0, 8, 0, 3, 5, 2, 0, 2, CANCELED, 0, 0, 0, CANCELED, -libc::EPIPE, CANCELED];
    assert_eq!(results.iter().map(|(_, res)| *res).collect::<Vec<_>>(), expected);
}

#[test]
fn malformed_sqes() {
    compare("malformed", |env| {
        let file = env.file.as_raw_fd();
        let sync = Sqe::from(opcode::Fsync::new(types::Fd(file)).build());
        let close = Sqe { opcode: opcode::Close::CODE, ..Sqe::default() };
        let bad = [
            Sqe { ioprio: 1, ..nop(0, 0) },
            Sqe { op_flags: 1 << 20, ..nop(0, 0) },
            Sqe { addr: 1, ..sync },
            Sqe { op_flags: 2, ..sync },
            Sqe { file_index: 1, fd: 1, ..close },
            Sqe { off: 1, ..close },
            Sqe { flags: FIXED_FILE, ..close },
            sqe(0, 0, opcode::LinkTimeout::new(env.time(1)).build()),
            Sqe { len: 2, ..sqe(0, 0, opcode::Timeout::new(env.time(1)).build()) },
            Sqe { off: 1, ..sqe(0, 0, opcode::AsyncCancel::new(7).build()) },
            Sqe { off: 1, ..sqe(0, 0, opcode::PollAdd::new(types::Fd(file), 1).build()) },
            sqe(0, 0, opcode::Readv::new(types::Fd(file), std::ptr::null(), 1025).build()),
        ];
        let mut sqes = Vec::new();
        for (index, bad) in (0..).zip(bad) {
            let link = if index % 2 == 0 { IO_LINK } else { IO_HARDLINK };
            let first = nop(10 * index, link);
            // A LINK_TIMEOUT is malformed only where nothing stands before it.
            let alone = bad.opcode == opcode::LinkTimeout::CODE;
            sqes.extend((!alone).then_some(first));
            sqes.extend([Sqe { user_data: 10 * index + 1, flags: bad.flags | link, ..bad }, nop(10 * index + 2, 0)]);
        }
        let count = sqes.len() as u32;
        vec![(sqes, count)]
    });
}

#[test]
fn cancels() {
    let results = compare("cancels", |env| {
        let (source, sink) = (env.source.as_raw_fd(), env.sink.as_raw_fd());
        vec![
            (vec![sqe(1, IO_LINK, env.read(source, 4)), nop(2, 0)], 0),
            (vec![cancel(10, 2)], 1),
            (vec![cancel(11, 1)], 3),
            (vec![cancel(12, 1), cancel(13, 999)], 2),
            (vec![sqe(3, 0, env.read(source, 4))], 0),
            (vec![sqe(4, 0, env.write(sink, 4))], 2),
            (vec![cancel(14, 3)], 1),
        ]
    });
    let not_found = -libc::ENOENT;
    assert_eq!(
        results,
        [
            (1, CANCELED),
            (2, CANCELED),
            (3, 4),
            (4, 4),
            (10, not_found),
            (11, 0),
            (12, not_found),
            (13, not_found),
            (14, not_found)
        ]
    );
}

#[test]
fn a_cancelled_receive_keeps_its_bytes() {
    let results = compare("cancel_receive", |env| {
        let (one, other) = (env.stream.as_raw_fd(), env.peer());
        vec![
            (vec![sqe(1, IO_LINK, env.recv(one, 8, libc::MSG_WAITALL)), nop(2, 0)], 0),
            (vec![sqe(3, 0, env.send(other, 3, 0))], 1),
            (vec![], 0),
            (vec![cancel(10, 1)], 3),
        ]
    });
    assert_eq!(results, [(1, 3), (2, CANCELED), (3, 3), (10, 0)]);
}

#[test]
fn polls_and_their_cancels() {
    let results = compare("polls", |env| {
        let (source, sink) = (env.source.as_raw_fd(), env.sink.as_raw_fd());
        let poll = |events: i16| opcode::PollAdd::new(types::Fd(source), events as u32).build();
        vec![
            (vec![sqe(1, IO_LINK, poll(libc::POLLIN)), nop(2, 0)], 0),
            (vec![cancel(10, 1)], 3),
            (vec![sqe(3, IO_LINK, poll(libc::POLLIN)), nop(4, 0)], 0),
            (vec![sqe(5, 0, env.write(sink, 1))], 3),
            (vec![sqe(6, IO_LINK, poll(libc::POLLIN)), nop(7, 0)], 2),
        ]
    });
    assert_eq!(results, [(1, CANCELED), (2, CANCELED), (3, 1), (4, 0), (5, 1), (6, 1), (7, 0), (10, 0)]);
}

#[test]
fn link_timeouts() {
    let results = compare("link_timeouts", |env| {
        let (source, sink) = (env.source.as_raw_fd(), env.sink.as_raw_fd());
        let limit =
            |user_data, flags, millis| sqe(user_data, flags, opcode::LinkTimeout::new(env.time(millis)).build());
        vec![
            (vec![sqe(1, IO_LINK, env.read(source, 4)), limit(2, IO_LINK, 5), nop(3, 0)], 3),
            (vec![sqe(4, IO_HARDLINK, env.read(source, 4)), limit(5, IO_LINK, 5), nop(6, 0)], 3),
            (vec![sqe(7, IO_LINK, env.read(-1, 4)), limit(8, 0, 5)], 2),
            (vec![nop(9, IO_LINK), limit(10, IO_LINK, 500), nop(11, IO_LINK), limit(12, 0, 500)], 4),
            (vec![nop(13, IO_LINK), limit(14, IO_LINK, 5), limit(15, 0, 5)], 3),
            (vec![sqe(16, 0, env.write(sink, 4)), sqe(17, IO_LINK, env.read(source, 4)), limit(18, 0, 500)], 3),
        ]
    });
    let ebadf = -libc::EBADF;
    let expected = [
        [CANCELED, -libc::ETIME, CANCELED],
        [CANCELED, -libc::ETIME, 0],
        [ebadf, CANCELED, 0],
        [CANCELED, 0, CANCELED],
        [CANCELED, CANCELED, -libc::EINVAL],
        [4, 4, CANCELED],
    ];
    assert_eq!(results.iter().map(|(_, res)| *res).collect::<Vec<_>>(), expected.concat());
}

#[test]
fn timeouts() {
    let results = compare("timeouts", |env| {
        let expires = opcode::Timeout::new(env.time(1));
        let succeeds = opcode::Timeout::new(env.time(1)).flags(types::TimeoutFlags::ETIME_SUCCESS);
        let long = sqe(5, IO_LINK, opcode::Timeout::new(env.time(500)).build());
        vec![
            (vec![sqe(1, IO_LINK, expires.build()), nop(2, 0)], 2),
            (vec![sqe(3, IO_LINK, succeeds.build()), nop(4, 0)], 2),
            (vec![long, nop(6, 0)], 0),
            (vec![cancel(10, 5)], 3),
        ]
    });
    let expected = [-libc::ETIME, CANCELED, -libc::ETIME, 0, CANCELED, CANCELED, 0];
    assert_eq!(results.iter().map(|(_, res)| *res).collect::<Vec<_>>(), expected);
}

#[test]
fn slots() {
    let results = compare("slots", |env| {
        let open = |slot: u32, flags: i32| {
            let slot = types::DestinationSlot::try_from_slot_target(slot).unwrap();
            opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), env.path.as_ptr())
                .flags(flags)
                .file_index(Some(slot))
                .build()
        };
        let close = |user_data, slot: u32| Sqe {
            opcode: opcode::Close::CODE,
            file_index: slot + 1,
            user_data,
            ..Sqe::default()
        };
        let read = |slot| opcode::Read::new(types::Fixed(slot), env.buf(10), 10).build();
        let in_one = vec![sqe(1, IO_LINK, open(2, 0)), sqe(2, IO_HARDLINK, read(2)), close(3, 2)];
        vec![
            (in_one, 3),
            (vec![sqe(4, 0, read(2)), close(5, 2), close(6, 9), sqe(7, 0, open(9, 0))], 4),
            (vec![sqe(8, IO_LINK, open(1, libc::O_CLOEXEC)), nop(9, 0)], 2),
        ]
    });
    let (ebadf, invalid) = (-libc::EBADF, -libc::EINVAL);
    let expected = [0, 10, 0, ebadf, ebadf, invalid, invalid, invalid, CANCELED];
    assert_eq!(results.iter().map(|(_, res)| *res).collect::<Vec<_>>(), expected);
}

#[test]
fn what_newer_kernels_have() {
    let features = real().features().clone();
    if !features.fd_install {
        println!("skipped: no FIXED_FD_INSTALL (Linux 6.8)");
    } else {
        let results = compare("install", |_| {
            let ordinary = Sqe { opcode: opcode::FixedFdInstall::CODE, ..Sqe::default() };
            let install = sqe(1, IO_LINK, opcode::FixedFdInstall::new(types::Fixed(0), 0).build());
            vec![(vec![install, nop(2, 0), Sqe { user_data: 3, ..ordinary }], 3)]
        });
        assert_eq!(results, [(1, -libc::EBADF), (2, CANCELED), (3, -libc::EBADF)]);
    }
    if !features.ftruncate {
        println!("skipped: no FTRUNCATE (Linux 6.9)");
    } else {
        let results = compare("truncate", |env| {
            let truncate = |fd: RawFd, len| opcode::Ftruncate::new(types::Fd(fd), len).build();
            let file = env.file.as_raw_fd();
            let sqes = vec![
                sqe(1, IO_LINK, truncate(file, 4)),
                sqe(2, 0, env.read(file, 8)),
                sqe(3, IO_LINK, truncate(env.source.as_raw_fd(), 4)),
                nop(4, 0),
            ];
            vec![(sqes, 4)]
        });
        assert_eq!(results, [(1, 0), (2, 4), (3, -libc::EINVAL), (4, 0)]);
    }
}

#[test]
fn wrong_objects() {
    let results = compare("wrong", |env| {
        let (file, source, sink) = (env.file.as_raw_fd(), env.source.as_raw_fd(), env.sink.as_raw_fd());
        let sync = |fd: RawFd| opcode::Fsync::new(types::Fd(fd)).build();
        let missing = opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), c"/nonexistent/file".as_ptr()).build();
        vec![(
            vec![
                sqe(1, 0, env.recv(file, 4, 0)),
                sqe(2, 0, env.send(source, 4, 0)),
                sqe(3, 0, env.read(sink, 4)),
                sqe(4, 0, env.write(source, 4)),
                sqe(5, 0, sync(source)),
                sqe(6, 0, sync(file)),
                sqe(7, 0, missing),
                sqe(8, 0, sync(-1)),
                sqe(9, 0, opcode::Close::new(types::Fd(-1)).build()),
            ],
            9,
        )]
    });
    let (socket, ebadf) = (-libc::ENOTSOCK, -libc::EBADF);
    let expected = [socket, socket, ebadf, ebadf, -libc::EINVAL, 0, -libc::ENOENT, ebadf, ebadf];
    assert_eq!(results.iter().map(|(_, res)| *res).collect::<Vec<_>>(), expected);
}

/// A poll that is ready when the enter begins, linked to a TIMEOUT of zero: both fire before the wait, and do not end it.
#[test]
fn a_timeout_before_the_wait_does_not_end_it() {
    let mut real = real();
    let (mut sim, handle) = simulation(real.features(), 0);
    let mut emulated = Emulated::new(CONFIG).unwrap();
    for kernel in [&mut *real, &mut emulated, &mut sim] {
        let (source, mut sink) = std::io::pipe().unwrap();
        let zero = Box::new(types::Timespec::new());
        sink.write_all(&[1]).unwrap();
        let poll = opcode::PollAdd::new(types::Fd(source.as_raw_fd()), libc::POLLIN as u32).build();
        let started = std::time::Instant::now();
        for sqe in [sqe(1, IO_LINK, poll), sqe(2, 0, opcode::Timeout::new(&*zero).build())] {
            // SAFETY: `zero` lives until both have their CQEs.
            unsafe { kernel.push(&sqe) };
        }
        kernel.enter(4, Some(Duration::from_millis(100))).unwrap();
        let mut cqes = Vec::new();
        kernel.reap(&mut cqes);
        assert_eq!(cqes.len(), 2);
        let slept = started.elapsed() >= Duration::from_millis(90) || handle.now() == Duration::from_millis(100);
        assert!(slept, "the wait ended early: {:?}", started.elapsed());
    }
}
