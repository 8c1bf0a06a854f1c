//! Directories.

use std::{collections::BTreeSet, future::poll_fn, io::ErrorKind, os::unix::fs::PermissionsExt};

use tempfile::tempdir;
use tokio::fs::{self, DirBuilder, DirEntry, ReadDir};

fn assert_send<F: Future + Send>(future: F) -> F {
    future
}

fn assert_auto_traits<T: Send + Sync + Unpin + std::fmt::Debug>(value: T) -> T {
    value
}

#[tokio::test]
async fn made_and_removed() {
    let dir = tempdir().unwrap();
    let (one, deep) = (dir.path().join("one"), dir.path().join("one/two/three"));
    assert_send(fs::create_dir(&one)).await.unwrap();
    assert_eq!(fs::create_dir(&one).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::create_dir(&deep).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_send(fs::create_dir_all(&deep)).await.unwrap();
    fs::create_dir_all(&deep).await.unwrap();
    fs::create_dir_all("").await.unwrap();
    fs::create_dir_all("/").await.unwrap();
    assert!(fs::metadata(&deep).await.unwrap().is_dir());
    assert_eq!(fs::remove_dir(&one).await.unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
    assert_send(fs::remove_dir(&deep)).await.unwrap();
    fs::write(one.join("file"), "").await.unwrap();
    assert_eq!(fs::remove_dir(one.join("file")).await.unwrap_err().kind(), ErrorKind::NotADirectory);
    assert_eq!(fs::create_dir_all(one.join("file/below")).await.unwrap_err().kind(), ErrorKind::NotADirectory);
    assert_eq!(fs::create_dir_all(one.join("file")).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_send(fs::remove_dir_all(&one)).await.unwrap();
    assert!(!fs::try_exists(&one).await.unwrap());
    assert_eq!(fs::remove_dir_all(&one).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_link_to_a_directory_is_not_followed_when_a_tree_is_removed() {
    let dir = tempdir().unwrap();
    let (kept, tree) = (dir.path().join("kept"), dir.path().join("tree"));
    fs::create_dir(&kept).await.unwrap();
    fs::write(kept.join("file"), "kept").await.unwrap();
    fs::create_dir_all(tree.join("a/b")).await.unwrap();
    fs::symlink(&kept, tree.join("a/link")).await.unwrap();
    fs::remove_dir_all(&tree).await.unwrap();
    assert_eq!(fs::read(kept.join("file")).await.unwrap(), b"kept");
}

#[tokio::test]
async fn options_of_new_directories() {
    let dir = tempdir().unwrap();
    let mode = |path: &str| std::fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    assert_send(builder.create(dir.path().join("a"))).await.unwrap();
    assert_eq!(builder.create(dir.path().join("a")).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    builder.recursive(true).create(dir.path().join("a/b/c")).await.unwrap();
    assert_eq!((mode("a"), mode("a/b"), mode("a/b/c")), (0o700, 0o700, 0o700));
    DirBuilder::default().create(dir.path().join("d")).await.unwrap();
    assert!(format!("{builder:?}").contains("recursive: true"));
}

#[tokio::test]
async fn entries() {
    let dir = tempdir().unwrap();
    for number in 0..200 {
        std::fs::write(dir.path().join(number.to_string()), vec![0; number]).unwrap();
    }
    std::fs::create_dir(dir.path().join("dir")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
    let mut entries: ReadDir = assert_auto_traits(assert_send(fs::read_dir(dir.path())).await.unwrap());
    let mut names = BTreeSet::new();
    while let Some(entry) = assert_send(entries.next_entry()).await.unwrap() {
        let entry: DirEntry = assert_auto_traits(entry);
        assert_eq!(entry.path(), dir.path().join(entry.file_name()));
        let name = entry.file_name().into_string().unwrap();
        let (file_type, metadata) = (entry.file_type().await.unwrap(), entry.metadata().await.unwrap());
        assert_eq!(file_type, metadata.file_type());
        assert_eq!(entry.ino(), std::os::unix::fs::MetadataExt::ino(&metadata));
        match name.as_str() {
            "dir" => assert!(file_type.is_dir()),
            "link" => assert!(file_type.is_symlink()),
            number => assert_eq!(metadata.len(), number.parse::<u64>().unwrap()),
        }
        names.insert(name);
    }
    assert_eq!(names.len(), 202);
    assert!(entries.next_entry().await.unwrap().is_none());
    assert!(poll_fn(|cx| entries.poll_next_entry(cx)).await.unwrap().is_none());
}

#[tokio::test]
async fn no_entries() {
    let dir = tempdir().unwrap();
    assert!(fs::read_dir(dir.path()).await.unwrap().next_entry().await.unwrap().is_none());
    assert_eq!(fs::read_dir(dir.path().join("x")).await.unwrap_err().kind(), ErrorKind::NotFound);
    std::fs::write(dir.path().join("f"), "").unwrap();
    assert_eq!(fs::read_dir(dir.path().join("f")).await.unwrap_err().kind(), ErrorKind::NotADirectory);
}
