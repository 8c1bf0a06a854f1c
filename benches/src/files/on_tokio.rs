//! tokio: one thread, and its pool for what blocks.

use std::{fs::File, ops::Range, os::unix::fs::FileExt, path::Path, sync::Arc};

use tokio::task::{LocalSet, spawn_blocking, spawn_local};

use super::{
    peer::{How, Peer},
    place::{Place, aligned},
};

pub struct Tokio;

pub struct Block {
    memory: Vec<u8>,
    range: Range<usize>,
}

impl Peer for Tokio {
    type File = Arc<File>;
    type Block = Block;

    fn run(work: impl Future<Output = ()> + 'static) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, work);
    }

    fn spawn(work: impl Future<Output = ()> + 'static) -> impl Future<Output = ()> {
        let task = spawn_local(work);
        async { task.await.expect("no panic") }
    }

    async fn open(path: &Path, how: How) -> Arc<File> {
        let mut options = tokio::fs::OpenOptions::new();
        options.read(true).write(how.writes()).custom_flags(how.flags());
        Arc::new(options.open(path).await.expect("an open").into_std().await)
    }

    async fn sync(file: &Arc<File>) {
        let file = file.clone();
        spawn_blocking(move || file.sync_data().expect("a sync")).await.expect("no panic");
    }

    async fn close(file: Arc<File>) {
        drop(file);
    }

    fn block(_: &Arc<File>, len: usize) -> Block {
        let (memory, range) = aligned(len);
        Block { memory, range }
    }

    fn bytes(block: &Block) -> &[u8] {
        &block.memory[block.range.clone()]
    }

    fn bytes_mut(block: &mut Block) -> &mut [u8] {
        &mut block.memory[block.range.clone()]
    }

    async fn read(file: &Arc<File>, mut block: Block, at: u64) -> Block {
        let file = file.clone();
        let work = spawn_blocking(move || {
            file.read_exact_at(Tokio::bytes_mut(&mut block), at).expect("a read");
            block
        });
        work.await.expect("no panic")
    }

    async fn write(file: &Arc<File>, block: Block, at: u64) -> Block {
        let file = file.clone();
        let work = spawn_blocking(move || {
            file.write_all_at(Tokio::bytes(&block), at).expect("a write");
            block
        });
        work.await.expect("no panic")
    }
}

pub fn copy(place: &Place) {
    let (from, to, bytes) = (place.huge(), place.own(), place.huge as u64);
    Tokio::run(async move { assert_eq!(tokio::fs::copy(from, to).await.expect("a copy"), bytes) });
}
