//! tokio: one thread, and its pool for what blocks.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::task::{JoinHandle, LocalSet, spawn_blocking, spawn_local as spawn};

include!("work.rs");

type Shared = Arc<File>;

fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, work);
}

async fn joined(task: JoinHandle<()>) {
    task.await.expect("no panic");
}

async fn open(path: PathBuf) -> Shared {
    let file = tokio::fs::OpenOptions::new().read(true).write(true).open(path).await.expect("an open");
    Arc::new(file.into_std().await)
}

async fn open_to_read(path: &Path) -> Shared {
    Arc::new(tokio::fs::File::open(path).await.expect("an open").into_std().await)
}

async fn read(file: &Shared, mut block: Vec<u8>, offset: u64) -> Vec<u8> {
    let file = file.clone();
    let work = spawn_blocking(move || {
        file.read_exact_at(&mut block, offset).expect("a read");
        block
    });
    work.await.expect("no panic")
}

async fn write(file: &Shared, block: Vec<u8>, offset: u64) -> Vec<u8> {
    let file = file.clone();
    let work = spawn_blocking(move || {
        file.write_all_at(&block, offset).expect("a write");
        block
    });
    work.await.expect("no panic")
}

async fn sync(file: &Shared) {
    let file = file.clone();
    spawn_blocking(move || file.sync_data().expect("a sync")).await.expect("no panic");
}

async fn close(file: Shared) {
    drop(file);
}
