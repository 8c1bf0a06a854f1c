//! Syncs of one open file that are called together are one.

mod common;

use std::{cell::Cell, io, rc::Rc};

use common::{file, poll_once, run};
use runtime::{Lowering, fs::File, join, spawn};

fn syncs() -> (u64, u64) {
    let metrics = runtime::metrics();
    (metrics.syncs, metrics.syncs_shared)
}

/// All calls of one pass share the first sync.
#[test]
fn calls_of_one_pass_are_one_sync() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let file = Rc::new(file(&dir, b"bytes").await);
        let before = syncs();
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let file = file.clone();
                spawn(async move { file.sync_data().await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let after = syncs();
        assert_eq!((after.0 - before.0, after.1 - before.1), (1, 64));
    });
}

/// Who calls while one runs waits for the next, with all others that do.
#[test]
fn calls_during_a_sync_share_the_next() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let file = Rc::new(file(&dir, b"bytes").await);
        let clone = Rc::new(file.try_clone().await.unwrap());
        let (before, done) = (syncs().0, Rc::new(Cell::new(0)));
        let tasks: Vec<_> = (0..40)
            .map(|n: u32| {
                let (file, done) = (if n.is_multiple_of(2) { file.clone() } else { clone.clone() }, done.clone());
                spawn(async move {
                    for _ in 0..25 {
                        if n.is_multiple_of(3) {
                            file.sync_all().await.unwrap()
                        } else {
                            file.sync_data().await.unwrap()
                        }
                        done.set(done.get() + 1);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(done.get(), 1000);
        assert_eq!(syncs().0 - before, 25, "each round is one sync, of the file and its clone");
    });
}

/// Another open file of the same name has syncs of its own.
#[test]
fn another_open_file_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let one = file(&dir, b"bytes").await;
        let other = File::options().write(true).open(dir.path().join("f")).await.unwrap();
        let before = syncs().0;
        let (a, b) = join!(async { one.sync_data().await }, async { other.sync_data().await }).await;
        a.and(b).unwrap();
        assert_eq!(syncs().0 - before, 2);
    });
}

#[test]
fn a_dropped_caller_cancels_nobody() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let file = file(&dir, b"bytes").await;
        let before = syncs().0;
        let mut first = Box::pin(file.sync_data());
        let (mut second, mut third) = (Box::pin(file.sync_data()), Box::pin(file.sync_all()));
        poll_once(first.as_mut()).await;
        poll_once(second.as_mut()).await;
        poll_once(third.as_mut()).await;
        drop(first);
        second.await.unwrap();
        third.await.unwrap();
        assert_eq!(syncs().0 - before, 1);
        // All of them dropped before it began: there is none.
        let mut lonely = Box::pin(file.sync_data());
        poll_once(lonely.as_mut()).await;
        drop(lonely);
        assert_eq!(syncs().0 - before, 1);
        // And while it runs.
        let mut running = Box::pin(file.sync_data());
        poll_once(running.as_mut()).await;
        runtime::task::yield_now().await;
        let mut next = Box::pin(file.sync_data());
        poll_once(next.as_mut()).await;
        drop(running);
        next.await.unwrap();
    });
}

#[test]
fn cancel_and_time_limit_end_the_wait() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let file = file(&dir, b"bytes").await;
        let mut cancelled = file.sync_data();
        poll_once(std::pin::Pin::new(&mut cancelled)).await;
        assert_eq!(cancelled.cancel().await.unwrap_err().raw_os_error(), Some(125));
        // The one that runs outlasts the limit of the one that waits for the next.
        let mut bytes = vec![1u8; 1 << 20];
        for _ in 0..16 {
            let (result, back) = file.write_all_at(bytes, 0).await;
            result.unwrap();
            bytes = back;
        }
        let mut running = file.sync_all();
        poll_once(std::pin::Pin::new(&mut running)).await;
        runtime::task::yield_now().await;
        let limited = file.sync_all().timeout(std::time::Duration::from_nanos(1)).await;
        if let Err(error) = limited {
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        running.await.unwrap();
    });
}

/// Rows of staged plans stand in the line, those of chains do not.
#[test]
fn staged_syncs_are_shared_and_chained_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        for (lowering, expected) in [(Lowering::Staged, 1), (Lowering::Chain, 0)] {
            let file = file(&dir, b"bytes").await;
            let before = syncs().0;
            let plan = |n: u64| file.write_all_at(vec![7u8; 8], n * 8).then(|_| file.sync_data()).lowering(lowering);
            let (a, b) = join!(async { plan(0).await }, async { plan(1).await }).await;
            a.1.and(b.1).unwrap();
            let shared = syncs().0 - before;
            assert!(shared >= expected && shared <= 2 * expected, "{shared} with {lowering:?}");
            // Two of one plan, which one CQE ends.
            let (a, b) = join!(file.sync_all(), file.sync_data()).lowering(lowering).await;
            a.and(b).unwrap();
        }
    });
}

