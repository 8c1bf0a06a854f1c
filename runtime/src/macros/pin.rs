//! `pin!`.

/// Pins futures to the stack, under the names they have.
///
/// `pin!(a, b)` moves the values of the variables `a` and `b` into this scope and makes the names `Pin<&mut _>`. With
/// `let` it makes the variables in the same step. It is a statement. No allocation.
///
/// This is for what has to be polled by reference, as in a `select!` in a loop. To make a `Pin<&mut _>` of an expression,
/// use [`std::pin::pin!`].
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::{op, pin, select};
///
/// let first = async { 1 };
/// pin!(first);
/// pin! {
///     let second = async { 2 };
///     let third = async { op::nop().await };
/// }
/// let mut sum = 0;
/// select! {
///     n = &mut first => sum += n,
///     n = &mut second => sum += n,
/// }
/// third.await.unwrap();
/// assert!(sum > 0);
/// # });
/// ```
#[macro_export]
macro_rules! pin {
    ($($name:ident),* $(,)?) => {
        $(
            #[allow(unused_mut, reason = "as of tokio's; not everyone who pins polls")]
            let mut $name = $crate::__macros::pin!($name);
        )*
    };
    ($(let $name:ident = $value:expr;)*) => {
        $(
            #[allow(unused_mut, reason = "as of tokio's; not everyone who pins polls")]
            let mut $name = $crate::__macros::pin!($value);
        )*
    };
}
