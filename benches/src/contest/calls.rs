//! System calls of a process, by perf(1), if there is one that may.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

const ALL: &str = "raw_syscalls:sys_enter";
const ENTERS: &str = "syscalls:sys_enter_io_uring_enter";

/// Calls per operation.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    pub all: f64,
    /// Of `io_uring_enter`.
    pub enters: f64,
}

/// Counts what a process calls.
pub struct Count(Child);

impl Count {
    /// It begins a moment later: see [`Count::settle`].
    pub fn start(process: u32) -> Option<Count> {
        let mut command = Command::new("perf");
        command.args(["stat", "-x,", "-e", ALL, "-e", ENTERS, "-p", &process.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok().map(Count)
    }

    /// Until all that were started count; they do not tell when.
    pub fn settle() {
        std::thread::sleep(Duration::from_millis(250));
    }

    /// After so many operations.
    pub fn finish(mut self, operations: u64) -> Option<Calls> {
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut self.0.stderr.take()?, &mut text).ok()?;
        let count = |event: &str| {
            let line = text.lines().find(|line| line.contains(event))?;
            Some(line.split(',').next()?.parse::<f64>().ok()? / operations as f64)
        };
        Some(Calls { all: count(ALL)?, enters: count(ENTERS)? })
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
