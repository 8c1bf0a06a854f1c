//! Which kernel a shard works on: io_uring, or the emulated one where that is refused.

use std::{env, fmt, io, io::Write, sync::Once};

use crate::{
    emulated::Emulated,
    features::SetupError,
    kernel,
    ring::{Ring, RingConfig},
};

/// The environment variable that chooses where the builder does not.
pub const VARIABLE: &str = "RUNTIME_KERNEL";

/// By which interface of the kernel a runtime does its I/O.
///
/// Where io_uring is refused (default container profiles, `kernel.io_uring_disabled`), missing or too old, [`Auto`](Kernel::Auto)
/// takes the **emulated kernel**: the same ops, chains, time limits, cancels and slots, carried out by plain system calls, an
/// epoll per shard, and threads for what blocks on files. Programs and plans mean the same on both. What differs:
///
/// | | io_uring | emulated |
/// |---|---|---|
/// | a slot (`Builder::slots`, `accept_slots`) | no descriptor | an ordinary one, close-on-exec: it counts in RLIMIT_NOFILE |
/// | SQE groups, `Lowering::Groups` | where the kernel has them | none |
/// | `PoolOptions::bundles`, `incremental` | Linux 6.10, 6.12 | none; a buffer takes one receive |
/// | `Builder::wide_sqes`, `fuse::Entry` | Linux 6.14 | no wide SQEs: an entry's ops are `InvalidInput`; read `/dev/fuse` |
/// | a wake from another thread | a message to the ring (Linux 6.13), else an eventfd | an eventfd |
/// | reads of one file of FUSE | one after the other | at once, on threads: where it shrinks meanwhile, the kernel may show zeroes beyond its new end |
/// | `FixedBuffers` | pinned: they count in RLIMIT_MEMLOCK | memory like any other |
/// | `send_zc` | the pages are lent to the device | the bytes are copied; the buffer is back at once |
/// | a cancelled op on a file or a path | ends with ECANCELED if the kernel's worker can be interrupted | runs to its end once a thread has begun it; one that hangs (NFS, the open of a FIFO) holds its thread, and shutdown up to its time-out |
/// | cancel of what is linked behind it | ends with it | the op runs if it goes with the same thread; its result is told |
/// | accept on a blocking listener | never blocks the shard | blocks it, if another process takes the connection between two calls |
/// | connect to a Unix listener whose queue is full | waits for room | tried again each ms |
/// | `IORING_SETUP` flags (`TaskRun`), `Metrics::enters` | as told there | no meaning; calls into the emulated kernel |
/// | threads | the kernel's own workers | up to 64 per shard, `runtime-files`, for 10 s without work |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kernel {
    /// io_uring; where it is refused or too old, the emulated one, and a line on stderr says why.
    #[default]
    Auto,
    /// io_uring, or an error.
    IoUring,
    /// Plain system calls, epoll and threads, though io_uring may be there.
    Emulated,
}

/// The interface that a shard works on, as [`Metrics`](crate::Metrics) tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Interface {
    /// io_uring.
    #[default]
    IoUring,
    /// Plain system calls, epoll and threads.
    Emulated,
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Interface::IoUring => "io_uring",
            Interface::Emulated => "emulated (epoll and threads)",
        })
    }
}

impl Kernel {
    /// What the environment asks for; `Auto` if it does not say.
    ///
    /// # Errors
    /// `InvalidInput` for a value that means nothing.
    pub fn from_environment() -> io::Result<Kernel> {
        match env::var_os(VARIABLE) {
            None => Ok(Kernel::Auto),
            Some(value) => Kernel::parse(&value.to_string_lossy()),
        }
    }

    fn parse(value: &str) -> io::Result<Kernel> {
        match value {
            "" | "auto" => Ok(Kernel::Auto),
            "io_uring" => Ok(Kernel::IoUring),
            "emulated" => Ok(Kernel::Emulated),
            other => {
                let text = format!("{VARIABLE}={other:?} names no kernel interface: use auto, io_uring or emulated");
                Err(io::Error::new(io::ErrorKind::InvalidInput, text))
            }
        }
    }

    /// Sets a kernel up on this thread. `wide`: with SQEs of 128 bytes, which the emulated one does not have.
    ///
    /// # Errors
    /// The cause and the remedy, as [`SetupError`] tells them; with `Auto` only what the emulated kernel cannot help:
    /// sizes that no kernel takes, and want of descriptors.
    pub fn open(self, config: RingConfig, wide: bool) -> io::Result<Box<dyn kernel::Kernel>> {
        if self == Kernel::Emulated {
            return Ok(Box::new(Emulated::new(config)?));
        }
        let ring: Result<Box<dyn kernel::Kernel>, SetupError> = if wide {
            Ring::wide(config).map(|ring| Box::new(ring) as _)
        } else {
            Ring::new(config).map(|ring| Box::new(ring) as _)
        };
        match ring {
            Err(cause) if self == Kernel::Auto && cause.is_refusal() => {
                let emulated = Emulated::new(config)?;
                say_once(&cause);
                Ok(Box::new(emulated))
            }
            opened => Ok(opened?),
        }
    }
}

fn say_once(cause: &SetupError) {
    static SAID: Once = Once::new();
    // A stderr that takes nothing is no reason to end.
    SAID.call_once(|| {
        let _ = writeln!(io::stderr(), "runtime: io_uring is not used, epoll and threads serve in its place: {cause}");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_has_three_values() {
        let parsed = ["", "auto", "io_uring", "emulated"].map(|value| Kernel::parse(value).unwrap());
        assert_eq!(parsed, [Kernel::Auto, Kernel::Auto, Kernel::IoUring, Kernel::Emulated]);
        let error = Kernel::parse("epoll").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("RUNTIME_KERNEL=\"epoll\""), "{error}");
    }
}
