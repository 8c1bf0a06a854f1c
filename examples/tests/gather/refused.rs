//! What `gather` refuses, with a complaint that helps, and nothing left behind.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use crate::{
    WAYS,
    folder::{Folder, GATHER, bytes, complains, skipped},
};

#[test]
fn a_wrong_command_line_is_status_2() {
    let folder = Folder::new();
    folder.write("a", b"a");
    for args in [
        &["--out", "out"][..],
        &["a"],
        &["--scatter"],
        &["--scatter", "a"],
        &["--mirror", "a"],
        &["--mirror", "--scatter", "a", "b"],
        &["--scatter", "a", "b", "--out", "out"],
        &["--verify", "a", "--out", "out"],
        &["--verify"],
        &["--verify", "--scatter", "a", "out"],
        &["a", "--out", "out", "--lowering", "fast"],
        &["a", "--out", "out", "--lowering", "chain", "--await-each"],
        &["a", "--out", "out", "--sq-entries", "0"],
        &["a", "--out", "out", "--blocks", "0"],
        &["a", "--out", "out", "--in-flight", "17"],
    ] {
        let output = folder.gather(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--help"), "{args:?}");
    }
    assert_eq!(folder.names(), ["a"]);
}

#[test]
fn sources_that_cannot_be_read() {
    let folder = Folder::new();
    folder.write("a", b"a");
    fs::create_dir(folder.path("folder")).unwrap();
    assert!(folder.command("mkfifo").arg("pipe").status().unwrap().success());
    folder.refuses(&["a", "missing", "--out", "out"], &["missing", "No such file"]);
    folder.refuses(&["a", "folder", "--out", "out"], &["folder", "is a directory"]);
    folder.refuses(&["a", "pipe", "--out", "out"], &["pipe", "not a regular file"]);
    folder.refuses(&["/proc/self/status", "--out", "out"], &["/proc/self/status", "says that its size is 0"]);
    folder.refuses(&["--scatter", "missing", "x", "y"], &["missing", "No such file"]);
}

/// A file of sysfs says that it has 4096 bytes and ends long before: what a file that shrinks while it is read does.
#[test]
fn a_source_that_ends_before_its_size() {
    let shrinking = "/sys/kernel/mm/transparent_hugepage/enabled";
    if fs::metadata(shrinking).map(|metadata| metadata.len()).unwrap_or(0) < 4096 {
        skipped("a_source_that_ends_before_its_size", &format!("no {shrinking} on this machine"));
        return;
    }
    let folder = Folder::new();
    folder.write("a", &bytes(1, 3_000_000));
    folder.write("old", b"old");
    for way in WAYS {
        let words = [shrinking, "4096 bytes", "cut while it was read"];
        folder.refuses(&[&["a", shrinking, "a", "--out", "old"], way].concat(), &words);
        folder.refuses(&[&["--scatter", shrinking, "old", "new"], way].concat(), &words);
        folder.refuses(&[&["--mirror", "--verify", shrinking, "old", "new"], way].concat(), &words);
    }
    assert_eq!(folder.read("old"), b"old");
}

#[test]
fn outputs_that_are_a_source_or_each_other() {
    let folder = Folder::new();
    folder.write("a", b"content");
    folder.write("b", b"other");
    symlink("a", folder.path("link")).unwrap();
    fs::hard_link(folder.path("a"), folder.path("hard")).unwrap();
    fs::create_dir(folder.path("folder")).unwrap();
    symlink("folder", folder.path("way")).unwrap();
    for out in ["a", "./a", "link", "hard", "folder/../a"] {
        folder.refuses(&["b", "a", "--out", out], &[out, "same file as source a"]);
        folder.refuses(&["--scatter", "a", "new", out], &[out, "same file as source a"]);
    }
    for (one, other) in [("b", "b"), ("new", "new"), ("new", "./new"), ("a", "hard"), ("folder/new", "way/new")] {
        folder.write("source", b"source");
        folder.refuses(&["--scatter", "source", one, other], &[other, "same file as output"]);
    }
    assert_eq!((folder.read("a"), folder.read("b")), (b"content".to_vec(), b"other".to_vec()));
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = Folder::new();
    folder.write("a", b"a");
    fs::create_dir(folder.path("folder")).unwrap();
    symlink("nowhere", folder.path("dangling")).unwrap();
    folder.refuses(&["a", "--out", "folder"], &["folder", "directory"]);
    folder.refuses(&["a", "--out", "new/"], &["new/", "not the name of a file"]);
    folder.refuses(&["a", "--out", "missing/out"], &["missing/out", "No such file"]);
    folder.refuses(&["a", "--out", "dangling"], &["dangling", "symbolic link"]);
    folder.refuses(&["--scatter", "a", "good", "missing/out"], &["missing/out", "No such file"]);
}

#[test]
fn no_permission() {
    let folder = Folder::new();
    // Root may do everything, so this runs as nobody, with a copy of the program that nobody can reach.
    let run = |args: &[&str]| {
        let mut command = folder.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "./program"]).args(args).output().unwrap()
    };
    let open = |name: &str, mode| fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
    fs::copy(GATHER, folder.path("program")).unwrap();
    open("", 0o755);
    open("program", 0o755);
    if !run(&["--version"]).status.success() {
        skipped("no_permission", "setpriv cannot run a program as nobody here (not root, or not installed)");
        return;
    }
    for (name, mode) in [("closed", 0o600), ("readable", 0o444)] {
        folder.write(name, b"content");
        open(name, mode);
    }
    fs::create_dir(folder.path("theirs")).unwrap();
    open("theirs", 0o777);
    let before = folder.names();
    complains(&run(&["readable", "closed", "--out", "theirs/out"]), &["closed", "Permission denied"]);
    complains(&run(&["readable", "--out", "out"]), &["write to out", "Permission denied"]);
    folder.write("theirs/readable", b"kept");
    open("theirs/readable", 0o444);
    complains(&run(&["readable", "--out", "theirs/readable"]), &["theirs/readable", "Permission denied"]);
    assert_eq!(folder.read("theirs/readable"), b"kept");
    assert_eq!(fs::read_dir(folder.path("theirs")).unwrap().count(), 1);
    assert_eq!(folder.names(), before);
    assert!(run(&["readable", "--out", "theirs/out"]).status.success());
}

/// On a file system of 2 MiB in a mount namespace of its own, which ends with the shell.
#[test]
fn no_space() {
    let folder = Folder::new();
    fs::create_dir(folder.path("small")).unwrap();
    folder.write("a", &bytes(1, 3_000_000));
    let mount = "mount -t tmpfs -o size=2m small small";
    let run = |script: &str, args: &[&str]| {
        let script = format!("{mount} && printf old > small/old && {script}");
        folder.command("unshare").args(["-m", "sh", "-c", &script, "sh", GATHER]).args(args).output().unwrap()
    };
    if !run("true", &[]).status.success() {
        skipped("no_space", "a tmpfs cannot be mounted here (not root, or no unshare)");
        return;
    }
    for way in WAYS {
        for target in [
            &["a", "--out", "small/old"][..],
            &["--scatter", "a", "fits", "small/old"],
            &["--mirror", "--verify", "a", "small/old", "fits"],
        ] {
            let output = run("\"$@\"; status=$?; ls -A small; cat small/old; exit $status", &[target, way].concat());
            complains(&output, &["write to small/old", "No space left on device", "make room"]);
            assert_eq!(String::from_utf8_lossy(&output.stdout), "old\nold", "{way:?} {target:?}");
            assert_eq!(folder.names(), ["a", "small"], "{way:?} {target:?}");
        }
    }
}
