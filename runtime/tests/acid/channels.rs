//! Channels: oneshot, mpsc, watch, broadcast; between tasks and threads.

use std::{collections::HashMap, future::poll_fn, sync::Arc, task::Poll, thread, time::Duration};

use tokio::sync::{
    broadcast,
    mpsc::{
        self,
        error::{SendError, SendTimeoutError, TryRecvError, TrySendError},
    },
    oneshot, watch,
};

// ------------------------------------------------------------------------------------------------------------ oneshot

#[tokio::test]
async fn oneshot_brings_one_value() {
    let (sender, receiver) = oneshot::channel();
    tokio::spawn(async move { sender.send("hello") });
    assert_eq!(receiver.await, Ok("hello"));
}

#[tokio::test]
async fn oneshot_knows_when_the_other_end_is_gone() {
    let (sender, receiver) = oneshot::channel::<u8>();
    drop(sender);
    let error = receiver.await.unwrap_err();
    assert_eq!(error.to_string(), "channel closed");

    let (mut sender, mut receiver) = oneshot::channel::<u8>();
    assert!(!sender.is_closed());
    assert_eq!(receiver.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    receiver.close();
    sender.closed().await;
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(1));
    assert_eq!(receiver.try_recv(), Err(oneshot::error::TryRecvError::Closed));
}

#[tokio::test]
async fn oneshot_keeps_what_was_sent_before_the_close() {
    let (sender, mut receiver) = oneshot::channel();
    assert!(receiver.is_empty() && !receiver.is_terminated());
    sender.send(4).unwrap();
    assert!(!receiver.is_empty());
    receiver.close();
    assert_eq!((&mut receiver).await, Ok(4));
    assert!(receiver.is_terminated());
}

#[test]
fn oneshot_serves_threads() {
    let (sender, receiver) = oneshot::channel();
    let thread = thread::spawn(move || receiver.blocking_recv());
    sender.send('t').unwrap();
    assert_eq!(thread.join().unwrap(), Ok('t'));
}

#[tokio::test]
async fn oneshot_senders_may_watch_while_they_work() {
    let (mut sender, receiver) = oneshot::channel::<()>();
    assert!(poll_fn(|cx| Poll::Ready(sender.poll_closed(cx).is_pending())).await);
    drop(receiver);
    poll_fn(|cx| sender.poll_closed(cx)).await;
}

// --------------------------------------------------------------------------------------------------------------- mpsc

#[tokio::test]
async fn mpsc_brings_all_in_order_and_then_ends() {
    let (sender, mut receiver) = mpsc::channel(2);
    let task = tokio::spawn(async move {
        for number in 0..10 {
            sender.send(number).await.unwrap();
        }
    });
    for number in 0..10 {
        assert_eq!(receiver.recv().await, Some(number));
    }
    assert_eq!(receiver.recv().await, None);
    task.await.unwrap();
}

#[tokio::test]
async fn mpsc_has_a_limit() {
    let (sender, mut receiver) = mpsc::channel(2);
    assert_eq!((sender.capacity(), sender.max_capacity()), (2, 2));
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    let late = sender.send_timeout(3, Duration::from_millis(1)).await;
    assert_eq!(late, Err(SendTimeoutError::Timeout(3)));
    assert_eq!((receiver.len(), receiver.is_empty(), receiver.capacity()), (2, false, 0));
    assert_eq!(receiver.recv().await, Some(1));
    assert_eq!(sender.capacity(), 1);
    sender.send(3).await.unwrap();
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.try_send(4), Err(TrySendError::Closed(4)));
    let SendError(value) = sender.send(5).await.unwrap_err();
    assert_eq!(value, 5);
    sender.closed().await;
}

#[tokio::test]
async fn mpsc_closes_from_either_end() {
    let (sender, mut receiver) = mpsc::channel(8);
    sender.send(1).await.unwrap();
    receiver.close();
    assert!(sender.send(2).await.is_err() && receiver.is_closed());
    assert_eq!(receiver.recv().await, Some(1));
    assert_eq!(receiver.recv().await, None);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));

    let (sender, mut receiver) = mpsc::channel::<()>(8);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!((receiver.sender_strong_count(), receiver.sender_weak_count()), (1, 0));
    drop(sender);
    assert!(receiver.is_closed());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[tokio::test]
