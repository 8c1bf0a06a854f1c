//! Tasks that run only while somebody waits for their set.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use pin_project_lite::pin_project;
use runtime_core::{
    coop,
    task::{self, Ran, Runnable, Schedule, TaskRef},
};
use slab::Slab;

use super::{JoinHandle, spawn};
use crate::{Runtime, runtime::Id};

/// Tasks polled before whoever waits for the set gives way to the other tasks of the shard.
const TURN: usize = 64;

/// So many that wait are kept until a task of the set is woken: most of them will have gone. If there are more all are
/// woken, and those that are still there come back.
const MAX_WAITING: usize = 32;

/// A set of tasks that run while it is awaited, or while [`run_until`](LocalSet::run_until) is.
///
/// All tasks of this runtime stay on their thread, so that most code needs no set: [`spawn`] takes futures that are not
/// `Send`. A set is for tasks that shall run only inside some part of the program, and end with it: dropping it drops
/// them.
///
/// Awaited, a set is done when all its tasks are. Tasks that [`spawn`] was called for are not in the set, even if that
/// was from inside it.
///
/// Cost: a spawn allocates as any does; a wake or a run of a task of the set takes an uncontended lock.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use std::{cell::Cell, rc::Rc};
/// use runtime::task::{LocalSet, spawn_local};
///
/// let (set, sum) = (LocalSet::new(), Rc::new(Cell::new(0)));
/// set.spawn_local({
///     let sum = sum.clone();
///     async move { sum.set(sum.get() + 1) }
/// });
/// let two = set.run_until(async { spawn_local(async { 2 }).await.unwrap() }).await;
/// set.await;
/// assert_eq!(sum.get() + two, 3);
/// # });
/// ```
pub struct LocalSet {
    local: Rc<Local>,
}

/// The part of a set on its thread.
struct Local {
    id: Id,
    tasks: RefCell<Slab<TaskRef>>,
    /// Tasks that were woken while they ran; they run in the next turn, behind those that are woken until then.
    yielded: RefCell<VecDeque<Runnable>>,
    remote: Arc<Remote>,
    /// The set is gone: what is spawned is dropped.
    closed: Cell<bool>,
}

/// The part that wakers may reach from other threads.
#[derive(Default)]
struct Remote {
    state: Mutex<RemoteState>,
}

#[derive(Default)]
struct RemoteState {
    ready: VecDeque<Runnable>,
    /// Those that wait for the set; several can.
    waiting: Vec<Waker>,
    closed: bool,
}

impl Remote {
    fn lock(&self) -> MutexGuard<'_, RemoteState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if a task is ready: then there is no need to wait. Wakers are cloned without the lock.
    fn register(&self, waker: &Waker) -> bool {
        let state = self.lock();
        if !state.ready.is_empty() {
            return false;
        }
        if state.waiting.iter().any(|known| known.will_wake(waker)) {
            return true;
        }
        let crowded = state.waiting.len() >= MAX_WAITING;
        drop(state);
        if crowded {
            self.wake_waiting();
        }
        let waker = waker.clone();
        let mut state = self.lock();
        state.waiting.push(waker);
        state.ready.is_empty()
    }

    fn wake_waiting(&self) {
        loop {
            let Some(waker) = self.lock().waiting.pop() else { return };
            waker.wake();
        }
    }
}

impl Schedule for Remote {
    fn schedule(&self, task: Runnable) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return drop(task);
        }
        state.ready.push_back(task);
        drop(state);
        self.wake_waiting();
    }
}

impl Local {
    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let (runnable, task, join) = task::spawn(future, self.remote.clone());
        if self.closed.get() {
            drop((task, runnable));
            return join;
        }
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.vacant_entry();
        task.set_index(entry.key());
        entry.insert(task);
        drop(tasks);
        self.remote.schedule(runnable);
        join
    }

    /// Runs tasks that are ready; true if all are done. Otherwise the caller will be woken: when a task of the set is, or
    /// at once if the turn was too short.
    fn poll_tasks(&self, cx: &mut Context<'_>) -> bool {
        self.remote.lock().ready.append(&mut self.yielded.borrow_mut());
        for _ in 0..TURN {
            let Some(task) = self.remote.lock().ready.pop_front() else { break };
            // Each task has a budget of its own, and the one that waits keeps what is left of its.
            let ran = coop::unlimited(|| {
                coop::refill();
                task.run(|index| self.tasks.borrow_mut().remove(index))
            });
            if let Ran::Again(task) = ran {
                self.yielded.borrow_mut().push_back(task);
            }
        }
        if self.tasks.borrow().is_empty() {
            return true;
        }
        if !self.yielded.borrow().is_empty() || !self.remote.register(cx.waker()) {
            cx.waker().wake_by_ref();
        }
        false
    }
}

