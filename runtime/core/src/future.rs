//! [`Io`]: the one future type, for a single op as for a plan of any size.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use crate::{
    encode::Lowering,
    key::Key,
    op::Op,
    plan::{Finally, One, Plan, Sequel, finally},
    results::Results,
    shard::{self, Message, ShardId},
    shots::Shots,
    start,
    trace::PlanSpan,
};

/// An op or a plan. It does nothing until it is awaited; then it goes to the kernel as a whole, and the task is woken
/// once, with every result and every buffer.
///
/// # Cancel safety
/// Dropping it in flight cancels what it still has in the kernel. Buffers, paths and descriptors are kept until the
/// last CQE, descriptors that were opened are closed, bytes that were received are lost; [`Io::cancel`] gives them back
/// instead. `mem::forget` leaks an activation, which the shutdown of the runtime finds, and nothing else.
///
/// # Threads
/// `Io` is `Send` if its buffers are, and always `Unpin`. Once polled it belongs to that shard: polling it on another
/// thread panics, dropping it there sends the cancel to its shard.
#[must_use = "an op or plan does nothing unless awaited"]
#[derive(Debug)]
pub struct Io<P: Plan> {
    state: State<P>,
    lowering: Option<Lowering>,
    span: PlanSpan,
}

/// `Plan` → `Running` at the first poll, → `Done` when the output is given. Nothing is ever pinned in here: the plan
/// moves to its shard's slab before the kernel hears of it.
#[derive(Debug)]
enum State<P> {
    Plan(P),
    Running(ShardId, Key),
    Done,
}

impl<P: Plan> Unpin for Io<P> {}

impl<P: Plan> Io<P> {
    pub(crate) fn new(plan: P) -> Io<P> {
        Io { state: State::Plan(plan), lowering: None, span: PlanSpan::none() }
    }

    /// True once it belongs to a shard that is not this thread's: polling it here would panic.
    pub(crate) fn is_elsewhere(&self) -> bool {
        match self.state {
            State::Running(id, _) => shard::with_current(|shard| shard.id == id) != Some(true),
            State::Plan(_) | State::Done => false,
        }
    }

    /// Calls `f` with the results of an op that gives many which have come and have not been taken, if this thread's
    /// shard runs it.
    pub(crate) fn with_shots<R>(&mut self, f: impl FnOnce(&mut Shots) -> Option<R>) -> Option<R> {
        let State::Running(id, key) = self.state else { return None };
        let taken = shard::with_current(|shard| {
            let mut driver = shard.driver.borrow_mut();
            let activation = (shard.id == id).then(|| driver.slab.get(key)).flatten()?;
            activation.shots.as_mut().and_then(|shots| f(shots))
        });
        taken.flatten()
    }

    pub(crate) fn into_plan(mut self) -> P {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Plan(plan) => plan,
            running @ State::Running(..) => {
                self.state = running;
                panic!("an op or plan that has been polled cannot become part of another plan");
            }
            State::Done => panic!("an op or plan that has completed cannot become part of another plan"),
        }
    }

    /// Puts another plan behind this one: no op of it starts before every op of this one has succeeded.
    ///
    /// `f` runs at once, while the plan is built. It gets a name for what this plan will give: of an op that fills a
    /// buffer a [`Loan`](crate::handle::Loan), of one that opens, accepts or connects a slot handle, `()` otherwise;
    /// of a sequence the tuple of all parts so far. If an op fails, what depends on it is [not
    /// run](crate::results::NotRun). The output is the tuple of all parts' outputs.
    ///
    /// # Panics
    /// If either plan has been polled.
    pub fn then<Q, F>(self, f: F) -> Io<<P::Planned as Sequel>::Then<Q>>
    where
        Q: Plan,
        P::Planned: Sequel,
        F: FnOnce(P::Handle) -> Io<Q>,
    {
        self.put_behind(f, |next| next)
    }

    /// Puts a cleanup behind this plan: it runs once this one has ended, whatever the outcome, as far as what it names
    /// came to exist. The close after a read.
    ///
    /// If the plan is cancelled or dropped, a cleanup that has not started is not run; slots then close with their
    /// last owner.
    ///
    /// # Panics
    /// If either plan has been polled.
    pub fn finally<Q, F>(self, f: F) -> Io<<P::Planned as Sequel>::Then<Finally<Q>>>
    where
        Q: Plan,
        P::Planned: Sequel,
        F: FnOnce(P::Handle) -> Io<Q>,
    {
        self.put_behind(f, finally)
    }

    fn put_behind<Q, R, F>(self, f: F, as_part: fn(Q) -> R) -> Io<<P::Planned as Sequel>::Then<R>>
    where
        Q: Plan,
        R: Plan,
        P::Planned: Sequel,
        F: FnOnce(P::Handle) -> Io<Q>,
    {
        let lowering = self.lowering;
        let mut plan = self.into_plan().planned();
        let next = as_part(f(plan.handle()).into_plan());
        Io { state: State::Plan(plan.append(next)), lowering, span: PlanSpan::none() }
    }

    /// Chooses how this plan is brought to the kernel, in place of the builder's choice. Of plans that are put together
    /// the first one's choice, or what is chosen for the whole, counts.
    pub fn lowering(mut self, lowering: Lowering) -> Io<P> {
        self.lowering = Some(lowering);
        self
    }

    /// Cancels what has not ended, and gives the results back: of each op what it came to, or that it was cancelled
    /// (`ECANCELED`) or not run. So no byte that was received is lost. Nothing is submitted if the plan was never
    /// polled. The cancel goes out at once; await the result.
    pub fn cancel(self) -> Cancel<P> {
        self.ask_cancel();
        Cancel(self)
    }

    /// Sends the cancel; the op or plan ends soon.
    pub(crate) fn ask_cancel(&self) {
        if let State::Running(id, key) = self.state {
            let here = shard::with_current(|shard| {
                shard.id == id && {
                    shard.driver.borrow_mut().cancel(key);
                    shard.settle();
                    true
                }
            });
            if here != Some(true) {
                shard::send(id, Message::Cancel(key));
            }
        }
    }
}

