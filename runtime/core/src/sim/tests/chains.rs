//! Links: what starts when, and what severs.

use super::*;

#[test]
fn links_start_one_after_the_other_and_others_in_any_order() {
    let mut rig = manual();
    rig.nop(1, IO_LINK);
    rig.nop(2, IO_HARDLINK);
    rig.nop(3, 0);
    rig.nop(4, 0);
    assert_eq!(rig.run(0), []);
    let running: Vec<u64> = rig.handle.in_kernel().iter().filter(|op| op.running).map(|op| op.user_data).collect();
    assert_eq!(running, [1, 4], "heads run, links wait");
    rig.handle.schedule([4, 1, 2, 3]);
    assert_eq!(rig.run(4), [(4, 0), (1, 0), (2, 0), (3, 0)]);
    assert!(rig.handle.is_ordered(1, 2) && rig.handle.is_ordered(2, 3) && !rig.handle.is_ordered(1, 4));
    let counters = rig.handle.counters();
    assert_eq!((counters.chains, counters.longest_chain, counters.split_chains), (1, 3, 0));
    assert_eq!((counters.submitted, counters.completed, counters.in_flight_max), (4, 4, 4));
}

#[test]
fn a_soft_link_severs_all_that_follows_and_a_hard_link_nothing() {
    let mut rig = fifo();
    rig.failing(1, IO_LINK, libc::EIO);
    rig.nop(2, IO_HARDLINK);
    rig.nop(3, 0);
    assert_eq!(rig.run(3), [(1, -libc::EIO), (2, CANCELED), (3, CANCELED)]);
    assert_eq!(rig.handle.event(2).unwrap().started_at, None);
    rig.failing(4, IO_HARDLINK, libc::EIO);
    rig.nop(5, IO_LINK);
    rig.nop(6, 0);
    assert_eq!(rig.run(3), [(4, -libc::EIO), (5, 0), (6, 0)]);
}

/// Reads and writes sever when they are short, receives and sends only if they were to wait for all.
#[test]
fn short_results_sever_by_opcode() {
    let mut rig = fifo();
    let (_source, sink) = rig.handle.pipe();
    let (device, (one, _other)) = (rig.handle.device(1 << 20), rig.handle.stream());
    let (device, sink, one) = (device.as_raw_fd(), sink.as_raw_fd(), one.as_raw_fd());
    let mut bufs = [[7u8; 8]; 8];
    let iovec = |buf: &mut [u8; 8]| libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: 8 };
    let iovecs = [iovec(&mut bufs[6]), iovec(&mut bufs[7])];
    let cases: [(Entry, Outcome, i32, bool); 14] = [
        (read(device, &mut bufs[0]), Outcome::Real, 8, false),
        (read(device, &mut bufs[0]), Outcome::Severing, 8, true),
        (read(device, &mut bufs[0]), Outcome::Short(3), 3, true),
        (read(device, &mut bufs[0]), Outcome::Zero, 0, true),
        (write(sink, &bufs[1]), Outcome::Real, 8, false),
        (write(sink, &bufs[1]), Outcome::Short(3), 3, true),
        (opcode::Readv::new(types::Fd(device), iovecs.as_ptr(), 2).build(), Outcome::Real, 16, false),
        (opcode::Readv::new(types::Fd(device), iovecs.as_ptr(), 2).build(), Outcome::Short(11), 11, true),
        (opcode::Writev::new(types::Fd(device), iovecs.as_ptr(), 2).build(), Outcome::Short(11), 11, true),
        (recv(one, &mut bufs[2], 0), Outcome::Zero, 0, false),
        (recv(one, &mut bufs[2], libc::MSG_WAITALL), Outcome::Zero, 0, true),
        (send(one, &bufs[3], 0), Outcome::Short(3), 3, false),
        (send(one, &bufs[3], libc::MSG_WAITALL), Outcome::Short(3), 3, true),
        (send(one, &bufs[3], libc::MSG_WAITALL | libc::MSG_NOSIGNAL), Outcome::Real, 8, false),
    ];
    for (index, (entry, outcome, res, severs)) in cases.into_iter().enumerate() {
        let user_data = 10 * index as u64;
        rig.handle.script(user_data, outcome);
        rig.push(user_data, IO_LINK, entry);
        rig.nop(user_data + 1, 0);
        let next = if severs { CANCELED } else { 0 };
        assert_eq!(rig.run(2), [(user_data, res), (user_data + 1, next)], "case {index}");
    }
}

