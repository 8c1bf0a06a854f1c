//! compio. It has no channels and names none: those of other crates that are fastest on it.

use std::{task::Poll, time::Duration};

use compio::runtime::{JoinError, Runtime};
pub use compio::{runtime::spawn, time::sleep_until};

#[path = "work.rs"]
pub mod work;

pub trait MaySpawn {}

impl<F> MaySpawn for F {}

pub fn run<F: Future>(future: F) -> F::Output {
    Runtime::new().expect("a runtime").block_on(future)
}

pub fn value<T>(joined: Result<T, JoinError>) -> T {
    joined.expect("no panic")
}

pub async fn timeout(limit: Duration, future: impl Future<Output = ()>) {
    compio::time::timeout(limit, future).await.expect("in time");
}

pub async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    compio::runtime::spawn_blocking(work).await.expect("no panic")
}

/// It has none of its own.
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

pub fn remote_channel() -> (RemoteSender, RemoteReceiver) {
    flume::bounded(1)
}

pub type RemoteSenderEnd = RemoteSender;
pub type RemoteReceiverEnd = RemoteReceiver;
pub use std::future::{ready as connect_sender, ready as connect_receiver};

pub async fn send_remote(to: &mut RemoteSender, i: u32) {
    to.send_async(i).await.expect("a receiver");
}

pub async fn receive_remote(from: &mut RemoteReceiver) -> Option<u32> {
    from.recv_async().await.ok()
}
