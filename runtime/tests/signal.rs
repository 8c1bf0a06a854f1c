//! Signals reach every listener, wherever it is. Each test has signals of its own: they come to the whole process.

mod common;

use std::{
    future::{Future, poll_fn},
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    pin::{Pin, pin},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use common::{poll_once, run};
use runtime::{
    Builder,
    signal::{
        ctrl_c,
        unix::{Signal, SignalKind, signal},
    },
    spawn,
    task::yield_now,
};

/// Sends a signal to this process.
fn send(name: &str) {
    let script = format!("kill -{name} {}", std::process::id());
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
}

/// A future on a thread that runs no shard.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let (waker, mut future) = (Waker::from(Arc::new(Unpark(thread::current()))), pin!(future));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_signal_wakes_a_sleeping_shard_and_every_task_that_listens() {
    run(async {
        let listeners: Vec<_> = (0..20).map(|_| signal(SignalKind::user_defined1()).unwrap()).collect();
        let tasks: Vec<_> = listeners.into_iter().map(|mut one| spawn(async move { one.recv().await })).collect();
        for _ in 0..3 {
            yield_now().await;
        }
        // From outside, while the shard is asleep.
        let sender = thread::spawn(|| send("USR1"));
        for task in tasks {
            assert_eq!(task.await.unwrap(), Some(()));
        }
        sender.join().unwrap();
    });
}

#[test]
fn every_shard_and_every_thread_hears_each_delivery() {
    const SHARDS: usize = 3;
    const ROUNDS: usize = 20;
    let (heard, hearings) = mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    let shards: Vec<_> = (0..SHARDS)
        .map(|_| {
            let (heard, stop) = (heard.clone(), stop.clone());
            thread::spawn(move || {
                run(async move {
                    let mut hangups = signal(SignalKind::hangup()).unwrap();
                    heard.send(()).unwrap();
                    while !stop.load(Ordering::Acquire) {
                        hangups.recv().await.unwrap();
                        heard.send(()).unwrap();
                    }
                });
            })
        })
        .collect();
    let runtime = Builder::new().build().unwrap();
    let mut carried: Signal = runtime.block_on(async { signal(SignalKind::hangup()).unwrap() });
    common::assert_clean(&runtime.shutdown());
    let without_a_shard = thread::spawn(move || {
        heard.send(()).unwrap();
        for _ in 0..ROUNDS {
            block_on(carried.recv()).unwrap();
            heard.send(()).unwrap();
        }
    });
    // All listen, then all have heard, before the next one is sent.
    let all = || assert_eq!(hearings.iter().take(SHARDS + 1).count(), SHARDS + 1);
    all();
    for _ in 0..ROUNDS {
        send("HUP");
        all();
    }
    without_a_shard.join().unwrap();
    stop.store(true, Ordering::Release);
    send("HUP");
    for thread in shards {
        thread.join().unwrap();
    }
}

#[test]
fn a_delivery_between_two_waits_is_kept() {
    run(async {
        let mut signals = signal(SignalKind::window_change()).unwrap();
        poll_once(pin!(signals.recv())).await;
        let mut other = signal(SignalKind::from_raw(SignalKind::window_change().as_raw_value())).unwrap();
        send("WINCH");
        assert_eq!(poll_fn(|cx| other.poll_recv(cx)).await, Some(()));
        let mut again = pin!(signals.recv());
        assert!(poll_fn(|cx| Poll::Ready(again.as_mut().poll(cx))).await.is_ready());
    });
}

/// What the runtime itself has spawned to listen, and to reap a child, is no work to be waited for.
#[test]
fn a_graceful_shutdown_does_not_wait_for_listeners() {
    let runtime = Builder::new().build().unwrap();
    let stdin = runtime.block_on(async {
        drop(signal(SignalKind::pipe()).unwrap());
        let mut child = runtime::process::Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        yield_now().await;
        assert_eq!(runtime::metrics().tasks, 0);
        child.stdin.take()
    });
    let found = runtime.shutdown_graceful(std::time::Duration::from_secs(20));
    assert!(found.is_clean(), "{found:?}");
    drop(stdin);
}

/// The shard that watched is gone; the listener goes on where it is polled.
#[test]
fn a_listener_outlives_its_shard() {
    let first = Builder::new().build().unwrap();
    let mut signals = first.block_on(async {
        let mut signals = signal(SignalKind::user_defined2()).unwrap();
        poll_once(pin!(signals.recv())).await;
        signals
    });
    common::assert_clean(&first.shutdown());
    run(async move {
        let mut wait = pin!(signals.recv());
        poll_once(wait.as_mut()).await;
        let sender = thread::spawn(|| send("USR2"));
        wait.await.unwrap();
        sender.join().unwrap();
    });
}

#[test]
fn forbidden_signals_are_refused_and_kinds_are_numbers() {
    run(async {
        for number in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGILL, libc::SIGFPE, -1, 0, 1000] {
            assert!(signal(SignalKind::from_raw(number)).is_err());
        }
    });
    assert_eq!(i32::from(SignalKind::from(15)), 15);
    for (kind, number) in [
        (SignalKind::alarm(), libc::SIGALRM),
        (SignalKind::child(), libc::SIGCHLD),
        (SignalKind::hangup(), libc::SIGHUP),
        (SignalKind::interrupt(), libc::SIGINT),
        (SignalKind::io(), libc::SIGIO),
        (SignalKind::pipe(), libc::SIGPIPE),
        (SignalKind::quit(), libc::SIGQUIT),
        (SignalKind::terminate(), libc::SIGTERM),
        (SignalKind::user_defined1(), libc::SIGUSR1),
        (SignalKind::user_defined2(), libc::SIGUSR2),
        (SignalKind::window_change(), libc::SIGWINCH),
    ] {
        assert_eq!(kind.as_raw_value(), number);
    }
}

#[test]
#[should_panic(expected = "signal was called outside a runtime")]
fn listening_outside_a_runtime_panics() {
    let _ = signal(SignalKind::alarm());
}

const CHILD: &str = "RUNTIME_TESTS_SIGNAL_CHILD";

/// What the child of the next test does.
#[test]
fn child_that_waits_for_ctrl_c() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    run(async {
        let mut wait: Pin<Box<dyn Future<Output = _>>> = Box::pin(ctrl_c());
        let _ = poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx).is_pending())).await;
        println!("\nready");
        wait.await.unwrap();
        println!("heard");
        // Nobody listens now, and SIGINT still does not end the process.
        send("INT");
        println!("alive");
        let mut terminations = signal(SignalKind::terminate()).unwrap();
        println!("ready");
        terminations.recv().await;
        println!("ending");
    });
}

#[test]
fn ctrl_c_is_heard_and_no_longer_ends_the_process() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_waits_for_ctrl_c", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut expect = |line: &str| assert!(lines.any(|found| found.unwrap() == line), "{line}");
    let kill = |name: &str| {
        let script = format!("kill -{name} {}", child.id());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    };
    expect("ready");
    kill("INT");
    expect("heard");
    expect("alive");
    expect("ready");
    kill("TERM");
    expect("ending");
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}, signal {:?}", status.signal());
}
