//! `fs::write_atomic`: the old content or the new, and nothing beside it.

mod common;

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    pin::pin,
};

use common::run;
use runtime::fs::write_atomic;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn it_creates_and_replaces_and_keeps_the_mode() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    run(async {
        write_atomic(&path, "one").await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        let created = fs::metadata(&path).unwrap().permissions().mode();
        let plain = dir.path().join("plain");
        fs::write(&plain, "").unwrap();
        assert_eq!(created, fs::metadata(&plain).unwrap().permissions().mode());
        fs::remove_file(plain).unwrap();
        // More than any usual umask lets through.
        for mode in [0o600, 0o777, 0o640] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let contents = vec![b'x'; mode as usize * 100];
            write_atomic(&path, &contents).await.unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
            assert_eq!(fs::read(&path).unwrap(), contents);
        }
        write_atomic(&path, "").await.unwrap();
        assert_eq!((fs::read(&path).unwrap().len(), names(dir.path())), (0, vec!["a".to_string()]));
    });
}

/// A look at the name, the directory, the five steps; for a file that is there its new mode is set before it has content.
#[test]
fn each_step_of_a_plan_is_an_enter() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        for (contents, enters, plans) in [("one", 7, 1), ("two", 7, 1)] {
            let before = runtime::metrics();
            write_atomic(dir.path().join("a"), contents).await.unwrap();
            let metrics = runtime::metrics().since(&before);
            assert_eq!(metrics.plans_chain + metrics.plans_staged, plans);
            assert_eq!(metrics.enters_submitting, enters, "{contents}: {metrics:?}");
        }
    });
}

#[test]
fn a_link_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    fs::write(&target, "old").unwrap();
    symlink("target", &link).unwrap();
    run(async { write_atomic(&link, "new").await.unwrap() });
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(names(dir.path()), ["link", "target"]);
}

#[test]
fn failures_leave_the_old_content_and_no_temporary_file() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let kind = |result: io::Result<()>| result.unwrap_err().kind();
        assert_eq!(kind(write_atomic(dir.path().join("none/a"), "x").await), io::ErrorKind::NotFound);
        assert_eq!(kind(write_atomic(dir.path(), "x").await), io::ErrorKind::IsADirectory);
        assert_eq!(kind(write_atomic("/dev/null", "x").await), io::ErrorKind::InvalidInput);
        assert_eq!(kind(write_atomic("/", "x").await), io::ErrorKind::IsADirectory);
        let long = dir.path().join("n".repeat(256));
        assert_eq!(write_atomic(&long, "x").await.unwrap_err().raw_os_error(), Some(36));
        assert_eq!(names(dir.path()), [""; 0]);
        // The longest name there can be.
        write_atomic(dir.path().join("n".repeat(255)), "x").await.unwrap();
    });
}

/// Dropped at each moment: old or new content, and no temporary file.
#[test]
fn dropped_at_any_time_it_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    for existing in [false, true] {
        for polls in 1..12 {
            let _gone = fs::remove_file(&path);
            if existing {
                fs::write(&path, "old").unwrap();
            }
            run(async {
                let mut write = Box::pin(write_atomic(&path, "new"));
                for _ in 0..polls {
                    if futures_ready(write.as_mut()).await {
                        break;
                    }
                    runtime::task::yield_now().await;
                }
                drop(write);
                // What it has begun ends by itself.
                for _ in 0..10_000 {
                    let temporary = names(dir.path()).iter().any(|name| name.ends_with(".tmp"));
                    if !temporary && runtime::metrics().in_flight == 0 {
                        break;
                    }
                    runtime::task::yield_now().await;
                }
            });
            let content = fs::read_to_string(&path).unwrap_or_default();
            let old = if existing { "old" } else { "" };
            assert!(content == old || content == "new", "{content:?} after {polls} polls");
            assert!(names(dir.path()).len() <= 1, "{:?} after {polls} polls", names(dir.path()));
        }
    }
}

async fn futures_ready(mut write: std::pin::Pin<&mut impl Future<Output = io::Result<()>>>) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(write.as_mut().poll(cx).is_ready())).await
}

/// Many at once of one file: one of them wins, nothing is mixed.
#[test]
fn writers_of_one_file_do_not_mix() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    run(async {
        let tasks: Vec<_> = (0..32u8)
            .map(|n| {
                let path = path.clone();
                runtime::spawn(async move { write_atomic(path, vec![n; 10_000]).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
    let content = fs::read(&path).unwrap();
    assert!(content.len() == 10_000 && content.iter().all(|byte| *byte == content[0]));
    assert_eq!(names(dir.path()), ["a"]);
}

#[test]
fn the_future_may_go_to_another_thread() {
    let write = pin!(write_atomic("x", "y"));
    common::assert_send(&write);
}
