use super::*;

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.describe(true, f)
    }
}

/// A state with these bits, and references at home.
fn at_home(home: u8, references: i32) -> State {
    let state = State::new();
    state.home.set(home);
    state.home_references.set(references);
    state
}

fn is(state: &State, home: u8, references: i32, shared: usize, shared_references: isize) {
    assert_eq!(state.home.get(), home, "{state:?}");
    assert_eq!(state.home_references.get(), references, "{state:?}");
    assert_eq!(state.shared.load(Relaxed) & (REFERENCE - 1), shared, "{state:?}");
    assert_eq!(count(state.shared.load(Relaxed)), shared_references, "{state:?}");
}

#[test]
fn a_wake_at_home_makes_one_runnable_and_counts_its_reference() {
    let task = at_home(0, 2);
    assert_eq!(task.wake_at_home(), Notify::Schedule);
    is(&task, SCHEDULED, 3, 0, 0);
    assert_eq!(task.wake_at_home(), Notify::Nothing);
    assert_eq!(task.wake_at_home(), Notify::Nothing);
    is(&task, SCHEDULED | WOKEN, 3, 0, 0);
    assert_eq!(task.begin(), Begin::Poll);
    is(&task, SCHEDULED, 3, 0, 0);
    assert_eq!(task.rest(), Rest::Idle);
    is(&task, 0, 2, 0, 0);
}

#[test]
fn a_wake_during_the_poll_runs_the_task_again() {
    let task = at_home(SCHEDULED, 2);
    assert_eq!(task.begin(), Begin::Poll);
    assert_eq!(task.wake_at_home(), Notify::Nothing);
    assert_eq!(task.rest(), Rest::Again);
    is(&task, SCHEDULED, 2, 0, 0);
    assert_eq!(task.rest(), Rest::Idle);
    is(&task, 0, 1, 0, 0);
}

#[test]
fn a_wake_from_away_is_posted_once_and_is_the_owners_when_it_arrives() {
    let task = at_home(0, 1);
    assert_eq!(task.wake_away(), Notify::Schedule);
    assert_eq!(task.wake_away(), Notify::Nothing);
    is(&task, 0, 1, POSTED, 1);
    assert_eq!(task.arrive(), Arrival::Run);
    is(&task, SCHEDULED, 1, 0, 1);
    assert_eq!(task.begin(), Begin::Poll);
    assert_eq!(task.wake_away(), Notify::Schedule, "the owner is told, whatever it does");
    assert_eq!(task.arrive(), Arrival::Nothing, "which is as if it had been woken here");
    assert_eq!(task.rest(), Rest::Again);
    is(&task, SCHEDULED, 1, 0, 2);
    let complete = at_home(SCHEDULED, 3);
    assert_eq!(complete.wake_away(), Notify::Schedule);
    assert_eq!(complete.complete(2), Finish::Keep);
    assert_eq!(complete.wake_away(), Notify::Nothing);
    assert_eq!(complete.arrive(), Arrival::Nothing);
}

/// There is one `next`, so one of the two waits outside; and which one is in does not matter.
#[test]
fn the_owners_runnable_and_a_posted_one_are_in_an_inbox_as_one() {
    let task = at_home(0, 1);
    assert_eq!(task.wake_away(), Notify::Schedule);
    assert_eq!(task.wake_at_home(), Notify::Schedule);
    assert!(!task.post(), "one is on its way");
    assert_eq!(task.arrive(), Arrival::Run);
    is(&task, SCHEDULED, 2, 0, 1);
    assert!(task.post());
    assert_eq!(task.wake_away(), Notify::Nothing, "one is on its way");
    assert_eq!(task.arrive(), Arrival::Run);
}

#[test]
fn an_abort_reaches_the_owner_in_every_state() {
    let idle = at_home(0, 2);
    assert_eq!(idle.abort_at_home(), Notify::Schedule);
    assert_eq!(idle.begin(), Begin::Cancel);
    let polled = at_home(SCHEDULED, 3);
    assert_eq!(polled.abort_at_home(), Notify::Nothing);
    assert_eq!(polled.rest(), Rest::Again);
    assert_eq!(polled.begin(), Begin::Cancel);
    let posted = at_home(0, 1);
    assert_eq!((posted.wake_away(), posted.abort_away()), (Notify::Schedule, Notify::Nothing));
    assert_eq!((posted.arrive(), posted.begin()), (Arrival::Run, Begin::Cancel));
    let complete = at_home(SCHEDULED, 3);
    assert_eq!(complete.complete(2), Finish::Keep);
    assert_eq!((complete.abort_at_home(), complete.abort_away()), (Notify::Nothing, Notify::Nothing));
    is(&complete, SCHEDULED | HOME_COMPLETE, 0, COMPLETE, 1);
}

#[test]
fn completion_says_who_owns_output_and_join_waker() {
    for (home, join_waker, shared, order) in [
        (HOME_DETACHED, false, 0, Finish::Discard),
        (0, false, DETACHED | AWAY, Finish::Discard),
        (0, false, 0, Finish::Keep),
        (0, true, AWAY, Finish::Keep),
        (0, true, 0, Finish::Wake),
        (0, false, JOIN_WAKER | AWAY, Finish::WakeAway),
    ] {
        // A reference has gone away and was dropped there.
        let task = at_home(home | SCHEDULED | WOKEN, 4);
        task.home_join_waker.set(join_waker);
        task.shared.store(shared.wrapping_sub_signed(REFERENCE as isize), Relaxed);
        let left = if matches!(order, Finish::Keep | Finish::Wake) { 1 } else { 3 };
        assert_eq!(task.complete(2), order);
        is(&task, home | SCHEDULED | WOKEN | HOME_COMPLETE, 0, shared | COMPLETE, left);
        assert_eq!(task.begin(), Begin::Nothing);
        assert_eq!((task.wake_at_home(), task.wake_away()), (Notify::Nothing, Notify::Nothing));
    }
}

