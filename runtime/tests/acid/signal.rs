//! Signals. Each test has signals of its own, since all get those of the whole process.

use std::{process::Command, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

/// Sends this process a signal as the shell would.
fn raise(name: &str) {
    let status = Command::new("kill").args(["-s", name, &std::process::id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_listener_hears_its_signal() {
    let mut usr1: Signal = signal(SignalKind::user_defined1()).unwrap();
    raise("USR1");
    assert_eq!(usr1.recv().await, Some(()));
    assert!(timeout(Duration::from_millis(5), usr1.recv()).await.is_err());
    raise("USR1");
    assert_eq!(usr1.recv().await, Some(()));
}

#[tokio::test]
async fn all_listeners_hear_it() {
    let (mut first, mut second) =
        (signal(SignalKind::user_defined2()).unwrap(), signal(SignalKind::user_defined2()).unwrap());
    raise("USR2");
    first.recv().await.unwrap();
    second.recv().await.unwrap();
}

#[tokio::test]
async fn what_came_before_the_listener_is_not_heard() {
    let mut first = signal(SignalKind::window_change()).unwrap();
    raise("WINCH");
    first.recv().await.unwrap();
    let mut late = signal(SignalKind::window_change()).unwrap();
    assert!(timeout(Duration::from_millis(5), late.recv()).await.is_err());
}

#[tokio::test]
async fn ctrl_c_is_waited_for() {
    let waiting = tokio::spawn(tokio::signal::ctrl_c());
    tokio::task::yield_now().await;
    raise("INT");
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_listener_in_a_select() {
    let mut hangup = signal(SignalKind::hangup()).unwrap();
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let mut ticked = 0;
    loop {
        tokio::select! {
            _ = hangup.recv() => break,
            _ = ticks.tick() => {
                ticked += 1;
                if ticked == 3 {
                    raise("HUP");
                }
            }
        }
    }
    assert!(ticked >= 3);
}

#[tokio::test]
async fn a_listener_can_be_polled() {
    let mut alarm = signal(SignalKind::alarm()).unwrap();
    let mut pending = false;
    std::future::poll_fn(|cx| {
        let poll = alarm.poll_recv(cx);
        if poll.is_pending() && !pending {
            pending = true;
            raise("ALRM");
        }
        poll
    })
    .await;
    assert!(pending);
}

#[tokio::test]
async fn signals_that_cannot_be_caught_are_refused() {
    for number in [9, 19, 11, 4, 8] {
        assert!(signal(SignalKind::from_raw(number)).is_err(), "{number}");
    }
    assert!(signal(SignalKind::from_raw(-1)).is_err());
    assert!(signal(SignalKind::from_raw(4096)).is_err());
}

#[test]
fn kinds_have_numbers() {
    let kinds = [
        (SignalKind::hangup(), 1),
        (SignalKind::interrupt(), 2),
        (SignalKind::quit(), 3),
        (SignalKind::user_defined1(), 10),
        (SignalKind::user_defined2(), 12),
        (SignalKind::pipe(), 13),
        (SignalKind::alarm(), 14),
        (SignalKind::terminate(), 15),
        (SignalKind::child(), 17),
        (SignalKind::window_change(), 28),
        (SignalKind::io(), 29),
    ];
    for (kind, number) in kinds {
        assert_eq!(kind.as_raw_value(), number);
        assert_eq!(kind, SignalKind::from(number));
        assert_eq!(i32::from(kind), number);
    }
}

#[test]
#[should_panic]
fn outside_a_runtime_there_are_no_signals() {
    let _signal = signal(SignalKind::terminate());
}
