//! A mount whose requests come through rings, and that knows no names.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use runtime::{fuse::Device, task::spawn_blocking};
use tempfile::TempDir;

/// One at a time: the switch of the kernel's module stands for all.
static ONE: Mutex<()> = Mutex::new(());
const SWITCH: &str = "/sys/module/fuse/parameters/enable_uring";

pub struct Connection {
    pub device: Device,
    dir: TempDir,
    _one: MutexGuard<'static, ()>,
}

impl Connection {
    /// Mounts, and replies to INIT. `None`, and a word, where that cannot be done.
    pub fn new() -> Option<Connection> {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        if !fs::read_to_string(SWITCH).is_ok_and(|text| text.starts_with('Y'))
            && let Err(error) = fs::write(SWITCH, "Y")
        {
            eprintln!("skipped: {SWITCH} cannot be set: {error}");
            return None;
        }
        let opened = File::options().read(true).write(true).open("/dev/fuse");
        let mut device = opened.map_err(|error| eprintln!("skipped: /dev/fuse: {error}")).ok()?;
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-i", "-t", "fuse", "-o", "fd=0,rootmode=40000,user_id=0,group_id=0", "test"])
            .arg(dir.path())
            .stdin(Stdio::from(device.try_clone().unwrap()))
            .status();
        if !mount.is_ok_and(|status| status.success()) {
            eprintln!("skipped: cannot mount");
            return None;
        }
        let mut init = vec![0; 8192];
        assert!(device.read(&mut init).unwrap() >= 60, "a request comes whole");
        let word = |at: usize| u32::from_ne_bytes(init[at..at + 4].try_into().unwrap());
        assert_eq!(word(4), 26, "INIT comes first");
        let (init_ext, max_pages, over_io_uring) = (1 << 30, 1 << 22, 1 << 9);
        let offered = word(56) & over_io_uring != 0;
        let mut reply = [80, 0, 0, 0, 7, 42, 0, init_ext | max_pages, 0, PAYLOAD, 1, 32, over_io_uring]
            .map(u32::to_ne_bytes)
            .concat();
        reply[8..16].copy_from_slice(&init[8..16]);
        reply.resize(80, 0);
        device.write_all(&reply).unwrap();
        let connection = Connection { device: Device::new(device.into()).unwrap(), dir, _one: one };
        if !offered {
            eprintln!("skipped: the kernel offers no rings for FUSE");
            return None;
        }
        Some(connection)
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Ends the connection, whatever is under way.
    pub async fn end(&self) {
        let path = self.path().to_owned();
        spawn_blocking(move || unmount(&path)).await.unwrap();
    }
}

const PAYLOAD: u32 = super::PAYLOAD as u32;

fn unmount(path: &Path) {
    for how in ["-f", "-l"] {
        let _ = Command::new("umount").arg(how).arg(path).stderr(Stdio::null()).status();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        unmount(self.dir.path());
    }
}

/// A queue for each CPU that there may be.
pub fn queues() -> u16 {
    let text = fs::read_to_string("/sys/devices/system/cpu/possible").unwrap();
    text.trim().rsplit(['-', ',']).next().unwrap().parse::<u16>().unwrap() + 1
}

pub mod answer {
    use runtime::{Io, fuse::Entry, op::FuseFetch, plan::One};

    pub const LOOKUP: u32 = 1;

    pub fn opcode(entry: &Entry) -> u32 {
        u32::from_ne_bytes(entry.header()[4..8].try_into().unwrap())
    }

    /// Replies ENOENT.
    pub fn no_entry(entry: Entry) -> Io<One<FuseFetch>> {
        let mut reply = [[16, 0, 0, 0], (-libc::ENOENT).to_ne_bytes(), [0; 4], [0; 4]].concat();
        reply[8..].copy_from_slice(&entry.header()[8..16]);
        entry.reply(&reply, 0)
    }
}
