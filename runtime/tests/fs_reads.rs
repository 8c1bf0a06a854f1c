//! Reads of cached pages are done on the spot, and it makes no difference but in cost.

mod common;

use std::{cell::Cell, io, rc::Rc};

use common::{file, run, run_on};
use runtime::{
    Builder, CachedReads,
    fs::{Advice, File, FixedBuffers},
    spawn,
    task::yield_now,
};

/// Reads on the spot, and SQEs.
fn counts() -> (u64, u64) {
    let metrics = runtime::metrics();
    (metrics.reads_on_the_spot, metrics.sqes)
}

#[test]
fn what_is_cached_and_whole_is_read_without_an_sqe() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    run(async {
        let file = file(&dir, &bytes).await;
        let before = counts();
        // The first one goes to the ring: a file that is read once is not looked at.
        file.read_exact_at(vec![0; 100], 0).await.0.unwrap();
        assert_eq!((counts().0 - before.0, counts().1 - before.1), (0, 1));
        let before = counts();
        for (at, len) in [(0, 1), (100, 4096), (5000, 64 << 10)] {
            let (read, found) = file.read_exact_at(vec![0; len], at).await;
            read.unwrap();
            assert_eq!(found, bytes[at as usize..][..len]);
            let (read, found) = file.read_at(Vec::with_capacity(len), at).await;
            assert_eq!(read.unwrap(), len);
            assert_eq!(found, bytes[at as usize..][..len]);
        }
        assert_eq!((counts().0 - before.0, counts().1 - before.1), (6, 0));
        file.read_exact_at(vec![0; (64 << 10) + 1], 0).await.0.unwrap();
        let both = file.read_exact_at(vec![0; 1], 0).then(|_| file.read_exact_at(vec![0; 1], 1)).await;
        assert_eq!((both.0.1, both.1.1), (vec![0], vec![1]));
        assert_eq!((counts().0 - before.0, counts().1 - before.1), (6, 3));
    });
}

#[test]
fn which_reads_are_done_on_the_spot_is_the_builders_choice() {
    let dir = tempfile::tempdir().unwrap();
    for (choice, expected) in [(CachedReads::Ring, (0, 3)), (CachedReads::Inline { max_len: 100 }, (1, 2))] {
        run_on(Builder::new().cached_reads(choice), async {
            let file = file(&dir, &[7; 4096]).await;
            let before = counts();
            for len in [1, 100, 101] {
                assert_eq!(file.read_exact_at(vec![0; len], 0).await.1, vec![7; len]);
            }
            assert_eq!((counts().0 - before.0, counts().1 - before.1), expected, "{choice:?}");
        });
    }
}

#[test]
fn the_end_of_a_file_and_errors_are_as_by_the_ring() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let file = file(&dir, b"0123456789").await;
        for _ in 0..20 {
            assert_eq!(file.read_exact_at(vec![0; 2], 3).await.1, b"34");
            let (read, tail) = file.read_at(vec![0; 9], 6).await;
            assert_eq!((read.unwrap(), &tail[..4]), (4, &b"6789"[..]));
            assert_eq!(file.read_at(vec![0; 9], 10).await.0.unwrap(), 0);
            let (read, _) = file.read_exact_at(vec![0; 9], 6).await;
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
        assert_eq!(file.read_at(Vec::<u8>::new(), 0).await.0.unwrap(), 0);
        let write_only = File::options().write(true).open(dir.path().join("f")).await.unwrap();
        let (_reader, writer) = io::pipe().unwrap();
        let directory = File::open(dir.path()).await.unwrap();
        for _ in 0..3 {
            assert_eq!(write_only.read_at(vec![0; 1], 0).await.0.unwrap_err().raw_os_error(), Some(libc::EBADF));
            assert_eq!(directory.read_at(vec![0; 1], 0).await.0.unwrap_err().raw_os_error(), Some(libc::EISDIR));
        }
        drop(writer);
    });
}

/// Neither pages that are not there, nor O_DIRECT, which would wait for the device, nor registered buffers.
#[test]
fn the_ring_does_what_would_have_to_wait() {
    let here = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let bytes: Vec<u8> = (0..1u32 << 20).map(|n| (n % 251) as u8).collect();
    const O_DIRECT: i32 = 0o40000;
    run(async {
        let file = file(&here, &bytes).await;
        file.sync_all().await.unwrap();
        for n in 0..200u64 {
            file.fadvise(0..u64::MAX, Advice::DontNeed).await.unwrap();
            let at = n * 4096 % (1 << 20);
            let (read, found) = file.read_exact_at(vec![0; 4096], at).await;
            read.unwrap();
            assert_eq!(found, bytes[at as usize..][..4096]);
        }
        let buffers = FixedBuffers::new(1, 4096).unwrap();
        let before = counts();
        for _ in 0..3 {
            file.read_exact_at(buffers.take().await, 0).await.0.unwrap();
        }
        if let Ok(direct) = File::options().read(true).custom_flags(O_DIRECT).open(here.path().join("f")).await {
            for _ in 0..3 {
                direct.read_exact_at(buffers.take().await, 4096).await.0.unwrap();
            }
        }
        assert_eq!(counts().0, before.0);
    });
}

/// After tries in vain fewer are made; once it pays, all are.
#[test]
fn tries_come_back_when_they_pay() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let file = file(&dir, b"0123456789").await;
        for _ in 0..1000 {
            // Short, so never whole.
            assert_eq!(file.read_at(vec![0; 100], 0).await.0.unwrap(), 10);
        }
        let before = counts().0;
        for _ in 0..300 {
            file.read_exact_at(vec![0; 10], 0).await.0.unwrap();
        }
        assert!(counts().0 - before >= 200, "{} of 300", counts().0 - before);
    });
}

#[test]
fn who_only_reads_gives_way() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let file = file(&dir, b"x").await;
        let turns = Rc::new(Cell::new(0));
        let counted = turns.clone();
        let other = spawn(async move {
            loop {
                counted.set(counted.get() + 1);
                yield_now().await;
            }
        });
        let mut byte = vec![0; 1];
        for _ in 0..1000 {
            byte = file.read_exact_at(byte, 0).await.1;
        }
        assert!(turns.get() >= 4, "{} turns", turns.get());
        other.abort();
    });
}
