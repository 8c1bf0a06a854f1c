//! Several batches in flight, never more than a fixed number.

use std::{collections::VecDeque, future::Future};

use indicatif::ProgressBar;
use runtime::task::JoinHandle;

use crate::{buffers::Buffers, failure::Failure};

/// A task per batch, oldest first. It bounds the memory: a task that ends hands its buffers to the next one.
///
/// Dropped with tasks in flight, it leaves them to the runtime, which cancels them when it is dropped in turn.
#[derive(Debug)]
pub struct Window {
    tasks_max: usize,
    running: VecDeque<(JoinHandle<Result<Buffers, Failure>>, u64)>,
    idle: Vec<Buffers>,
    progress: ProgressBar,
}

impl Window {
    pub fn new(tasks_max: usize, progress: ProgressBar) -> Window {
        Window { tasks_max, running: VecDeque::with_capacity(tasks_max), idle: Vec::new(), progress }
    }

    /// Waits until another batch may start, and gives it its buffers.
    pub async fn buffers(&mut self) -> Result<Buffers, Failure> {
        if self.running.len() >= self.tasks_max {
            self.finish_oldest().await?;
        }
        Ok(self.idle.pop().unwrap_or_default())
    }

    /// Starts a batch of `bytes` bytes.
    pub fn spawn(&mut self, bytes: u64, batch: impl Future<Output = Result<Buffers, Failure>> + 'static) {
        self.running.push_back((runtime::spawn(batch), bytes));
    }

    /// Waits for all that is in flight.
    pub async fn finish(mut self) -> Result<(), Failure> {
        while !self.running.is_empty() {
            self.finish_oldest().await?;
        }
        Ok(())
    }

    async fn finish_oldest(&mut self) -> Result<(), Failure> {
        let Some((task, bytes)) = self.running.pop_front() else { return Ok(()) };
        let buffers = task.await.map_err(|error| Failure::new(format!("a copying task ended early: {error}")))??;
        self.idle.push(buffers);
        self.progress.inc(bytes);
        Ok(())
    }
}
