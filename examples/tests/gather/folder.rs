//! A folder to run `gather` in.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

pub const GATHER: &str = env!("CARGO_BIN_EXE_gather");

/// A folder, and what `gather` does in it.
pub struct Folder(pub TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args(["120", program]).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    pub fn gather(&self, args: &[&str]) -> Output {
        without_notice(self.command(GATHER).args(args).output().unwrap())
    }

    /// Expects success.
    pub fn gathers(&self, args: &[&str]) -> String {
        let output = self.gather(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Expects exit status 1, a complaint of one line with all of `words` in it, and no file that was not there before.
    pub fn refuses(&self, args: &[&str], words: &[&str]) {
        let before = self.names();
        complains(&self.gather(args), words);
        assert_eq!(self.names(), before, "{args:?}");
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// What a program says itself: where io_uring is refused, the runtime says a line before.
pub fn without_notice(mut output: Output) -> Output {
    if output.stderr.starts_with(b"runtime: io_uring is not used") {
        let end = output.stderr.iter().position(|byte| *byte == b'\n').unwrap();
        output.stderr.drain(..=end);
    }
    output
}

pub fn complains(output: &Output, words: &[&str]) {
    let output = without_notice(output.clone());
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text.starts_with("gather: ") && text.lines().count() == 1, "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text:?}");
    }
}

/// Bytes that differ from block to block and from seed to seed.
pub fn bytes(seed: usize, len: usize) -> Vec<u8> {
    let mut state = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Says that a test could not be done here, also where the test runner captures what tests print.
pub fn skipped(test: &str, why: &str) {
    let mut uncaptured = io::stderr();
    writeln!(uncaptured, "SKIPPED: {test}: {why}").unwrap();
}
