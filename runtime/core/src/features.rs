//! What the kernel offers, and why it refuses.
//!
//! The floor is Linux 6.1. Anything newer that we use is probed by opcode or by flag, never by version number; the
//! version is read only to say in an error what was found.

use std::{fmt, io};

use io_uring::{Probe, opcode};

/// Oldest kernel that the runtime starts on.
pub const KERNEL_MIN: (u32, u32) = (6, 1);

/// What the running kernel can do beyond the floor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// A slot can be turned into an ordinary descriptor (IORING_OP_FIXED_FD_INSTALL, Linux 6.8).
    pub fd_install: bool,
    /// `ftruncate` by SQE (IORING_OP_FTRUNCATE, Linux 6.9).
    pub ftruncate: bool,
    /// One receive can fill several buffers (IORING_FEAT_RECVSEND_BUNDLE, Linux 6.10).
    pub bundles: bool,
    /// How SQE groups work; `None` on kernels without them, which is every released one.
    pub groups: Option<Groups>,
}

/// When the members of an SQE group start: the versions of the series differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// With the leader.
    WithLeader,
    /// Only after the leader has completed; if it failed, not at all.
    AfterLeader,
}

impl Features {
    /// Reads the opcode probe of a ring.
    pub(crate) fn from_probe(probe: &Probe) -> Features {
        Features {
            fd_install: probe.is_supported(opcode::FixedFdInstall::CODE),
            ftruncate: probe.is_supported(opcode::Ftruncate::CODE),
            bundles: false,
            groups: None,
        }
    }
}

/// Why no ring could be set up. `Display` gives the cause and the remedy.
#[derive(Debug)]
pub enum SetupError {
    /// ENOSYS: no io_uring in this kernel, or a sandbox that hides it.
    Missing,
    /// EPERM with `kernel.io_uring_disabled` set to this value.
    Sysctl(u8),
    /// EPERM without the sysctl: a seccomp profile or a security module.
    Seccomp,
    /// ENOMEM: RLIMIT_MEMLOCK (bytes; `None` for unlimited) is too low for the rings.
    Memlock(Option<u64>),
    /// EMFILE or ENFILE: no descriptor left for the ring.
    Descriptors(io::Error),
    /// The kernel is older than the floor; its release string.
    TooOld(String),
    /// A queue size that the kernel refuses.
    Entries {
        /// Submission queue entries asked for.
        sq: u32,
        /// Completion queue entries asked for.
        cq: u32,
    },
    /// Anything else.
    Other(io::Error),
}

impl SetupError {
    /// Finds out what a failed `io_uring_setup` meant.
    pub(crate) fn explain(error: io::Error, sq: u32, cq: u32) -> SetupError {
        match error.raw_os_error() {
            Some(libc::ENOSYS) => SetupError::Missing,
            Some(libc::EPERM) | Some(libc::EACCES) => match disabled_by_sysctl() {
                0 => SetupError::Seccomp,
                level => SetupError::Sysctl(level),
            },
            Some(libc::ENOMEM) => SetupError::Memlock(memlock_limit()),
            Some(libc::EMFILE) | Some(libc::ENFILE) => SetupError::Descriptors(error),
            Some(libc::EINVAL) if kernel_version().is_some_and(|(version, _)| version < KERNEL_MIN) => {
                SetupError::TooOld(kernel_version().map(|(_, release)| release).unwrap_or_default())
            }
            Some(libc::EINVAL) => SetupError::Entries { sq, cq },
            _ => SetupError::Other(error),
        }
    }

