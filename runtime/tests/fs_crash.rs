//! A process that is killed at any moment leaves old or new content, never a mixture, and loses no record that it was told
//! is safe. `RUNTIME_KILLS` says how often (50 if it is not set).

mod common;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use common::{Dice, run};
use runtime::fs::{Log, LogOptions, write_atomic};

const DIR: &str = "RUNTIME_CRASH_DIR";
const WRITERS: u64 = 8;

fn kills() -> u64 {
    std::env::var("RUNTIME_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(50)
}

/// This program once more, as one of the victims below.
fn victim(name: &str, dir: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        // Why it ended, if it does so by itself.
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// Kills it after some acknowledgements and a moment; gives all that it had been told.
fn kill(name: &str, dir: &Path, dice: &mut Dice) -> Vec<u64> {
    let (mut child, output) = victim(name, dir);
    let (mut acknowledged, mut lines) = (Vec::new(), output.lines());
    let wanted = dice.throw(60) as usize;
    let take = |line: Option<std::io::Result<String>>, acknowledged: &mut Vec<u64>| match line {
        // The last line may be cut.
        Some(Ok(line)) => {
            acknowledged
                .extend(line.strip_prefix("ack ").and_then(|n| n.strip_suffix('.')).map(|n| n.parse::<u64>().unwrap()));
            true
        }
        _ => false,
    };
    while acknowledged.len() < wanted {
        assert!(take(lines.next(), &mut acknowledged), "{name} ended by itself: {:?}", child.wait());
    }
    for _ in 0..dice.throw(100_000) {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    while take(lines.next(), &mut acknowledged) {}
    acknowledged
}

fn acknowledge(n: u64) {
    // One write each: it is in the pipe before the next append begins.
    std::io::stdout().write_all(format!("ack {n}.\n").as_bytes()).unwrap();
}

fn options() -> LogOptions {
    LogOptions::new().max_record(5000).max_batch(20_000).clone()
}

/// Appends until it is killed. A record is (writer, number, filling of many bytes).
#[test]
fn victim_of_the_log() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    println!();
    run(async move {
        let log = options().open(Path::new(&dir).join("log")).await.unwrap();
        let mut next = vec![0; WRITERS as usize];
        let mut records = log.replay();
        while let Some(record) = records.next().await {
            let (_, bytes) = record.unwrap();
            next[bytes[0] as usize] += 1;
        }
        let tasks: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (log, mut number) = (log.clone(), next[writer as usize]);
                runtime::spawn(async move {
                    loop {
                        log.append(record(writer, number)).await.unwrap();
                        acknowledge(writer << 32 | number);
                        number += 1;
                    }
                })
            })
            .collect::<Vec<runtime::task::JoinHandle<()>>>();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn record(writer: u64, number: u64) -> Vec<u8> {
    let mut bytes = vec![writer as u8];
    bytes.extend(number.to_le_bytes());
    bytes.resize(9 + ((number * 37 + writer * 501) % 4000) as usize, (number * 7 + writer) as u8);
    bytes
}

#[test]
fn no_acknowledged_record_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let mut safe = vec![0; WRITERS as usize];
    for round in 0..kills() {
        let acknowledged = kill("victim_of_the_log", dir.path(), &mut dice);
        for ack in acknowledged {
            let (writer, number) = ((ack >> 32) as usize, ack & 0xffff_ffff);
            safe[writer] = safe[writer].max(number + 1);
        }
        if round % 10 == 3 {
            // What a power cut may do on top, and a kill does not: the last record, which may be nobody's, half written.
            let mut file = fs::OpenOptions::new().append(true).open(dir.path().join("log")).unwrap();
            file.write_all(&[round as u8; 777]).unwrap();
        }
        let found = run(async {
            let log: Log = options().open(dir.path().join("log")).await.unwrap();
            let (mut found, mut records) = (vec![0; WRITERS as usize], log.replay());
            while let Some(next) = records.next().await {
                let (_, bytes) = next.unwrap();
                let writer = bytes[0] as usize;
                assert_eq!(bytes, record(writer as u64, found[writer]), "each writer's records, whole and in order");
                found[writer] += 1;
            }
            found
        });
        for (writer, safe) in safe.iter().enumerate() {
            assert!(
                found[writer] >= *safe,
                "round {round}: writer {writer} was told of {safe}, found {}",
                found[writer]
            );
        }
        if found[0] > 2000 {
            fs::remove_file(dir.path().join("log")).unwrap();
            safe.fill(0);
        }
    }
}

/// Replaces a file until it is killed.
#[test]
fn victim_of_write_atomic() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    println!();
    let path = Path::new(&dir).join("file");
    let mut number = fs::read(&path).map_or(0, |bytes| number_of(&bytes));
    run(async {
        loop {
            number += 1;
            write_atomic(&path, content(number)).await.unwrap();
            acknowledge(number);
        }
    });
}

fn content(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(1 + (number % 5) as usize * 3000)
}

/// The number that a content is of, all of it.
fn number_of(bytes: &[u8]) -> u64 {
    let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert!(bytes == content(number), "a mixture, or a part: {} bytes that begin with {number}", bytes.len());
    number
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(8);
    let mut left = 0;
    for round in 0..kills() {
        let acknowledged = kill("victim_of_write_atomic", dir.path(), &mut dice);
        let told = acknowledged.last().copied();
        if let Ok(bytes) = fs::read(dir.path().join("file")) {
            let number = number_of(&bytes);
            assert!(told.is_none_or(|told| number == told || number == told + 1), "round {round}: {number}, {told:?}");
        } else {
            assert_eq!(told, None, "round {round}");
        }
        for entry in fs::read_dir(dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "tmp") {
                left += 1;
                fs::remove_file(path).unwrap();
            }
        }
    }
    assert!(left <= kills(), "one temporary file per kill at most");
}
