//! What all contestants work on: files whose every block tells which one it is.

use std::{
    fs::{self, OpenOptions},
    io::Read,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::peer::How;
use crate::contest::Scene;

/// How many tasks there are, each with one op in flight.
pub const TASKS: usize = 64;
pub const BLOCK: usize = 4096;
pub const RECORD: usize = 128;
/// So many bytes that random reads are spread over.
pub const LARGE: usize = 64 << 20;
pub const BLOCKS: usize = LARGE / BLOCK;
/// A read of such a copy; a write is four of them.
pub const PART: usize = 16 << 10;
/// Of a whole file's copy by reads and writes.
pub const PIECE: usize = 128 << 10;

pub struct Place {
    dir: PathBuf,
    pub files: usize,
    pub reads: usize,
    pub direct_reads: usize,
    pub appends: usize,
    plans: usize,
    /// Bytes that are copied 4 reads to 1 write.
    pub copied: usize,
    /// Bytes of the file that is copied whole.
    pub huge: usize,
}

impl Place {
    pub fn of(scene: &Scene) -> Place {
        let count = |count| scene.scaled(count) as usize;
        Place {
            dir: scene.dir.clone(),
            files: count(20_000),
            reads: count(100_000),
            direct_reads: count(20_000),
            appends: count(10_000),
            plans: count(5_000),
            copied: if scene.quick { LARGE / 4 } else { LARGE },
            huge: if scene.quick { 32 << 20 } else { 256 << 20 },
        }
    }

    /// How many plans, one after the other; fewer where each waits for a device.
    pub fn plans(&self, how: How) -> usize {
        if how == How::Direct { self.plans / 5 } else { self.plans }
    }

    pub fn small(&self, n: usize) -> PathBuf {
        self.dir.join(format!("small/{n}"))
    }

    pub fn large(&self) -> PathBuf {
        self.dir.join("large")
    }

    pub fn huge(&self) -> PathBuf {
        self.dir.join("huge")
    }

    /// One for each process, so that a contestant finds its own.
    pub fn own(&self) -> PathBuf {
        self.dir.join(format!("own-{}", std::process::id()))
    }
}

pub fn prepare_small(scene: &Scene) {
    let place = Place::of(scene);
    fs::create_dir(place.dir.join("small")).expect("a directory");
    for n in 0..place.files {
        let mut block = [7; BLOCK];
        mark(&mut block, n);
        fs::write(place.small(n), block).expect("a file");
    }
}

pub fn prepare_large(scene: &Scene) {
    write_marked(&Place::of(scene).large(), LARGE);
}

pub fn prepare_huge(scene: &Scene) {
    let place = Place::of(scene);
    write_marked(&place.huge(), place.huge);
}

fn write_marked(path: &Path, bytes: usize) {
    let mut content = vec![7; bytes];
    for (n, block) in content.chunks_exact_mut(BLOCK).enumerate() {
        mark(block, n);
    }
    fs::write(path, content).expect("a file");
    fs::File::open(path).and_then(|file| file.sync_all()).expect("a sync");
}

/// Writes a block's number into it, first and last.
pub fn mark(block: &mut [u8], n: usize) {
    let (n, end) = ((n as u64).to_le_bytes(), block.len() - 8);
    block[..8].copy_from_slice(&n);
    block[end..].copy_from_slice(&n);
}

/// # Panics
/// If these are not the blocks from number `n` on.
pub fn check(bytes: &[u8], n: usize) {
    assert!(!bytes.is_empty() && bytes.len().is_multiple_of(BLOCK), "{} bytes", bytes.len());
    for (i, block) in bytes.chunks_exact(BLOCK).enumerate() {
        let expected = ((n + i) as u64).to_le_bytes();
        assert!(block[..8] == expected && block[BLOCK - 8..] == expected, "block {} is another one", n + i);
    }
}

/// The block of the n-th of so many random accesses.
pub fn random(n: usize) -> usize {
    n.wrapping_mul(2_654_435_761) % BLOCKS
}

pub fn at(block: usize) -> u64 {
    (block * BLOCK) as u64
}

/// Memory with a part of `len` bytes that O_DIRECT can use.
pub fn aligned(len: usize) -> (Vec<u8>, Range<usize>) {
    let memory = vec![0; len + BLOCK];
    let start = memory.as_ptr().align_offset(BLOCK);
    (memory, start..start + len)
}

/// Before a round: no file of its own.
pub fn remove_own(place: &Place) {
    let _none = fs::remove_file(place.own());
}

/// Before a round: an empty file of its own.
pub fn empty_own(place: &Place) {
    remove_own(place);
    fs::write(place.own(), []).expect("a file");
}

/// Before a round: a file of its own with all blocks allocated, none of which is right.
pub fn spoil_own(place: &Place) {
    if !place.own().exists() {
        fs::write(place.own(), vec![0; LARGE]).expect("a file");
    }
    let file = OpenOptions::new().write(true).open(place.own()).expect("an open");
    for block in (0..BLOCKS).step_by(PART / BLOCK) {
        file.write_all_at(&[0xff; 8], at(block)).expect("a write");
    }
    file.sync_all().expect("a sync");
}

/// After a round.
pub fn all_appended(place: &Place) {
    let content = fs::read(place.own()).expect("a file");
    assert_eq!(content.len(), place.appends * RECORD, "bytes of appends");
    assert!(content.iter().all(|byte| *byte == 1), "a record is wrong");
}

/// After a round: each block that was to be written says which one it is.
pub fn all_written(place: &Place) {
    let file = fs::File::open(place.own()).expect("a file");
    let mut block = [0; BLOCK];
    for n in (0..place.reads).map(random) {
        file.read_exact_at(&mut block, at(n)).expect("a read");
        check(&block, n);
    }
}

/// After a round.
pub fn part_copied(place: &Place) {
    copied(&place.own(), place.copied);
}

/// After a round; what is not written back yet is given up.
pub fn huge_copied(place: &Place) {
    copied(&place.own(), place.huge);
    remove_own(place);
}

fn copied(path: &Path, bytes: usize) {
    let (mut file, mut piece) = (fs::File::open(path).expect("a copy"), vec![0; PIECE]);
    assert!(file.metadata().expect("metadata").len() >= bytes as u64, "fewer bytes than {bytes}");
    for n in (0..bytes / BLOCK).step_by(PIECE / BLOCK) {
        file.read_exact(&mut piece).expect("a read");
        check(&piece, n);
    }
}
