//! System calls of a process, by perf(1), if there is one that may.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

/// Calls per operation while `work` runs, which gives the number of its operations.
pub fn count(process: u32, work: impl FnOnce() -> Option<u64>) -> Option<f64> {
    let mut command = Command::new("perf");
    command.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", &process.to_string()]);
    let perf = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
    // It counts from a moment that it does not tell, so the rest of the time is idle.
    std::thread::sleep(Duration::from_millis(200));
    let operations = work();
    let _ = Command::new("kill").args(["-INT", &perf.id().to_string()]).status();
    let text = String::from_utf8(perf.wait_with_output().ok()?.stderr).ok()?;
    let line = text.lines().find(|line| line.contains("sys_enter"))?;
    Some(line.split(',').next()?.parse::<f64>().ok()? / operations? as f64)
}
