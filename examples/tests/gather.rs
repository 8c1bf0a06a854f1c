//! `gather` as a user runs it: what it writes, what it costs, and what it says and leaves behind when it cannot.

#![forbid(unsafe_code)]

#[path = "gather/folder.rs"]
mod folder;
#[path = "gather/refused.rs"]
mod refused;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::folder::{Folder, GATHER, bytes, complains, without_notice};

const BLOCK: usize = 64 << 10;
/// All ways that need nothing of the kernel that stock ones lack. A mirror in chains needs more than 2 SQ entries.
const WAYS: [&[&str]; 5] = [
    &["--lowering", "auto"],
    &["--lowering", "chain"],
    &["--lowering", "staged"],
    &["--lowering", "gate"],
    &["--await-each"],
];
const SQ_ENTRIES: [&str; 3] = ["2", "8", "256"];

/// Makes `count` sources with the sizes in turn, gathers them in every way, and compares with their concatenation.
fn gathers_all(count: usize, sizes: &[usize]) {
    let folder = Folder::new();
    let (mut names, mut expected) = (Vec::new(), Vec::new());
    for index in 0..count {
        let content = bytes(index, sizes[index % sizes.len()]);
        names.push(format!("source-{index}"));
        folder.write(&names[index], &content);
        expected.extend(content);
    }
    for way in WAYS {
        for entries in SQ_ENTRIES {
            let mut args: Vec<&str> = names.iter().map(String::as_str).collect();
            args.extend(["--out", "out", "--sq-entries", entries]);
            args.extend(way);
            folder.gathers(&args);
            assert!(folder.read("out") == expected, "{count} files of {sizes:?} differ: {way:?}, {entries} entries");
        }
    }
    let mut left = names;
    left.push("out".into());
    left.sort();
    assert_eq!(folder.names(), left);
}

#[test]
fn one_file_of_any_size() {
    for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 16 * BLOCK, 16 * BLOCK + 1, 5_000_000] {
        gathers_all(1, &[size]);
    }
}

#[test]
fn seven_files() {
    gathers_all(7, &[0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3_000_000, 0]);
}

#[test]
fn three_hundred_files() {
    gathers_all(300, &[0, 1, 700, BLOCK - 1, 4096, BLOCK, BLOCK + 1, 0, 0, 10_000]);
}

#[test]
fn only_empty_files() {
    gathers_all(70, &[0]);
}

#[test]
fn a_hundred_megabytes() {
    let folder = Folder::new();
    let content = bytes(1, 100_000_000);
    folder.write("large", &content);
    folder.write("small", b"end");
    for entries in SQ_ENTRIES {
        folder.gathers(&["large", "small", "--out", "out", "--sq-entries", entries]);
        assert!(folder.read("out") == [&content[..], b"end"].concat(), "{entries} entries");
    }
}

#[test]
fn scatter_and_mirror_write_the_same_to_all() {
    let folder = Folder::new();
    for size in [0, 1, BLOCK, BLOCK + 1, 3_000_000] {
        let content = bytes(size, size);
        folder.write("source", &content);
        for (mode, verify) in [("--scatter", None), ("--mirror", None), ("--mirror", Some("--verify"))] {
            for way in WAYS {
                // Chains of three, and the gates of one block, do not fit into 2 entries.
                for entries in ["2", "64"].into_iter().filter(|entries| {
                    *entries != "2" || matches!(way[0], "--await-each") || matches!(way[1], "auto" | "staged")
                }) {
                    let mut args = vec![mode, "source", "a", "b", "c", "--sq-entries", entries];
                    args.extend(verify.into_iter().chain(way.iter().copied()));
                    folder.gathers(&args);
                    for name in ["a", "b", "c"] {
                        assert!(folder.read(name) == content, "{args:?}: {name} of {size} bytes differs");
                        fs::remove_file(folder.path(name)).unwrap();
                    }
                }
            }
        }
    }
    assert_eq!(folder.names(), ["source"]);
}

#[test]
fn limits_at_their_ends() {
    let folder = Folder::new();
    let content = bytes(2, 2_000_000);
    folder.write("source", &content);
    for (blocks, in_flight) in [("1", "1"), ("256", "16"), ("1", "16"), ("3", "2")] {
        folder.gathers(&["source", "--out", "out", "--blocks", blocks, "--in-flight", in_flight]);
        assert!(folder.read("out") == content);
    }
    // More outputs than a plan has buffers.
    let names: Vec<String> = (0..40).map(|index| format!("out-{index}")).collect();
    let mut args = vec!["--mirror", "--verify", "source", "--sq-entries", "2"];
    args.extend(names.iter().map(String::as_str));
    folder.gathers(&args);
    assert!(names.iter().all(|name| folder.read(name) == content));
}

