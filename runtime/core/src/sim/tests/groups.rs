//! SQE groups, in both versions of the series and without.

use super::*;
use crate::{features::Groups, sim::prepare::GROUP};

fn grouped(groups: Groups, order: Order) -> Rig {
    let features = Features { groups: Some(groups), ..SimConfig::default().features };
    rig(SimConfig { features, order, ..SimConfig::default() })
}

fn started(rig: &Rig) -> Vec<u64> {
    rig.handle.log().iter().filter(|event| event.started_at.is_some()).map(|event| event.user_data).collect()
}

#[test]
fn without_groups_the_bit_is_refused() {
    let mut rig = fifo();
    rig.nop(1, GROUP);
    rig.nop(2, 0);
    assert_eq!(rig.run(2), [(1, INVALID), (2, 0)]);
}

#[test]
fn members_start_with_the_leader_or_behind_it_and_its_cqe_comes_last() {
    for groups in [Groups::WithLeader, Groups::AfterLeader] {
        let mut rig = grouped(groups, Order::Manual);
        rig.nop(1, GROUP | IO_LINK);
        rig.nop(2, GROUP);
        rig.nop(3, 0);
        rig.nop(4, 0);
        rig.run(0);
        let at_once: &[u64] = if groups == Groups::WithLeader { &[1, 2, 3] } else { &[1] };
        assert_eq!(started(&rig), at_once, "{groups:?}");
        rig.handle.schedule([1, 3, 2, 4]);
        assert_eq!(rig.run(4), [(3, 0), (2, 0), (1, 0), (4, 0)], "{groups:?}");
        let leader = rig.handle.event(1).unwrap();
        assert!(leader.ended_at < rig.handle.event(3).unwrap().ended_at && leader.completed_at > leader.ended_at);
        assert!(rig.handle.is_ordered(1, 4));
        assert_eq!((rig.handle.counters().groups, rig.handle.counters().split_chains), (1, 0));
    }
}

#[test]
fn a_failed_member_severs_what_follows_but_not_its_group() {
    for groups in [Groups::WithLeader, Groups::AfterLeader] {
        let mut rig = grouped(groups, Order::Fifo);
        rig.nop(1, GROUP | IO_LINK);
        rig.failing(2, GROUP, libc::EIO);
        rig.nop(3, 0);
        rig.nop(4, GROUP | IO_LINK);
        rig.nop(5, 0);
        rig.nop(6, 0);
        let all = [(2, -libc::EIO), (3, 0), (1, 0), (5, CANCELED), (4, CANCELED), (6, CANCELED)];
        assert_eq!(rig.run(6), all, "{groups:?}");
        // The leader's hard link lets the chain go on.
        rig.nop(11, GROUP | IO_HARDLINK);
        rig.failing(12, 0, libc::EIO);
        rig.nop(13, 0);
        assert_eq!(rig.run(3), [(12, -libc::EIO), (11, 0), (13, 0)], "{groups:?}");
    }
}

#[test]
fn a_failed_leader_lets_members_run_or_cancels_them() {
    for (groups, member) in [(Groups::WithLeader, 0), (Groups::AfterLeader, CANCELED)] {
        let mut rig = grouped(groups, Order::Fifo);
        rig.failing(1, GROUP | IO_LINK, libc::EIO);
        rig.nop(2, GROUP);
        rig.nop(3, 0);
        rig.nop(4, 0);
        assert_eq!(rig.run(4), [(2, member), (3, member), (1, -libc::EIO), (4, CANCELED)], "{groups:?}");
    }
}

#[test]
fn a_refused_member_refuses_the_whole_chain() {
    for groups in [Groups::WithLeader, Groups::AfterLeader] {
        let mut rig = grouped(groups, Order::Fifo);
        rig.nop(1, IO_LINK);
        rig.nop(2, GROUP | IO_LINK);
        rig.malformed(3, GROUP);
        rig.nop(4, 0);
        rig.nop(5, 0);
        let mut results = rig.run(5);
        results.sort_unstable();
        assert_eq!(results, [(1, CANCELED), (2, CANCELED), (3, INVALID), (4, CANCELED), (5, CANCELED)], "{groups:?}");
        assert_eq!(started(&rig), []);
    }
}

#[test]
fn links_of_members_are_ignored_or_refuse_the_leader() {
    for (groups, expected) in
        [(Groups::WithLeader, [(1, 0), (2, 0), (3, 0)]), (Groups::AfterLeader, [(1, INVALID), (2, CANCELED), (3, 0)])]
    {
        let mut rig = grouped(groups, Order::Fifo);
        rig.nop(1, GROUP);
        rig.nop(2, IO_LINK);
        rig.nop(3, 0);
        let mut results = rig.run(3);
        results.sort_unstable();
        assert_eq!(results, expected, "{groups:?}");
    }
}

#[test]
fn a_group_ends_with_the_submission() {
    let mut rig = grouped(Groups::WithLeader, Order::Fifo);
    rig.nop(1, GROUP);
    rig.nop(2, GROUP);
    assert_eq!(rig.run(2), [(2, 0), (1, 0)]);
    rig.nop(3, 0);
    assert_eq!(rig.run(1), [(3, 0)]);
    assert_eq!(rig.handle.counters().split_chains, 1);
}

/// It cancels the leader only; one that is done is not found, and the group goes on.
#[test]
fn a_link_timeout_follows_a_group_and_is_no_part_of_one() {
    for leader_done in [false, true] {
        let mut rig = grouped(Groups::WithLeader, Order::Manual);
        let time = types::Timespec::new().nsec(100);
        rig.nop(1, GROUP | IO_LINK);
        rig.nop(2, 0);
        rig.push(3, 0, opcode::LinkTimeout::new(&time).build());
        rig.run(0);
        if leader_done {
            rig.handle.complete(1);
        }
        let answer = if leader_done { -libc::ENOENT } else { -libc::ETIME };
        assert_eq!(rig.run(1), [(3, answer)]);
        rig.handle.schedule([2]);
        assert_eq!(rig.run(2), [(2, 0), (1, if leader_done { 0 } else { CANCELED })]);
    }
    let mut rig = grouped(Groups::WithLeader, Order::Fifo);
    let time = types::Timespec::new();
    rig.nop(1, GROUP);
    rig.push(2, 0, opcode::LinkTimeout::new(&time).build());
    assert_eq!(rig.run(2), [(2, INVALID), (1, CANCELED)]);
}

#[test]
fn cancels_find_what_is_issued_of_a_group() {
    let mut rig = grouped(Groups::AfterLeader, Order::Manual);
    rig.nop(1, GROUP);
    rig.nop(2, GROUP);
    rig.nop(3, 0);
    rig.cancel(10, 2);
    assert_eq!(rig.run(1), [(10, -libc::ENOENT)], "a member that waits for the leader");
    rig.handle.complete(1);
    rig.cancel(11, 1);
    rig.cancel(12, 2);
    assert_eq!(rig.run(3), [(11, -libc::ENOENT), (12, 0), (2, CANCELED)], "a leader that waits for members");
    rig.handle.schedule([3]);
    assert_eq!(rig.run(2), [(3, 0), (1, 0)]);
}
