//! File systems that are full, may not be written, or have lost their device: what a call says then, and what is left.
//!
//! The file systems are the tests' own: loop mounts and FUSE, which take root; where they are refused, a test says so and is
//! skipped. EDQUOT comes from FUSE: quotas of ext4 and XFS are not in each kernel.

mod common;
#[path = "faults/mounts.rs"]
mod mounts;
#[path = "faults/served.rs"]
mod served;

use std::{
    io::{self, ErrorKind},
    os::fd::OwnedFd,
    rc::Rc,
};

use common::{poll_once, run};
use mounts::Mount;
use runtime::{
    fs::{self, Advice, File, FixedBuffers, Log, LogOptions},
    io::{AsyncReadExt, AsyncWriteExt},
    join, spawn,
};
use served::{Request, Served};

fn told<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

fn is_full<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::StorageFull)
}

/// An exact write took a part, and was not tried again, or none.
fn is_cut(result: io::Result<()>) -> bool {
    result.is_err_and(|error| matches!(error.kind(), ErrorKind::WriteZero | ErrorKind::StorageFull))
}

/// All records, in order.
async fn records(log: &Log) -> Vec<Vec<u8>> {
    let (mut records, mut found) = (log.replay(), Vec::new());
    while let Some(record) = records.next().await {
        found.push(record.unwrap().1);
    }
    found
}

#[test]
fn writes_to_a_full_file_system_say_so() {
    let Some(mount) = Mount::ext4(4) else { return };
    mount.fill_but(16 << 10);
    run(async {
        assert!(is_full(fs::write(mount.join("whole"), vec![1; 100 << 10]).await));
        fs::remove_file(mount.join("whole")).await.unwrap();

        let file = File::create(mount.join("at")).await.unwrap();
        // On the spot, by the ring, and by plans. What was written is told; how much that is, the file system decides.
        for len in [60 << 10, 100 << 10] {
            let (mut bytes, mut at) = (vec![2; len], 0);
            let refused = loop {
                let (written, back) = file.write_at(bytes, at).await;
                bytes = back;
                match written {
                    Ok(written) => at += written as u64,
                    Err(error) => break error,
                }
                assert!(at < len as u64, "there is no room for {at} bytes");
            };
            assert_eq!(refused.kind(), ErrorKind::StorageFull);
            let (written, _) = file.write_all_at(vec![3; len], 0).await;
            assert!(is_cut(written));
            let (write, sync) = file.write_all_at(vec![4; len], 60 << 10).then(|_| file.sync_data()).await;
            assert!(is_cut(write.0) && runtime::is_not_run(&sync.unwrap_err()));
        }
        assert!(is_cut(file.append_durable(vec![5; 60 << 10]).await.0));
        assert!(is_full(file.allocate(0..1 << 20, fs::Allocation::Reserve).await));
        drop(file);
        fs::remove_file(mount.join("at")).await.unwrap();

        let mut cursor = File::create(mount.join("cursor")).await.unwrap();
        let bytes = vec![6; 200 << 10];
        let outcome = async {
            cursor.write_all(&bytes).await?;
            cursor.flush().await
        };
        assert!(is_full(outcome.await));
    });
}

#[test]
fn write_atomic_on_a_full_file_system_keeps_the_old_content() {
    let Some(mount) = Mount::ext4(4) else { return };
    std::fs::write(mount.join("old"), "old").unwrap();
    mount.fill_but(16 << 10);
    run(async {
        for name in ["old", "new"] {
            for len in [60 << 10, 200 << 10] {
                assert!(is_full(fs::write_atomic(mount.join(name), vec![1; len]).await), "{name}, {len} bytes");
                assert_eq!(std::fs::read(mount.join("old")).unwrap(), b"old");
                assert_eq!(mount.names(), ["old"]);
            }
        }
        // The room that the failed ones took is free again.
        fs::write_atomic(mount.join("old"), vec![2; 10 << 10]).await.unwrap();
        assert_eq!(std::fs::read(mount.join("old")).unwrap(), vec![2; 10 << 10]);
    });
}

