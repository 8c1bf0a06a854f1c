//! [`CancellationToken`].

#[cfg(test)]
mod tests;
mod tree;

use std::{
    fmt,
    future::{Future, poll_fn},
    hash::{Hash, Hasher},
    ops::Deref,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
};

use self::tree::Node;
use super::notify::{Notify, Wait};
use crate::coop;

/// Says once, to all who hold it, that it is time to stop. What stops, and how, is theirs.
///
/// Clones are the same token. A [child](CancellationToken::child_token) is cancelled with its parent, and can be cancelled
/// alone.
pub struct CancellationToken {
    node: Rc<Node>,
}

/// Cancels its token when dropped.
#[derive(Debug)]
#[must_use = "dropped at once, it cancels at once"]
pub struct DropGuard {
    /// Taken only by `disarm`.
    token: Option<CancellationToken>,
}

/// Cancels the token that it borrows when dropped.
#[derive(Debug)]
#[must_use = "dropped at once, it cancels at once"]
pub struct DropGuardRef<'a> {
    /// Taken only by `disarm`.
    token: Option<&'a CancellationToken>,
}

/// The future of [`CancellationToken::cancelled`].
#[must_use = "futures do nothing unless polled"]
pub struct WaitForCancellationFuture<'a> {
    token: &'a CancellationToken,
    wait: Wait<&'a Notify>,
}

/// The future of [`CancellationToken::cancelled_owned`].
#[must_use = "futures do nothing unless polled"]
pub struct WaitForCancellationFutureOwned {
    wait: Wait<OfToken>,
}

/// What a token notifies, with the token.
struct OfToken(CancellationToken);

impl Deref for OfToken {
    type Target = Notify;

    fn deref(&self) -> &Notify {
        self.0.node.cancellation()
    }
}

impl CancellationToken {
    /// A token without a parent.
    pub fn new() -> CancellationToken {
        CancellationToken { node: Node::root() }
    }

    /// A token that is cancelled with this one. If this one is cancelled, so is the child.
    pub fn child_token(&self) -> CancellationToken {
        CancellationToken { node: self.node.child() }
    }

    /// Cancels this token and all its children. A second time, nothing happens.
    pub fn cancel(&self) {
        self.node.cancel();
    }

    /// True once it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Waits until it is cancelled.
    ///
    /// # Cancel safety
    /// Nothing is lost by a drop.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture { token: self, wait: Wait::new(self.node.cancellation()) }
    }

    /// As [`cancelled`](CancellationToken::cancelled); the future holds the token.
    ///
    /// # Cancel safety
    /// Nothing is lost by a drop.
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        WaitForCancellationFutureOwned { wait: Wait::new(OfToken(self)) }
    }

    /// A guard that cancels the token when it is dropped.
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }

    /// As [`drop_guard`](CancellationToken::drop_guard), by reference.
    pub fn drop_guard_ref(&self) -> DropGuardRef<'_> {
        DropGuardRef { token: Some(self) }
    }

    /// What `fut` gives, or `None` if the token is cancelled before. If both have come, the output of `fut` counts; but a
    /// token that is cancelled at the call keeps `fut` from being polled at all.
    ///
    /// # Cancel safety
    /// That of `fut`.
    pub async fn run_until_cancelled<F>(&self, fut: F) -> Option<F::Output>
    where
        F: Future,
    {
        if self.is_cancelled() {
            return None;
        }
        let (mut fut, mut cancelled) = (pin!(fut), pin!(self.cancelled()));
        poll_fn(|cx| match fut.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => cancelled.as_mut().poll(cx).map(|()| None),
        })
        .await
    }

    /// As [`run_until_cancelled`](CancellationToken::run_until_cancelled); the future holds the token.
    ///
    /// # Cancel safety
    /// That of `fut`.
    pub async fn run_until_cancelled_owned<F>(self, fut: F) -> Option<F::Output>
    where
        F: Future,
    {
        self.run_until_cancelled(fut).await
    }
}

impl Clone for CancellationToken {
    fn clone(&self) -> CancellationToken {
        self.node.add_handle();
        CancellationToken { node: self.node.clone() }
    }
}

impl Drop for CancellationToken {
    fn drop(&mut self) {
        self.node.remove_handle();
    }
}

impl Default for CancellationToken {
    fn default() -> CancellationToken {
        CancellationToken::new()
    }
}

/// Tokens are equal if they are clones of one.
impl PartialEq for CancellationToken {
    fn eq(&self, other: &CancellationToken) -> bool {
        Rc::ptr_eq(&self.node, &other.node)
    }
}

impl Eq for CancellationToken {}

impl Hash for CancellationToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Rc::as_ptr(&self.node).hash(state);
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

impl DropGuard {
    /// The token.
    pub fn token(&self) -> &CancellationToken {
        self.token.as_ref().expect("disarm takes the guard")
    }

    /// The token; it is not cancelled any more when the guard goes.
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("disarm takes the guard")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}

impl<'a> DropGuardRef<'a> {
    /// The token.
    pub fn token(&self) -> &CancellationToken {
        self.token.expect("disarm takes the guard")
    }

    /// The token; it is not cancelled any more when the guard goes.
    pub fn disarm(mut self) -> &'a CancellationToken {
        self.token.take().expect("disarm takes the guard")
    }
}

impl Drop for DropGuardRef<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            token.cancel();
        }
    }
}

impl Future for WaitForCancellationFuture<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        poll(this.token, &mut this.wait, cx)
    }
}

impl Future for WaitForCancellationFutureOwned {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let wait = &mut self.get_mut().wait;
        let token = wait.notify().0.clone();
        poll(&token, wait, cx)
    }
}

fn poll<N: Deref<Target = Notify>>(token: &CancellationToken, wait: &mut Wait<N>, cx: &mut Context<'_>) -> Poll<()> {
    let progress = ready!(coop::poll_proceed(cx));
    if !token.is_cancelled() {
        ready!(wait.poll(Some(cx.waker())));
    }
    progress.made();
    Poll::Ready(())
}

impl fmt::Debug for WaitForCancellationFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFuture").finish()
    }
}

impl fmt::Debug for WaitForCancellationFutureOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFutureOwned").finish()
    }
}
