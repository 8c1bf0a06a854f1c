//! Waiting until a receiver's queue has room.
//!
//! A datagram socket is ready to write when its own buffer has room; about the queue of a receiver that it is not connected
//! to the kernel says nothing. So waiting on the sender's socket would go round without end while that queue is full. What
//! waits instead is a socket of its own that is connected to the receiver: for that one poll(2) does look at the queue.

use std::{
    io,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use runtime_core::readiness::Interest;
use socket2::{SockAddr, Type};

use crate::{socket::Socket, unix::new_socket};

/// A wait for room at one receiver.
#[derive(Debug)]
struct Room {
    receiver: SockAddr,
    probe: Socket,
}

impl Room {
    fn at(receiver: &SockAddr) -> io::Result<Room> {
        let probe = new_socket(Type::DGRAM)?;
        probe.connect(receiver)?;
        Ok(Room { receiver: receiver.clone(), probe: Socket::new(probe) })
    }
}

/// Waits until there is room at `receiver`. Two system calls and one SQE.
pub(super) async fn room_at(receiver: &SockAddr) -> io::Result<()> {
    Room::at(receiver)?.probe.ready(Interest::WRITABLE).await.map(drop)
}

/// The wait of whoever polled last.
#[derive(Debug, Default)]
pub(super) struct Rooms(Mutex<Option<Room>>);

impl Rooms {
    /// As [`room_at`], inside a poll. Only the task that polled last is woken.
    pub(super) fn poll_at(&self, cx: &mut Context<'_>, receiver: &SockAddr) -> Poll<io::Result<()>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken out while it is polled, so that no waker is touched under the lock.
        let room = lock().take().filter(|room| room.receiver == *receiver);
        let room = match room.map_or_else(|| Room::at(receiver), Ok) {
            Ok(room) => room,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let polled = room.probe.poll_write_ready(cx);
        if polled.is_pending() {
            let displaced = lock().replace(room);
            drop(displaced);
        }
        polled
    }
}
