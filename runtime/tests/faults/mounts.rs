//! Small file systems of the tests' own, which run full, refuse writes, or lose their device.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// A mounted file system; unmounted when it is dropped, by a panic too.
pub struct Mount {
    dir: TempDir,
    /// What its device lies on, if that is a mount as well. It goes after the device.
    below: Option<Box<Mount>>,
}

impl Mount {
    /// ext4 of so many MiB, without a journal: what happens to a write is then what happens to that write.
    pub fn ext4(mebibytes: u64) -> Option<Mount> {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(mebibytes << 20).unwrap();
        // The loop device keeps the image when its name has gone.
        Mount::of_image(image.path())
    }

    /// ext4 whose device fails: it says that it has far more room than the file system that it lies on. Only a sync finds
    /// out, and gives that one's ENOSPC.
    pub fn on_a_failing_device() -> Option<Mount> {
        let below = Mount::new(&["-t", "tmpfs", "-o", "size=2m", "none"])?;
        let image = below.path().join("image");
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let mut mount = Mount::of_image(&image)?;
        mount.below = Some(Box::new(below));
        Some(mount)
    }

    fn of_image(image: &Path) -> Option<Mount> {
        let image = image.to_str().unwrap();
        // The tables are written now, so that no kernel thread comes for them later.
        let tables = "lazy_itable_init=0,nodiscard";
        if !succeeds("mkfs.ext4", &["-q", "-F", "-O", "^has_journal", "-N", "64", "-m", "0", "-E", tables, image]) {
            eprintln!("skipped: mkfs.ext4 cannot be run");
            return None;
        }
        Mount::new(&["-t", "ext4", "-o", "loop,errors=continue", image])
    }

    fn new(arguments: &[&str]) -> Option<Mount> {
        let dir = tempfile::tempdir().unwrap();
        let mut all = arguments.to_vec();
        all.push(dir.path().to_str().unwrap());
        if !succeeds("mount", &all) {
            eprintln!("skipped: mount {} is refused; it takes root", arguments.join(" "));
            return None;
        }
        Some(Mount { dir, below: None })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn remount(&self, option: &str) {
        let option = format!("remount,{option}");
        assert!(succeeds("mount", &["-o", &option, self.path().to_str().unwrap()]), "{option}");
    }

    /// The device has as much room as it says.
    pub fn heal(&self) {
        self.below.as_ref().expect("made with a failing device").remount("size=100m");
    }

    /// What was written there is gone.
    pub fn cut_device(&self) {
        let image = self.below.as_ref().expect("made with a failing device").join("image");
        fs::OpenOptions::new().write(true).open(image).unwrap().set_len(0).unwrap();
    }

    /// Takes the room that is left, but for so many bytes.
    pub fn fill_but(&self, left: usize) {
        use std::io::Write;
        let mut file = fs::File::create(self.join("filling")).unwrap();
        // A sync gives blocks, and frees what was only set aside for the tables.
        let mut length = 0;
        loop {
            while file.write_all(&[1; 1024]).is_ok() {}
            file.sync_all().unwrap();
            let grown = file.metadata().unwrap().len();
            if grown == length {
                break;
            }
            length = grown;
        }
        file.set_len(length - left as u64).unwrap();
        file.sync_all().unwrap();
    }

    pub fn empty(&self) {
        fs::remove_file(self.join("filling")).unwrap();
    }

    /// All names but the file system's own, in order.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "lost+found" && name != "filling");
        names.sort();
        names
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        succeeds("umount", &["-l", self.path().to_str().unwrap()]);
    }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
