//! Plans: ops put together by `join!`, `join_all`, `then` and `finally`. Data only.
//!
//! A plan knows how to walk its ops in the order written: to make handles, to lower itself into a stage table, and to
//! turn results into its output. What runs when is decided in `lower.rs` and `encode.rs`.

use std::{
    task::{Context, Poll, ready},
    time::Duration,
};

use crate::{
    future::Io,
    handle::OpId,
    lower::Builder,
    op::{Dial, DialSlot, Op, Request, Resource},
    results::Results,
    sealed::Sealed,
    shots::Shots,
};

/// A dependency graph of ops. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a plan",
    note = "plans are made of ops (`file.read_at(..)`, `stream.send_all(..)`) with `join!`, `join_all`, `.then` and `.finally`"
)]
pub trait Plan: Sealed + Sized + 'static {
    /// What awaiting the plan gives: its ops' outputs in the order written.
    type Output;
    /// What the closure of `then` gets.
    type Handle;
    /// The plan once something follows it: ops that open give slots instead of objects.
    type Planned: Plan<Handle = Self::Handle>;

    /// A single op, which needs no stage table.
    #[doc(hidden)]
    const SINGLE: bool = false;
    /// Runs whatever became of what is before it.
    #[doc(hidden)]
    const CLEANUP: bool = false;

    /// Turns into the planned form.
    #[doc(hidden)]
    fn planned(self) -> Self::Planned;

    /// Handles of the ops, which take identities on first need.
    #[doc(hidden)]
    fn handle(&mut self) -> Self::Handle;

    /// Ready once what has to end before any op of the plan starts has ended.
    #[doc(hidden)]
    fn poll_before(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Adds the ops to the table.
    #[doc(hidden)]
    fn lower(&mut self, builder: &mut Builder);

    /// The SQE of a single op.
    #[doc(hidden)]
    fn lower_single(&mut self, _: &mut crate::lower::Scope<'_>) -> std::io::Result<Request> {
        unreachable!("only a single op is lowered without a table")
    }

    /// The time limit of a single op.
    #[doc(hidden)]
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// The second half of a single op's SQE, if that has 128 bytes.
    #[doc(hidden)]
    fn rest(&self) -> Option<[u8; 64]> {
        None
    }

    /// Where the results of a single op go if it gives many.
    #[doc(hidden)]
    fn shots(&self) -> Option<Box<Shots>> {
        None
    }

    /// The output.
    #[doc(hidden)]
    fn finish(self, results: &mut Results<'_>) -> Self::Output;
}

/// A plan that another one can be put behind: all but a sequence of twelve.
#[diagnostic::on_unimplemented(
    message = "nothing can be put behind this plan",
    note = "a sequence has at most 12 parts; nest one: `.then(|h| a.then(..).then(..))` counts as one part"
)]
pub trait Sequel: Plan {
    /// This plan with `Q` behind it.
    #[doc(hidden)]
    type Then<Q: Plan>: Plan;

    /// Puts `next` behind.
    #[doc(hidden)]
    fn append<Q: Plan>(self, next: Q) -> Self::Then<Q>;
}

/// One op.
#[derive(Debug)]
pub struct One<O> {
    op: O,
    id: Option<OpId>,
    timeout: Option<Duration>,
}

impl<O> One<O> {
    pub(crate) fn new(op: O) -> One<O> {
        One { op, id: None, timeout: None }
    }

    pub(crate) fn set_timeout(&mut self, limit: Duration) {
        self.timeout = Some(limit);
    }
}

impl<O> Sealed for One<O> {}

impl<O: Op> Plan for One<O> {
    type Output = O::Output;
    type Handle = O::Handle;
    type Planned = One<O::Planned>;
    const SINGLE: bool = true;

    fn planned(self) -> One<O::Planned> {
        One { op: self.op.planned(), id: self.id, timeout: self.timeout }
    }

    fn handle(&mut self) -> O::Handle {
        O::handle(&mut self.id)
    }

    fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.op.poll_before(cx)
    }

    fn lower(&mut self, builder: &mut Builder) {
        builder.op(&mut self.op, self.id, self.timeout);
    }

    fn lower_single(&mut self, scope: &mut crate::lower::Scope<'_>) -> std::io::Result<Request> {
        self.op.lower(scope)
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn rest(&self) -> Option<[u8; 64]> {
        self.op.rest()
    }

    fn shots(&self) -> Option<Box<Shots>> {
        self.op.shots()
    }

    fn finish(self, results: &mut Results<'_>) -> O::Output {
        self.op.finish(results.next())
    }
}

