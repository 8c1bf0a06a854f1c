//! System calls, by threads: 64 of them where they wait for a device, else as many as there are cores.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use super::{BLOCK, Place, RECORD, TASKS, fresh, offset};

fn all(threads: usize, count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let each = || {
        loop {
            match next.fetch_add(1, Relaxed) {
                n if n < count => work(n),
                _ => break,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(each);
        }
    });
}

fn open(place: std::path::PathBuf) -> File {
    OpenOptions::new().read(true).write(true).open(place).expect("an open")
}

pub fn appends(place: &Place) {
    fresh(&place.log());
    let file = open(place.log());
    all(TASKS, place.appends, |n| {
        file.write_all_at(&[1; RECORD], (n * RECORD) as u64).expect("a write");
        file.sync_data().expect("a sync");
    });
}

pub fn buffered_writes(place: &Place) {
    let file = open(place.large());
    all(1, place.reads / 4, |n| file.write_all_at(&[1; BLOCK], offset(n)).expect("a write"));
}

pub fn cached_reads(place: &Place) {
    let file = open(place.large());
    all(1, place.reads, |n| file.read_exact_at(&mut [0; BLOCK], offset(n)).expect("a read"));
}

pub fn small_files(place: &Place) {
    let paths: Vec<_> = (0..place.files).map(|n| place.small(n)).collect();
    all(1, place.files, |n| {
        let mut file = File::open(&paths[n]).expect("an open");
        file.read_exact(&mut [0; BLOCK]).expect("a read");
    });
}
