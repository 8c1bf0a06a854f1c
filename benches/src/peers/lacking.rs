//! What some runtimes lack and name no crate for, or name these: channels of other crates, and a yield.

use std::task::Poll;

pub use std::future::{ready as connect_sender, ready as connect_receiver};

/// No task needs to be able to move to another thread.
pub trait MaySpawn {}

impl<F> MaySpawn for F {}

pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

pub type Sender = local_sync::mpsc::bounded::Tx<u32>;
pub type Receiver = local_sync::mpsc::bounded::Rx<u32>;

pub fn channel() -> (Sender, Receiver) {
    local_sync::mpsc::bounded::channel(1)
}

pub async fn send(to: &mut Sender, i: u32) {
    to.send(i).await.expect("a receiver");
}

pub async fn receive(from: &mut Receiver) -> Option<u32> {
    from.recv().await
}

pub type RemoteSender = flume::Sender<u32>;
pub type RemoteReceiver = flume::Receiver<u32>;
pub type RemoteSenderEnd = RemoteSender;
pub type RemoteReceiverEnd = RemoteReceiver;

pub fn remote_channel() -> (RemoteSender, RemoteReceiver) {
    flume::bounded(1)
}

pub async fn send_remote(to: &mut RemoteSender, i: u32) {
    to.send_async(i).await.expect("a receiver");
}

pub async fn receive_remote(from: &mut RemoteReceiver) -> Option<u32> {
    from.recv_async().await.ok()
}
