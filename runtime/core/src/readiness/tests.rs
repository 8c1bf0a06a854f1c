//! What poll(2) reports, in the words of the public types.

use super::*;

fn ready(interest: Interest, events: libc::c_short) -> Ready {
    interest.of(Ready::of_events(events as u32))
}

#[test]
fn each_interest_gets_what_it_asked_for() {
    use libc::{POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP};
    let both = Interest::READABLE | Interest::WRITABLE;
    assert_eq!(ready(Interest::READABLE, POLLIN | POLLOUT), Ready::READABLE);
    assert_eq!(ready(Interest::WRITABLE, POLLIN | POLLOUT), Ready::WRITABLE);
    assert_eq!(ready(both, POLLIN | POLLOUT), Ready::READABLE | Ready::WRITABLE);
    assert_eq!(ready(Interest::READABLE, POLLIN | POLLRDHUP), Ready::READABLE | Ready::READ_CLOSED);
    assert_eq!(ready(Interest::READABLE, POLLHUP), Ready::READ_CLOSED);
    assert_eq!(ready(Interest::WRITABLE, POLLERR), Ready::WRITE_CLOSED);
    assert_eq!(ready(Interest::WRITABLE, POLLOUT | POLLERR), Ready::WRITABLE | Ready::WRITE_CLOSED);
    assert_eq!(ready(Interest::PRIORITY, POLLPRI | POLLERR), Ready::PRIORITY);
    assert_eq!(ready(Interest::ERROR, POLLERR), Ready::ERROR);
}

#[test]
fn what_ends_a_wait_makes_ready_whatever_was_waited_for() {
    for (interest, ready_for) in [
        (Interest::READABLE, Ready::READABLE),
        (Interest::WRITABLE, Ready::WRITABLE),
        (Interest::PRIORITY, Ready::PRIORITY),
        (Interest::ERROR, Ready::ERROR),
    ] {
        assert!(!ready(interest, libc::POLLERR).is_empty() && !ready(interest, libc::POLLHUP).is_empty());
        // Not seen on Linux so far, but nothing forbids it.
        assert_eq!(ready(interest, libc::POLLNVAL), ready_for);
    }
}

#[test]
fn interests_add_up_and_name_themselves() {
    let mut sum = Interest::READABLE;
    sum |= Interest::ERROR;
    assert_eq!(format!("{:?}", sum.add(Interest::PRIORITY)), "READABLE | PRIORITY | ERROR");
    assert_eq!(sum.remove(Interest::WRITABLE), Some(sum));
    assert_eq!(sum.remove(sum), None);
    assert!(sum.is_readable() && sum.is_error() && !sum.is_writable() && !sum.is_priority());
}

#[test]
fn readiness_is_a_set() {
    let mut ready = Ready::EMPTY;
    ready |= Ready::READ_CLOSED;
    assert!(ready.is_readable() && ready.is_read_closed() && !ready.is_writable());
    ready |= Ready::WRITE_CLOSED | Ready::PRIORITY | Ready::ERROR;
    assert!(ready.is_writable() && ready.is_write_closed() && ready.is_priority() && ready.is_error());
    assert_eq!(Ready::ALL - ready, Ready::READABLE | Ready::WRITABLE);
    assert!((Ready::READABLE & ready).is_empty());
}
