//! What the figures were measured on, and against.

use std::{fs, process::Command};

use serde::{Deserialize, Serialize};

/// The packages whose versions are told.
const PEERS: [&str; 8] = ["tokio", "monoio", "compio", "glommio", "tokio-uring", "hyper", "hyper-util", "io-uring"];
/// As it was when this program was built.
const LOCK: &str = include_str!("../../../Cargo.lock");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub kernel: String,
    pub cpu: String,
    pub cpus: usize,
    pub memory_mib: u64,
    pub flags: String,
    pub commit: String,
    pub peers: Vec<String>,
    /// Of one minute, as the run began: others at work make every figure worse.
    pub load: String,
    /// The kind of run.
    pub mode: String,
    pub date: String,
}

impl Machine {
    pub fn here(mode: &str) -> Machine {
        let memory = read("/proc/meminfo").lines().find_map(|line| number(line.strip_prefix("MemTotal:")?));
        Machine {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            cpu: cpu(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory.unwrap_or(0) / 1024,
            flags: if cfg!(debug_assertions) { "debug: these figures mean nothing" } else { "release" }.to_owned(),
            commit: commit(),
            peers: PEERS.iter().filter_map(|name| version(LOCK, name)).collect(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            mode: mode.to_owned(),
            date: output("date", &["-u", "+%Y-%m-%d"]),
        }
    }

    pub fn lines(&self) -> Vec<String> {
        vec![
            format!(
                "Linux {}; {}, {} CPUs, {} MiB; load {} at the start",
                self.kernel, self.cpu, self.cpus, self.memory_mib, self.load
            ),
            format!("{} build of commit {}, {}; {}", self.flags, self.commit, self.mode, self.date),
            format!("against {}", self.peers.join(", ")),
        ]
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn number(text: &str) -> Option<u64> {
    text.trim().trim_end_matches(" kB").parse().ok()
}

fn cpu() -> String {
    let info = read("/proc/cpuinfo");
    let value = |key: &str| info.lines().find(|line| line.starts_with(key)).and_then(|line| line.split(": ").nth(1));
    value("model name").unwrap_or("an unknown CPU").to_owned()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn commit() -> String {
    let commit = output("git", &["rev-parse", "--short", "HEAD"]);
    match (commit.is_empty(), output("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty()) {
        (true, _) => "unknown".to_owned(),
        (_, true) => commit,
        (_, false) => format!("{commit} and changes"),
    }
}

/// `name version`, from the text of a lock file. The newest, where there are several.
fn version(lock: &str, name: &str) -> Option<String> {
    let head = format!("name = \"{name}\"");
    let mut lines = lock.lines();
    let mut found = None;
    while lines.by_ref().any(|line| line == head) {
        found = lines.next()?.strip_prefix("version = ").map(|version| format!("{name} {}", version.trim_matches('"')));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_knows_all_peers() {
        for name in PEERS {
            let version = version(LOCK, name).unwrap_or_else(|| panic!("no {name}"));
            assert!(version.len() > name.len() + 3, "{version}");
        }
        assert_eq!(version("name = \"a\"\nversion = \"1\"\n\nname = \"a\"\nversion = \"2\"\n", "a").unwrap(), "a 2");
        assert_eq!(version(LOCK, "no such package"), None);
    }
}