#[test]
fn a_log_on_a_full_file_system_is_closed_and_has_what_it_said_it_has() {
    let Some(mount) = Mount::ext4(4) else { return };
    let path = mount.join("log");
    run(async {
        let log = Log::open(&path).await.unwrap();
        mount.fill_but(40 << 10);
        let mut safe = Vec::new();
        let refused = loop {
            let record = vec![safe.len() as u8; 1000];
            match log.append(&record).await {
                Ok(_) => safe.push(record),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), ErrorKind::StorageFull, "{refused}");
        assert!(safe.len() > 10 && refused.to_string().contains("open it again"), "{refused}");
        // Room alone does not open it.
        mount.empty();
        assert_eq!(log.append("x").await.unwrap_err().kind(), ErrorKind::StorageFull);
        // What is safe is read even so.
        assert_eq!(records(&log).await, safe);
        drop(log);
        let log = Log::open(&path).await.unwrap();
        let mut found = records(&log).await;
        found.truncate(safe.len());
        assert_eq!(found, safe);
        let position = log.append("more").await.unwrap();
        assert_eq!(log.read(position).await.unwrap(), b"more");
    });
}

/// Of one file system, where the kernel copies, and between two.
#[test]
fn a_copy_that_finds_no_room_leaves_a_part() {
    let Some(mount) = Mount::ext4(8) else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..2u32 << 20).map(|n| (n % 251) as u8).collect();
    for from in [mount.join("from"), elsewhere.path().join("from")] {
        std::fs::write(&from, &content).unwrap();
        mount.fill_but(1 << 20);
        run(async {
            assert!(is_full(fs::copy(&from, mount.join("to")).await), "{from:?}");
            let part = std::fs::read(mount.join("to")).unwrap();
            assert!(part.len() < content.len() && content.starts_with(&part), "{} bytes", part.len());
            assert!(std::fs::read(&from).unwrap() == content);
            assert_eq!(runtime::metrics().in_flight, 0);
        });
        std::fs::remove_file(mount.join("to")).unwrap();
        mount.empty();
    }
}

#[test]
fn what_may_not_be_written_says_so() {
    let Some(mount) = Mount::ext4(4) else { return };
    std::fs::write(mount.join("f"), "text").unwrap();
    std::fs::create_dir(mount.join("d")).unwrap();
    mount.remount("ro");
    run(async {
        let (f, none) = (mount.join("f"), mount.join("none"));
        let outcomes = [
            ("create", told(File::create(&none).await)),
            ("open", told(File::options().write(true).open(&f).await)),
            ("write", told(fs::write(&f, "x").await)),
            ("write_atomic", told(fs::write_atomic(&f, "x").await)),
            ("write_atomic, new", told(fs::write_atomic(&none, "x").await)),
            ("copy", told(fs::copy(&f, &none).await)),
            ("Log", told(Log::open(&none).await)),
            ("create_dir", told(fs::create_dir(&none).await)),
            ("create_dir_all", told(fs::create_dir_all(none.join("x")).await)),
            ("remove_file", told(fs::remove_file(&f).await)),
            ("remove_dir", told(fs::remove_dir(mount.join("d")).await)),
            ("remove_dir_all", told(fs::remove_dir_all(mount.join("d")).await)),
            ("rename", told(fs::rename(&f, &none).await)),
            ("hard_link", told(fs::hard_link(&f, &none).await)),
            ("symlink", told(fs::symlink("f", &none).await)),
            ("set_xattr", told(fs::set_xattr(&f, "user.a", "x").await.0)),
            ("remove_xattr", told(fs::remove_xattr(&f, "user.a").await)),
            ("set_permissions", {
                let permissions = std::fs::metadata(&f).unwrap().permissions();
                told(fs::set_permissions(&f, permissions).await)
            }),
        ];
        for (name, errno) in outcomes {
            assert_eq!(errno, Some(libc::EROFS), "{name}");
        }
        assert_eq!(fs::read(&f).await.unwrap(), b"text");
        assert_eq!(mount.names(), ["d", "f"]);
    });
}

const O_DIRECT: i32 = 0o40000;