#[test]
fn a_timeout_severs_unless_its_expiry_is_a_success() {
    let mut rig = fifo();
    let time = types::Timespec::new().nsec(5);
    rig.push(1, IO_LINK, opcode::Timeout::new(&time).build());
    rig.nop(2, 0);
    rig.push(3, IO_LINK, opcode::Timeout::new(&time).flags(types::TimeoutFlags::ETIME_SUCCESS).build());
    rig.nop(4, 0);
    rig.sim.enter(0, None).unwrap();
    assert_eq!(rig.handle.now(), Duration::ZERO);
    while rig.handle.counters().completed < 4 {
        rig.sim.enter(4, None).unwrap();
    }
    assert_eq!(rig.handle.now(), Duration::from_nanos(5), "time is virtual");
    assert_eq!(rig.reap(), [(1, -libc::ETIME), (2, CANCELED), (3, -libc::ETIME), (4, 0)]);
}

/// Nothing of the chain is issued, neither before nor behind; hard links do not help; other chains go on.
#[test]
fn a_malformed_sqe_cancels_its_whole_chain() {
    for link in [IO_LINK, IO_HARDLINK] {
        for bad in 0..3 {
            let mut rig = fifo();
            rig.nop(10, 0);
            for position in 0..3 {
                let flags = if position < 2 { link } else { 0 };
                if position == bad { rig.malformed(position, flags) } else { rig.nop(position, flags) }
            }
            rig.nop(11, 0);
            let mut results = rig.run(5);
            results.sort_unstable();
            let expected = |position| if position == bad { INVALID } else { CANCELED };
            let expected: Vec<_> = (0..3).map(|position| (position, expected(position))).collect();
            assert_eq!(results, [&expected[..], &[(10, 0), (11, 0)]].concat());
            assert!((0..3).all(|position| rig.handle.event(position).unwrap().started_at.is_none()));
        }
    }
}

#[test]
fn a_chain_ends_with_the_submission() {
    let mut rig = fifo();
    rig.failing(1, IO_LINK, libc::EIO);
    assert_eq!(rig.run(1), [(1, -libc::EIO)]);
    rig.nop(2, 0);
    assert_eq!(rig.run(1), [(2, 0)], "not linked to what an earlier enter took");
    assert_eq!(rig.handle.counters().split_chains, 1);
}

#[test]
fn a_link_timeout_cancels_or_is_disarmed() {
    let mut rig = manual();
    let (source, sink) = rig.handle.pipe();
    let (mut buf, time) = ([0; 4], types::Timespec::new().nsec(100));
    let limited = |rig: &mut Rig, base: u64, buf: &mut [u8]| {
        rig.push(base, IO_LINK, read(source.as_raw_fd(), buf));
        rig.push(base + 1, IO_LINK, opcode::LinkTimeout::new(&time).build());
        rig.nop(base + 2, 0);
    };
    limited(&mut rig, 1, &mut buf);
    assert_eq!(rig.run(3), [(2, -libc::ETIME), (1, CANCELED), (3, CANCELED)]);
    limited(&mut rig, 11, &mut buf);
    rig.handle.write(&sink, b"abcd").unwrap();
    rig.handle.schedule([11, 13]);
    assert_eq!(rig.run(3), [(11, 4), (12, CANCELED), (13, 0)]);
    // Behind a failed op it never runs.
    rig.failing(20, IO_LINK, libc::EIO);
    limited(&mut rig, 21, &mut buf);
    rig.handle.schedule([20]);
    assert_eq!(rig.run(4), [(20, -libc::EIO), (21, CANCELED), (22, CANCELED), (23, CANCELED)]);
    // It has to follow something.
    rig.push(31, 0, opcode::LinkTimeout::new(&time).build());
    assert_eq!(rig.run(1), [(31, INVALID)]);
}

#[test]
fn a_link_timeout_reports_what_its_cancel_was_told() {
    let mut rig = manual();
    let (device, time) = (rig.handle.device(64), types::Timespec::new().nsec(100));
    let mut buf = [0; 4];
    for (base, on_cancel, answer) in [(1, OnCancel::Already, -libc::EALREADY), (11, OnCancel::Unfound, -libc::ENOENT)] {
        rig.handle.script(base, Script { outcome: Outcome::Real, on_cancel });
        rig.push(base, IO_LINK, read(device.as_raw_fd(), &mut buf));
        rig.push(base + 1, 0, opcode::LinkTimeout::new(&time).build());
        assert_eq!(rig.run(1), [(base + 1, answer)]);
        rig.handle.schedule([base]);
        assert_eq!(rig.run(1), [(base, 4)], "and the op ends by itself");
    }
}

/// A hundred thousand links are a queue, not a recursion.
#[test]
fn long_chains_do_not_use_the_stack() {
    const LINKS: u32 = 100_000;
    let config = SimConfig { sq_entries: LINKS, cq_entries: LINKS, inline_percent: 100, ..SimConfig::default() };
    let mut rig = rig(config);
    for link in 1..LINKS {
        rig.nop(link as u64, IO_LINK);
    }
    rig.nop(LINKS as u64, 0);
    assert_eq!(rig.run(0).len(), LINKS as usize);
}