#[test]
fn an_error_goes_to_all_callers() {
    run(async {
        let (reader, _writer) = io::pipe().unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(reader));
        let (a, b) = join!(async { pipe.sync_data().await }, async { pipe.sync_all().await }).await;
        assert_eq!(a.unwrap_err().raw_os_error(), Some(22));
        assert_eq!(b.unwrap_err().raw_os_error(), Some(22));
    });
}

/// Each append that has ended was written before a sync that began after it; and those of one pass share one.
#[test]
fn durable_appends_of_one_pass_share_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let file = Rc::new(file(&dir, b"").await);
        let before = (syncs(), runtime::metrics().writes_on_the_spot);
        let tasks: Vec<_> = (0..64u8)
            .map(|n| {
                let file = file.clone();
                spawn(async move { file.append_durable(vec![n; 16]).await })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            let (done, bytes) = task.await.unwrap();
            done.unwrap();
            assert_eq!(bytes, vec![n as u8; 16]);
        }
        let after = (syncs(), runtime::metrics().writes_on_the_spot);
        assert_eq!((after.0.1 - before.0.1, after.1 - before.1), (64, 64));
        assert_eq!(after.0.0 - before.0.0, 1, "64 appends of one pass");
        let written = std::fs::read(dir.path().join("f")).unwrap();
        assert!(
            written.chunks(16).enumerate().all(|(n, record)| record == [n as u8; 16].as_slice()),
            "in order, none mixed"
        );
    });
}

/// Code that simply writes and syncs: all that were written when a sync began end with it, and write and sync again.
#[test]
fn writes_and_syncs_of_many_tasks_are_one_sync_a_round() {
    const ROUNDS: u64 = 10;
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let (file, end) = (Rc::new(file(&dir, b"").await), Rc::new(Cell::new(0)));
        let before = (syncs(), runtime::metrics());
        let tasks: Vec<_> = (1..=64u8)
            .map(|n| {
                let (file, end) = (file.clone(), end.clone());
                spawn(async move {
                    for _ in 0..ROUNDS {
                        let at = end.replace(end.get() + 16);
                        file.write_at(vec![n; 16], at).await.0.unwrap();
                        file.sync_data().await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let (after, metrics) = (syncs(), runtime::metrics());
        assert_eq!(after.1 - before.0.1, 64 * ROUNDS);
        // A machine that was slow has had the ring do some of the writes, and those end when they end.
        if metrics.writes_on_the_spot - before.1.writes_on_the_spot == 64 * ROUNDS {
            assert_eq!(after.0 - before.0.0, ROUNDS);
            assert!(metrics.enters - before.1.enters <= 2 * ROUNDS + 2);
        }
    });
    let written = std::fs::read(dir.path().join("f")).unwrap();
    for n in 1..=64 {
        assert_eq!(written.chunks(16).filter(|record| *record == [n; 16]).count() as u64, ROUNDS);
    }
}

#[test]
fn a_durable_append_gives_the_writes_error_and_syncs_nothing_then() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let _file = file(&dir, b"old").await;
        let read_only = File::open(dir.path().join("f")).await.unwrap();
        let before = syncs();
        let (done, bytes) = read_only.append_durable("bytes").await;
        assert_eq!((done.unwrap_err().raw_os_error(), bytes), (Some(libc::EBADF), "bytes"));
        assert_eq!(syncs(), before);
    });
}

/// Short and long ones: dropped while the sync, or the write itself, is in flight.
#[test]
fn a_dropped_durable_append_leaves_nothing_behind() {
    for len in [16, 1 << 20] {
        let dir = tempfile::tempdir().unwrap();
        run(async {
            let file = file(&dir, b"old").await;
            for _ in 0..10 {
                let mut append = Box::pin(file.append_durable(vec![7; len]));
                poll_once(append.as_mut()).await;
                drop(append);
            }
            // Nothing hinders the next one.
            file.append_durable("end").await.0.unwrap();
        });
        let content = std::fs::read(dir.path().join("f")).unwrap();
        assert!(content.starts_with(b"old") && content.windows(3).any(|three| three == b"end"));
        assert!(content.len() <= 6 + 10 * len);
    }
}
