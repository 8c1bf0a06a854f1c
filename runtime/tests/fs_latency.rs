//! Work on files leaves the shard its turns: what is long goes to threads of the pool, or to the kernel's.

mod common;

use std::{
    cell::Cell,
    fs as plain,
    future::Future,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use common::run;
use runtime::{
    fs::{self, File},
    io::{AsyncReadExt, AsyncWriteExt},
    spawn,
    task::yield_now,
};

/// Bytes whose copy takes far longer than a turn may.
const LARGE: usize = 128 << 20;

/// The CPU time that this thread has used. The shard's own work is what holds its tasks up here; other programs of the
/// machine do not count.
fn used() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a local that the call fills.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The most that the shard computes between two turns of a task that always wants one, and all that it computes.
async fn longest_turn(work: impl Future<Output = ()>) -> (Duration, Duration) {
    let longest = Rc::new(Cell::new(Duration::ZERO));
    let seen = longest.clone();
    let ticks = spawn(async move {
        let mut last = used();
        loop {
            yield_now().await;
            let now = used();
            seen.set(seen.get().max(now - last));
            last = now;
        }
    });
    yield_now().await;
    let before = used();
    work.await;
    let total = used() - before;
    yield_now().await;
    ticks.abort();
    (longest.get(), total)
}

/// What copying `LARGE` bytes takes here, on one core.
fn copy_takes(from: &Path, to: &Path) -> Duration {
    let start = Instant::now();
    let bytes = plain::read(from).unwrap();
    plain::write(to, bytes).unwrap();
    start.elapsed()
}

#[test]
fn long_work_leaves_others_their_turns() {
    let dir = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    plain::write(&from, vec![7; LARGE]).unwrap();
    let whole = copy_takes(&from, &to);
    let limit = (whole / 8).max(Duration::from_millis(5));
    run(async {
        let check = |name: &str, (longest, _): (Duration, Duration)| {
            assert!(longest < limit, "{name}: {longest:?} between two turns; all of it takes {whole:?}");
        };
        check("copy", longest_turn(async { assert_eq!(fs::copy(&from, &to).await.unwrap(), LARGE as u64) }).await);
        let bytes = vec![7; LARGE];
        let file = File::create(&to).await.unwrap();
        let write = async { file.write_all_at(bytes, 0).await.0.unwrap() };
        check("one large write", longest_turn(write).await);
        let bytes = vec![7; 64 << 10];
        let write = async {
            let mut bytes = bytes;
            for n in 0..LARGE / bytes.len() {
                let (written, back) = file.write_all_at(bytes, (n * (64 << 10)) as u64).await;
                written.unwrap();
                bytes = back;
            }
        };
        check("many short writes", longest_turn(write).await);
        let mut cursor = File::create(&to).await.unwrap();
        let write = async {
            let bytes = vec![7; 1 << 20];
            for _ in 0..LARGE >> 20 {
                cursor.write_all(&bytes).await.unwrap();
            }
            cursor.flush().await.unwrap();
        };
        check("the cursor's writes", longest_turn(write).await);
        let mut cursor = File::open(&to).await.unwrap();
        let read = async {
            let (mut bytes, mut all) = (vec![0; 64 << 10], 0);
            loop {
                match cursor.read(&mut bytes).await.unwrap() {
                    0 => break,
                    count => all += count,
                }
            }
            assert_eq!(all, LARGE);
        };
        check("the cursor's reads", longest_turn(read).await);
        check("sync", longest_turn(async { file.sync_all().await.unwrap() }).await);
    });
}

#[test]
fn large_directories_leave_others_their_turns() {
    const ENTRIES: usize = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let many = dir.path().join("many");
    plain::create_dir(&many).unwrap();
    for n in 0..ENTRIES {
        plain::write(many.join(n.to_string()), "").unwrap();
    }
    run(async {
        let read = async {
            let mut entries = fs::read_dir(&many).await.unwrap();
            let mut count = 0;
            while entries.next_entry().await.unwrap().is_some() {
                count += 1;
            }
            assert_eq!(count, ENTRIES);
        };
        let (longest, _) = longest_turn(read).await;
        assert!(longest < Duration::from_millis(5), "read_dir: {longest:?} between two turns");
        let (longest, _) = longest_turn(async { fs::remove_dir_all(&many).await.unwrap() }).await;
        assert!(longest < Duration::from_millis(5), "remove_dir_all: {longest:?} between two turns");
    });
}