thread_local! {
    /// The set that [`spawn_local`] spawns into.
    static CURRENT: RefCell<Option<Rc<Local>>> = const { RefCell::new(None) };
}

fn enter(local: &Rc<Local>) -> LocalEnterGuard {
    LocalEnterGuard { before: CURRENT.replace(Some(local.clone())) }
}

/// Ends what [`LocalSet::enter`] began, when dropped.
#[must_use]
pub struct LocalEnterGuard {
    before: Option<Rc<Local>>,
}

impl Drop for LocalEnterGuard {
    fn drop(&mut self) {
        // What is replaced must not be dropped under the borrow. A thread that is exiting has no current set.
        let before = self.before.take();
        let _entered = CURRENT.try_with(|current| current.replace(before));
    }
}

impl fmt::Debug for LocalEnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalEnterGuard").finish_non_exhaustive()
    }
}

/// Spawns a task on the [`LocalSet`] that is being run, or was entered; outside one, on this thread's shard, as
/// [`spawn`] does.
///
/// # Panics
/// Outside a `LocalSet` and a runtime.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match CURRENT.with(|current| current.borrow().clone()) {
        Some(local) => local.spawn(future),
        None => spawn(future),
    }
}

impl LocalSet {
    /// An empty set. It can be made, and spawned into, outside a runtime.
    pub fn new() -> LocalSet {
        let local = Local {
            id: Id::next(),
            tasks: RefCell::default(),
            yielded: RefCell::default(),
            remote: Arc::default(),
            closed: Cell::new(false),
        };
        LocalSet { local: Rc::new(local) }
    }

    /// Which set it is, among all sets and runtimes.
    pub fn id(&self) -> Id {
        self.local.id
    }

    /// Makes [`spawn_local`] spawn into this set until the guard is dropped. It does not run the set.
    pub fn enter(&self) -> LocalEnterGuard {
        enter(&self.local)
    }

    /// Spawns a task into the set. It starts when the set is next run.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.local.spawn(future)
    }

    /// [`Runtime::block_on`] of [`run_until`](LocalSet::run_until).
    ///
    /// # Panics
    /// As for `Runtime::block_on`.
    #[track_caller]
    pub fn block_on<F>(&self, rt: &Runtime, future: F) -> F::Output
    where
        F: Future,
    {
        rt.block_on(self.run_until(future))
    }

    /// Runs `future`, and the tasks of the set until it is done. Tasks that are not done then go on when the set is next
    /// run. In `future`, [`spawn_local`] spawns into the set.
    ///
    /// # Cancel safety
    /// If it is dropped, `future` is dropped, and the tasks stay in the set.
    pub async fn run_until<F>(&self, future: F) -> F::Output
    where
        F: Future,
    {
        RunUntil { local: &self.local, future }.await
    }
}

pin_project! {
    struct RunUntil<'a, F> {
        local: &'a Rc<Local>,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for RunUntil<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = enter(this.local);
        let polled = this.future.poll(cx);
        if polled.is_pending() {
            let _done = this.local.poll_tasks(cx);
        }
        polled
    }
}

impl Future for LocalSet {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let _entered = enter(&self.local);
        match self.local.poll_tasks(cx) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        // The futures' destructors are in the set still, but what they spawn is dropped at once.
        let _entered = enter(&self.local);
        self.local.closed.set(true);
        let tasks: Vec<TaskRef> = self.local.tasks.borrow_mut().drain().collect();
        drop(tasks);
        let mut state = self.local.remote.lock();
        state.closed = true;
        let left = (std::mem::take(&mut state.ready), std::mem::take(&mut state.waiting));
        drop(state);
        drop((left, self.local.yielded.take()));
    }
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSet").finish_non_exhaustive()
    }
}

impl Default for LocalSet {
    fn default() -> LocalSet {
        LocalSet::new()
    }
}
