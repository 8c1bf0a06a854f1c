//! Others' programs: git, diff, find, cp, dd, fio.

use std::{fs, path::Path};

use super::{
    mounted::{Mounted, Way, both, succeeds},
    support::has,
};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Files of all sizes, a hundred per folder, with a link now and then.
fn make_tree(root: &Path, files: usize) {
    for index in 0..files {
        let dir = root.join(format!("d{}/e{}", index / 100, index % 3));
        fs::create_dir_all(&dir).unwrap();
        let size = [0, 1, 100, 4095, 4096, 4097, 70_000][index % 7];
        let bytes: Vec<u8> = (0..size).map(|at| (at * 31 + index) as u8).collect();
        fs::write(dir.join(format!("file {index}")), bytes).unwrap();
        if index % 10 == 0 {
            std::os::unix::fs::symlink(format!("file {index}"), dir.join(format!("link{index}"))).unwrap();
        }
    }
}

fn a_tree(way: Way) {
    let Some(mount) = Mounted::new(way, &[]) else { return };
    let files = std::env::var("FUSE_TEST_FILES").map_or(500, |count| count.parse().unwrap());
    let (tree, seen) = (mount.below("tree"), mount.at("tree"));
    make_tree(&tree, files);
    let count = |path: &Path| succeeds("find", &[text(path), "-ls"]).lines().count();
    assert_eq!(count(&seen), count(&tree));
    assert!(count(&tree) > files);
    succeeds("diff", &["-r", "--no-dereference", text(&tree), text(&seen)]);
    // The other way round: written through the mount.
    succeeds("cp", &["-a", text(&tree), text(&mount.at("copy"))]);
    succeeds("diff", &["-r", "--no-dereference", text(&tree), text(&mount.below("copy"))]);
    succeeds("rm", &["-r", text(&mount.at("copy"))]);
    assert!(!mount.below("copy").exists());
}

#[test]
fn a_tree_is_the_same_from_both_sides() {
    both(a_tree);
}

fn a_clone(way: Way) {
    let Some(mount) = Mounted::new(way, &[]) else { return };
    let origin = tempfile::tempdir().unwrap();
    let git = |dir: &Path, args: &[&str]| {
        let who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "safe.directory=*"];
        succeeds("git", &[&["-C", text(dir)], &who[..], args].concat())
    };
    git(origin.path(), &["init", "-q"]);
    for round in 0..3 {
        make_tree(&origin.path().join(format!("r{round}")), 60);
        git(origin.path(), &["add", "-A"]);
        git(origin.path(), &["commit", "-qm", &format!("round {round}")]);
    }
    let clone = mount.at("clone");
    git(mount.point(), &["clone", "-q", "--no-local", text(origin.path()), "clone"]);
    assert_eq!(git(&clone, &["status", "--porcelain"]), "");
    assert_eq!(git(&clone, &["log", "--oneline"]).lines().count(), 3);
    git(&clone, &["fsck", "--full"]);
    fs::write(clone.join("new"), "text").unwrap();
    git(&clone, &["add", "new"]);
    git(&clone, &["commit", "-qm", "a new file"]);
    git(&clone, &["gc", "-q"]);
    git(&clone, &["checkout", "-q", "HEAD~2"]);
    assert_eq!(git(&mount.below("clone"), &["status", "--porcelain"]), "");
}

#[test]
fn git_clones_commits_and_packs_on_it() {
    if has("git") {
        both(a_clone);
    }
}

fn much_data(way: Way) {
    let Some(mount) = Mounted::new(way, &["--queue-depth", "2"]) else { return };
    let (file, copy) = (mount.at("file"), mount.at("copy"));
    let to = |path: &Path| format!("of={}", text(path));
    succeeds("dd", &["if=/dev/urandom", &to(&file), "bs=1M", "count=24", "conv=fsync"]);
    succeeds("dd", &[&format!("if={}", text(&file)), &to(&copy), "bs=300k", "iflag=direct", "oflag=direct"]);
    succeeds("cmp", &[text(&file), text(&copy)]);
    succeeds("cmp", &[text(&mount.below("file")), text(&mount.below("copy"))]);
    if has("fio") {
        let name = format!("--filename={}", text(&mount.at("fio")));
        for engine in [&["--ioengine=libaio", "--direct=1"], &["--ioengine=psync", "--direct=0"]] {
            let args =
                ["--name=t", &name, "--rw=randwrite", "--bs=4k-64k", "--size=16m", "--iodepth=16", "--verify=crc32c"];
            succeeds(
                "fio",
                &[&args[..], &engine[..], &["--thread", "--verify_fatal=1", "--verify_state_save=0"]].concat(),
            );
        }
    }
}

#[test]
fn much_data_goes_through_few_buffers() {
    both(much_data);
}
