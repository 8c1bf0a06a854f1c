//! Tasks as a set: joined in the order in which they finish, aborted together.

use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker, ready},
};

use runtime_core::coop;
use slab::Slab;

use super::{AbortHandle, Id, JoinError, JoinHandle, LocalSet, spawn, spawn_blocking, spawn_local};
use crate::Handle;

/// A set of tasks with one type of output.
///
/// Results come in the order in which the tasks finish. Dropping the set aborts all tasks that are in it.
///
/// Cost: beside the task one allocation of 40 bytes, its place in the set's table, and one in a queue when it has
/// finished. Joining takes constant time per finished task, however many others there are.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let mut set = runtime::task::JoinSet::new();
/// for n in 0..10 {
///     set.spawn(async move { n * n });
/// }
/// let mut sum = 0;
/// while let Some(square) = set.join_next().await {
///     sum += square.unwrap();
/// }
/// assert_eq!(sum, 285);
/// # });
/// ```
pub struct JoinSet<T> {
    tasks: Slab<JoinHandle<T>>,
    finished: Arc<Finished>,
}

/// What the set shares with the wakers of its tasks, which may be woken on any thread.
#[derive(Default)]
struct Finished {
    state: Mutex<FinishedState>,
}

#[derive(Default)]
struct FinishedState {
    /// Places in the table of tasks that have finished. After a `detach_all` also some of tasks that left: such a place is
    /// empty, or taken by a task that may not have finished, so that what it says is checked.
    places: VecDeque<usize>,
    /// Whoever waits for the next one.
    waker: Option<Waker>,
}

impl Finished {
    fn lock(&self) -> MutexGuard<'_, FinishedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if a task has finished meanwhile. Wakers are cloned and dropped without the lock.
    fn register(&self, waker: &Waker) -> bool {
        let state = self.lock();
        if !state.places.is_empty() {
            return false;
        }
        if state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return true;
        }
        drop(state);
        let mut waker = Some(waker.clone());
        let mut state = self.lock();
        let waits = state.places.is_empty();
        if waits {
            std::mem::swap(&mut state.waker, &mut waker);
        }
        drop(state);
        drop(waker);
        waits
    }
}

/// The join waker of one task of a set.
struct Place {
    place: usize,
    finished: Arc<Finished>,
}

impl Wake for Place {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.finished.lock();
        state.places.push_back(self.place);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> JoinSet<T> {
    /// An empty set.
    pub fn new() -> JoinSet<T> {
        JoinSet { tasks: Slab::new(), finished: Arc::default() }
    }

    /// How many tasks are in the set, finished ones that were not joined among them.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// True if no task is in the set.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}

impl<T: 'static> JoinSet<T> {
    /// Spawns a task on this thread's shard, as [`spawn`] does, into the set.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(spawn(task))
    }

