//! The end of a shard.

use std::time::Instant;

use super::Shard;
use crate::task::TaskRef;

impl Shard {
    /// Ends the shard: [`drop_tasks`](Shard::drop_tasks), then [`drain`](Shard::drain).
    pub fn shut_down(&self) -> u64 {
        self.drop_tasks();
        self.drain()
    }

    /// Drops all tasks; later ones are refused: they complete as cancelled.
    ///
    /// The shard must be entered, so that what is dropped here finds it.
    pub fn drop_tasks(&self) {
        self.closed.set(true);
        let tasks: Vec<TaskRef> = self.tasks.borrow_mut().drain().collect();
        drop(tasks);
        self.clear_queues();
    }

    fn clear_queues(&self) {
        let queues = [self.run_queue.take(), self.yielded.take()];
        drop(queues);
    }

    /// Cancels what is in flight and waits for its CQEs, for the shutdown's time limit at most. Returns how many SQEs had
    /// to be left to the kernel; their memory is leaked, and stderr says so. The shard must be entered.
    pub fn drain(&self) -> u64 {
        let deadline = Instant::now() + self.shutdown_timeout;
        loop {
            self.take_in();
            self.clear_queues();
            self.driver.borrow_mut().cancel_all();
            self.settle();
            if self.driver.borrow().is_idle() || Instant::now() >= deadline {
                break;
            }
            // A ring that cannot be entered any more will bring no CQE.
            if self.driver.borrow_mut().turn(Some(1), Some(deadline)).is_err() {
                break;
            }
        }
        // Dropped here, what is in it completes as cancelled.
        drop(self.remote.close());
        let left = self.driver.borrow_mut().retire();
        self.counters.leaked.add(left);
        if left > 0 {
            eprintln!(
                "runtime: shutdown gave up on {left} ops that did not end within {:?} of their cancel; \
                 their buffers are leaked, since the kernel may still use them",
                self.shutdown_timeout
            );
        }
        left
    }
}