async fn mpsc_reserves_places() {
    let (sender, mut receiver) = mpsc::channel(4);
    let place = sender.reserve().await.unwrap();
    let two = sender.reserve_many(2).await.unwrap();
    assert_eq!((sender.capacity(), two.len()), (1, 2));
    sender.try_send("a").unwrap();
    assert!(sender.try_reserve().is_err());
    for (place, word) in two.zip(["b", "c"]) {
        place.send(word);
    }
    place.send("d");
    let mut all = Vec::new();
    assert_eq!(receiver.recv_many(&mut all, 10).await, 4);
    assert_eq!(all, ["a", "b", "c", "d"]);

    let sender = sender.reserve_owned().await.unwrap().send("e");
    drop(sender.try_reserve_many(4));
    let sender = sender.try_reserve_owned().unwrap().release();
    assert_eq!(receiver.recv().await, Some("e"));
    assert!(matches!(sender.try_reserve_many(5), Err(TrySendError::Full(()))));
    drop(receiver);
    assert!(sender.reserve().await.is_err());
}

#[tokio::test]
async fn mpsc_without_limit() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for number in 0..1000 {
        sender.send(number).unwrap();
    }
    assert_eq!(receiver.len(), 1000);
    let mut sum = 0;
    let mut some = Vec::with_capacity(100);
    while sum < 499_500 {
        let count = receiver.recv_many(&mut some, 100).await;
        assert!(0 < count && count <= 100);
        sum += some.drain(..).sum::<u32>();
    }
    receiver.close();
    assert_eq!(sender.send(0), Err(SendError(0)));
    assert_eq!(receiver.recv_many(&mut some, 1).await, 0);
}

#[tokio::test]
async fn mpsc_has_weak_senders_that_do_not_keep_it_open() {
    let (sender, mut receiver) = mpsc::channel(1);
    let weak = sender.downgrade();
    assert_eq!((weak.strong_count(), weak.weak_count(), sender.weak_count()), (1, 1, 1));
    let second = weak.upgrade().unwrap();
    assert!(second.same_channel(&sender));
    second.send(1).await.unwrap();
    drop((sender, second));
    assert!(weak.upgrade().is_none());
    assert_eq!(receiver.recv().await, Some(1));
    assert_eq!(receiver.recv().await, None);
    let (sender, receiver) = mpsc::unbounded_channel::<()>();
    let weak = sender.downgrade();
    assert!(weak.upgrade().is_some());
    drop((sender, receiver));
    assert!(weak.clone().upgrade().is_none());
}

#[test]
fn mpsc_serves_threads() {
    let (sender, mut receiver) = mpsc::channel(1);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let sender = sender.clone();
            thread::spawn(move || (0..100).for_each(|number| sender.blocking_send(number).unwrap()))
        })
        .collect();
    drop(sender);
    let mut sum = 0;
    while let Some(number) = receiver.blocking_recv() {
        sum += number;
    }
    assert_eq!(sum, 4 * 4950);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[tokio::test]
#[should_panic]
async fn mpsc_does_not_block_a_runtime() {
    mpsc::channel::<()>(1).1.blocking_recv();
}

#[test]
#[should_panic]
fn mpsc_needs_room_for_something() {
    mpsc::channel::<()>(0);
}

/// One task owns a map; others ask it.
#[tokio::test]
async fn an_actor() {
    enum Request {
        Set(String, u32),
        Get(String, oneshot::Sender<Option<u32>>),
    }
    let (requests, mut inbox) = mpsc::channel(4);
    let actor = tokio::spawn(async move {
        let mut map = HashMap::new();
        while let Some(request) = inbox.recv().await {
            match request {
                Request::Set(name, value) => drop(map.insert(name, value)),
                Request::Get(name, answer) => answer.send(map.get(&name).copied()).unwrap(),
            }
        }
        map.len()
    });
    let writers: Vec<_> = (0..3)
        .map(|number| {
            let requests = requests.clone();
            tokio::spawn(async move { requests.send(Request::Set(format!("n{number}"), number)).await.is_ok() })
        })
        .collect();
    for writer in writers {
        assert!(writer.await.unwrap());
    }
    for (name, expected) in [("n2", Some(2)), ("n9", None)] {
        let (answer, answered) = oneshot::channel();
        requests.send(Request::Get(name.into(), answer)).await.ok().unwrap();
        assert_eq!(answered.await, Ok(expected));
    }
    drop(requests);
    assert_eq!(actor.await.unwrap(), 3);
}

// -------------------------------------------------------------------------------------------------------------- watch

#[tokio::test]
async fn watch_shows_the_last_value() {
    let (sender, mut receiver) = watch::channel("first");
    assert_eq!(*receiver.borrow(), "first");
    assert!(!receiver.has_changed().unwrap());
    sender.send("second").unwrap();
    sender.send("third").unwrap();
    assert!(receiver.has_changed().unwrap());
    receiver.changed().await.unwrap();
    assert_eq!(*receiver.borrow_and_update(), "third");
    assert!(!receiver.borrow().has_changed());
    receiver.mark_changed();
    assert!(receiver.has_changed().unwrap());
    receiver.mark_unchanged();
    drop(sender);
    assert!(receiver.changed().await.is_err());
    assert_eq!(*receiver.borrow(), "third");
}

