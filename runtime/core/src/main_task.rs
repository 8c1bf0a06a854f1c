//! The future that a thread blocks on, as a task of its shard: so it is woken as cheaply as any other.

use std::{
    any::Any,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use crate::{
    shard::Shard,
    task::{self, JoinHandle},
};

type Step<'a> = &'a mut dyn FnMut(&mut Context<'_>) -> Poll<()>;

/// Polls `future` as a task of this shard, as often as `drive` has the shard run tasks. `drive` is told how to find out that
/// the future has ended, and may return only then; its panics pass through.
///
/// The future stays the caller's, on the stack, and need not be `'static`: the task refers to it, and is gone when this
/// function returns, however it does.
///
/// # Errors
/// The future's panic.
pub fn run<F: Future + ?Sized>(
    shard: &Shard,
    mut future: Pin<&mut F>,
    drive: impl FnOnce(&dyn Fn() -> bool),
) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut output = None;
    let mut step = |cx: &mut Context<'_>| future.as_mut().poll(cx).map(|ready| output = Some(ready));
    let step: Step<'_> = &mut step;
    // SAFETY: `step`, what it borrows, and the future behind it belong to this frame. Only the task's future uses them, and
    // the guard below, which is dropped before them also when `drive` panics, drops that future: no poll comes later.
    // Test: a_main_task_is_gone_when_its_frame_is.
    let step: Step<'static> = unsafe { std::mem::transmute::<Step<'_>, Step<'static>>(step) };
    let (handle, index) = shard.spawn_main(poll_fn(move |cx| task::outside(|| step(cx))));
    let mut task = MainTask { shard, handle, index };
    drive(&|| task.handle.is_finished());
    let ended = pin!(&mut task.handle).poll(&mut Context::from_waker(Waker::noop()));
    drop(task);
    match ended {
        Poll::Ready(Ok(())) => Ok(output.expect("set by the poll that was ready")),
        Poll::Ready(Err(error)) => Err(error.try_into_panic().unwrap_or_else(|error| Box::new(error.to_string()))),
        Poll::Pending => unreachable!("the caller's loop has left its future behind"),
    }
}

/// Takes the task off its shard, if it has not ended.
struct MainTask<'a> {
    shard: &'a Shard,
    handle: JoinHandle<()>,
    index: usize,
}

impl Drop for MainTask<'_> {
    fn drop(&mut self) {
        if !self.handle.is_finished() {
            // Not ended, so the index is still this task's.
            drop(self.shard.unlist(self.index));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        panic::{AssertUnwindSafe, catch_unwind},
        rc::Rc,
    };

    use super::*;
    use crate::sim::shard_tests::on_sim;

    /// Not gone, it would be polled when its frame is another's.
    #[test]
    fn a_main_task_is_gone_when_its_frame_is() {
        let on = on_sim(Default::default());
        let (polls, kept) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let future = pin!(poll_fn(|cx| {
                polls.set(polls.get() + 1);
                kept.set(Some(cx.waker().clone()));
                Poll::<()>::Pending
            }));
            let drive = |_: &dyn Fn() -> bool| {
                on.shard.run_tasks(10, false).unwrap();
                std::panic::resume_unwind(Box::new("the loop"));
            };
            run(&on.shard, future, drive).map_err(|_| ())
        }));
        assert!(caught.is_err());
        kept.take().unwrap().wake();
        on.shard.run_tasks(10, false).unwrap();
        assert_eq!((polls.get(), on.shard.live_tasks()), (1, 0));
        on.ends();
    }

    #[test]
    fn output_and_panic_come_back() {
        let on = on_sim(Default::default());
        let until = |ended: &dyn Fn() -> bool| {
            while !ended() {
                on.shard.run_tasks(10, false).unwrap();
            }
        };
        let local = String::from("borrowed");
        assert_eq!(run(&on.shard, pin!(async { local.len() }), until).unwrap(), 8);
        let panics = pin!(async { std::panic::resume_unwind(Box::new("boom")) });
        assert_eq!(
            *run::<dyn Future<Output = ()>>(&on.shard, panics, until).unwrap_err().downcast::<&str>().unwrap(),
            "boom"
        );
        on.ends();
    }
}
