//! tokio on one thread.

use std::time::{Duration, Instant};

use tokio::{runtime::Builder, sync::mpsc, task::JoinHandle};
pub use tokio::{spawn, task::yield_now};

super::programs!();

/// What tokio asks of a future that is spawned.
pub use Send as MaySpawn;

pub fn run<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}

pub async fn joined<T>(task: JoinHandle<T>) -> T {
    task.await.expect("no panic")
}

pub fn sleep_until(deadline: Instant) -> impl Future<Output = ()> {
    tokio::time::sleep_until(deadline.into())
}

pub async fn timeout(limit: Duration, future: impl Future<Output = ()>) {
    tokio::time::timeout(limit, future).await.expect("in time");
}

pub async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

pub type Sender = mpsc::Sender<u32>;
pub type Receiver = mpsc::Receiver<u32>;

pub fn channel() -> (Sender, Receiver) {
    mpsc::channel(1)
}

pub async fn send(to: &mut Sender, i: u32) {
    to.send(i).await.expect("a receiver");
}

pub async fn receive(from: &mut Receiver) -> Option<u32> {
    from.recv().await
}

pub type RemoteSender = Sender;
pub type RemoteReceiver = Receiver;
pub use channel as remote_channel;
pub use receive as receive_remote;
pub use send as send_remote;

pub type RemoteSenderEnd = RemoteSender;
pub type RemoteReceiverEnd = RemoteReceiver;
pub use std::future::{ready as connect_sender, ready as connect_receiver};
