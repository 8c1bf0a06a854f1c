//! Threads for what blocks: ops on files, and on paths.
//!
//! A job is a run of linked requests, so that open, read and close, or write and sync, go through one hand-over. A thread
//! works on memory that SQEs point to: it is kept by the contract of [`Kernel::push`](crate::kernel::Kernel::push), until the
//! CQE. So a job that has begun is not given up; a cancel finds it only while it lies in the queue. Dropping the kernel drops
//! the queue and leaves what runs to its end: whoever drops it before the CQEs has leaked the memory, as for a real ring.

use std::{
    collections::VecDeque,
    os::fd::{OwnedFd, RawFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::{
    clapper::Clapper,
    doorbell::{Doorbell, Order},
    sqe::{IO_HARDLINK, Sqe},
};

use super::{files, slots::Slots};

/// Most threads of one shard.
pub(super) const THREADS_MAX: usize = 64;
/// How long one without work stays.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One request of a job.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) sqe: Sqe,
    /// Of the first step: the descriptor that was found when it was issued, and what keeps it open.
    pub(super) found: Option<(RawFd, Option<Arc<OwnedFd>>)>,
    pub(super) moved: u32,
    /// It is carried out here although it works on a stream.
    pub(super) streams: bool,
}

/// Requests that are linked, the first of them by its number.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) first: u32,
    pub(super) steps: Vec<Step>,
}

/// What has become of a job: results of its steps, in order. Steps without one did not run here.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) first: u32,
    pub(super) results: Vec<(i32, bool)>,
}

/// The shard's side of the pool.
#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    /// Jobs that have not come back.
    out: usize,
    /// Those that have been started and may not have ended.
    threads: Vec<thread::JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    work: Mutex<Work>,
    changed: Condvar,
    done: Mutex<Vec<Finished>>,
    /// Whether the shard sleeps; rung after something was put into `done`.
    doorbell: Doorbell,
    clapper: Clapper,
    slots: Slots,
}

#[derive(Debug, Default)]
struct Work {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Threads that wait for a job and have not been promised one.
    idle: usize,
    /// Threads that have been, and have not looked yet.
    promised: usize,
    closed: bool,
}

impl Pool {
    pub(super) fn new(clapper: Clapper, slots: Slots) -> Pool {
        let (work, changed, done) = (Mutex::default(), Condvar::new(), Mutex::default());
        let shared = Shared { work, changed, done, doorbell: Doorbell::new(), clapper, slots };
        Pool { shared: Arc::new(shared), out: 0, threads: Vec::new() }
    }

    pub(super) fn clapper(&self) -> &Clapper {
        &self.shared.clapper
    }

    /// Jobs that have not come back.
    pub(super) fn out(&self) -> usize {
        self.out
    }

    /// True once something has come back.
    pub(super) fn has_news(&self) -> bool {
        self.out > 0 && self.shared.doorbell.is_rung()
    }

    /// Counts the jobs that no thread has begun; `None` once the pool and its threads are gone.
    #[cfg(test)]
    pub(super) fn watch(&self) -> impl Fn() -> Option<usize> + use<> {
        let shared = Arc::downgrade(&self.shared);
        move || shared.upgrade().map(|shared| lock(&shared.work).jobs.len())
    }

    /// The shard is about to sleep; false if something has come back.
    pub(super) fn announce_sleep(&self) -> bool {
        self.shared.doorbell.announce_sleep() == crate::doorbell::Sleep::Now
    }

    pub(super) fn awake(&self) {
        let _what_came_back_is_taken_next = self.shared.doorbell.awake();
    }

    /// Takes what has come back.
    pub(super) fn take_done(&mut self) -> Vec<Finished> {
        if self.out == 0 {
            return Vec::new();
        }
        let _rung = self.shared.doorbell.is_rung() && self.shared.doorbell.awake();
        let done = std::mem::take(&mut *lock(&self.shared.done));
        self.out -= done.len();
        done
    }

    pub(super) fn send(&mut self, job: Job) {
        self.out += 1;
        let mut work = lock(&self.shared.work);
        work.jobs.push_back(job);
        if work.idle > 0 {
            work.idle -= 1;
            work.promised += 1;
            drop(work);
            self.shared.changed.notify_one();
            return;
        }
        if work.threads >= THREADS_MAX {
            return;
        }
        work.threads += 1;
        drop(work);
        let shared = self.shared.clone();
        let spawned = thread::Builder::new().name("runtime-files".into()).spawn(move || shared.serve());
        if let Ok(thread) = spawned {
            self.threads.retain(|thread| !thread.is_finished());
            self.threads.push(thread);
        } else {
            let mut work = lock(&self.shared.work);
            work.threads -= 1;
            // Without a single thread the job would wait for ever; slow is better.
            let job = if work.threads == 0 { work.jobs.pop_back() } else { None };
            drop(work);
            job.into_iter().for_each(|job| self.shared.finish(job));
        }
    }

    /// Takes a job back that no thread has begun.
    pub(super) fn retract(&mut self, first: u32) -> bool {
        let mut work = lock(&self.shared.work);
        let Some(at) = work.jobs.iter().position(|job| job.first == first) else { return false };
        work.jobs.remove(at);
        self.out -= 1;
        true
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut work = lock(&self.shared.work);
        work.closed = true;
        let queued = std::mem::take(&mut work.jobs);
        drop(work);
        self.shared.changed.notify_all();
        if self.out == 0 {
            // They have nothing to do; their descriptors are closed when this returns.
            self.threads.drain(..).for_each(|thread| drop(thread.join()));
        }
        drop(queued);
    }
}

impl Shared {
    /// A thread of the pool.
    fn serve(self: Arc<Shared>) {
        let mut work = lock(&self.work);
        loop {
            if let Some(job) = work.jobs.pop_front() {
                drop(work);
                self.finish(job);
                work = lock(&self.work);
                continue;
            }
            if work.closed {
                break;
            }
            work.idle += 1;
            let (guard, waited) = self.changed.wait_timeout(work, KEEP_ALIVE).unwrap_or_else(PoisonError::into_inner);
            work = guard;
            // Whoever brings a job takes one of the idle off the count; a thread that nobody has called takes itself off.
            if work.promised > 0 {
                work.promised -= 1;
            } else {
                work.idle -= 1;
                if waited.timed_out() && work.jobs.is_empty() {
                    break;
                }
            }
        }
        work.threads -= 1;
    }

    fn finish(&self, job: Job) {
        let mut results = Vec::with_capacity(job.steps.len());
        for step in &job.steps {
            let Some((res, severs)) = files::blocking(step, &self.slots) else { break };
            results.push((res, severs));
            if severs && step.sqe.flags & IO_HARDLINK == 0 {
                break;
            }
        }
        let first = job.first;
        // What keeps its files open goes first: whoever sees the result may look at the count of descriptors.
        drop(job);
        lock(&self.done).push(Finished { first, results });
        if self.doorbell.ring() == Order::Ring {
            self.clapper.strike();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
