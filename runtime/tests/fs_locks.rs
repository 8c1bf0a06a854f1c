//! Locks of files, and extended attributes.

mod common;

use std::{io::ErrorKind, pin::pin, time::Duration};

use common::{file, poll_once, run};
use runtime::{
    fs::{self, File, TryLockError},
    time::timeout,
};
use tempfile::tempdir;

#[test]
fn locks_exclude_each_other() {
    run(async {
        let dir = tempdir().unwrap();
        let (one, other) = (file(&dir, b"").await, file(&dir, b"").await);
        one.lock().await.unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        assert!(matches!(other.try_lock_shared(), Err(TryLockError::WouldBlock)));
        let mut waiting = Box::pin(other.lock_shared());
        poll_once(waiting.as_mut()).await;
        one.unlock().unwrap();
        waiting.await.unwrap();
        one.lock_shared().await.unwrap();
        assert!(matches!(one.try_lock(), Err(TryLockError::WouldBlock)));
        other.unlock().unwrap();
        one.try_lock().unwrap();
        let error = std::io::Error::from(other.try_lock().unwrap_err());
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(other.try_lock().unwrap_err().to_string().contains("somebody else"));
    });
}

#[test]
fn a_lock_that_nobody_waits_for_any_more_is_given_back() {
    run(async {
        let dir = tempdir().unwrap();
        let (one, other) = (file(&dir, b"").await, file(&dir, b"").await);
        for _ in 0..100 {
            one.lock().await.unwrap();
            poll_once(pin!(other.lock())).await;
            one.unlock().unwrap();
            // The thread that waited may have it for a moment.
            timeout(Duration::from_secs(10), one.lock()).await.unwrap().unwrap();
            one.unlock().unwrap();
        }
    });
}

#[test]
fn attributes_come_and_go() {
    run(async {
        // Not every file system has them; the place where this is built mostly does.
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "").unwrap();
        let (set, value) = fs::set_xattr(&path, "user.small", vec![1, 2, 3]).await;
        match set {
            Err(error) if error.kind() == ErrorKind::Unsupported => return,
            set => set.unwrap(),
        }
        assert_eq!(value, [1, 2, 3]);
        assert_eq!(fs::get_xattr(&path, "user.small").await.unwrap().unwrap(), [1, 2, 3]);
        let file = File::open(&path).await.unwrap();
        let large = vec![9; 1000];
        file.set_xattr("user.large", large.clone()).await.0.unwrap();
        file.set_xattr("user.empty", "").await.0.unwrap();
        assert_eq!(file.get_xattr("user.large").await.unwrap().unwrap(), large);
        assert_eq!(fs::get_xattr(&path, "user.empty").await.unwrap().unwrap(), b"");
        assert_eq!(file.get_xattr("user.none").await.unwrap(), None);
        let mut names = fs::list_xattr(&path).await.unwrap();
        names.retain(|name| name.to_string_lossy().starts_with("user."));
        names.sort();
        assert_eq!(names, ["user.empty", "user.large", "user.small"]);
        fs::remove_xattr(&path, "user.empty").await.unwrap();
        file.remove_xattr("user.small").await.unwrap();
        assert_eq!(file.remove_xattr("user.small").await.unwrap_err().raw_os_error(), Some(libc::ENODATA));
        assert!(!file.list_xattr().await.unwrap().iter().any(|name| name == "user.small"));
        assert_eq!(fs::get_xattr(&path, "nul\0").await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(fs::list_xattr("nul\0").await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(fs::get_xattr("/nowhere", "user.a").await.unwrap_err().kind(), ErrorKind::NotFound);
    });
}
