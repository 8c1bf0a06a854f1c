//! enter: waits, failures, overflow, the bell; and that the seed decides all.

use super::*;
use crate::{bell::Bell, clapper::Clapper};

#[test]
fn a_wait_that_nothing_ends_times_out_or_panics() {
    let mut rig = fifo();
    let (source, _sink) = rig.handle.pipe();
    let mut buf = [0; 4];
    rig.push(1, 0, read(source.as_raw_fd(), &mut buf));
    let limit = Duration::from_secs(3600);
    assert_eq!(rig.sim.enter(1, Some(limit)).unwrap(), 1);
    assert_eq!((rig.reap(), rig.handle.now()), (vec![], limit));
    let text = panics(|| drop(rig.sim.enter(1, None)));
    assert!(text.starts_with("deadlock") && text.contains("Read(") && text.contains("Running"), "{text}");
    rig.cancel(2, 1);
    assert_eq!(rig.run(2), [(2, 0), (1, CANCELED)]);
}

#[test]
fn failures_before_the_submission_leave_the_queue_as_it_was() {
    for errno in [libc::EINTR, libc::EAGAIN, libc::EBUSY, libc::ENOMEM] {
        let mut rig = fifo();
        rig.nop(1, IO_LINK);
        rig.nop(2, 0);
        rig.handle.fail_enter(0, Fault::Refused(errno));
        assert_eq!(rig.sim.enter(2, None).unwrap_err().raw_os_error(), Some(errno));
        assert_eq!((rig.sim.queued(), rig.reap()), (2, vec![]));
        assert_eq!(rig.run(2), [(1, 0), (2, 0)]);
        assert_eq!((rig.handle.counters().enters, rig.handle.counters().split_chains), (2, 0));
    }
}

#[test]
fn a_partial_submission_cuts_a_chain_and_does_not_wait() {
    let mut rig = fifo();
    rig.failing(1, IO_LINK, libc::EIO);
    rig.nop(2, IO_LINK);
    rig.nop(3, 0);
    rig.handle.fail_enter(0, Fault::Partial(1));
    assert_eq!(rig.sim.enter(3, None).unwrap(), 1);
    assert_eq!((rig.sim.queued(), rig.reap()), (2, vec![]));
    assert_eq!(rig.run(3), [(1, -libc::EIO), (2, 0), (3, 0)], "the rest is a chain of its own");
    assert_eq!(rig.handle.counters().split_chains, 1);
    rig.nop(4, 0);
    rig.handle.fail_enter(0, Fault::Partial(0));
    assert_eq!(rig.sim.enter(1, None).unwrap_err().raw_os_error(), Some(libc::EAGAIN));
    assert_eq!(rig.run(1), [(4, 0)]);
}

#[test]
fn an_interrupted_wait_has_submitted() {
    let mut rig = fifo();
    rig.nop(1, 0);
    rig.handle.fail_enter(0, Fault::Interrupted);
    rig.handle.fail_enter(1, Fault::Interrupted);
    assert_eq!(rig.sim.enter(1, None).unwrap(), 1);
    let error = rig.sim.enter(1, None).unwrap_err();
    assert_eq!((error.kind(), rig.sim.queued()), (io::ErrorKind::Interrupted, 0));
    assert_eq!(rig.run(1), [(1, 0)]);
}

#[test]
fn what_overflows_is_kept_in_order_until_the_next_enter() {
    let config = SimConfig { cq_entries: 2, order: Order::Fifo, inline_percent: 100, ..SimConfig::default() };
    let mut rig = rig(config);
    (0..5).for_each(|user_data| rig.nop(user_data, 0));
    assert_eq!(rig.run(5), [(0, 0), (1, 0)], "no enter waits for more than fits");
    assert!(rig.sim.needs_enter());
    assert_eq!(rig.reap(), []);
    assert_eq!(rig.run(0), [(2, 0), (3, 0)]);
    rig.nop(6, 0);
    assert!(rig.sim.needs_enter());
    assert_eq!(rig.run(0), [(4, 0), (6, 0)]);
    assert!(!rig.sim.needs_enter());
    assert_eq!(rig.handle.counters().overflowed, 4);
}

#[test]
fn ops_complete_inline_or_later() {
    for (inline_percent, at_once) in [(0, 0), (100, 3)] {
        let mut rig = rig(SimConfig { inline_percent, ..SimConfig::default() });
        let (source, _sink) = rig.handle.pipe();
        let mut buf = Box::new([0; 4]);
        rig.nop(1, IO_LINK);
        rig.nop(2, 0);
        rig.nop(3, 0);
        rig.push(4, 0, read(source.as_raw_fd(), &mut buf[..]));
        assert_eq!(rig.run(0).len(), at_once, "the pipe is empty");
        Box::leak(buf);
    }
}

/// One answer for a seed, several for several, and every order by a chooser.
#[test]
fn the_seed_or_the_chooser_decides_the_order() {
    let order = |seed: u64| {
        let mut rig = rig(SimConfig { seed, ..SimConfig::default() });
        (0..6).for_each(|user_data| rig.nop(user_data, 0));
        rig.run(6)
    };
    assert_eq!(order(7), order(7));
    let orders: std::collections::BTreeSet<_> = (0..100).map(order).collect();
    assert!(orders.len() > 60);
    let mut rig = rig(SimConfig::default());
    rig.handle.choose_with(|ready| ready.len() - 1);
    (0..3).for_each(|user_data| rig.nop(user_data, 0));
    assert_eq!(rig.run(3), [(2, 0), (1, 0), (0, 0)]);
}

fn with_bell(rig: &mut Rig, bell: &mut Bell) {
    let mut never = |user_data| {
        rig.handle.script(user_data, Outcome::Never);
        rig.nop(user_data, 0);
    };
    (1..=4).for_each(&mut never);
    for sqe in bell.arm(4) {
        // SAFETY: the bell outlives the simulation's use of it: the SQEs complete within the test.
        unsafe { rig.sim.push(&sqe) };
    }
}

/// Nobody rings: the wait would never end. Rung while it is on, the bell brings the four CQEs.
#[test]
fn the_bell_ends_a_wait() {
    for by_eventfd in [false, true] {
        let (mut rig, clapper) = (rig(SimConfig::default()), std::sync::Arc::new(Clapper::new().unwrap()));
        let mut bell = Bell::new(clapper.clone());
        with_bell(&mut rig, &mut bell);
        assert!(panics(|| drop(rig.sim.enter(4, None))).starts_with("deadlock"));
        rig.nop(5, 0);
        if by_eventfd {
            // The one op that completes, completes together with the ring.
            rig.handle.choose_with(move |_| {
                clapper.strike();
                0
            });
            assert_eq!(rig.sim.enter(4, None).unwrap(), 1);
            assert_eq!(rig.reap().len(), 4, "what was waited for, of the op, the poll and its three NOPs");
        } else {
            clapper.strike();
            rig.sim.enter(4, None).unwrap();
            assert!(rig.reap().len() >= 4);
        }
    }
}

/// Rung before the wait has begun, it ends the wait all the same.
#[test]
fn a_bell_rung_before_the_wait_ends_it() {
    let (mut rig, clapper) = (fifo(), std::sync::Arc::new(Clapper::new().unwrap()));
    let mut bell = Bell::new(clapper.clone());
    with_bell(&mut rig, &mut bell);
    clapper.strike();
    rig.sim.enter(4, Some(Duration::from_millis(1))).unwrap();
    assert_eq!(rig.handle.now(), Duration::ZERO, "it did not sleep");
    assert_eq!(rig.reap().len(), 4);
}
