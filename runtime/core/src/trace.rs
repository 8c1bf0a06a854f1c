//! Spans for the `tracing` ecosystem, where the feature of that name is on; else nothing, which costs nothing.
//!
//! | span | target | level | fields |
//! |---|---|---|---|
//! | `task` | `runtime::task` | DEBUG | `shard`, `place`: where it was spawned |
//! | `plan` | `runtime::plan` | TRACE | `ops` and `engine`, as the plan was lowered; an op on its own is a plan of one, `single` |
//!
//! A task's span is entered for each poll and each drop, a plan's from its first poll on; it closes when its results have
//! been given, or nobody asks for them any more.

#[cfg(feature = "tracing")]
mod on {
    use std::{
        future::Future,
        panic::Location,
        pin::Pin,
        task::{Context, Poll},
    };

    use pin_project_lite::pin_project;
    use tracing::{Span, debug_span, field::Empty, trace_span};

    use crate::{key::Key, shard::Shard};

    /// Where a task was spawned.
    #[derive(Clone, Copy, Debug)]
    pub struct Place(&'static Location<'static>);

    impl Place {
        /// The caller of the function that calls this.
        #[track_caller]
        pub fn of_caller() -> Place {
            Place(Location::caller())
        }
    }

    pin_project! {
        struct Traced<F> {
            // Dropped by hand, inside the span.
            #[pin]
            future: Option<F>,
            span: Span,
        }

        impl<F> PinnedDrop for Traced<F> {
            fn drop(this: Pin<&mut Self>) {
                let mut this = this.project();
                let _entered = this.span.enter();
                this.future.set(None);
            }
        }
    }

    impl<F: Future> Future for Traced<F> {
        type Output = F::Output;

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
            let this = self.project();
            let _entered = this.span.enter();
            this.future.as_pin_mut().expect("only the drop takes it").poll(cx)
        }
    }

    pub(crate) fn task<F: Future>(future: F, shard: u32, place: Place) -> impl Future<Output = F::Output> {
        let span = debug_span!(target: "runtime::task", "task", shard, place = %place.0);
        Traced { future: Some(future), span }
    }

    /// The span of an op or plan.
    #[derive(Clone, Debug)]
    pub(crate) struct PlanSpan(Span);

    impl PlanSpan {
        pub(crate) fn none() -> PlanSpan {
            PlanSpan(Span::none())
        }

        /// At the first poll, and entered for it.
        pub(crate) fn begin(&mut self) {
            self.0 = trace_span!(target: "runtime::plan", "plan", ops = Empty, engine = Empty);
        }

        /// After lowering.
        pub(crate) fn lowered(&self, shard: &Shard, key: Key) {
            if self.0.is_disabled() {
                return;
            }
            if let Some(activation) = shard.driver.borrow_mut().slab.get(key) {
                match &activation.table {
                    Some(table) => {
                        self.0.record("ops", table.rows.len());
                        self.0.record("engine", format_args!("{:?}", table.engine).to_string().to_lowercase());
                    }
                    None => {
                        self.0.record("ops", 1).record("engine", "single");
                    }
                }
            }
        }

        pub(crate) fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
            // A clone, so that what `f` does with the plan does not matter.
            self.0.clone().in_scope(f)
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::future::Future;

    use crate::{key::Key, shard::Shard};

    /// Where a task was spawned: not asked for.
    #[derive(Clone, Copy, Debug)]
    pub struct Place;

    impl Place {
        /// The caller of the function that calls this.
        pub fn of_caller() -> Place {
            Place
        }
    }

    pub(crate) fn task<F: Future>(future: F, _shard: u32, _place: Place) -> F {
        future
    }

    #[derive(Clone, Debug)]
    pub(crate) struct PlanSpan;

    impl PlanSpan {
        pub(crate) fn none() -> PlanSpan {
            PlanSpan
        }

        pub(crate) fn begin(&mut self) {}

        pub(crate) fn lowered(&self, _shard: &Shard, _key: Key) {}

        pub(crate) fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
            f()
        }
    }
}

#[cfg(not(feature = "tracing"))]
pub use off::Place;
#[cfg(not(feature = "tracing"))]
pub(crate) use off::{PlanSpan, task};
#[cfg(feature = "tracing")]
pub use on::Place;
#[cfg(feature = "tracing")]
pub(crate) use on::{PlanSpan, task};
