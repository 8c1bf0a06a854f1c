//! The program `cp`.

#![forbid(unsafe_code)]

mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use self::support::{noise, text};

fn cp(from: &Path, to: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cp")).arg(from).arg(to).arg("--quiet").args(args).output().unwrap()
}

#[test]
fn any_size_arrives_byte_by_byte_on_every_engine() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    for size in [0, 1, 4095, 4096, 4097, 262_144, 1_000_000, 5_000_001] {
        let bytes = noise(size);
        fs::write(&from, &bytes).unwrap();
        for args in [
            &["--verify"][..],
            &["--verify", "--direct"],
            &["--lowering", "staged", "--block", "4", "--depth", "3"],
            &["--lowering", "gate", "--block", "16", "--depth", "2"],
            &["--group", "1", "--depth", "1", "--direct"],
            &["--group", "7", "--block", "12", "--direct", "--lowering", "gate"],
        ] {
            // Longer than what comes, so that the rest has to go.
            fs::write(&to, noise(6_000_000)).unwrap();
            let output = cp(&from, &to, args);
            if args.contains(&"--direct") && text(&output).contains("cannot open with O_DIRECT") {
                eprintln!("skipped: no O_DIRECT in {}", dir.path().display());
                continue;
            }
            assert!(output.status.success(), "{size} bytes {args:?}: {}", text(&output));
            assert!(fs::read(&to).unwrap() == bytes, "{size} bytes {args:?}");
        }
    }
}

#[test]
fn groups_are_one_enter_each_or_are_refused_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::write(&from, noise(1 << 20)).unwrap();
    let output = cp(&from, &to, &["--lowering", "groups"]);
    if output.status.success() {
        assert!(text(&output).contains("engine: groups") && fs::read(&to).unwrap() == noise(1 << 20));
    } else {
        assert!(
            text(&output).contains("no SQE groups") && text(&output).contains("use Lowering::"),
            "{}",
            text(&output)
        );
    }
}

#[test]
fn what_cannot_be_copied_is_said_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::write(&from, "source").unwrap();
    fs::write(&to, "destination").unwrap();
    let refused = |from: &Path, to: &Path, args: &[&str], why: &str| {
        let output = cp(from, to, args);
        assert!(!output.status.success() && text(&output).contains(why), "{}", text(&output));
    };
    refused(&dir.path().join("nothing"), &to, &[], "cannot open");
    refused(&from, &from, &[], "are the same file");
    refused(dir.path(), &to, &[], "neither a file nor a block device");
    refused(&from, dir.path(), &[], "neither a file nor a block device");
    refused(&from, Path::new("/dev/null"), &[], "neither a file nor a block device");
    refused(&from, &to, &["--block", "5"], "not a multiple of 4");
    fs::hard_link(&from, dir.path().join("link")).unwrap();
    refused(&from, &dir.path().join("link"), &[], "are the same file");
    assert_eq!((fs::read(&from).unwrap(), fs::read(&to).unwrap()), (b"source".to_vec(), b"destination".to_vec()));
}

/// A loop device, taken down with the test.
struct Loop(String);

impl Loop {
    fn new(file: &Path) -> Option<Loop> {
        let output = Command::new("losetup").args(["--find", "--show"]).arg(file).output().ok()?;
        let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(Loop(name))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.0]).status();
    }
}

#[test]
fn a_block_device_is_copied_and_not_overwritten_by_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, image) = (dir.path().join("disk"), dir.path().join("image"));
    fs::write(&disk, noise(3 << 20)).unwrap();
    let Some(device) = Loop::new(&disk) else {
        eprintln!("skipped: no loop devices here");
        return;
    };
    let name = Path::new(&device.0);
    for args in [&["--verify"][..], &["--verify", "--direct"]] {
        let output = cp(name, &image, args);
        assert!(output.status.success() && fs::read(&image).unwrap() == noise(3 << 20), "{}", text(&output));
    }
    let other = vec![7; 3 << 20];
    fs::write(&image, &other).unwrap();
    let output = cp(&image, name, &[]);
    assert!(!output.status.success() && text(&output).contains("say --device"), "{}", text(&output));
    let output = cp(&image, name, &["--device", "--direct", "--verify"]);
    assert!(output.status.success(), "{}", text(&output));
    drop(device);
    assert!(fs::read(&disk).unwrap() == other);
}
