//! monoio.

use std::path::{Path, PathBuf};

use monoio::{
    fs::{File, OpenOptions},
    spawn,
    task::JoinHandle,
};

include!("work.rs");

fn run(work: impl Future<Output = ()>) {
    monoio::RuntimeBuilder::<monoio::IoUringDriver>::new().build().expect("a runtime").block_on(work);
}

async fn joined(task: JoinHandle<()>) {
    task.await;
}

async fn open(path: PathBuf) -> File {
    OpenOptions::new().read(true).write(true).open(path).await.expect("an open")
}

async fn open_to_read(path: &Path) -> File {
    File::open(path).await.expect("an open")
}

async fn read(file: &File, block: Vec<u8>, offset: u64) -> Vec<u8> {
    let (result, block) = file.read_exact_at(block, offset).await;
    result.expect("a read");
    block
}

async fn write(file: &File, block: Vec<u8>, offset: u64) -> Vec<u8> {
    let (result, block) = file.write_all_at(block, offset).await;
    result.expect("a write");
    block
}

async fn sync(file: &File) {
    file.sync_data().await.expect("a sync");
}

async fn close(file: File) {
    file.close().await.expect("a close");
}
