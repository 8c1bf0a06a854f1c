//! This project's runtime.

use std::time::{Duration, Instant};

pub use runtime::{spawn, task::yield_now};
use runtime::{
    sync::{local, mpsc},
    task::JoinHandle,
};

super::programs!();

pub use super::lacking::MaySpawn;

pub fn run<F: Future>(future: F) -> F::Output {
    runtime::Runtime::new().expect("a runtime").block_on(future)
}

pub async fn joined<T>(task: JoinHandle<T>) -> T {
    task.await.expect("no panic")
}

pub fn sleep_until(deadline: Instant) -> impl Future<Output = ()> {
    runtime::time::sleep_until(deadline.into())
}

pub async fn timeout(limit: Duration, future: impl Future<Output = ()>) {
    runtime::time::timeout(limit, future).await.expect("in time");
}

pub async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    runtime::task::spawn_blocking(work).await.expect("no panic")
}

pub type Sender = local::mpsc::Sender<u32>;
pub type Receiver = local::mpsc::Receiver<u32>;

pub fn channel() -> (Sender, Receiver) {
    local::mpsc::channel(1)
}

pub async fn send(to: &mut Sender, i: u32) {
    to.send(i).await.expect("a receiver");
}

pub async fn receive(from: &mut Receiver) -> Option<u32> {
    from.recv().await
}

pub type RemoteSender = mpsc::Sender<u32>;
pub type RemoteReceiver = mpsc::Receiver<u32>;
pub type RemoteSenderEnd = RemoteSender;
pub type RemoteReceiverEnd = RemoteReceiver;
pub use std::future::{ready as connect_sender, ready as connect_receiver};

pub fn remote_channel() -> (RemoteSender, RemoteReceiver) {
    mpsc::channel(1)
}

pub async fn send_remote(to: &mut RemoteSender, i: u32) {
    to.send(i).await.expect("a receiver");
}

pub async fn receive_remote(from: &mut RemoteReceiver) -> Option<u32> {
    from.recv().await
}