impl<O: Op> Io<One<O>> {
    /// Limits the op's time, from its start. Then it gives `TimedOut`, with its buffer, and what depends on it is not
    /// run; an op that completed first keeps its result.
    ///
    /// Costs an entry in the shard's timers; or, for the last op of a chain, one more SQE and CQE.
    pub fn timeout(mut self, limit: Duration) -> Io<One<O>> {
        if let State::Plan(plan) = &mut self.state {
            plan.set_timeout(limit);
        }
        self
    }
}

impl<P: Plan> Future for Io<P> {
    type Output = P::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<P::Output> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Plan(mut plan) => {
                if plan.poll_before(cx).is_pending() {
                    self.state = State::Plan(plan);
                    return Poll::Pending;
                }
                let lowering = self.lowering;
                self.span.begin();
                let started = self.span.scope(|| {
                    shard::with_current(|shard| {
                        let started = start::start(shard, plan, lowering, cx.waker(), &self.span);
                        (started, shard.id)
                    })
                });
                match started {
                    None => panic!("an op was polled outside a runtime; use #[runtime::main] or Runtime::block_on"),
                    Some((start::Started::Done(output), _)) => Poll::Ready(output),
                    Some((start::Started::Running(key), id)) => {
                        self.state = State::Running(id, key);
                        Poll::Pending
                    }
                }
            }
            State::Running(id, key) => {
                self.state = State::Running(id, key);
                let polled = self.span.scope(|| {
                    shard::with_current(|shard| (shard.id == id).then(|| start::poll::<P>(shard, key, cx.waker())))
                });
                let polled = match polled.flatten() {
                    Some(polled) => polled,
                    None if shard::exists(id) => {
                        panic!("an op or plan was polled on another shard than its first poll")
                    }
                    None => panic!("an op or plan was polled after its runtime was dropped"),
                };
                if polled.is_ready() {
                    self.state = State::Done;
                }
                polled
            }
            State::Done => panic!("an op or plan was polled after it completed"),
        }
    }
}

impl<P: Plan> Drop for Io<P> {
    fn drop(&mut self) {
        if let State::Running(id, key) = self.state {
            let here = shard::with_current(|shard| {
                shard.id == id && {
                    shard.abandon(key);
                    true
                }
            });
            if here != Some(true) {
                shard::send(id, Message::Abandon(key));
            }
        }
    }
}

/// A cancelled plan on its way back. Made by [`Io::cancel`]; dropping it drops the plan.
#[must_use = "the results are given to whoever awaits this"]
#[derive(Debug)]
pub struct Cancel<P: Plan>(Io<P>);

impl<P: Plan> Future for Cancel<P> {
    type Output = P::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<P::Output> {
        match std::mem::replace(&mut self.0.state, State::Done) {
            // Never polled: nothing was submitted, and every op was not run.
            State::Plan(plan) => Poll::Ready(plan.finish(&mut Results::none())),
            other => {
                self.0.state = other;
                Pin::new(&mut self.0).poll(cx)
            }
        }
    }
}