#[test]
fn the_handle_changes_the_join_waker_only_while_the_task_lives() {
    let task = at_home(0, 2);
    assert_eq!(task.joining_away(), Joining::Unregistered);
    assert!(task.has_gone_away());
    assert_eq!(task.publish_join_waker(), JoinWaker::Changed);
    assert_eq!(task.joining_away(), Joining::Registered);
    assert_eq!(task.retract_join_waker(), JoinWaker::Changed);
    assert_eq!(task.complete(0), Finish::Keep);
    assert_eq!(task.publish_join_waker(), JoinWaker::Complete);
    assert_eq!(task.retract_join_waker(), JoinWaker::Complete);
    assert_eq!(task.joining_away(), Joining::Complete);
    assert_eq!(task.detach_away(), Detach::DropOutput);
}

#[test]
fn a_join_waker_set_at_home_is_taken_away_once() {
    let task = at_home(0, 2);
    task.set_join_waker_at_home();
    assert_eq!(task.joining_away(), Joining::Brought);
    assert_eq!(task.joining_away(), Joining::Unregistered);
    assert_eq!(task.complete(0), Finish::Keep);
    let late = at_home(0, 2);
    late.set_join_waker_at_home();
    assert_eq!(late.complete(0), Finish::Wake);
    assert_eq!(late.joining_away(), Joining::Complete, "it is the owner's");
}

#[test]
fn a_detached_task_loses_interest_and_reference_in_one_step() {
    let task = at_home(0, 2);
    assert_eq!(task.detach_at_home(), Detach::Nothing);
    is(&task, HOME_DETACHED, 1, 0, 0);
    let task = at_home(0, 2);
    assert_eq!(task.detach_away(), Detach::Nothing);
    is(&task, 0, 2, DETACHED | AWAY, -1);
    for away in [false, true] {
        let waited_for = at_home(0, 2);
        waited_for.set_join_waker_at_home();
        let order = if away { waited_for.detach_away() } else { waited_for.detach_at_home() };
        assert_eq!(order, Detach::DropWaker);
        assert_eq!(waited_for.release(!away, 1), Release::Nothing);
        assert_eq!(waited_for.complete(1), Finish::Discard);
        assert_eq!(waited_for.release(true, 1), Release::Free);
    }
}

#[test]
fn references_are_one_sum_from_completion_on() {
    let task = at_home(SCHEDULED, 3);
    task.retain(true);
    task.retain(false);
    for at_home in [false, false, true] {
        // Two go that were made elsewhere.
        assert_eq!(task.release(at_home, 1), Release::Nothing);
    }
    is(&task, SCHEDULED, 3, 0, -1);
    assert_eq!(task.complete(1), Finish::Keep);
    is(&task, SCHEDULED | HOME_COMPLETE, 0, COMPLETE, 1);
    task.retain(true);
    assert_eq!(task.release(false, 1), Release::Nothing);
    assert_eq!(task.release(true, 1), Release::Free);
}

/// Each wake from away counts one there, and the run that it leads to takes one away at home: for ever, maybe.
#[test]
fn counts_that_drift_apart_are_carried_over() {
    let edge = CARRY as i32;
    let task = at_home(0, 2 - edge);
    task.shared.store(CARRY as usize * REFERENCE, Relaxed);
    for _ in 0..2 {
        assert_eq!(task.wake_away(), Notify::Schedule);
        assert_eq!(task.arrive(), Arrival::Run);
        assert_eq!(task.rest(), Rest::Idle);
    }
    is(&task, 0, 0, 0, 2);
    // And the other way round: made at home, dropped away.
    let task = at_home(0, edge - 1);
    task.shared.store(in_shared(3 - edge), Relaxed);
    task.retain(true);
    is(&task, 0, 0, 0, 3);
    assert_eq!(task.release(false, 1), Release::Nothing);
    assert_eq!(task.complete(1), Finish::Keep);
    is(&task, HOME_COMPLETE, 0, COMPLETE, 1);
}

/// The aborts are real, so they happen in child processes: this test again, told to go over the edge.
#[test]
fn an_overflow_of_the_references_ends_the_process() {
    const MARK: &str = "TASK_STATE_OVERFLOW";
    if let Some(mark) = std::env::var_os(MARK) {
        let task = at_home(0, CARRY as i32 - 2);
        task.shared.store((REFERENCES_END - 1) as usize * REFERENCE, Relaxed);
        let home = mark == "home";
        task.retain(home);
        task.retain(home);
        unreachable!("the second one is over the edge");
    }
    let name = "an_overflow_of_the_references_ends_the_process";
    for mark in ["home", "away"] {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--nocapture"])
            .env(MARK, mark)
            .output()
            .unwrap();
        let signal = std::os::unix::process::ExitStatusExt::signal(&child.status);
        assert_eq!(signal, Some(6), "{}", String::from_utf8_lossy(&child.stderr));
    }
}
