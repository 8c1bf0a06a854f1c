//! Messages of two senders against a receiver that waits, closes and goes.

use std::sync::Arc;

use loom::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use super::{block_on, bounded, task::OwnersOnly};
use crate::sync::mpsc;

/// Two senders, and more messages than a block has places.
#[test]
fn messages_of_two_senders_arrive_in_order() {
    bounded(2, || {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let senders = [vec![0, 1], vec![10]].map(|messages| {
            let sender = sender.clone();
            thread::spawn(move || {
                for message in messages {
                    sender.send(Box::new(message)).unwrap();
                }
            })
        });
        drop(sender);
        let mut received = Vec::new();
        while let Some(message) = block_on(receiver.recv()) {
            received.push(*message);
        }
        let place = |message| received.iter().position(|received| *received == message);
        assert!(received.len() == 3 && place(0) < place(1) && place(10).is_some(), "{received:?}");
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

/// The receiver goes: what was sent is dropped, once, and what comes later comes back.
#[test]
fn a_receiver_goes_beside_two_senders() {
    bounded(2, || {
        let (sender, receiver) = mpsc::unbounded_channel();
        let drops = Arc::new(AtomicUsize::new(0));
        let senders = [0, 1].map(|_| {
            let (sender, message) = (sender.clone(), OwnersOnly::new(&drops));
            thread::spawn(move || drop(sender.send(message)))
        });
        drop(receiver);
        for sender in senders {
            sender.join().unwrap();
        }
        drop(sender);
        assert_eq!(drops.load(Relaxed), 2);
    });
}

fn channel_of_one() -> (mpsc::Sender<usize>, mpsc::Receiver<usize>) {
    let (sender, receiver) = mpsc::channel(1);
    // Its semaphore is made by loom here, and not by the thread that comes first.
    assert_eq!(sender.capacity(), 1);
    (sender, receiver)
}

/// One place: the sender waits for it, and hears of it, or of the end.
#[test]
fn a_bounded_channel_makes_its_sender_wait() {
    bounded(2, || {
        let (sender, mut receiver) = channel_of_one();
        let sending = thread::spawn(move || {
            for message in 0..2 {
                block_on(sender.send(message)).unwrap();
            }
        });
        assert_eq!([(); 3].map(|()| block_on(receiver.recv())), [Some(0), Some(1), None]);
        sending.join().unwrap();
    });
}

#[test]
fn a_bounded_channel_closes_beside_a_sender() {
    bounded(2, || {
        let (sender, mut receiver) = channel_of_one();
        let sending = thread::spawn(move || {
            let sent = (0..2).take_while(|message| block_on(sender.send(*message)).is_ok()).count();
            drop(sender);
            sent
        });
        receiver.close();
        let mut received = 0;
        while block_on(receiver.recv()).is_some() {
            received += 1;
        }
        assert_eq!(sending.join().unwrap(), received);
    });
}