#[test]
fn what_the_device_does_not_give_is_an_error() {
    let Some(mount) = Mount::on_a_failing_device() else { return };
    let path = mount.join("f");
    std::fs::write(&path, vec![7; 64 << 10]).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    file.sync_all().unwrap();
    mount.cut_device();
    run(async {
        let file = File::from_std(file);
        file.fadvise(0..u64::MAX, Advice::DontNeed).await.unwrap();
        assert_eq!(told(file.read_at(vec![0; 4096], 0).await.0), Some(libc::EIO));
        assert_eq!(told(file.read_exact_at(vec![0; 4096], 8192).await.0), Some(libc::EIO));
        let mut cursor = File::open(&path).await.unwrap();
        let mut bytes = Vec::new();
        assert_eq!(told(cursor.read_to_end(&mut bytes).await), Some(libc::EIO));
        assert_eq!(told(fs::read(&path).await), Some(libc::EIO));
        assert_eq!(told(fs::copy(&path, "/dev/null").await), Some(libc::EIO));
        let buffers = FixedBuffers::new(1, 4096).unwrap();
        let direct = File::options().read(true).custom_flags(O_DIRECT).open(&path).await.unwrap();
        let (read, lease) = direct.read_exact_at(buffers.take().await, 4096).await;
        assert_eq!((told(read), buffers.available()), (Some(libc::EIO), 0));
        drop(lease);
        // In a plan nothing comes after it.
        let (read, write) =
            direct.read_exact_at(buffers.take().await, 0).then(|bytes| file.write_all_at(bytes, 0)).await;
        assert!(told(read.0) == Some(libc::EIO) && runtime::is_not_run(&write.0.unwrap_err()));
    });
}

#[test]
fn a_sync_that_the_device_fails_is_every_callers() {
    let Some(mount) = Mount::on_a_failing_device() else { return };
    run(async {
        let file = Rc::new(File::create(mount.join("f")).await.unwrap());
        file.write_all_at(vec![7; 4 << 20], 0).await.0.unwrap();
        let before = runtime::metrics().syncs;
        let tasks: Vec<_> = (0..16)
            .map(|n| {
                let file = file.clone();
                spawn(async move { if n % 2 == 0 { file.sync_data().await } else { file.sync_all().await } })
            })
            .collect();
        for task in tasks {
            assert_eq!(told(task.await.unwrap()), Some(libc::ENOSPC));
        }
        assert_eq!(runtime::metrics().syncs - before, 1);
        let direct = File::options().write(true).custom_flags(O_DIRECT).open(mount.join("f")).await.unwrap();
        let buffers = FixedBuffers::new(1, 1 << 20).unwrap();
        let mut lease = buffers.take().await;
        lease.set_len(1 << 20);
        assert_eq!(told(direct.write_all_at(lease, 3 << 20).await.0), Some(libc::ENOSPC));
        assert!(fs::write_atomic(mount.join("new"), vec![1; 4 << 20]).await.is_err());
        assert_eq!(mount.names(), ["f"]);
    });
}

#[test]
fn a_log_whose_device_fails_is_closed_for_good() {
    let Some(mount) = Mount::on_a_failing_device() else { return };
    let path = mount.join("log");
    run(async {
        let options = LogOptions::new().max_record(64 << 10).max_batch(256 << 10).clone();
        let log = options.open(&path).await.unwrap();
        let tasks: Vec<_> = (0..8u8)
            .map(|writer| {
                let log = log.clone();
                spawn(async move {
                    for acknowledged in 0.. {
                        if let Err(error) = log.append([&[writer; 1][..], &[acknowledged as u8; 20_000]].concat()).await
                        {
                            return (acknowledged, error);
                        }
                    }
                    unreachable!("the device has an end")
                })
            })
            .collect();
        let mut safe = [0; 8];
        for (writer, task) in tasks.into_iter().enumerate() {
            let (acknowledged, error) = task.await.unwrap();
            assert!(error.to_string().contains("open it again"), "{error}");
            safe[writer] = acknowledged;
        }
        assert!(safe.iter().sum::<usize>() > 8, "{safe:?}");
        // A device that is whole again brings back nothing that it was told was lost.
        mount.heal();
        assert!(log.append("x").await.unwrap_err().to_string().contains("the log is closed"));
        drop(log);
        let log = options.open(&path).await.unwrap();
        let mut found = [0; 8];
        for record in records(&log).await {
            let writer = record[0] as usize;
            assert!(record[1..] == [found[writer] as u8; 20_000]);
            found[writer] += 1;
        }
        assert!(found.iter().zip(safe).all(|(found, safe)| *found >= safe), "{found:?} found, {safe:?} told");
        log.append("more").await.unwrap();
    });
}

