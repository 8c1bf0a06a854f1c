//! How it ends: by ctrl-c, by umount, while it is in use, and where it cannot begin.

use std::{
    fs::{self, File},
    io::Read,
    process::Command,
};

use super::{
    mounted::{Mounted, Way, both, run, succeeds},
    support::has,
};

fn by_interrupt(way: Way) {
    let Some(mut mount) = Mounted::new(way, &[]) else { return };
    fs::write(mount.at("file"), "text").unwrap();
    mount.interrupt();
    let (status, _) = mount.end();
    assert!(status.success());
    assert!(!mount.is_mounted());
    assert_eq!(fs::read(mount.below("file")).unwrap(), b"text");
}

#[test]
fn ctrl_c_unmounts() {
    both(by_interrupt);
}

fn by_umount(way: Way) {
    let Some(mut mount) = Mounted::new(way, &[]) else { return };
    fs::write(mount.at("file"), "text").unwrap();
    succeeds("umount", &[mount.point().to_str().unwrap()]);
    let (status, said) = mount.end();
    assert!(status.success(), "{said}");
    assert!(!said.contains("gave up"), "{said}");
}

#[test]
fn umount_ends_the_program() {
    both(by_umount);
}

fn in_use(way: Way) {
    let Some(mut mount) = Mounted::new(way, &[]) else { return };
    fs::write(mount.at("file"), vec![1; 100_000]).unwrap();
    let mut open = File::open(mount.at("file")).unwrap();
    mount.interrupt();
    let (status, said) = mount.end();
    assert!(status.success(), "{said}");
    assert!(said.contains("in use") && !said.contains("gave up"), "{said}");
    assert!(!mount.is_mounted());
    let gone = open.read(&mut [0; 1]).unwrap_err().raw_os_error();
    assert!(matches!(gone, Some(103 | 107)), "ECONNABORTED or ENOTCONN: {gone:?}");
}

#[test]
fn who_has_files_open_is_told_that_it_is_over() {
    both(in_use);
}

fn killed_callers(way: Way) {
    let Some(mount) = Mounted::new(way, &["--queue-depth", "1"]) else { return };
    for round in 0..8 {
        let to = format!("of={}", mount.at("file").display());
        let mut writer = Command::new("dd")
            .args(["if=/dev/zero", &to, "bs=1M", "oflag=direct", "count=10000", "status=none"])
            .spawn()
            .unwrap();
        // Once it is in the middle of it.
        while writer.try_wait().unwrap().is_none() && fs::metadata(mount.below("file")).map_or(0, |m| m.len()) < 4 << 20
        {
            std::thread::yield_now();
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        fs::write(mount.at("other"), format!("{round}")).unwrap();
        assert_eq!(fs::read_to_string(mount.at("other")).unwrap(), format!("{round}"));
        fs::remove_file(mount.at("file")).unwrap();
    }
}

#[test]
fn a_caller_that_is_killed_takes_no_place_with_it() {
    both(killed_callers);
}

/// `fusermount3` wants a name for who asks.
const NOBODY: u32 = 65534;

#[test]
fn fusermount3_mounts_for_who_is_not_root() {
    if !has("fusermount3") || !has("setpriv") {
        return;
    }
    both(|way| {
        let Some(mut mount) = Mounted::for_user(NOBODY, way) else { return };
        let point = mount.point().to_str().unwrap();
        let script = "echo text > $0/file && cat $0/file";
        let text =
            succeeds("setpriv", &["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script, point]);
        assert_eq!(text, "text\n");
        assert_eq!(fs::read(mount.below("file")).unwrap(), b"text\n");
        mount.interrupt();
        let (status, said) = mount.end();
        assert!(status.success() && said.is_empty(), "{said}");
        assert!(!mount.is_mounted());
    });
}

#[test]
fn what_it_cannot_do_it_says() {
    let program = env!("CARGO_BIN_EXE_fuse");
    let help = succeeds(program, &["--help"]);
    for word in ["--no-uring", "--queue-depth", "<SOURCE>", "<MOUNTPOINT>"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    let dir = tempfile::tempdir().unwrap();
    let (path, missing) = (dir.path().to_str().unwrap(), dir.path().join("none"));
    for (source, point) in [(missing.to_str().unwrap(), path), (path, missing.to_str().unwrap())] {
        let output = run(program, &["--no-uring", source, point]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("none: No such file"), "{said}");
    }
    assert!(!run(program, &["--queue-depth", "0", path, path]).status.success());
}
