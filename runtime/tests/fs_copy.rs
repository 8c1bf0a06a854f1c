//! `fs::copy`: what std's does, by whatever way the file systems have.

mod common;

use std::{
    fs::{self, Permissions},
    io::ErrorKind,
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::Path,
    time::{Duration, Instant},
};

use common::{open_fds, poll_once, run};
use runtime::fs::copy;
use tempfile::{TempDir, tempdir};

fn bytes(len: usize) -> Vec<u8> {
    (0..len as u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).take(len).collect()
}

/// A directory of another file system than the temporary ones', so that the kernel does not copy.
fn elsewhere(dir: &TempDir) -> Option<TempDir> {
    let other = tempfile::tempdir_in("/dev/shm").ok()?;
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    (device(other.path()) != device(dir.path())).then_some(other)
}

#[test]
fn contents_and_permissions_are_equal() {
    let dir = tempdir().unwrap();
    let other = elsewhere(&dir);
    if other.is_none() {
        println!("skipped between file systems: /dev/shm is not another one");
    }
    run(async {
        for len in [0, 1, 256 << 10, (1 << 20) + 1, 20 << 20] {
            let from = dir.path().join("from");
            let content = bytes(len);
            fs::write(&from, &content).unwrap();
            fs::set_permissions(&from, Permissions::from_mode(0o640)).unwrap();
            for to in [Some(&dir), other.as_ref()].into_iter().flatten() {
                let to = to.path().join("to");
                // Longer than what it gets, and with a mode of its own.
                fs::write(&to, bytes(len + 9)).unwrap();
                assert_eq!(copy(&from, &to).await.unwrap(), len as u64, "{to:?}");
                assert!(fs::read(&to).unwrap() == content, "{len} bytes to {to:?}");
                assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o7777, 0o640);
            }
        }
    });
}

#[test]
fn files_without_a_size_and_files_with_holes() {
    let dir = tempdir().unwrap();
    let other = elsewhere(&dir);
    run(async {
        let to = dir.path().join("to");
        let copied = copy("/proc/version", &to).await.unwrap();
        let content = fs::read(&to).unwrap();
        assert_eq!((copied, &content), (content.len() as u64, &fs::read("/proc/version").unwrap()));
        assert!(copied > 0);

        let holes = dir.path().join("holes");
        let file = fs::File::create(&holes).unwrap();
        file.write_all_at(b"middle", 3 << 20).unwrap();
        file.set_len(5 << 20).unwrap();
        for to in [Some(&dir), other.as_ref()].into_iter().flatten() {
            let to = to.path().join("to");
            assert_eq!(copy(&holes, &to).await.unwrap(), 5 << 20);
            assert!(fs::read(&to).unwrap() == fs::read(&holes).unwrap());
        }
    });
}

#[test]
fn odd_sources_and_destinations_are_as_with_std() {
    let dir = tempdir().unwrap();
    let (ours, theirs, to) = (dir.path().join("ours"), dir.path().join("theirs"), dir.path().join("to"));
    run(async {
        fs::write(&ours, "same").unwrap();
        fs::write(&theirs, "same").unwrap();
        assert_eq!(copy(&ours, &ours).await.unwrap(), fs::copy(&theirs, &theirs).unwrap());
        assert_eq!(fs::read(&ours).unwrap(), fs::read(&theirs).unwrap());
        fs::write(&ours, "bytes").unwrap();
        assert_eq!(copy(&ours, "/dev/null").await.unwrap(), fs::copy(&ours, "/dev/null").unwrap());
        for (from, to) in [(dir.path(), &*to), (Path::new("/dev/null"), &to), (&dir.path().join("none"), &to)] {
            let (our, their) = (copy(from, to).await.unwrap_err(), fs::copy(from, to).unwrap_err());
            assert_eq!(our.kind(), their.kind(), "{from:?}");
            assert!(!to.exists());
        }
        assert_eq!(copy(&ours, dir.path()).await.unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(copy(&ours, "/dev/full").await.unwrap_err().kind(), ErrorKind::StorageFull);
    });
}

/// Polls once; gives what it came to.
async fn poll_for<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

/// No task, no op, and soon no descriptor.
#[test]
fn a_dropped_copy_leaves_nothing_behind() {
    let dir = tempdir().unwrap();
    let other = elsewhere(&dir);
    let from = dir.path().join("from");
    fs::write(&from, bytes(20 << 20)).unwrap();
    for to in [Some(&dir), other.as_ref()].into_iter().flatten() {
        let to = to.path().join("to");
        run(async {
            let before = open_fds();
            for polls in 0..10 {
                let mut copying = Box::pin(copy(&from, &to));
                poll_once(copying.as_mut()).await;
                for _ in 0..polls {
                    runtime::task::yield_now().await;
                    if poll_for(copying.as_mut()).await.is_some() {
                        break;
                    }
                }
            }
            let end = Instant::now() + Duration::from_secs(20);
            while open_fds() > before || runtime::metrics().in_flight > 0 {
                assert!(Instant::now() < end, "{} descriptors more", open_fds() - before);
                runtime::task::yield_now().await;
            }
            assert_eq!(runtime::metrics().tasks, 0);
        });
    }
}
