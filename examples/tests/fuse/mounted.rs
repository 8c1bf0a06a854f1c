//! A mounted folder. Whatever becomes of the test, nothing stays mounted.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Sender, channel},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Longer than any test takes; then the connection is ended, so that what hangs in it fails.
const WATCH: Duration = Duration::from_secs(120);

/// The way that requests come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Rings,
    Device,
}

/// The same by both ways.
pub fn both(test: impl Fn(Way)) {
    for way in [Way::Rings, Way::Device] {
        test(way);
    }
}

pub struct Mounted {
    child: Child,
    source: TempDir,
    point: TempDir,
    /// Dropped with the test: the watchdog goes home.
    _watched: Sender<()>,
}

impl Mounted {
    /// Mounts an empty folder. `None`, and a word, where that cannot be done.
    pub fn new(way: Way, args: &[&str]) -> Option<Mounted> {
        Mounted::by(&mut Command::new(env!("CARGO_BIN_EXE_fuse")), None, way, args)
    }

    /// As [`new`](Mounted::new), for somebody who is not root, whom `fusermount3` helps.
    pub fn for_user(user: u32, way: Way) -> Option<Mounted> {
        let device = fs::metadata("/dev/fuse").map_or(0, |metadata| metadata.mode());
        if device & 0o006 != 0o006 {
            eprintln!("skipped: /dev/fuse is not for everybody");
            return None;
        }
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]);
        Mounted::by(command.arg(env!("CARGO_BIN_EXE_fuse")), Some(user), way, &[])
    }

    fn by(command: &mut Command, user: Option<u32>, way: Way, args: &[&str]) -> Option<Mounted> {
        if let Err(error) = File::options().read(true).write(true).open("/dev/fuse") {
            eprintln!("skipped: /dev/fuse: {error}");
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: these tests unmount by force, which needs root");
            return None;
        }
        let (source, point) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [source.path(), point.path()] {
            chown(dir, user, user).unwrap();
        }
        let mut child = command
            .args(if way == Way::Device { &["--no-uring"][..] } else { &[] })
            .args(args)
            .args([source.path(), point.path()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (watched, watch) = channel::<()>();
        let mut mount = Mounted { child, source, point, _watched: watched };
        let at = mount.point().to_owned();
        thread::spawn(move || {
            if watch.recv_timeout(WATCH) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{}: over after {WATCH:?}", at.display());
                unmount_by_force(&at);
            }
        });
        let by_rings = line.contains("queues of");
        if !by_rings && !line.contains("/dev/fuse") {
            panic!("not mounted: {:?}", mount.end());
        }
        if by_rings != (way == Way::Rings) {
            eprintln!("skipped: no rings for FUSE on this kernel");
            return None;
        }
        Some(mount)
    }

    /// What is below the mount.
    pub fn source(&self) -> &Path {
        self.source.path()
    }

    pub fn point(&self) -> &Path {
        self.point.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.point().join(name)
    }

    pub fn below(&self, name: &str) -> PathBuf {
        self.source().join(name)
    }

    pub fn is_mounted(&self) -> bool {
        let point = self.point().to_str().unwrap().to_owned();
        fs::read_to_string("/proc/mounts").unwrap().lines().any(|line| line.split(' ').nth(1) == Some(&*point))
    }

    pub fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }

    /// How the program ends, within 10 s, and what it says.
    pub fn end(&mut self) -> (ExitStatus, String) {
        let late = Instant::now() + Duration::from_secs(10);
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(Instant::now() < late, "the program does not end"),
            }
            thread::yield_now();
        };
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status, said)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.is_mounted() {
            unmount_by_force(self.point());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends the connection, and takes the mount away though it be in use.
fn unmount_by_force(point: &Path) {
    for how in ["-f", "-l"] {
        let _ = Command::new("umount").arg(how).arg(point).stderr(Stdio::null()).status();
    }
}

/// Runs a program that must succeed within a minute.
pub fn succeeds(program: &str, args: &[&str]) -> String {
    let output = run(program, args);
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn run(program: &str, args: &[&str]) -> Output {
    Command::new("timeout").args(["-k", "5", "60", program]).args(args).output().unwrap()
}
