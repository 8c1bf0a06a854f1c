//! `try_join!`.

/// Awaits several futures on this task at once, and gives all their values, or the first error.
///
/// It is an expression of an `async` block: `Ok` of the tuple of the values, in the order written, or the error of the
/// future that failed first. At that point the others are dropped, and ops among them cancelled. The futures give
/// `Result`s with the same error type. Any number of them.
///
/// With `biased;` in front they are polled in the order written each time the task is woken; without it, each time
/// another one is first.
///
/// # Cancel safety
/// Dropping the surrounding future drops all that are not done, and the values of those that are.
///
/// Cost: no allocation; each wake polls all futures that are not done.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use runtime::{fs::File, try_join};
///
/// let (from, to) = try_join!(File::open("from"), File::create("to"))?;
/// # drop((from, to));
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! try_join {
    ($($tokens:tt)*) => {
        $crate::__macros::__try_join! { ($crate) $($tokens)* }
    };
}
