//! Channels and cancellation tokens inside a runtime: tasks, other threads, time limits, cooperation.

mod common;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};

use common::run;
use runtime::{
    spawn,
    sync::{CancellationToken, broadcast, mpsc, oneshot, watch},
    task::yield_now,
};

/// What the panic of a blocking call says.
fn refusal<R>(call: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(call)).err().expect("it blocks");
    panic.downcast_ref::<String>().expect("a sentence").clone()
}

#[test]
fn blocking_calls_on_a_thread_of_a_runtime_name_the_remedy() {
    run(async {
        let (one, one_receiver) = oneshot::channel::<u8>();
        let (sender, mut receiver) = mpsc::channel(1);
        let (unbounded, mut unbounded_receiver) = mpsc::unbounded_channel::<u8>();
        let (all, mut all_receiver) = broadcast::channel::<u8>(1);
        let mut buffer = Vec::new();
        let refusals = [
            ("oneshot::Receiver::blocking_recv", "the receiver", refusal(|| one_receiver.blocking_recv())),
            ("mpsc::Sender::blocking_send", "send", refusal(|| sender.blocking_send(1))),
            ("mpsc::Receiver::blocking_recv", "recv", refusal(|| receiver.blocking_recv())),
            (
                "mpsc::Receiver::blocking_recv_many",
                "recv_many",
                refusal(|| receiver.blocking_recv_many(&mut buffer, 1)),
            ),
            ("mpsc::UnboundedReceiver::blocking_recv", "recv", refusal(|| unbounded_receiver.blocking_recv())),
            ("broadcast::Receiver::blocking_recv", "recv", refusal(|| all_receiver.blocking_recv())),
        ];
        for (call, remedy, said) in refusals {
            assert!(said.contains(&format!("`{call}`")) && said.contains(&format!("await `{remedy}`")), "{said}");
        }
        // Nothing was taken or sent, and all is in order.
        assert!(one.is_closed());
        sender.try_send(2).unwrap();
        assert_eq!(receiver.recv().await, Some(2));
        drop((unbounded, all));
    });
}

#[test]
fn requests_and_answers_between_threads_and_tasks() {
    run(async {
        let (requests, mut inbox) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(4);
        let clients: Vec<_> = (0..3u64)
            .map(|client| {
                let requests = requests.clone();
                thread::spawn(move || {
                    (0..500).all(|number| {
                        let (answer, answered) = oneshot::channel();
                        requests.blocking_send((client * 1000 + number, answer)).unwrap();
                        answered.blocking_recv() == Ok(2 * (client * 1000 + number))
                    })
                })
            })
            .collect();
        drop(requests);
        let server = spawn(async move {
            let mut served = 0;
            while let Some((number, answer)) = inbox.recv().await {
                answer.send(2 * number).unwrap();
                served += 1;
            }
            served
        });
        assert_eq!(server.await.unwrap(), 1500);
        assert!(clients.into_iter().all(|client| client.join().unwrap()));
    });
}

#[test]
fn a_send_gives_up_in_time_and_keeps_its_message() {
    run(async {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.send(1).await.unwrap();
        let (limit, start) = (Duration::from_millis(20), Instant::now());
        let error = sender.send_timeout(2, limit).await.unwrap_err();
        assert_eq!(error, mpsc::error::SendTimeoutError::Timeout(2));
        assert!(start.elapsed() >= limit);
        // A place that comes in time is taken; one that was given up is free.
        let other = spawn({
            let sender = sender.clone();
            async move { sender.send_timeout(3, Duration::from_secs(3600)).await }
        });
        yield_now().await;
        assert_eq!(receiver.recv().await, Some(1));
        assert_eq!(other.await.unwrap(), Ok(()));
        assert_eq!(receiver.recv().await, Some(3));
        assert_eq!(sender.capacity(), 1);
    });
}

#[test]
fn a_receiver_that_is_never_short_of_messages_gives_way() {
    run(async {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        // Each message sends the next one: without a budget the loop below would never end.
        sender.send(()).unwrap();
        let busy = spawn({
            let stop = stop.clone();
            async move {
                while !stop.is_cancelled() {
                    receiver.recv().await.unwrap();
                    sender.send(()).unwrap();
                }
            }
        });
        yield_now().await;
        stop.cancel();
        busy.await.unwrap();
    });
}

#[test]
fn tasks_follow_a_value_and_an_end() {
    run(async {
        let (state, watcher) = watch::channel(0);
        let (events, mut heard) = broadcast::channel(8);
        let stop = CancellationToken::new();
        let followers: Vec<_> = (0..3)
            .map(|_| {
                let (mut watcher, stop, events) = (watcher.clone(), stop.child_token(), events.clone());
                spawn(async move {
                    let value = *watcher.wait_for(|value| *value >= 2).await.unwrap();
                    events.send(value).unwrap();
                    stop.cancelled().await;
                })
            })
            .collect();
        drop((watcher, events));
        for value in 1..=2 {
            yield_now().await;
            state.send(value).unwrap();
        }
        for _ in 0..3 {
            assert_eq!(heard.recv().await, Ok(2));
        }
        stop.cancel();
        for follower in followers {
            follower.await.unwrap();
        }
        assert_eq!(heard.recv().await, Err(broadcast::error::RecvError::Closed));
        state.closed().await;
    });
}
