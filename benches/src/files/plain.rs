//! System calls, by threads: 64 of them where they wait for a device, else one.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use super::{
    peer::How,
    place::{BLOCK, PART, Place, RECORD, TASKS, aligned, at, check, mark, random},
};

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

fn open(path: &Path, how: How) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(how.writes()).custom_flags(how.flags()).open(path).expect("an open")
}

pub fn appends(place: &Place) {
    let file = open(&place.own(), How::ReadWrite);
    all(TASKS, place.appends, |n| {
        file.write_all_at(&[1; RECORD], (n * RECORD) as u64).expect("a write");
        file.sync_data().expect("a sync");
    });
}

pub fn buffered_writes(place: &Place) {
    let file = open(&place.own(), How::ReadWrite);
    all(1, place.reads, |n| {
        let mut block = [0; BLOCK];
        mark(&mut block, random(n));
        file.write_all_at(&block, at(random(n))).expect("a write");
    });
}

pub fn cached_reads(place: &Place) {
    let file = open(&place.large(), How::Read);
    all(1, place.reads, |n| {
        let mut block = [0; BLOCK];
        file.read_exact_at(&mut block, at(random(n))).expect("a read");
        check(&block, random(n));
    });
}

pub fn direct_reads(place: &Place) {
    let file = open(&place.large(), How::Direct);
    all(TASKS, place.direct_reads, |n| {
        thread_local!(static BLOCK_OF_MINE: std::cell::RefCell<(Vec<u8>, std::ops::Range<usize>)> = aligned(BLOCK).into());
        BLOCK_OF_MINE.with_borrow_mut(|(memory, range)| {
            let block = &mut memory[range.clone()];
            file.read_exact_at(block, at(random(n))).expect("a read");
            check(block, random(n));
        });
    });
}

pub fn small_files(place: &Place) {
    let paths: Vec<_> = (0..place.files).map(|n| place.small(n)).collect();
    all(1, place.files, |n| {
        let (mut file, mut block) = (File::open(&paths[n]).expect("an open"), [0; BLOCK]);
        file.read_exact(&mut block).expect("a read");
        check(&block, n);
    });
}

pub fn copy_four_to_one(place: &Place) {
    copy_in_fours(place, How::ReadWrite, 1);
}

pub fn copy_four_to_one_direct(place: &Place) {
    copy_in_fours(place, How::Direct, 8);
}

/// Into one buffer, since plain reads can fill parts of it.
fn copy_in_fours(place: &Place, how: How, threads: usize) {
    let (from, to) = (open(&place.large(), how), open(&place.own(), how));
    let next = AtomicUsize::new(0);
    all(threads, threads, |_| {
        let (mut memory, range) = aligned(4 * PART);
        let whole = &mut memory[range];
        loop {
            let n = next.fetch_add(1, Relaxed);
            if n >= place.copied / whole.len() {
                break;
            }
            let start = (n * whole.len()) as u64;
            for (i, part) in whole.chunks_exact_mut(PART).enumerate() {
                from.read_exact_at(part, start + (i * PART) as u64).expect("a read");
            }
            to.write_all_at(whole, start).expect("a write");
        }
    });
}

pub fn copy(place: &Place) {
    assert_eq!(std::fs::copy(place.huge(), place.own()).expect("a copy"), place.huge as u64);
}
