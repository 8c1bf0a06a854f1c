//! What is done to files by their path.

use std::{io::ErrorKind, os::unix::fs::PermissionsExt, path::Path};

use tempfile::tempdir;
use tokio::fs;

fn assert_send<F: Future + Send>(future: F) -> F {
    future
}

#[tokio::test]
async fn whole_files() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    assert_send(fs::write(&path, "text")).await.unwrap();
    assert_eq!(assert_send(fs::read(&path)).await.unwrap(), b"text");
    assert_eq!(assert_send(fs::read_to_string(&path)).await.unwrap(), "text");
    fs::write(path.clone(), vec![0xff; 3]).await.unwrap();
    assert_eq!(fs::read_to_string(&path).await.unwrap_err().kind(), ErrorKind::InvalidData);
    fs::write(&path, b"").await.unwrap();
    assert_eq!(fs::read(&path).await.unwrap(), b"");
    let missing = dir.path().join("missing");
    assert_eq!(fs::read(&missing).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::read(dir.path()).await.unwrap_err().kind(), ErrorKind::IsADirectory);
    assert_eq!(fs::write(dir.path(), b"x").await.unwrap_err().kind(), ErrorKind::IsADirectory);
    assert_eq!(fs::write(missing.join("f"), b"x").await.unwrap_err().raw_os_error(), Some(2));
}

#[tokio::test]
async fn copies() {
    let dir = tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::write(&from, vec![7; 100_000]).await.unwrap();
    fs::set_permissions(&from, PermissionsExt::from_mode(0o640)).await.unwrap();
    let copied: Result<u64, std::io::Error> = assert_send(fs::copy(&from, &to)).await;
    assert_eq!(copied.unwrap(), 100_000);
    assert_eq!(fs::read(&to).await.unwrap(), vec![7; 100_000]);
    assert_eq!(fs::metadata(&to).await.unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::copy(dir.path(), &to).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn names_come_and_go() {
    let dir = tempdir().unwrap();
    let name = |name: &str| dir.path().join(name);
    fs::write(name("a"), "a").await.unwrap();
    assert_send(fs::hard_link(name("a"), name("b"))).await.unwrap();
    assert_eq!(fs::hard_link(name("a"), name("b")).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_send(fs::rename(name("a"), name("c"))).await.unwrap();
    assert_eq!(fs::rename(name("a"), name("c")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::read(name("c")).await.unwrap(), b"a");
    assert!(assert_send(fs::try_exists(name("b"))).await.unwrap());
    assert_send(fs::remove_file(name("b"))).await.unwrap();
    assert!(!fs::try_exists(name("b")).await.unwrap());
    assert_eq!(fs::remove_file(name("b")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::remove_file(dir.path()).await.unwrap_err().kind(), ErrorKind::IsADirectory);
    assert!(fs::try_exists(name("c").join("below")).await.is_err());
}

#[tokio::test]
async fn symbolic_links() {
    let dir = tempdir().unwrap();
    let (target, link, dangling) = (dir.path().join("target"), dir.path().join("link"), dir.path().join("dangling"));
    fs::write(&target, "content").await.unwrap();
    assert_send(fs::symlink("target", &link)).await.unwrap();
    fs::symlink("nowhere", &dangling).await.unwrap();
    assert_eq!(fs::symlink("target", &link).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(assert_send(fs::read_link(&link)).await.unwrap(), Path::new("target"));
    assert_eq!(fs::read_link(&target).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(assert_send(fs::symlink_metadata(&link)).await.unwrap().is_symlink());
    let metadata = assert_send(fs::metadata(&link)).await.unwrap();
    assert_eq!((metadata.is_file(), metadata.is_symlink(), metadata.len()), (true, false, 7));
    assert!(fs::symlink_metadata(&dangling).await.unwrap().file_type().is_symlink());
    assert_eq!(fs::metadata(&dangling).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!fs::try_exists(&dangling).await.unwrap());
    let real = std::fs::canonicalize(&target).unwrap();
    assert_eq!(assert_send(fs::canonicalize(dir.path().join(".").join("link"))).await.unwrap(), real);
    assert_eq!(fs::canonicalize(&dangling).await.unwrap_err().kind(), ErrorKind::NotFound);
    fs::remove_file(&link).await.unwrap();
    assert!(fs::try_exists(&target).await.unwrap());
}

#[tokio::test]
async fn permissions() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, "").await.unwrap();
    let mut permissions = fs::metadata(&path).await.unwrap().permissions();
    permissions.set_mode(0o604);
    assert_send(fs::set_permissions(&path, permissions)).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o604);
}

#[tokio::test]
async fn a_nul_byte_is_in_no_path() {
    let path = "a\0b";
    let mut kinds = vec![
        fs::read(path).await.map(drop).unwrap_err().kind(),
        fs::write(path, "").await.unwrap_err().kind(),
        fs::metadata(path).await.map(drop).unwrap_err().kind(),
        fs::symlink_metadata(path).await.map(drop).unwrap_err().kind(),
        fs::try_exists(path).await.map(drop).unwrap_err().kind(),
        fs::create_dir(path).await.unwrap_err().kind(),
        fs::create_dir_all(path).await.unwrap_err().kind(),
        fs::remove_file(path).await.unwrap_err().kind(),
        fs::remove_dir(path).await.unwrap_err().kind(),
        fs::remove_dir_all(path).await.unwrap_err().kind(),
        fs::rename(path, "b").await.unwrap_err().kind(),
        fs::rename("a", path).await.unwrap_err().kind(),
        fs::hard_link("a", path).await.unwrap_err().kind(),
        fs::symlink(path, "b").await.unwrap_err().kind(),
        fs::symlink("a", path).await.unwrap_err().kind(),
        fs::read_link(path).await.map(drop).unwrap_err().kind(),
        fs::read_dir(path).await.map(drop).unwrap_err().kind(),
        fs::canonicalize(path).await.map(drop).unwrap_err().kind(),
        fs::copy(path, "b").await.map(drop).unwrap_err().kind(),
        fs::File::open(path).await.map(drop).unwrap_err().kind(),
    ];
    kinds.dedup();
    assert_eq!(kinds, [ErrorKind::InvalidInput]);
}
