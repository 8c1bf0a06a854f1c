//! compio.

use std::path::{Path, PathBuf};

use compio::{
    fs::{File, OpenOptions},
    io::{AsyncReadAtExt, AsyncWriteAtExt},
    runtime::{JoinHandle, Runtime, spawn},
};

include!("work.rs");

fn run(work: impl Future<Output = ()>) {
    Runtime::new().expect("a runtime").block_on(work);
}

async fn joined(task: JoinHandle<()>) {
    task.await.expect("no panic");
}

async fn open(path: PathBuf) -> File {
    OpenOptions::new().read(true).write(true).open(path).await.expect("an open")
}

async fn open_to_read(path: &Path) -> File {
    File::open(path).await.expect("an open")
}

async fn read(file: &File, mut block: Vec<u8>, offset: u64) -> Vec<u8> {
    block.clear();
    let compio::buf::BufResult(result, block) = file.read_exact_at(block, offset).await;
    result.expect("a read");
    block
}

async fn write(mut file: &File, block: Vec<u8>, offset: u64) -> Vec<u8> {
    let compio::buf::BufResult(result, block) = file.write_all_at(block, offset).await;
    result.expect("a write");
    block
}

async fn sync(file: &File) {
    file.sync_data().await.expect("a sync");
}

async fn close(file: File) {
    file.close().await.expect("a close");
}
