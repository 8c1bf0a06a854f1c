//! Guards that cancel a token when dropped, so that no way out is forgotten.

use std::mem::ManuallyDrop;

use super::CancellationToken;

/// Cancels its token when dropped. Made by [`CancellationToken::drop_guard`].
#[derive(Debug)]
#[must_use = "a guard that is not kept cancels the token at once"]
pub struct DropGuard {
    /// `None` once disarmed.
    token: Option<CancellationToken>,
}

impl DropGuard {
    pub(super) fn new(token: CancellationToken) -> DropGuard {
        DropGuard { token: Some(token) }
    }

    /// The token.
    pub fn token(&self) -> &CancellationToken {
        self.token.as_ref().expect("only disarm takes it, and the guard with it")
    }

    /// Gives the token back without cancelling it.
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("only disarm takes it, and the guard with it")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}

/// Cancels the token that it borrows when dropped. Made by [`CancellationToken::drop_guard_ref`].
#[derive(Debug)]
#[must_use = "a guard that is not kept cancels the token at once"]
pub struct DropGuardRef<'a> {
    token: &'a CancellationToken,
}

impl<'a> DropGuardRef<'a> {
    pub(super) fn new(token: &'a CancellationToken) -> DropGuardRef<'a> {
        DropGuardRef { token }
    }

    /// The token.
    pub fn token(&self) -> &CancellationToken {
        self.token
    }

    /// Gives the token back without cancelling it.
    pub fn disarm(self) -> &'a CancellationToken {
        ManuallyDrop::new(self).token
    }
}

impl Drop for DropGuardRef<'_> {
    fn drop(&mut self) {
        self.token.cancel();
    }
}
