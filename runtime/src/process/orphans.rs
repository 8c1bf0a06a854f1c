//! Children whose owner is gone: they are reaped all the same.

use std::{
    io,
    process::{Child, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
};

use runtime_core::{
    pidfd,
    readiness::{Interest, Readiness},
    shard::with_current,
};

/// Those that no shard waits for. Bounded by the children that this process has.
static UNWATCHED: Mutex<Vec<Child>> = Mutex::new(Vec::new());

fn unwatched() -> MutexGuard<'static, Vec<Child>> {
    UNWATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True while there is something to reap later: an error means that it is gone.
fn is_alive(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}

/// Sees to it that the child is reaped when it ends: a task of this thread's shard waits for it; without a shard it goes to
/// those that are looked at when something is spawned.
pub(super) fn adopt(child: Child) {
    let mut orphan = Some(Orphan { child: Some(child) });
    with_current(|shard| orphan.take().map(|orphan| shard.spawn_own(orphan.reap())));
    drop(orphan);
    sweep();
}

/// Reaps those that no shard waits for and that have ended.
pub(super) fn sweep() {
    unwatched().retain_mut(is_alive);
}

/// One of them. If its task goes first, with its shard, it is left to [`sweep`].
#[derive(Debug)]
struct Orphan {
    /// Taken when this is dropped.
    child: Option<Child>,
}

impl Orphan {
    async fn reap(mut self) {
        // Failures leave it to `sweep`.
        let _ = self.wait().await;
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let child = self.child.as_mut().expect("taken by drop only");
        wait(child, &mut None).await
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && is_alive(&mut child)
        {
            unwatched().push(child);
        }
    }
}

/// Waits until the child has ended, and reaps it. The readiness of its descriptor is made on need, and kept for the next call.
///
/// The descriptor becomes readable when the last thread has ended. A debugger is told first, and until it has taken note this
/// goes round: the descriptor is ready, and there is nothing to reap.
pub(super) async fn wait(child: &mut Child, end: &mut Option<Readiness>) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let end = match end {
            Some(end) => end,
            None => end.insert(Readiness::new(&pidfd::open(child.id())?)),
        };
        end.ready(Interest::READABLE).await?;
    }
}
