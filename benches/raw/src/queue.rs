//! The submission queue, and what had no room in it.

use std::collections::VecDeque;

use io_uring::squeue::{Entry, SubmissionQueue};

pub struct Queue<'a> {
    queue: SubmissionQueue<'a>,
    ready: VecDeque<Entry>,
}

impl<'a> Queue<'a> {
    pub fn new(queue: SubmissionQueue<'a>) -> Queue<'a> {
        Queue { queue, ready: VecDeque::new() }
    }

    /// For entries that name no memory.
    pub fn push(&mut self, entry: Entry) {
        // SAFETY: there is no memory to keep. Test: tests/echo.rs.
        unsafe { self.push_borrowing(entry) }
    }

    /// # Safety
    /// - The memory that the entry names stays where it is, and as the op needs it, until the op's last CQE.
    pub unsafe fn push_borrowing(&mut self, entry: Entry) {
        // SAFETY: the caller keeps the memory, for as long as the entry waits in here, too. Test: tests/echo.rs.
        if !self.ready.is_empty() || unsafe { self.queue.push(&entry) }.is_err() {
            self.ready.push_back(entry);
        }
    }

    /// Before a submission.
    pub fn fill(&mut self) {
        while let Some(entry) = self.ready.front() {
            // SAFETY: whoever called `push_borrowing` keeps the entry's memory. Test: tests/echo.rs.
            if unsafe { self.queue.push(entry) }.is_err() {
                break;
            }
            self.ready.pop_front();
        }
        self.queue.sync();
    }

    /// After it.
    pub fn submitted(&mut self) {
        self.queue.sync();
    }
}
