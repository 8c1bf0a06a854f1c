//! The two polls of an op or plan: the first, which moves it to its shard, and those that ask for its results.

use std::{
    io,
    task::{Poll, Waker},
};

use crate::{
    encode::Lowering,
    key::{ACTIVATIONS_MAX, Key},
    lower::{Builder, Scope},
    plan::Plan,
    results::Results,
    shard::Shard,
    slab::{Phase, Single},
    trace::PlanSpan,
};

/// What became of a first poll.
pub(crate) enum Started<T> {
    /// It was refused, or has nothing to do.
    Done(T),
    Running(Key),
}

/// Moves a plan to the shard, lowers and submits it.
pub(crate) fn start<P: Plan>(
    shard: &Shard,
    plan: P,
    lowering: Option<Lowering>,
    waker: &Waker,
    span: &PlanSpan,
) -> Started<P::Output> {
    let inserted = shard.driver.borrow_mut().slab.insert(plan);
    let (key, address) = match inserted {
        Ok(inserted) => inserted,
        Err(plan) => return Started::Done(plan.finish(&mut Results::refused(too_many()))),
    };
    // User code runs while the plan is lowered (its buffers say where they are), so no borrow is held; if it panics the
    // plan is taken out again.
    let lowering_guard = Lowered::<P> { shard, key, _plan: std::marker::PhantomData };
    // SAFETY: the slab keeps the plan at this address until `take`; its phase, Lowering, keeps everyone else off, and
    // no SQE points into it yet. Test: runtime/tests/drop_everywhere.rs.
    let plan = unsafe { &mut *address };
    if P::SINGLE {
        let mut scope = Scope::single(&shard.slots);
        let lowered = plan.lower_single(&mut scope);
        let (told, rest) = (scope.told(), plan.rest());
        let narrow = || rest.is_some() && !shard.driver.borrow().kernel.is_wide();
        match lowered.and_then(|request| if narrow() { Err(too_wide()) } else { Ok(request) }) {
            Err(error) => {
                std::mem::forget(lowering_guard);
                let plan: P = shard.driver.borrow_mut().slab.take(key);
                return Started::Done(plan.finish(&mut Results::refused(error)));
            }
            Ok(request) => {
                std::mem::forget(lowering_guard);
                let written = told.writes.and_then(|(fd, len)| shard.writes.try_now(&fd, &request.sqe, len));
                let read = told.reads.and_then(|fd| shard.reads.try_now(&fd, &request.sqe));
                shard.counters.writes_on_the_spot.add(written.is_some().into());
                shard.counters.reads_on_the_spot.add(read.is_some().into());
                if let Some(res) = written.or(read) {
                    let plan: P = shard.driver.borrow_mut().slab.take(key);
                    let single = Single { res, ..Single::default() };
                    return Started::Done(plan.finish(&mut Results::of_single(single, None)));
                }
                let (timeout, shots) = (plan.timeout(), plan.shots());
                let mut driver = shard.driver.borrow_mut();
                match rest {
                    None => driver.submit_single(key, request, timeout, shots, told.sync_of),
                    Some(rest) => driver.submit_wide(key, request, timeout, rest),
                }
            }
        }
    } else {
        let table = shard.driver.borrow_mut().tables.pop().unwrap_or_default();
        let mut builder = shard.builder.take().unwrap_or_else(|| Box::new(Builder::new(shard.slots.clone())));
        let table = builder.fill(table, plan);
        shard.builder.set(Some(builder));
        std::mem::forget(lowering_guard);
        shard.driver.borrow_mut().submit_table(key, table, lowering.unwrap_or(shard.lowering));
    }
    span.lowered(shard, key);
    match poll::<P>(shard, key, waker) {
        Poll::Ready(output) => Started::Done(output),
        Poll::Pending => Started::Running(key),
    }
}

/// Takes the results of an activation that has ended; else notes whom to wake.
pub(crate) fn poll<P: Plan>(shard: &Shard, key: Key, waker: &Waker) -> Poll<P::Output> {
    let mut driver = shard.driver.borrow_mut();
    let activation = driver.slab.get(key).expect("a future's activation lives until it is taken");
    if activation.phase != Phase::Ended {
        if activation.waker.as_ref().is_none_or(|old| !old.will_wake(waker)) {
            drop(driver);
            let waker = waker.clone();
            let mut driver = shard.driver.borrow_mut();
            let activation = driver.slab.get(key).expect("as above");
            let old = activation.waker.replace(waker);
            drop(driver);
            drop(old);
        }
        return Poll::Pending;
    }
    let (mut table, single, shots) = (activation.table.take(), activation.single, activation.shots.take());
    let old = activation.waker.take();
    let plan: P = driver.slab.take(key);
    drop(driver);
    drop(old);
    let output = match &mut table {
        Some(table) => plan.finish(&mut Results::of_table(table)),
        None => plan.finish(&mut Results::of_single(single, shots)),
    };
    if let Some(table) = table {
        shard.driver.borrow_mut().recycle(table);
    }
    Poll::Ready(output)
}

fn too_many() -> io::Error {
    let text = format!("{ACTIVATIONS_MAX} ops and plans are in flight on this shard, the most there can be");
    io::Error::new(io::ErrorKind::OutOfMemory, text)
}

fn too_wide() -> io::Error {
    let text = "the op needs SQEs of 128 bytes: build the runtime with Builder::wide_sqes(true)";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Takes a plan out of the slab if its lowering panics.
struct Lowered<'a, P: Plan> {
    shard: &'a Shard,
    key: Key,
    _plan: std::marker::PhantomData<P>,
}

impl<P: Plan> Drop for Lowered<'_, P> {
    fn drop(&mut self) {
        let plan: P = self.shard.driver.borrow_mut().slab.take(self.key);
        drop(plan);
    }
}
