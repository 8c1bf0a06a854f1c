//! A timer that a future holds.

use std::{
    task::{Context, Waker},
    time::Instant,
};

use crate::{
    shard::{self, Message, ShardId},
    timer::TimerId,
};

/// Where an alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// On this shard, its deadline to come.
    Set,
    /// Its deadline has passed.
    GoneOff,
    /// On another shard: nothing is known. Set a new one here.
    Elsewhere,
}

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

    /// Gives it another deadline. `false`: it has gone off, or belongs to another shard; set a new one.
    pub fn reset(&self, deadline: Instant) -> bool {
        shard::with_current(|shard| shard.id == self.shard && shard.reset_timer(self.id, deadline)) == Some(true)
    }

    /// Lets it wake this task from now on, if it is still to go off.
    pub fn update(&self, cx: &Context<'_>) -> Stage {
        let stage = shard::with_current(|shard| match shard.id == self.shard {
            false => Stage::Elsewhere,
            true if shard.update_timer(self.id, cx.waker()) => Stage::Set,
            true => Stage::GoneOff,
        });
        stage.unwrap_or(Stage::Elsewhere)
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
