//! What has to end before an op's plan goes to the kernel: a write of a file's cursor that a thread of the pool carries out.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A wait, or none.
#[derive(Default)]
pub struct Before(Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>);

impl Before {
    /// Waits for `future`.
    pub fn wait_for(future: impl Future<Output = ()> + Send + Sync + 'static) -> Before {
        Before(Some(Box::pin(future)))
    }

    /// Ready from the time that the wait has ended.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(wait) = &mut self.0 else { return Poll::Ready(()) };
        let polled = wait.as_mut().poll(cx);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Before").field(&self.0.is_some()).finish()
    }
}