/// Who waits for the next sync behind one that fails has failed as well, whoever began it has gone or not.
#[test]
fn a_failing_sync_fails_those_behind_it() {
    let Some(served) = Served::new() else { return };
    run(async {
        let file = File::create(served.join("f")).await.unwrap();
        file.write_all_at("bytes", 0).await.0.unwrap();
        served.hold(Request::Sync);
        let mut dropped = Box::pin(file.sync_data());
        let mut first = Box::pin(file.sync_data());
        poll_once(dropped.as_mut()).await;
        poll_once(first.as_mut()).await;
        runtime::task::yield_now().await;
        while !served.holds() {
            runtime::task::yield_now().await;
        }
        let mut behind = Box::pin(file.sync_all());
        poll_once(behind.as_mut()).await;
        let mut cancelled = file.sync_data();
        poll_once(std::pin::Pin::new(&mut cancelled)).await;
        drop(dropped);
        assert_eq!(told(cancelled.cancel().await), Some(libc::ECANCELED));
        served.release(libc::EIO);
        assert_eq!((told(first.await), told(behind.await)), (Some(libc::EIO), Some(libc::EIO)));
        assert_eq!(served.count(Request::Sync), 1);
        // And the next one is a new one.
        file.sync_all().await.unwrap();
        assert_eq!(served.count(Request::Sync), 2);
    });
}

#[test]
fn a_log_whose_sync_fails_fails_all_who_wait() {
    let Some(served) = Served::new() else { return };
    run(async {
        let log = Log::open(served.join("log")).await.unwrap();
        let safe = log.append("safe").await.unwrap();
        served.hold(Request::Sync);
        let mut first = Box::pin(log.append("first"));
        poll_once(first.as_mut()).await;
        while served.count(Request::Sync) < 3 {
            runtime::task::yield_now().await;
        }
        let (mut second, mut third) = (Box::pin(log.append("second")), Box::pin(log.append("third")));
        poll_once(second.as_mut()).await;
        poll_once(third.as_mut()).await;
        served.release(libc::EIO);
        for append in [first, second, third] {
            let error = append.await.unwrap_err();
            assert!(error.to_string().contains("a sync failed"), "{error}");
        }
        // Syncs would do again; the log does not ask.
        let syncs = served.count(Request::Sync);
        assert!(log.append("late").await.is_err());
        assert_eq!(served.count(Request::Sync), syncs);
        assert_eq!(log.read(safe).await.unwrap(), b"safe");
    });
}

/// Each step fails once: before the rename the old content is there, after it the new; and nothing beside it.
#[test]
fn write_atomic_fails_at_each_step() {
    let Some(served) = Served::new() else { return };
    let steps = [Request::Create, Request::Write, Request::Sync, Request::Rename, Request::SyncDir];
    run(async {
        for errno in [libc::EIO, libc::EDQUOT, libc::ENOSPC] {
            for existing in [false, true] {
                for step in steps {
                    if existing {
                        served.put("f", b"old");
                    } else if served.content("f").is_some() {
                        fs::remove_file(served.join("f")).await.unwrap();
                    }
                    served.fail(step, errno);
                    assert_eq!(told(fs::write_atomic(served.join("f"), "new").await), Some(errno), "{step:?}");
                    served.fail(step, 0);
                    let expected = match (step, existing) {
                        (Request::SyncDir, _) => Some(b"new".to_vec()),
                        (_, true) => Some(b"old".to_vec()),
                        (_, false) => None,
                    };
                    assert_eq!(served.content("f"), expected, "{step:?} failed with {errno}");
                    assert!(served.names().iter().all(|name| name == "f"), "{step:?}: {:?}", served.names());
                }
            }
        }
        fs::write_atomic(served.join("f"), "at last").await.unwrap();
        assert_eq!(served.content("f").unwrap(), b"at last");
    });
}

