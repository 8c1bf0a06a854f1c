//! A timer that a future holds.

use std::{
    task::{Context, Waker},
    time::Instant,
};

use crate::{
    shard::{self, Message, ShardId},
    timer::TimerId,
};

/// Wakes a task at a deadline; forgotten when dropped. `Send`: dropped elsewhere, it sends word to its shard.
#[derive(Debug)]
pub struct Alarm {
    shard: ShardId,
    id: TimerId,
}

impl Alarm {
    /// Sets an alarm on the current shard; `None` outside a runtime.
    pub fn set(deadline: Instant, waker: &Waker) -> Option<Alarm> {
        shard::with_current(|shard| Alarm { shard: shard.id, id: shard.set_timer(deadline, waker) })
    }

    /// Lets it wake this task from now on. `false`: it has gone off, or belongs to another shard; set a new one.
    pub fn update(&self, cx: &Context<'_>) -> bool {
        shard::with_current(|shard| shard.id == self.shard && shard.update_timer(self.id, cx.waker())) == Some(true)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let here = shard::with_current(|shard| (shard.id == self.shard).then(|| drop(shard.clear_timer(self.id))));
        if here.flatten().is_none() {
            shard::send(self.shard, Message::ClearTimer(self.id));
        }
    }
}