/// Plans that may run at the same time, of different types. Made by `join!`.
#[derive(Debug)]
pub struct Join<T>(T);

/// Plans that may run at the same time, any number of one type. Made by [`join_all`].
#[derive(Debug)]
pub struct JoinAll<P>(Vec<P>);

/// Plans one after the other. Made by `then` and `finally`.
#[derive(Debug)]
pub struct Seq<T>(T);

/// A plan that runs once what is before it has ended. Made by `finally`.
#[derive(Debug)]
pub struct Finally<P>(P);

/// Joins any number of plans of one type into one. The output is a `Vec` in the same order.
///
/// ```
/// # use runtime_core::{op, plan::join_all};
/// let plan = join_all((0..3).map(|_| op::nop())).then(|_| op::nop());
/// # drop(plan);
/// ```
pub fn join_all<P: Plan>(plans: impl IntoIterator<Item = Io<P>>) -> Io<JoinAll<P>> {
    Io::new(JoinAll(plans.into_iter().map(Io::into_plan).collect()))
}

impl<P> Sealed for JoinAll<P> {}

impl<P: Plan> Plan for JoinAll<P> {
    type Output = Vec<P::Output>;
    type Handle = Vec<P::Handle>;
    type Planned = JoinAll<P::Planned>;

    fn planned(self) -> JoinAll<P::Planned> {
        JoinAll(self.0.into_iter().map(P::planned).collect())
    }

    fn handle(&mut self) -> Vec<P::Handle> {
        self.0.iter_mut().map(P::handle).collect()
    }

    fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for plan in &mut self.0 {
            ready!(plan.poll_before(cx));
        }
        Poll::Ready(())
    }

    fn lower(&mut self, builder: &mut Builder) {
        for plan in &mut self.0 {
            plan.lower(builder);
        }
    }

    fn finish(self, results: &mut Results<'_>) -> Vec<P::Output> {
        self.0.into_iter().map(|plan| plan.finish(results)).collect()
    }
}

impl<P> Sealed for Finally<P> {}

impl<P: Plan> Plan for Finally<P> {
    type Output = P::Output;
    type Handle = P::Handle;
    type Planned = Finally<P::Planned>;
    const CLEANUP: bool = true;

    fn planned(self) -> Finally<P::Planned> {
        Finally(self.0.planned())
    }

    fn handle(&mut self) -> P::Handle {
        self.0.handle()
    }

    fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_before(cx)
    }

    fn lower(&mut self, builder: &mut Builder) {
        self.0.lower(builder);
    }

    fn finish(self, results: &mut Results<'_>) -> P::Output {
        self.0.finish(results)
    }
}

pub(crate) fn finally<P>(plan: P) -> Finally<P> {
    Finally(plan)
}

/// A plan that begins a sequence when another is put behind it.
macro_rules! begins_sequence {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => { $(
        impl<$($generics)*> Sequel for $type where $type: Plan {
            type Then<Q: Plan> = Seq<($type, Q)>;

            fn append<Q: Plan>(self, next: Q) -> Seq<($type, Q)> {
                Seq((self, next))
            }
        }
    )+ };
}

