//! `fs::Log`: order, positions, replay, limits, and what is found after damage.

mod common;

use std::{fs::OpenOptions, io, os::unix::fs::FileExt, path::PathBuf, rc::Rc, time::Duration};

use common::run;
use runtime::{
    fs::{Log, LogOptions, Position},
    spawn,
};

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    (dir, path)
}

async fn all(log: &Log) -> Vec<(Position, Vec<u8>)> {
    let (mut records, mut found) = (log.replay(), Vec::new());
    while let Some(record) = records.next().await {
        found.push(record.unwrap());
    }
    found
}

#[test]
fn records_come_back_in_order_and_after_reopening() {
    let (_dir, path) = place();
    run(async {
        let mut expected = Vec::new();
        for round in 0..3u8 {
            let log = Log::open(&path).await.unwrap();
            for n in 0..20u8 {
                let bytes = vec![n ^ round; usize::from(n) * 100];
                expected.push((log.append(&bytes).await.unwrap(), bytes));
            }
            assert_eq!(all(&log).await, expected);
            assert!(expected.is_sorted_by_key(|(position, _)| *position));
            let (position, bytes) = &expected[expected.len() - 7];
            assert_eq!(log.read(*position).await.unwrap(), *bytes);
            let mut tail = log.replay_from(*position);
            assert_eq!(tail.next().await.unwrap().unwrap(), (*position, bytes.clone()));
        }
    });
}

#[test]
fn appends_that_come_together_are_one_write_and_one_sync() {
    let (_dir, path) = place();
    run(async {
        let log = Log::open(&path).await.unwrap();
        let before = runtime::metrics();
        let tasks: Vec<_> = (0..64u8)
            .map(|n| {
                let log = log.clone();
                spawn(async move {
                    for _ in 0..10 {
                        log.append([n; 100]).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let metrics = runtime::metrics().since(&before);
        assert_eq!((metrics.syncs, metrics.writes_on_the_spot), (10, 10));
        assert_eq!(all(&log).await.len(), 640);
    });
}

/// Handles on several shards: no record is lost, and each shard's are in its own order.
#[test]
fn shards_share_a_log() {
    let (_dir, path) = place();
    let runtime = runtime::Builder::new().shards(3).build().unwrap();
    runtime.block_on(async {
        let log = Log::open(&path).await.unwrap();
        let copy = log.clone();
        let tasks = runtime::on_each_shard(move |_| {
            let log = copy.clone();
            async move {
                let mut positions = Vec::new();
                for n in 0..50u8 {
                    positions.push(log.append([n; 30]).await.unwrap());
                }
                positions
            }
        });
        let mut positions: Vec<Position> = tasks.await.into_iter().flat_map(Result::unwrap).collect();
        positions.sort();
        positions.dedup();
        let found: Vec<Position> = all(&log).await.into_iter().map(|(position, _)| position).collect();
        assert_eq!((positions.len(), found), (150, positions));
    });
    common::assert_clean(&runtime.shutdown());
}

/// Whatever a crash leaves behind the last whole record is cut off; what was whole is found.
#[test]
fn a_torn_tail_is_cut_off() {
    let (_dir, path) = place();
    run(async {
        let log = Log::open(&path).await.unwrap();
        for n in 0..5u8 {
            log.append(vec![n; 50]).await.unwrap();
        }
        let expected = all(&log).await;
        drop(log);
        let whole = std::fs::read(&path).unwrap();
        let last = expected[4].0.get() as usize;
        // Cut anywhere in the last record, and with each of its bytes damaged.
        for cut in (last..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let log = Log::open(&path).await.unwrap();
            assert_eq!(all(&log).await, expected[..4], "cut at {cut}");
            // The next record stands where the torn one stood.
            assert_eq!(log.append("new").await.unwrap(), expected[4].0);
            drop(log);
        }
        for flipped in (last..whole.len()).step_by(5) {
            let mut bytes = whole.clone();
            bytes[flipped] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(all(&Log::open(&path).await.unwrap()).await, expected[..4], "byte {flipped}");
        }
        // Zeroes, of which blocks that were never written consist.
        let mut zeroes = whole.clone();
        zeroes.extend([0; 5000]);
        std::fs::write(&path, &zeroes).unwrap();
        assert_eq!(all(&Log::open(&path).await.unwrap()).await, expected);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), whole.len() as u64);
        // A header that was being written.
        for cut in 0..32 {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let log = Log::open(&path).await.unwrap();
            assert_eq!(all(&log).await, []);
            log.append("x").await.unwrap();
        }
    });
}

/// Damage farther from the end than one batch is no torn tail: nothing is cut off.
#[test]
fn damage_in_the_middle_is_an_error() {
    let (_dir, path) = place();
    run(async {
        let options = LogOptions::new().max_record(100).max_batch(1000).clone();
        let log = options.open(&path).await.unwrap();
        for n in 0..40u8 {
            log.append(vec![n; 90]).await.unwrap();
        }
        let third = all(&log).await[2].0;
        drop(log);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(b"!", third.get() + 20).unwrap();
        let length = file.metadata().unwrap().len();
        assert_eq!(options.open(&path).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(file.metadata().unwrap().len(), length);
        std::fs::write(&path, vec![b'x'; 1000]).unwrap();
        assert_eq!(options.open(&path).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 1000);
    });
}

#[test]
fn limits_are_errors() {
    let (_dir, path) = place();
    run(async {
        let kind = |result: io::Result<Position>| result.unwrap_err().kind();
        let log = LogOptions::new().max_record(100).max_batch(108).open(&path).await.unwrap();
        assert_eq!(kind(log.append([0; 101]).await), io::ErrorKind::InvalidInput);
        let first = log.append([0; 100]).await.unwrap();
        let second = LogOptions::new().lock_wait(Duration::ZERO).open(&path).await;
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        for wrong in [0, 31, first.get() + 108, u64::MAX] {
            assert_eq!(log.read(Position::from(wrong)).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        assert_eq!(log.read(Position::from(first.get() + 1)).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        // A batch has room for one: the others wait, and all come through.
        let tasks: Vec<_> = (0..20u8)
            .map(|n| {
                let log = log.clone();
                spawn(async move { log.append([n; 90]).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        drop(log);
        let small = LogOptions::new().max_record(1 << 20).max_batch(1000).open(path.with_extension("2")).await;
        assert_eq!(small.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    });
}

/// A dropped append has appended its record or not; the others' come through.
#[test]
fn dropped_appends_hold_nobody_up() {
    let (_dir, path) = place();
    run(async {
        let log = Rc::new(LogOptions::new().max_record(100).max_batch(1000).open(&path).await.unwrap());
        for round in 0..50u8 {
            let mut dropped = Vec::new();
            for _ in 0..20 {
                let mut append = Box::pin(log.append([round; 80]));
                let waker = std::task::Waker::noop();
                let polled = append.as_mut().poll(&mut std::task::Context::from_waker(waker));
                assert!(polled.is_pending());
                dropped.push(append);
            }
            drop(dropped);
            let position = log.append([round; 10]).await.unwrap();
            assert_eq!(log.read(position).await.unwrap(), [round; 10]);
        }
    });
}

/// A log outlives its runtime as a closed one.
#[test]
fn the_end_of_the_runtime_closes_the_log() {
    let (_dir, path) = place();
    let log = run(async { Log::open(&path).await.unwrap() });
    run(async {
        assert_eq!(log.append("late").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    });
}
