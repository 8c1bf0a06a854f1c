//! glommio, which owns its buffers.

use std::path::{Path, PathBuf};

use glommio::{
    LocalExecutorBuilder, Placement, Task,
    io::{BufferedFile, OpenOptions},
    spawn_local as spawn,
};

include!("work.rs");

fn run(work: impl Future<Output = ()>) {
    LocalExecutorBuilder::new(Placement::Unbound).make().expect("an executor").run(work);
}

async fn joined(task: Task<()>) {
    task.await;
}

async fn open(path: PathBuf) -> BufferedFile {
    OpenOptions::new().read(true).write(true).buffered_open(path).await.expect("an open")
}

async fn open_to_read(path: &Path) -> BufferedFile {
    BufferedFile::open(path).await.expect("an open")
}

async fn read(file: &BufferedFile, block: Vec<u8>, offset: u64) -> Vec<u8> {
    let result = file.read_at(offset, BLOCK).await.expect("a read");
    assert_eq!(result.len(), BLOCK);
    block
}

async fn write(file: &BufferedFile, block: Vec<u8>, offset: u64) -> Vec<u8> {
    let again = block.clone();
    file.write_at(block, offset).await.expect("a write");
    again
}

async fn sync(file: &BufferedFile) {
    file.fdatasync().await.expect("a sync");
}

async fn close(file: BufferedFile) {
    file.close().await.expect("a close");
}
