//! ASYNC_CANCEL and its three answers.

use super::*;

#[test]
fn a_cancel_is_obeyed_not_found_or_too_late() {
    let mut rig = manual();
    let device = rig.handle.device(64);
    let mut bufs = [[0; 4]; 3];
    let answers = [OnCancel::Obey, OnCancel::Already, OnCancel::Unfound];
    for (index, on_cancel) in answers.into_iter().enumerate() {
        rig.handle.script(index as u64, Script { outcome: Outcome::Real, on_cancel });
        rig.push(index as u64, 0, read(device.as_raw_fd(), &mut bufs[index]));
        rig.cancel(10 + index as u64, index as u64);
    }
    assert_eq!(rig.run(4), [(10, 0), (11, -libc::EALREADY), (12, -libc::ENOENT), (0, CANCELED)]);
    rig.cancel(20, 0);
    rig.cancel(21, 1);
    assert_eq!(rig.run(2), [(20, -libc::ENOENT), (21, -libc::EALREADY)]);
    rig.handle.schedule([1, 2]);
    assert_eq!(rig.run(2), [(1, 4), (2, 4)], "cancelled late: they end with their own results");
    assert_eq!(bufs[0], [0; 4]);
    assert_eq!(bufs[1], [0, 1, 2, 3].map(SimHandle::device_byte));
}

#[test]
fn a_link_is_not_found_before_it_is_issued() {
    let mut rig = manual();
    rig.handle.script(1, Outcome::Never);
    rig.handle.script(2, Outcome::Never);
    rig.nop(1, IO_HARDLINK);
    rig.nop(2, 0);
    rig.cancel(10, 2);
    rig.cancel(11, 1);
    assert_eq!(rig.run(3), [(10, -libc::ENOENT), (11, 0), (1, CANCELED)]);
    rig.cancel(12, 2);
    assert_eq!(rig.run(2), [(12, 0), (2, CANCELED)], "now it runs");
}

/// A cancel severs as any failure does.
#[test]
fn a_cancelled_op_severs_its_chain() {
    let mut rig = manual();
    rig.handle.script(1, Outcome::Never);
    rig.nop(1, IO_LINK);
    rig.nop(2, 0);
    rig.cancel(10, 1);
    assert_eq!(rig.run(3), [(10, 0), (1, CANCELED), (2, CANCELED)]);
}

/// What a receive has taken from the socket is in its result.
#[test]
fn a_cancelled_receive_reports_what_it_has() {
    let mut rig = fifo();
    let (one, other) = rig.handle.stream();
    let mut buf = [0; 8];
    rig.handle.write(&other, b"abc").unwrap();
    rig.push(1, IO_LINK, recv(one.as_raw_fd(), &mut buf, libc::MSG_WAITALL));
    rig.nop(2, 0);
    rig.run(0);
    assert!(rig.handle.step() && !rig.handle.step(), "it took three bytes and waits for more");
    rig.cancel(10, 1);
    assert_eq!(rig.run(3), [(10, 0), (1, 3), (2, CANCELED)]);
    assert_eq!(&buf[..3], b"abc");
}

/// By the seed both happen; what could not complete obeys.
#[test]
fn chance_decides_for_ops_that_could_complete() {
    let config = SimConfig { late_cancel_percent: 40, unfound_cancel_percent: 40, seed: 5, ..SimConfig::default() };
    let mut rig = rig(SimConfig { order: Order::Manual, sq_entries: 512, cq_entries: 1024, ..config });
    let mut buf = [0u8; 1];
    let (source, _sink) = rig.handle.pipe();
    for index in 0..100 {
        rig.nop(index, 0);
        rig.cancel(1000 + index, index);
    }
    rig.push(500, 0, read(source.as_raw_fd(), &mut buf));
    rig.cancel(1500, 500);
    rig.sim.enter(0, None).unwrap();
    let answers = rig.reap();
    let count = |res| answers.iter().filter(|(_, found)| *found == res).count();
    assert!(count(0) > 10 && count(-libc::EALREADY) > 10 && count(-libc::ENOENT) > 10, "{answers:?}");
    assert!(answers.contains(&(1500, 0)));
    while rig.handle.step() {}
    rig.handle.schedule(0..100);
    while rig.handle.step() {}
    assert!(rig.handle.event(500).unwrap().res == Some(CANCELED));
}

#[test]
fn polls_and_timeouts_are_cancelled_too() {
    let mut rig = manual();
    let (source, _sink) = rig.handle.pipe();
    let time = types::Timespec::new().sec(1);
    rig.push(1, 0, opcode::PollAdd::new(types::Fd(source.as_raw_fd()), libc::POLLIN as u32).build());
    rig.push(2, 0, opcode::Timeout::new(&time).build());
    rig.cancel(10, 1);
    rig.cancel(11, 2);
    assert_eq!(rig.run(4), [(10, 0), (11, 0), (1, CANCELED), (2, CANCELED)]);
}