begins_sequence!(
    [O: Op] One<O>,
    [T: Resource] Dial<T>,
    [T: Resource] DialSlot<T>,
    [T: 'static] Join<T>,
    [P: Plan] JoinAll<P>,
    [P: Plan] Finally<P>,
);

/// `join!` over plans: makes a [`Join`] of a tuple of them.
pub trait JoinPlans: Sealed {
    /// The joined plan.
    type Joined: Plan;

    /// Joins.
    fn join(self) -> Io<Self::Joined>;
}

macro_rules! joins {
    ($($name:ident),+) => {
        impl<$($name),+> Sealed for Join<($($name,)+)> {}
        impl<$($name: Plan),+> Sealed for ($(Io<$name>,)+) {}

        #[allow(non_snake_case, reason = "the type parameters' names serve as the parts' names")]
        impl<$($name: Plan),+> Plan for Join<($($name,)+)> {
            type Output = ($($name::Output,)+);
            type Handle = ($($name::Handle,)+);
            type Planned = Join<($($name::Planned,)+)>;

            fn planned(self) -> Self::Planned {
                let ($($name,)+) = self.0;
                Join(($($name.planned(),)+))
            }

            fn handle(&mut self) -> Self::Handle {
                let ($($name,)+) = &mut self.0;
                ($($name.handle(),)+)
            }

            fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<()> {
                let ($($name,)+) = &mut self.0;
                $(ready!($name.poll_before(cx));)+
                Poll::Ready(())
            }

            fn lower(&mut self, builder: &mut Builder) {
                let ($($name,)+) = &mut self.0;
                $($name.lower(builder);)+
            }

            fn finish(self, results: &mut Results<'_>) -> Self::Output {
                let ($($name,)+) = self.0;
                ($($name.finish(results),)+)
            }
        }

        #[allow(non_snake_case, reason = "as above")]
        impl<$($name: Plan),+> JoinPlans for ($(Io<$name>,)+) {
            type Joined = Join<($($name,)+)>;

            fn join(self) -> Io<Self::Joined> {
                let ($($name,)+) = self;
                Io::new(Join(($($name.into_plan(),)+)))
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

macro_rules! sequences {
    ($($name:ident),+; $last:ident) => {
        impl<$($name,)+ $last> Sealed for Seq<($($name,)+ $last)> {}

        #[allow(non_snake_case, reason = "as above")]
        impl<$($name: Plan,)+ $last: Plan> Plan for Seq<($($name,)+ $last)> {
            type Output = ($($name::Output,)+ $last::Output);
            type Handle = ($($name::Handle,)+ $last::Handle);
            // Something is planned behind all parts but the last one already.
            type Planned = Seq<($($name,)+ $last::Planned)>;

            fn planned(self) -> Self::Planned {
                let ($($name,)+ $last) = self.0;
                Seq(($($name,)+ $last.planned()))
            }

            fn handle(&mut self) -> Self::Handle {
                let ($($name,)+ $last) = &mut self.0;
                ($($name.handle(),)+ $last.handle())
            }

            fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<()> {
                let ($($name,)+ $last) = &mut self.0;
                $(ready!($name.poll_before(cx));)+
                $last.poll_before(cx)
            }

            fn lower(&mut self, builder: &mut Builder) {
                let ($($name,)+ last) = &mut self.0;
                let mut sequence = builder.begin_sequence();
                $(
                    builder.next_part(&mut sequence, <$name as Plan>::CLEANUP);
                    $name.lower(builder);
                )+
                builder.next_part(&mut sequence, $last::CLEANUP);
                last.lower(builder);
                builder.end_sequence(sequence);
            }

            fn finish(self, results: &mut Results<'_>) -> Self::Output {
                let ($($name,)+ $last) = self.0;
                ($($name.finish(results),)+ $last.finish(results))
            }
        }
    };
}

macro_rules! growing_sequences {
    ($($name:ident),+) => {
        #[allow(non_snake_case, reason = "as above")]
        impl<$($name: Plan),+> Sequel for Seq<($($name,)+)> where Seq<($($name,)+)>: Plan {
            type Then<Z: Plan> = Seq<($($name,)+ Z)>;

            fn append<Z: Plan>(self, next: Z) -> Self::Then<Z> {
                let ($($name,)+) = self.0;
                Seq(($($name,)+ next))
            }
        }
    };
}

sequences!(A; B);
sequences!(A, B; C);
sequences!(A, B, C; D);
sequences!(A, B, C, D; E);
sequences!(A, B, C, D, E; F);
sequences!(A, B, C, D, E, F; G);
sequences!(A, B, C, D, E, F, G; H);
sequences!(A, B, C, D, E, F, G, H; I);
sequences!(A, B, C, D, E, F, G, H, I; J);
sequences!(A, B, C, D, E, F, G, H, I, J; K);
sequences!(A, B, C, D, E, F, G, H, I, J, K; L);
growing_sequences!(A, B);
growing_sequences!(A, B, C);
growing_sequences!(A, B, C, D);
growing_sequences!(A, B, C, D, E);
growing_sequences!(A, B, C, D, E, F);
growing_sequences!(A, B, C, D, E, F, G);
growing_sequences!(A, B, C, D, E, F, G, H);
growing_sequences!(A, B, C, D, E, F, G, H, I);
growing_sequences!(A, B, C, D, E, F, G, H, I, J);
growing_sequences!(A, B, C, D, E, F, G, H, I, J, K);
