//! Figures of time and memory, and where threads run.

use std::time::Duration;

use runtime::Runtime;
use rustix::time::{ClockId, clock_gettime};

use crate::contest::Sample;

/// A round on a runtime, with its calls of `io_uring_enter`.
pub fn on(runtime: &mut Runtime, operations: u32, work: impl FnOnce(&mut Runtime)) -> Sample {
    let before = runtime.counters();
    let mut sample = Sample::of(operations.into(), || work(runtime));
    sample.enters = Some(runtime.counters().since(&before).enters);
    sample
}

/// The same where other threads of the process are the other side: only this thread's CPU time counts.
pub fn on_this_thread(runtime: &mut Runtime, operations: u32, work: impl FnOnce(&mut Runtime)) -> Sample {
    let before = clock_gettime(ClockId::ThreadCPUTime);
    let mut sample = on(runtime, operations, work);
    let after = clock_gettime(ClockId::ThreadCPUTime);
    sample.cpu = Duration::try_from(after - before).expect("time goes on");
    sample
}

/// The time below which a share `q` of the times lie.
pub fn quantile(times: &mut [Duration], q: f64) -> Duration {
    times.sort();
    times[((times.len() as f64 * q) as usize).min(times.len() - 1)]
}

/// The number of this thread, by which other programs know it.
pub fn this_thread() -> String {
    let link = std::fs::read_link("/proc/thread-self").expect("a mounted /proc");
    link.file_name().expect("a thread's number").to_string_lossy().into_owned()
}

/// Keeps a thread, and those that it starts from now on, on one core.
pub fn pin(core: usize, thread: &str) {
    // std has no call for this, and the crate has no unsafe code.
    let done = std::process::Command::new("taskset").args(["-p", "-c", &core.to_string(), thread]).output();
    if !done.is_ok_and(|output| output.status.success()) {
        static NOTE: std::sync::Once = std::sync::Once::new();
        NOTE.call_once(|| eprintln!("note: no taskset(1), or no two cores: threads run where the kernel puts them"));
    }
}

/// The memory of this process that is resident now, in bytes.
pub fn resident() -> u64 {
    status("self", "VmRSS:").expect("the kernel's name for it")
}

/// The most it ever was.
pub fn peak_resident() -> u64 {
    status("self", "VmHWM:").expect("the kernel's name for it")
}

/// A line of `/proc/PROCESS/status`, in bytes.
pub fn status(process: &str, line: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|text| text.strip_prefix(line))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}
