//! Word that work is to stop, for any number of tasks, and for trees of them.

use std::{
    fmt,
    future::{Future, poll_fn},
    hash::{Hash, Hasher},
    panic::{RefUnwindSafe, UnwindSafe},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use super::waiters::Place;

mod guard;
mod tree;

pub use guard::{DropGuard, DropGuardRef};
use tree::Node;

/// Says that work is to stop. Clones are the same token; a [child](CancellationToken::child_token) is cancelled with its
/// parent, and alone.
///
/// Nothing is stopped by force: tasks ask, or wait for it beside their work. A token may be on any thread, in a runtime or
/// not. To ask takes one load; a family of tokens shares a lock, for new children, cancels, and drops of last clones.
///
/// ```
/// use runtime_core::sync::CancellationToken;
///
/// let (server, request) = { let server = CancellationToken::new(); let child = server.child_token(); (server, child) };
/// request.cancel();
/// assert!(request.is_cancelled() && !server.is_cancelled());
/// let next = server.child_token();
/// server.cancel();
/// assert!(next.is_cancelled());
/// ```
pub struct CancellationToken {
    node: Arc<Node>,
}

impl UnwindSafe for CancellationToken {}
impl RefUnwindSafe for CancellationToken {}

impl CancellationToken {
    /// A token without a parent, not cancelled.
    pub fn new() -> CancellationToken {
        CancellationToken { node: tree::root() }
    }

    /// A token that is cancelled with this one; cancelled itself, it leaves this one alone. Born cancelled if this one is.
    pub fn child_token(&self) -> CancellationToken {
        CancellationToken { node: tree::child(&self.node) }
    }

    /// Cancels this token and all that descend from it, and wakes who waits for that. Cancelled is for ever.
    ///
    /// Visits all descendants, and allocates a list of them.
    pub fn cancel(&self) {
        tree::cancel(&self.node);
    }

    /// True from the first cancel on, of this token or an ancestor.
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Waits for the cancel. Ready at once if it has come.
    ///
    /// # Cancel safety
    /// Dropped, it has done nothing.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture { token: self, place: None }
    }

    /// As [`cancelled`](CancellationToken::cancelled), but the future owns the token.
    ///
    /// # Cancel safety
    /// Dropped, it has done nothing but drop the token.
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        WaitForCancellationFutureOwned { token: self, place: None }
    }

    /// A guard that cancels the token when dropped.
    pub fn drop_guard(self) -> DropGuard {
        DropGuard::new(self)
    }

    /// As [`drop_guard`](CancellationToken::drop_guard), but the guard borrows the token.
    pub fn drop_guard_ref(&self) -> DropGuardRef<'_> {
        DropGuardRef::new(self)
    }

    /// Runs a future until it is done, or the token cancelled: then it is dropped, and the result is `None`.
    ///
    /// A token that is cancelled already keeps the future from being polled at all. Later, if both come at once, the
    /// future's result is given.
    ///
    /// # Cancel safety
    /// As the future's: it is dropped with this one, and by a cancel.
    ///
    /// ```
    /// # use runtime_core::sync::CancellationToken;
    /// # async fn example(token: CancellationToken, work: impl Future<Output = u8>) {
    /// match token.run_until_cancelled(work).await {
    ///     Some(result) => println!("{result}"),
    ///     None => println!("cancelled"),
    /// }
    /// # }
    /// ```
    pub async fn run_until_cancelled<F>(&self, fut: F) -> Option<F::Output>
    where
        F: Future,
    {
        if self.is_cancelled() {
            return None;
        }
        let (mut future, mut cancelled) = (pin!(fut), self.cancelled());
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Pin::new(&mut cancelled).poll(cx).map(|()| None),
        })
        .await
    }

    /// As [`run_until_cancelled`](CancellationToken::run_until_cancelled), but this future owns the token.
    ///
    /// # Cancel safety
    /// As the future's: it is dropped with this one, and by a cancel.
    pub async fn run_until_cancelled_owned<F>(self, fut: F) -> Option<F::Output>
    where
        F: Future,
    {
        self.run_until_cancelled(fut).await
    }

    fn poll_cancelled(&self, place: &mut Place, cx: &Context<'_>) -> Poll<()> {
        self.node.waiters.poll_until(place, cx, || self.is_cancelled().then_some(()))
    }
}

impl Default for CancellationToken {
    fn default() -> CancellationToken {
        CancellationToken::new()
    }
}

impl Clone for CancellationToken {
    fn clone(&self) -> CancellationToken {
        CancellationToken { node: Arc::clone(&self.node) }
    }
}

/// Two tokens are equal if one is a clone of the other.
impl PartialEq for CancellationToken {
    fn eq(&self, other: &CancellationToken) -> bool {
        Arc::ptr_eq(&self.node, &other.node)
    }
}

impl Eq for CancellationToken {}

impl Hash for CancellationToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.node).hash(state);
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

/// Ready once its token is cancelled. Made by [`CancellationToken::cancelled`].
#[must_use = "futures do nothing unless awaited"]
pub struct WaitForCancellationFuture<'a> {
    token: &'a CancellationToken,
    place: Place,
}

impl Future for WaitForCancellationFuture<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.token.poll_cancelled(&mut self.place, cx)
    }
}

impl Drop for WaitForCancellationFuture<'_> {
    fn drop(&mut self) {
        self.token.node.waiters.leave(&mut self.place);
    }
}

impl fmt::Debug for WaitForCancellationFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFuture").finish_non_exhaustive()
    }
}

/// Ready once its token, which it owns, is cancelled. Made by [`CancellationToken::cancelled_owned`].
#[must_use = "futures do nothing unless awaited"]
pub struct WaitForCancellationFutureOwned {
    token: CancellationToken,
    place: Place,
}

impl Future for WaitForCancellationFutureOwned {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let WaitForCancellationFutureOwned { token, place } = &mut *self;
        token.poll_cancelled(place, cx)
    }
}

impl Drop for WaitForCancellationFutureOwned {
    fn drop(&mut self) {
        self.token.node.waiters.leave(&mut self.place);
    }
}

impl fmt::Debug for WaitForCancellationFutureOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFutureOwned").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