#[test]
fn a_chain_or_gate_that_does_not_fit_is_named() {
    let folder = Folder::new();
    folder.write("source", b"some");
    let chain = ["--mirror", "source", "a", "--verify", "--sq-entries", "2", "--lowering", "chain"];
    folder.refuses(&chain, &["--sq-entries", "ask for 4"]);
    folder.refuses(
        &["--scatter", "source", "a", "b", "--sq-entries", "2", "--lowering", "gate"],
        &["--sq-entries", "queue of 2"],
    );
}

#[test]
fn groups_work_or_say_that_the_kernel_has_none() {
    let folder = Folder::new();
    let content = bytes(3, 1_000_000);
    folder.write("source", &content);
    let output = folder.gather(&["source", "--out", "out", "--lowering", "groups"]);
    if output.status.success() {
        assert!(folder.read("out") == content);
    } else {
        complains(&output, &["--lowering groups", "kernel"]);
        assert_eq!(folder.names(), ["source"]);
    }
}

#[test]
fn json_has_its_fields() {
    let folder = Folder::new();
    folder.write("a", &bytes(1, 200_000));
    folder.write("b", &bytes(2, 100_000));
    let run = |args: &[&str]| -> Value { serde_json::from_str(&folder.gathers(args)).unwrap() };
    for (way, lowering, engine) in [
        (&["--lowering", "auto"][..], "auto", "staged"),
        (&["--lowering", "chain"], "chain", "chain"),
        (&["--lowering", "staged"], "staged", "staged"),
        (&["--lowering", "gate"], "gate", "gate+staged"),
        (&["--await-each"], "await-each", "single ops"),
    ] {
        let json = run(&[&["a", "b", "--out", "out", "--json"], way].concat());
        assert_eq!((&json["mode"], &json["lowering"]), (&"gather".into(), &lowering.into()), "{json}");
        assert_eq!(json["bytes"], 300_000, "{json}");
        if lowering != "auto" {
            assert_eq!(json["engine"], engine, "{json}");
        }
        let number = |field: &str| json[field].as_u64().unwrap_or_else(|| panic!("{field} in {json}"));
        assert_eq!(number("plans") > 0, lowering != "await-each", "{json}");
        assert!(number("sqes") >= 9 && number("enters") > 0 && json["seconds"].as_f64().unwrap() > 0.0, "{json}");
    }
    assert_eq!(run(&["--scatter", "a", "x", "y", "--json"])["mode"], "scatter");
    assert_eq!(run(&["--mirror", "a", "x", "y", "--verify", "--json"])["mode"], "mirror");
}

#[test]
fn a_small_copy_is_one_plan_with_its_sync() {
    let folder = Folder::new();
    folder.write("a", &bytes(1, 100_000));
    let run = |way: &[&str]| -> Value {
        serde_json::from_str(&folder.gathers(&[&["a", "--out", "out", "--json"], way].concat())).unwrap()
    };
    let (plans, each) = (run(&["--lowering", "staged"]), run(&["--await-each"]));
    // The opening, and reads → write → sync.
    assert_eq!(plans["plans"], 2, "{plans}");
    assert!(plans["enters"].as_u64() < each["enters"].as_u64(), "{plans} {each}");
    assert!(plans["wakes"].as_u64() < each["wakes"].as_u64(), "{plans} {each}");
}

