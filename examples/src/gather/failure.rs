//! What is told to the person at the terminal: what could not be done, with which file, why, and what to do about it.

use std::{fmt, io, path::Path};

/// Too many open files in this process, and in the whole system. `io::ErrorKind` has no stable name for them.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// A sentence for standard error. The run has ended; nothing was left under an output's name.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(text: impl Into<String>) -> Failure {
        Failure(text.into())
    }

    /// `action` is the verb: "cannot `action` `path`: `error`".
    pub fn of(action: &str, path: &Path, error: &io::Error) -> Failure {
        Failure(format!("cannot {action} {}: {error}{}", path.display(), advice(error)))
    }
}

fn advice(error: &io::Error) -> &'static str {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _) => {
            "; make room there, or write to another place"
        }
        (_, Some(EMFILE)) => {
            "; this process's limit (RLIMIT_NOFILE) is reached: raise `ulimit -n`, or lower --in-flight"
        }
        (_, Some(ENFILE)) => {
            "; the system's limit (fs.file-max) is reached: close other programs, or lower --in-flight"
        }
        _ => "",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