    /// Whether this machine refuses io_uring as such, or the memory for it; else something else was wrong.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            SetupError::Missing | SetupError::Sysctl(_) | SetupError::Seccomp | SetupError::TooOld(_) => true,
            SetupError::Memlock(_) => true,
            SetupError::Descriptors(_) | SetupError::Entries { .. } => false,
            SetupError::Other(_) => true,
        }
    }

    fn kind(&self) -> io::ErrorKind {
        match self {
            SetupError::Missing | SetupError::TooOld(_) => io::ErrorKind::Unsupported,
            SetupError::Sysctl(_) | SetupError::Seccomp => io::ErrorKind::PermissionDenied,
            SetupError::Memlock(_) => io::ErrorKind::OutOfMemory,
            SetupError::Entries { .. } => io::ErrorKind::InvalidInput,
            SetupError::Descriptors(error) | SetupError::Other(error) => error.kind(),
        }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupError::Missing => write!(
                f,
                "io_uring_setup: ENOSYS: this kernel has no io_uring, or a sandbox hides it; \
                 use Linux 6.1 or later with CONFIG_IO_URING, or allow the io_uring system calls in the sandbox"
            ),
            SetupError::Sysctl(level) => write!(
                f,
                "io_uring_setup: EPERM: kernel.io_uring_disabled is {level}; set it to 0 \
                 (`sysctl -w kernel.io_uring_disabled=0`){}",
                if *level == 1 { ", or put the user into the group named by kernel.io_uring_group" } else { "" }
            ),
            SetupError::Seccomp => write!(
                f,
                "io_uring_setup: EPERM: a seccomp profile or security module refuses io_uring, as container engines \
                 do by default; allow io_uring_setup, io_uring_enter and io_uring_register \
                 (docker run --security-opt seccomp=PROFILE.json)"
            ),
            SetupError::Memlock(limit) => {
                let limit = limit.map_or("unlimited".to_string(), |bytes| format!("{bytes} bytes"));
                write!(
                    f,
                    "io_uring_setup: ENOMEM: the rings do not fit the locked memory limit (RLIMIT_MEMLOCK is {limit}) \
                     or memory is short; raise it (`ulimit -l`, LimitMEMLOCK=) or lower sq_entries and cq_entries"
                )
            }
            SetupError::Descriptors(error) => {
                write!(f, "io_uring_setup: {error}; raise the limit of open files (`ulimit -n`) or close some")
            }
            SetupError::TooOld(release) => write!(
                f,
                "io_uring_setup: EINVAL: Linux {release} is older than {}.{}, the oldest supported; use a newer kernel",
                KERNEL_MIN.0, KERNEL_MIN.1
            ),
            SetupError::Entries { sq, cq } => write!(
                f,
                "io_uring_setup: EINVAL: queue sizes refused: sq_entries {sq} (1 to 32768), \
                 cq_entries {cq} (at least sq_entries, at most 65536)"
            ),
            SetupError::Other(error) => write!(f, "io_uring_setup: {error}"),
        }
    }
}

impl std::error::Error for SetupError {}

impl From<SetupError> for io::Error {
    fn from(error: SetupError) -> io::Error {
        io::Error::new(error.kind(), error)
    }
}

fn disabled_by_sysctl() -> u8 {
    std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

/// The soft limit RLIMIT_MEMLOCK in bytes; `None` if unlimited or unknown.
fn memlock_limit() -> Option<u64> {
    soft_limit(libc::RLIMIT_MEMLOCK)
}

/// The soft limit RLIMIT_NOFILE; `None` if unlimited or unknown.
pub(crate) fn open_files_limit() -> Option<u64> {
    soft_limit(libc::RLIMIT_NOFILE)
}

fn soft_limit(resource: libc::__rlimit_resource_t) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a local that outlives the call, the only user of its address. Test: tests::limits_are_read.
    let failed = unsafe { libc::getrlimit(resource, &mut limit) } != 0;
    (!failed && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// Major and minor version of the running kernel, and its whole release string.
pub fn kernel_version() -> Option<((u32, u32), String)> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?.trim().to_string();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let version = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some((version, release))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        assert!(open_files_limit().is_none_or(|limit| limit > 0));
        assert!(kernel_version().unwrap().0 >= (4, 0));
    }

    #[test]
    fn each_cause_names_its_remedy() {
        let cases = [
            (libc::ENOSYS, "CONFIG_IO_URING", io::ErrorKind::Unsupported),
            (libc::ENOMEM, "RLIMIT_MEMLOCK", io::ErrorKind::OutOfMemory),
            (libc::EMFILE, "ulimit -n", io::ErrorKind::Other),
            (libc::EINVAL, "sq_entries 3", io::ErrorKind::InvalidInput),
        ];
        for (errno, word, kind) in cases {
            let error = io::Error::from(SetupError::explain(io::Error::from_raw_os_error(errno), 3, 2));
            assert!(error.to_string().contains(word), "{error}");
            assert!(kind == io::ErrorKind::Other || error.kind() == kind, "{error:?}");
        }
        let texts =
            [SetupError::Sysctl(1), SetupError::Sysctl(2), SetupError::Seccomp, SetupError::TooOld("5.4.0".into())]
                .map(|error| error.to_string());
        for (text, word) in texts.iter().zip(["io_uring_group", "io_uring_disabled=0", "seccomp", "5.4.0"]) {
            assert!(text.contains(word), "{text}");
        }
    }
}