#[test]
fn without_arguments_it_shows_the_three_ways_and_leaves_nothing() {
    let folder = Folder::new();
    let run = |args: &[&str]| {
        let output = folder.command(GATHER).args(args).env("TMPDIR", folder.0.path()).output().unwrap();
        let output = without_notice(output);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(folder.names().is_empty());
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run(&[]);
    for word in ["\ngather  ", "\nscatter  ", "\nmirror  ", "op by op", "enters", "byte by byte"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    let lines: Vec<Value> = run(&["--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    for pair in lines.chunks(2) {
        assert_eq!(pair[0]["bytes"], pair[1]["bytes"], "the same work");
        assert!(pair[0]["enters"].as_u64() < pair[1]["enters"].as_u64(), "{pair:?}");
        assert!(pair[0]["wakes"].as_u64() < pair[1]["wakes"].as_u64(), "{pair:?}");
    }
}

#[test]
fn help_is_complete() {
    let help = Folder::new().gathers(&["--help"]);
    for word in [
        "--out",
        "--scatter",
        "--mirror",
        "--verify",
        "--lowering",
        "chain",
        "gate",
        "--await-each",
        "--json",
        "--sq-entries",
        "Exit status",
    ] {
        assert!(help.contains(word), "no {word:?} in {help}");
    }
}

#[test]
fn five_thousand_sources_with_few_descriptors() {
    let folder = Folder::new();
    let (mut args, mut expected) = (Vec::new(), Vec::new());
    for index in 0..5_000 {
        let content = bytes(index, index % 300);
        let name = format!("s{index}");
        folder.write(&name, &content);
        expected.extend(content);
        args.push(name);
    }
    for way in WAYS {
        let script = "ulimit -n 256; exec \"$@\" --out out";
        let output = folder.command("sh").args(["-c", script, "sh", GATHER]).args(way).args(&args).output().unwrap();
        assert!(output.status.success(), "{way:?}: {output:?}");
        assert!(folder.read("out") == expected, "{way:?}");
    }
    // Every output of a scatter is open at once.
    let outs: Vec<String> = (0..300).map(|index| format!("o{index}")).collect();
    let script = "ulimit -n 256; exec \"$@\"";
    let mut command = folder.command("sh");
    command.args(["-c", script, "sh", GATHER, "--scatter", "s299"]).args(&outs);
    complains(&command.output().unwrap(), &["RLIMIT_NOFILE", "ulimit -n"]);
    assert!(folder.names().iter().all(|name| !name.starts_with('o') || name == "out"));
}

#[test]
fn an_output_keeps_its_permissions_and_its_link() {
    let folder = Folder::new();
    folder.write("a", b"new content");
    folder.write("target", b"old");
    fs::set_permissions(folder.path("target"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("target", folder.path("link")).unwrap();
    folder.gathers(&["a", "--out", "link"]);
    assert!(fs::symlink_metadata(folder.path("link")).unwrap().is_symlink());
    assert_eq!(folder.read("target"), b"new content");
    assert_eq!(fs::metadata(folder.path("target")).unwrap().mode() & 0o7777, 0o640);
    let script = "umask 027; exec \"$@\"";
    let args = ["-c", script, "sh", GATHER, "a", "--out", "fresh"];
    assert!(folder.command("sh").args(args).output().unwrap().status.success());
    assert_eq!(fs::metadata(folder.path("fresh")).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn devices_and_pipes_are_written_to_in_order() {
    let folder = Folder::new();
    let content = bytes(4, 1_500_000);
    folder.write("a", &content);
    folder.write("b", b"end");
    assert!(folder.gather(&["a", "--out", "/dev/null"]).status.success());
    complains(&folder.gather(&["a", "--out", "/dev/full"]), &["/dev/full", "No space left"]);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    folder.refuses(&["--mirror", "--verify", "a", "/dev/null"], &["--verify", "not a regular file"]);
    assert!(folder.command("mkfifo").arg("pipe").status().unwrap().success());
    let writer = folder.command(GATHER).args(["a", "b", "--out", "pipe"]).stderr(Stdio::null()).spawn();
    assert!(folder.read("pipe") == [&content[..], b"end"].concat());
    assert!(writer.unwrap().wait().unwrap().success());
    // A reader that leaves: a failure with the output's name, no signal, no panic.
    let mut reader = folder.command("head").args(["-c", "1", "pipe"]).stdout(Stdio::null()).spawn().unwrap();
    complains(&folder.gather(&["a", "--out", "pipe"]), &["write to pipe", "Broken pipe"]);
    reader.wait().unwrap();
    // Standard output as the output: the data alone is in it.
    let output = folder.gather(&["b", "--out", "/dev/stdout"]);
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"end"[..]), "{output:?}");
}

/// A pipe that nobody reads keeps the copy where it is; the other output has a temporary file by then.
#[test]
fn ctrl_c_leaves_nothing() {
    let folder = Folder::new();
    folder.write("a", &bytes(5, 1_000_000));
    assert!(folder.command("mkfifo").arg("pipe").status().unwrap().success());
    let before = folder.names();
    let mut copy = Command::new(GATHER);
    let copy = copy.args(["--scatter", "a", "out", "pipe"]).current_dir(folder.0.path()).stderr(Stdio::null()).spawn();
    let mut copy = copy.unwrap();
    // Opening waits for the writer, which by then has created the other output.
    let reader = fs::File::open(folder.path("pipe")).unwrap();
    assert_eq!(folder.names().len(), before.len() + 1);
    assert!(Command::new("kill").args(["-INT", &copy.id().to_string()]).status().unwrap().success());
    assert_eq!(copy.wait().unwrap().code(), Some(130));
    drop(reader);
    assert_eq!(folder.names(), before);
}
