//! monoio, with the channels that its documentation names.

use std::{
    task::Poll,
    time::{Duration, Instant},
};

pub use monoio::spawn;
use monoio::{IoUringDriver, RuntimeBuilder, blocking::DefaultThreadPool};

#[path = "work.rs"]
pub mod work;

pub trait MaySpawn {}

impl<F> MaySpawn for F {}

pub fn run<F: Future>(future: F) -> F::Output {
    let pool = Box::new(DefaultThreadPool::new(1));
    let builder = RuntimeBuilder::<IoUringDriver>::new().enable_timer().attach_thread_pool(pool);
    builder.build().expect("a runtime").block_on(future)
}

pub fn value<T>(output: T) -> T {
    output
}

pub fn sleep_until(deadline: Instant) -> impl Future<Output = ()> {
    monoio::time::sleep_until(monoio::time::Instant::from_std(deadline))
}

pub async fn timeout(limit: Duration, future: impl Future<Output = ()>) {
    monoio::time::timeout(limit, future).await.expect("in time");
}

pub async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    monoio::spawn_blocking(work).await.expect("no panic")
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
