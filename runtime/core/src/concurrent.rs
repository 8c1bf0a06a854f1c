//! `join!`: one macro for plans and for ordinary futures.
//!
//! Which of the two it is, the types decide, by method resolution: on `&Kind<T>` the method of [`OfPlans`], which exists
//! where every part is an op or plan, is found before that of [`OfFutures`], which needs one more reference.

use std::{
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use crate::{future::Io, plan::JoinPlans};

/// Joins ops and plans into one plan, or ordinary futures into one future.
///
/// Of ops and plans it makes a plan whose parts may run at the same time, in any order; the output is the tuple of
/// their outputs. It can be planned further with `.then`. If any argument is another kind of future, all are polled
/// concurrently on this task, and the result is an ordinary future. Up to twelve arguments; any number of plans of one
/// type go into `join_all`.
///
/// ```
/// use runtime_core::{join, op};
/// let plan = join!(op::nop(), op::nop()).then(|_| op::nop());
/// let future = join!(op::nop(), async { 7 });
/// # drop((plan, future));
/// ```
///
/// Futures are polled in the order written; so a `biased;` in front is accepted, and changes nothing. Without arguments it
/// is a future that is ready.
#[macro_export]
macro_rules! join {
    ($(biased;)?) => {
        ::std::future::ready(())
    };
    (biased; $($part:expr),+ $(,)?) => {
        $crate::join!($($part),+)
    };
    ($($part:expr),+ $(,)?) => {{
        #[allow(unused_imports, reason = "one of them is used")]
        use $crate::concurrent::{OfFutures as _, OfPlans as _};
        let parts = ($($part,)+);
        (&$crate::concurrent::Kind::of(&parts)).kind().join(parts)
    }};
}

/// Carries the type of the arguments to the choice between the two kinds.
#[doc(hidden)]
#[derive(Debug)]
pub struct Kind<T>(PhantomData<T>);

impl<T> Kind<T> {
    /// The kind of these arguments.
    pub fn of(_: &T) -> Kind<T> {
        Kind(PhantomData)
    }
}

/// All arguments are plans.
#[doc(hidden)]
pub trait OfPlans {
    /// See the module's head.
    fn kind(&self) -> Plans {
        Plans
    }
}

/// Some argument is an ordinary future.
#[doc(hidden)]
pub trait OfFutures {
    /// See the module's head.
    fn kind(&self) -> Futures {
        Futures
    }
}

impl<T: JoinPlans> OfPlans for Kind<T> {}
impl<T> OfFutures for &Kind<T> {}

#[doc(hidden)]
#[derive(Debug)]
pub struct Plans;

impl Plans {
    /// One plan of several.
    pub fn join<T: JoinPlans>(self, plans: T) -> Io<T::Joined> {
        plans.join()
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Futures;

impl Futures {
    /// One future of several.
    pub fn join<T: JoinFutures>(self, futures: T) -> Joined<impl Future<Output = T::Outputs>> {
        Joined { all: futures.join() }
    }
}

pin_project_lite::pin_project! {
    /// Ordinary futures that are polled concurrently. Made by `join!`.
    #[must_use = "futures do nothing unless awaited"]
    #[derive(Debug)]
    pub struct Joined<F> {
        #[pin]
        all: F,
    }
}

impl<F: Future> Future for Joined<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().all.poll(cx)
    }
}

/// Holds for no type: what it stands on exists for the sake of its message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "only ops and plans can be put in sequence by `.then`, and this `join!` has an argument that is neither",
    label = "an argument of `join!` is an ordinary future",
    note = "await it and use its result, or join only ops (`file.read_at(..)`, `stream.send_all(..)`, ...)"
)]
pub trait AllArePlans {}

impl<F> Joined<F> {
    /// Exists only for its error: a join of ordinary futures is no plan.
    #[doc(hidden)]
    pub fn then<G>(self, _: G) -> std::convert::Infallible
    where
        Self: AllArePlans,
    {
        unreachable!("the bound holds for no type")
    }
}

pin_project_lite::pin_project! {
    /// A future or its output.
    #[project = MaybeDoneState]
    enum MaybeDone<F: Future> {
        Pending { #[pin] future: F },
        Done { output: Option<F::Output> },
    }
}

impl<F: Future> MaybeDone<F> {
    /// True once the output is there.
    fn advance(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let output = match self.as_mut().project() {
            MaybeDoneState::Pending { future } => match future.poll(cx) {
                Poll::Ready(output) => output,
                Poll::Pending => return false,
            },
            MaybeDoneState::Done { .. } => return true,
        };
        self.set(MaybeDone::Done { output: Some(output) });
        true
    }

    fn take(self: Pin<&mut Self>) -> F::Output {
        match self.project() {
            MaybeDoneState::Done { output } => output.take().expect("taken once"),
            MaybeDoneState::Pending { .. } => unreachable!("taken when all are done"),
        }
    }
}

/// Tuples of futures.
#[doc(hidden)]
pub trait JoinFutures {
    /// The tuple of their outputs.
    type Outputs;

    /// Polls all until the last one is done.
    fn join(self) -> impl Future<Output = Self::Outputs>;
}

macro_rules! joins {
    ($($name:ident),+) => {
        impl<$($name: Future),+> JoinFutures for ($($name,)+) {
            type Outputs = ($($name::Output,)+);

            #[allow(non_snake_case, reason = "the type parameters' names serve as the parts' names")]
            async fn join(self) -> Self::Outputs {
                let ($($name,)+) = self;
                $(let mut $name = pin!(MaybeDone::Pending { future: $name });)+
                poll_fn(|cx| {
                    let mut all = true;
                    $(all &= $name.as_mut().advance(cx);)+
                    if all { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                ($($name.take(),)+)
            }
        }
    };
}

joins!(A);
joins!(A, B);
joins!(A, B, C);
joins!(A, B, C, D);
joins!(A, B, C, D, E);
joins!(A, B, C, D, E, F);
joins!(A, B, C, D, E, F, G);
joins!(A, B, C, D, E, F, G, H);
joins!(A, B, C, D, E, F, G, H, I);
joins!(A, B, C, D, E, F, G, H, I, J);
joins!(A, B, C, D, E, F, G, H, I, J, K);
joins!(A, B, C, D, E, F, G, H, I, J, K, L);