#[test]
fn a_quota_that_is_used_up_is_told_by_each_way_to_write() {
    let Some(served) = Served::new() else { return };
    run(async {
        let mut file = File::create(served.join("f")).await.unwrap();
        let log = Log::open(served.join("log")).await.unwrap();
        log.append("one").await.unwrap();
        served.fail(Request::Write, libc::EDQUOT);
        assert_eq!(told(file.write_at("x", 0).await.0), Some(libc::EDQUOT));
        assert_eq!(told(file.write_all_at(vec![1; 100_000], 0).await.0), Some(libc::EDQUOT));
        assert_eq!(told(file.append_durable("x").await.0), Some(libc::EDQUOT));
        assert_eq!(told(fs::write(served.join("g"), "x").await), Some(libc::EDQUOT));
        assert_eq!(told(fs::copy("/proc/version", served.join("g")).await), Some(libc::EDQUOT));
        file.write_all(b"x").await.unwrap();
        assert_eq!(told(file.flush().await), Some(libc::EDQUOT));
        let refused = log.append("two").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::QuotaExceeded, "{refused}");
        served.fail(Request::Write, 0);
        drop(log);
        let log = Log::open(served.join("log")).await.unwrap();
        assert_eq!(records(&log).await, [b"one"]);
    });
}

/// A copy by blocks whose reads, or writes, fail in the middle.
#[test]
fn a_copy_between_file_systems_gives_the_error() {
    let Some(served) = Served::new() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let here = elsewhere.path().join("here");
    served.put("there", &vec![7; 3 << 20]);
    std::fs::write(&here, vec![7; 3 << 20]).unwrap();
    run(async {
        let there = served.join("there");
        assert_eq!(fs::copy(&there, &here).await.unwrap(), 3 << 20);
        served.fail(Request::Read, libc::EIO);
        assert_eq!(told(fs::copy(&there, &here).await), Some(libc::EIO));
        served.fail(Request::Write, libc::EIO);
        assert_eq!(told(fs::copy("/proc/self/exe", served.join("to")).await), Some(libc::EIO));
        assert_eq!(runtime::metrics().in_flight, 0);
    });
}

/// In the middle of a copy by blocks the source gets another length.
#[test]
fn a_source_that_grows_or_shrinks_is_copied_as_far_as_it_reaches() {
    if common::skipped_where_emulated("threads that read a FUSE file at once may see zeroes beyond its new end") {
        return;
    }
    let Some(served) = Served::new() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let to = elsewhere.path().join("to");
    let content: Vec<u8> = (0..5u32 << 20).map(|n| (n % 251) as u8).collect();
    run(async {
        for end in [4 << 20, (4 << 20) + 777, 5 << 20, 1 << 20, (1 << 20) + 5, 100, 0] {
            // The first, and one in the middle, when what it takes away has been copied in part.
            for read in [0, 12] {
                served.put("from", &content[..4 << 20]);
                served.change_at_read(read, "from", &content[..end]);
                let copied = fs::copy(served.join("from"), &to).await.unwrap() as usize;
                let found = std::fs::read(&to).unwrap();
                assert!(copied >= end && (copied <= 4 << 20 || copied == end), "{copied} of {end}");
                assert!(found == content[..copied], "{copied} bytes of {end}");
                assert!(read > 0 || copied == end, "{copied} of {end}");
            }
        }
    });
}

/// A sync that fails is that file's.
#[test]
fn two_files_of_one_pass_have_errors_of_their_own() {
    let Some(served) = Served::new() else { return };
    run(async {
        let (bad, good) = (File::create(served.join("f")).await.unwrap(), tempfile::tempfile().unwrap());
        let good = File::from(OwnedFd::from(good));
        served.fail(Request::Sync, libc::EIO);
        let (bad, good) = join!(bad.sync_all(), good.sync_all()).await;
        assert_eq!((told(bad), good.is_ok()), (Some(libc::EIO), true));
    });
}
