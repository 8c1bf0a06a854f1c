//! `select!`.

/// Awaits several futures on this task at once, and runs the handler of the one that is first.
///
/// ```text
/// select! {
///     [biased;]
///     <pattern> = <future> [, if <condition>] => <handler>,
///     ...
///     [else => <handler>]
/// }
/// ```
///
/// Up to 64 branches. A handler is a block, with or without a comma behind it, or an expression with one. All handlers
/// have one type, which is that of the whole expression. It stands in an `async` block or function, and its handlers run
/// there: `?`, `break`, `continue`, `return` and `.await` are those of the code around it.
///
/// 1. The conditions are evaluated, in the order written. A branch whose condition is false is *disabled*.
/// 2. The expressions of the futures are evaluated, in the order written, those of disabled branches too; what they give
///    becomes a future by `IntoFuture`.
/// 3. The futures of enabled branches are polled until one is ready.
/// 4. If its output matches the pattern, **all futures are dropped**, and then the handler runs. So handlers may use what
///    the futures have borrowed.
/// 5. If not, the output is dropped, and the branch disabled.
/// 6. If all branches are disabled, `else` runs.
///
/// A future that must go on to the next `select!` is passed by reference, and pinned unless it is `Unpin`: see
/// [`pin!`](crate::pin). Ops are `Unpin` futures. An op that is dropped here is cancelled; `&mut op` keeps it.
///
/// # Fairness
/// Each poll starts with a branch chosen at random. With `biased;` it starts with the first: a matter of cost, and of
/// order where that is wanted; a branch that is always ready then starves those behind it.
///
/// # Panics
/// If all branches are disabled, and there is no `else`.
///
/// # Cancel safety
/// The futures that were not first are dropped unfinished: what that means is theirs to say. The drop-in calls of
/// `runtime` (`accept`, `read`, `recv`, ...) lose nothing by it, and say so where they do.
///
/// Cost: no allocation; each wake polls the enabled futures.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use std::time::Duration;
/// use runtime::{IntoResult, net::UnixStream, select, time::sleep};
///
/// let (a, b) = UnixStream::pair()?;
/// b.send_all("hello").await.into_result()?;
/// let received = select! {
///     (Ok(count), bytes) = a.recv(vec![0; 64]) => Some(bytes[..count].to_vec()),
///     _ = sleep(Duration::from_secs(5)) => None,
/// };
/// assert_eq!(received.as_deref(), Some(&b"hello"[..]));
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
#[macro_export]
macro_rules! select {
    ($($tokens:tt)*) => {
        $crate::__macros::__select! { ($crate) $($tokens)* }
    };
}
