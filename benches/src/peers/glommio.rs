//! glommio, with its own channels.

use std::time::{Duration, Instant};

pub use glommio::spawn_local as spawn;
use glommio::{
    LocalExecutorBuilder, Placement, Task,
    channels::{
        local_channel::{self, LocalReceiver, LocalSender},
        shared_channel::{self, ConnectedReceiver, ConnectedSender, SharedReceiver, SharedSender},
    },
};

super::programs!();

pub use super::lacking::MaySpawn;

pub fn run<F: Future>(future: F) -> F::Output {
    LocalExecutorBuilder::new(Placement::Unbound).make().expect("an executor").run(future)
}

pub async fn joined<T>(task: Task<T>) -> T {
    task.await
}

pub async fn yield_now() {
    glommio::executor().yield_now().await;
}

pub fn sleep_until(deadline: Instant) -> impl Future<Output = ()> {
    glommio::timer::sleep(deadline.saturating_duration_since(Instant::now()))
}

pub async fn timeout(limit: Duration, future: impl Future<Output = ()>) {
    let limited = glommio::timer::timeout(limit, async {
        future.await;
        Ok(())
    });
    limited.await.expect("in time");
}

pub async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    glommio::executor().spawn_blocking(work).await
}

pub type Sender = LocalSender<u32>;
pub type Receiver = LocalReceiver<u32>;

pub fn channel() -> (Sender, Receiver) {
    local_channel::new_bounded(1)
}

pub async fn send(to: &mut Sender, i: u32) {
    to.send(i).await.expect("a receiver");
}

pub async fn receive(from: &mut Receiver) -> Option<u32> {
    from.recv().await
}

pub type RemoteSender = ConnectedSender<u32>;
pub type RemoteReceiver = ConnectedReceiver<u32>;

/// They may move to another thread, and are connected there.
pub type RemoteSenderEnd = SharedSender<u32>;
pub type RemoteReceiverEnd = SharedReceiver<u32>;

pub fn remote_channel() -> (RemoteSenderEnd, RemoteReceiverEnd) {
    shared_channel::new_bounded(1)
}

pub async fn connect_sender(sender: RemoteSenderEnd) -> RemoteSender {
    sender.connect().await
}

pub async fn connect_receiver(receiver: RemoteReceiverEnd) -> RemoteReceiver {
    receiver.connect().await
}

pub async fn send_remote(to: &mut RemoteSender, i: u32) {
    to.send(i).await.expect("a receiver");
}

pub async fn receive_remote(from: &mut RemoteReceiver) -> Option<u32> {
    from.recv().await
}
