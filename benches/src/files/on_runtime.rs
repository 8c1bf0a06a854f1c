//! Ours.

use std::path::{Path, PathBuf};

use runtime::{
    BufferedWrites, Builder,
    fs::{File, Log},
    spawn,
    task::JoinHandle,
};

include!("work.rs");

thread_local!(static BY_THE_RING: Cell<bool> = const { Cell::new(false) });

fn run(work: impl Future<Output = ()>) {
    let writes = if BY_THE_RING.get() { BufferedWrites::Worker } else { BufferedWrites::Auto };
    Builder::new().buffered_writes(writes).build().expect("a runtime").block_on(work);
}

async fn joined(task: JoinHandle<()>) {
    task.await.expect("no panic");
}

async fn open(path: PathBuf) -> File {
    File::options().read(true).write(true).open(path).await.expect("an open")
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

pub fn log(place: &Place) {
    let (path, count) = (place.log(), place.appends);
    let _none = std::fs::remove_file(&path);
    run(async move {
        let log = Log::open(path).await.expect("a log");
        all(count, |next| {
            let log = log.clone();
            async move {
                while take(&next).is_some() {
                    log.append([1; RECORD]).await.expect("an append");
                }
            }
        })
        .await;
    });
}

pub fn whole_files(place: &Place) {
    let paths: Rc<Vec<_>> = Rc::new((0..place.files).map(|n| place.small(n)).collect());
    run(async move {
        all(paths.len(), |next| {
            let paths = paths.clone();
            async move {
                while let Some(n) = take(&next) {
                    assert_eq!(runtime::fs::read(&paths[n]).await.expect("a read").len(), BLOCK);
                }
            }
        })
        .await;
    });
}

pub fn buffered_writes_by_the_ring(place: &Place) {
    BY_THE_RING.set(true);
    buffered_writes(place);
    BY_THE_RING.set(false);
}
