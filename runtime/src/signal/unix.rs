//! Signals by their Unix names and numbers.

use std::{
    future::poll_fn,
    io,
    os::raw::c_int,
    task::{Context, Poll},
};

use runtime_core::{
    shard::with_current,
    signal::{Listener, number},
};

/// A signal's number.
///
/// ```
/// # use runtime::signal::unix::SignalKind;
/// assert_eq!(SignalKind::from_raw(15), SignalKind::terminate());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignalKind(c_int);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:ident),+ $(,)?) => { $(
        $(#[$doc])*
        pub const fn $name() -> SignalKind {
            SignalKind(number::$number)
        }
    )+ };
}

impl SignalKind {
    /// The signal of this number, for those that have no name here: real-time signals.
    pub const fn from_raw(signum: c_int) -> SignalKind {
        SignalKind(signum)
    }

    /// The number.
    pub const fn as_raw_value(&self) -> c_int {
        self.0
    }

    kinds! {
        /// SIGALRM: a timer of alarm(2) or setitimer(2) has run out.
        alarm = SIGALRM,
        /// SIGCHLD: a child has ended, stopped or gone on.
        child = SIGCHLD,
        /// SIGHUP: the terminal is gone; to daemons, read the configuration again.
        hangup = SIGHUP,
        /// SIGINT: Ctrl-C.
        interrupt = SIGINT,
        /// SIGIO: I/O is possible.
        io = SIGIO,
        /// SIGPIPE: a write to a pipe or socket that nobody reads. Rust programs ignore it, and get EPIPE.
        pipe = SIGPIPE,
        /// SIGQUIT: Ctrl-\.
        quit = SIGQUIT,
        /// SIGTERM: a polite request to end.
        terminate = SIGTERM,
        /// SIGUSR1: whatever the program says.
        user_defined1 = SIGUSR1,
        /// SIGUSR2: whatever the program says.
        user_defined2 = SIGUSR2,
        /// SIGWINCH: the terminal has another size.
        window_change = SIGWINCH,
    }
}

impl From<c_int> for SignalKind {
    fn from(signum: c_int) -> SignalKind {
        SignalKind(signum)
    }
}

impl From<SignalKind> for c_int {
    fn from(kind: SignalKind) -> c_int {
        kind.0
    }
}

/// Listens to a signal, from now on.
///
/// The first listener of the process installs a handler, which stays: the signal never has its default effect again, for
/// instance that SIGTERM ends the process. A handler that was there before is still called.
///
/// # Errors
/// For SIGKILL, SIGSTOP, SIGILL, SIGFPE and SIGSEGV, and for what is no signal; those of sigaction(2); EMFILE, ENFILE.
///
/// # Panics
/// Outside a runtime.
///
/// # Cost
/// No thread. Each shard on which somebody listens has one small task and one SQE in flight from then on.
///
/// ```no_run
/// use runtime::signal::unix::{SignalKind, signal};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut hangups = signal(SignalKind::hangup())?;
///     while hangups.recv().await.is_some() {
///         println!("reading the configuration");
///     }
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    assert!(
        with_current(|_| ()).is_some(),
        "signal was called outside a runtime; use #[runtime::main] or Runtime::block_on"
    );
    Ok(Signal { listener: Listener::new(kind.0)? })
}

/// The deliveries of one signal. `Send` and `Sync`; any task on any shard may wait for it.
///
/// Each listener hears of every signal, but deliveries in short succession may be heard as one, as the kernel itself does. A
/// delivery between two calls of [`recv`](Signal::recv) is kept for the next.
///
/// The word comes from the shard on which this was made, or on which it is polled, as long as that runs.
#[derive(Debug)]
pub struct Signal {
    listener: Listener,
}

impl Signal {
    /// Waits for the next delivery. Never gives `None`.
    ///
    /// # Cancel safety
    /// No delivery is lost if it is dropped.
    pub async fn recv(&mut self) -> Option<()> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`recv`](Signal::recv), for use in a poll. The task that polled last is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.listener.poll(cx).map(Some)
    }
}