#[tokio::test]
async fn watch_waits_for_a_value_of_a_kind() {
    let (sender, mut receiver) = watch::channel(0);
    let waiter = tokio::spawn(async move { receiver.wait_for(|value| *value >= 3).await.map(|value| *value) });
    for value in 1..=3 {
        tokio::task::yield_now().await;
        sender.send_replace(value);
    }
    assert_eq!(waiter.await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn watch_senders_change_the_value_in_place() {
    let sender = watch::Sender::new(vec![1]);
    assert_eq!((sender.receiver_count(), sender.is_closed()), (0, true));
    assert!(sender.send(vec![]).is_err());
    let mut receiver = sender.subscribe();
    sender.send_modify(|value| value.push(2));
    assert!(receiver.has_changed().unwrap());
    assert_eq!(*receiver.borrow_and_update(), [1, 2]);
    assert!(!sender.send_if_modified(|_| false));
    assert!(!receiver.has_changed().unwrap());
    assert!(sender.send_if_modified(|value| value.pop().is_some()));
    assert_eq!(*sender.borrow(), [1]);
    let second = sender.clone();
    assert!(second.same_channel(&sender) && receiver.same_channel(&sender.subscribe()));
    drop((receiver, sender));
    second.closed().await;
}

// ---------------------------------------------------------------------------------------------------------- broadcast

#[tokio::test]
async fn broadcast_brings_all_to_all() {
    let (sender, mut first) = broadcast::channel(8);
    let mut second = sender.subscribe();
    assert_eq!(sender.receiver_count(), 2);
    assert_eq!(sender.send("x").unwrap(), 2);
    assert_eq!(first.recv().await.unwrap(), "x");
    let mut late = first.resubscribe();
    assert_eq!(sender.send("y").unwrap(), 3);
    assert_eq!((second.len(), late.len(), sender.len()), (2, 1, 2));
    drop(sender);
    assert_eq!(second.recv().await.unwrap(), "x");
    assert_eq!(second.recv().await.unwrap(), "y");
    assert_eq!(late.recv().await.unwrap(), "y");
    assert_eq!(first.try_recv().unwrap(), "y");
    assert_eq!(first.recv().await, Err(broadcast::error::RecvError::Closed));
    assert_eq!(late.try_recv(), Err(broadcast::error::TryRecvError::Closed));
}

#[tokio::test]
async fn broadcast_tells_the_slow_what_they_missed() {
    let (sender, mut receiver) = broadcast::channel(2);
    assert_eq!(receiver.try_recv(), Err(broadcast::error::TryRecvError::Empty));
    for number in 0..5 {
        sender.send(number).unwrap();
    }
    assert_eq!(receiver.recv().await, Err(broadcast::error::RecvError::Lagged(3)));
    assert_eq!(receiver.recv().await, Ok(3));
    assert_eq!(receiver.recv().await, Ok(4));
    assert!(receiver.is_empty());
    drop(receiver);
    let error = sender.send(9).unwrap_err();
    assert_eq!(error.0, 9);
    assert!(sender.subscribe().is_empty());
}

#[tokio::test]
async fn broadcast_with_weak_senders_and_threads() {
    let (sender, mut receiver) = broadcast::channel(4);
    let weak = sender.downgrade();
    assert!(weak.upgrade().unwrap().same_channel(&sender));
    let thread = thread::spawn(move || {
        let mut all = Vec::new();
        while let Ok(value) = receiver.blocking_recv() {
            all.push(value);
        }
        all
    });
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    drop(sender);
    assert_eq!(thread.join().unwrap(), [1, 2]);
    assert!(weak.upgrade().is_none());
}

/// A room: what each says is heard by all others; who leaves is missed by none.
#[tokio::test]
async fn a_chat() {
    let (room, _) = broadcast::channel::<(u32, Arc<str>)>(16);
    let members: Vec<_> = (0..3)
        .map(|member| {
            let mut ears = room.subscribe();
            let mouth = room.clone();
            tokio::spawn(async move {
                mouth.send((member, format!("hello from {member}").into())).unwrap();
                let mut heard = Vec::new();
                while heard.len() < 2 {
                    let (speaker, words) = ears.recv().await.unwrap();
                    if speaker != member {
                        heard.push(words);
                    }
                }
                heard
            })
        })
        .collect();
    for (member, task) in members.into_iter().enumerate() {
        let mut heard = task.await.unwrap();
        heard.sort();
        let others: Vec<Arc<str>> =
            (0..3).filter(|other| *other != member).map(|other| format!("hello from {other}").into()).collect();
        assert_eq!(heard, others);
    }
}