    /// Spawns a task as [`Handle::spawn`] does, into the set. This works on any thread.
    #[track_caller]
    pub fn spawn_on<F>(&mut self, task: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn(task))
    }

    /// Spawns a task as [`spawn_local`] does, into the set.
    ///
    /// # Panics
    /// Outside a [`LocalSet`] and a runtime.
    #[track_caller]
    pub fn spawn_local<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(spawn_local(task))
    }

    /// Spawns a task on `local_set`, into the set.
    #[track_caller]
    pub fn spawn_local_on<F>(&mut self, task: F, local_set: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(local_set.spawn_local(task))
    }

    /// Runs work that blocks as [`spawn_blocking`] does, into the set.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, work: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(spawn_blocking(work))
    }

    /// Runs work that blocks as [`Handle::spawn_blocking`] does, into the set. This works on any thread.
    #[track_caller]
    pub fn spawn_blocking_on<F>(&mut self, work: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn_blocking(work))
    }

    pub(crate) fn insert(&mut self, task: JoinHandle<T>) -> AbortHandle {
        let abort = task.abort_handle();
        let entry = self.tasks.vacant_entry();
        let waker = Waker::from(Arc::new(Place { place: entry.key(), finished: self.finished.clone() }));
        if !entry.insert(task).set_join_waker(&waker) {
            waker.wake();
        }
        abort
    }

    /// Waits for a task to finish, and takes it out of the set. `None` if the set is empty.
    ///
    /// # Cancel safety
    /// Nothing is lost: a task leaves the set only with its result.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// As [`join_next`](JoinSet::join_next), with the task's [`Id`]; that of a failed one is in the [`JoinError`].
    ///
    /// # Cancel safety
    /// As for `join_next`.
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        poll_fn(|cx| self.poll_join_next_with_id(cx)).await
    }

    /// Takes a task that has finished out of the set. `None` if there is none.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.take_finished().map(|(_, result)| result)
    }

    /// As [`try_join_next`](JoinSet::try_join_next), with the task's [`Id`].
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        self.take_finished().map(with_id)
    }

    /// Aborts all tasks and waits until they are gone; results are dropped.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Waits for all tasks, and gives their outputs in the order in which they finished.
    ///
    /// # Panics
    /// With the panic of a task, or if one was aborted. The other tasks are then aborted too.
    ///
    /// ```
    /// # runtime::Builder::new().build().unwrap().block_on(async {
    /// let set: runtime::task::JoinSet<_> = (0..3).map(|n| async move { n }).collect();
    /// assert_eq!(set.join_all().await.iter().sum::<i32>(), 3);
    /// # });
    /// ```
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(result) = self.join_next().await {
            match result.map_err(JoinError::try_into_panic) {
                Ok(output) => outputs.push(output),
                Err(Ok(payload)) => std::panic::resume_unwind(payload),
                Err(Err(cancelled)) => panic!("a task of `join_all` has no output: {cancelled}"),
            }
        }
        outputs
    }

    /// Asks all tasks to end. They stay in the set, and are joined as cancelled, unless they had finished.
    pub fn abort_all(&mut self) {
        self.tasks.iter().for_each(|(_, task)| task.abort());
    }

    /// Takes all tasks out of the set without ending them: they run on, and their outputs are dropped.
    pub fn detach_all(&mut self) {
        self.tasks.clear();
    }

    /// As [`join_next`](JoinSet::join_next), in the form of a poll: pending if tasks are in the set and none has
    /// finished. The last caller's waker is woken when one does.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_finished(cx).map(|finished| finished.map(|(_, result)| result))
    }

    /// As [`poll_join_next`](JoinSet::poll_join_next), with the task's [`Id`].
    pub fn poll_join_next_with_id(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(Id, T), JoinError>>> {
        self.poll_finished(cx).map(|finished| finished.map(with_id))
    }

    #[allow(clippy::type_complexity, reason = "the parts of what `poll_join_next` gives, named nowhere else")]
    fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Id, Result<T, JoinError>)>> {
        let progress = ready!(coop::poll_proceed(cx));
        loop {
            let finished = self.take_finished();
            if finished.is_some() || self.tasks.is_empty() {
                progress.made();
                return Poll::Ready(finished);
            }
            if self.finished.register(cx.waker()) {
                return Poll::Pending;
            }
        }
    }

    fn take_finished(&mut self) -> Option<(Id, Result<T, JoinError>)> {
        loop {
            let place = self.finished.lock().places.pop_front()?;
            let Some(task) = self.tasks.get_mut(place) else { continue };
            if let Some(result) = task.take_finished() {
                let id = task.id();
                self.tasks.remove(place);
                return Some((id, result));
            }
        }
    }
}

fn with_id<T>((id, result): (Id, Result<T, JoinError>)) -> Result<(Id, T), JoinError> {
    result.map(|output| (id, output))
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.tasks.iter().for_each(|(_, task)| task.abort());
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> JoinSet<T> {
        JoinSet::new()
    }
}

/// Spawns each future into a new set.
impl<T, F> FromIterator<F> for JoinSet<T>
where
    F: Future<Output = T> + 'static,
    T: 'static,
{
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> JoinSet<T> {
        let mut set = JoinSet::new();
        set.extend(futures);
        set
    }
}

/// Spawns each future into the set.
impl<T, F> Extend<F> for JoinSet<T>
where
    F: Future<Output = T> + 'static,
    T: 'static,
{
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for future in futures {
            self.spawn(future);
        }
    }
}
