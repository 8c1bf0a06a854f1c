//! Files, against other runtimes and plain system calls: the same programs (`files/work.rs`), compiled once for each.
//!
//! Rounds are interleaved, each with a runtime of its own; medians of the rate and of the CPU time of all threads, the
//! kernel's workers for this process among them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use crate::measure::median;

#[path = "files/on_compio.rs"]
mod on_compio;
#[path = "files/on_glommio.rs"]
mod on_glommio;
#[path = "files/on_monoio.rs"]
mod on_monoio;
#[path = "files/on_runtime.rs"]
mod on_runtime;
#[path = "files/on_tokio.rs"]
mod on_tokio;
#[path = "files/on_tokio_uring.rs"]
mod on_tokio_uring;
#[path = "files/plain.rs"]
mod plain;

const TASKS: usize = 64;
const BLOCK: usize = 4096;
const RECORD: usize = 128;

/// What all of them work on.
pub struct Place {
    dir: tempfile::TempDir,
    files: usize,
    reads: usize,
    appends: usize,
}

impl Place {
    fn small(&self, n: usize) -> PathBuf {
        self.dir.path().join(format!("small/{n}"))
    }

    fn large(&self) -> PathBuf {
        self.dir.path().join("large")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

/// So many bytes that cached reads are spread over.
const LARGE: usize = 64 << 20;

type Work = fn(&Place);
type Row = (&'static str, Work);

fn place(quick: bool) -> Place {
    // Not in /tmp, which may lie in memory.
    let here = std::env::current_dir().expect("a working directory");
    let dir = tempfile::tempdir_in(here).expect("a directory");
    let less = if quick { 10 } else { 1 };
    let place = Place { dir, files: 20_000 / less, reads: 400_000 / less, appends: 20_000 / less };
    fs::create_dir(place.dir.path().join("small")).expect("a directory");
    for n in 0..place.files {
        fs::write(place.small(n), [7; BLOCK]).expect("a file");
    }
    fs::write(place.large(), vec![7; LARGE]).expect("a file");
    place
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn compare(title: &str, operations: usize, place: &Place, rounds: usize, rows: &[Row]) {
    let mut taken = vec![(Vec::new(), Vec::new()); rows.len()];
    for _ in 0..rounds {
        for ((_, work), (wall, used)) in rows.iter().zip(&mut taken) {
            let (start, before) = (Instant::now(), cpu());
            work(place);
            wall.push(start.elapsed());
            used.push(cpu() - before);
        }
    }
    println!("\n{title} ({rounds} interleaved rounds of {operations} operations)");
    println!("{:<28} {:>12} {:>10}", "", "per second", "CPU µs/op");
    for ((name, _), (mut wall, mut used)) in rows.iter().zip(taken) {
        let rate = operations as f64 / median(&mut wall).as_secs_f64();
        let cpu = median(&mut used).as_secs_f64() * 1e6 / operations as f64;
        println!("{name:<28} {rate:>12.0} {cpu:>10.2}");
    }
}

macro_rules! rows {
    ($work:ident $(, $name:literal => $own:expr)*) => {
        &[
            ("runtime", on_runtime::$work as Work),
            $(($name, $own as Work),)*
            ("tokio", on_tokio::$work),
            ("monoio", on_monoio::$work),
            ("compio", on_compio::$work),
            ("glommio", on_glommio::$work),
            ("tokio-uring", on_tokio_uring::$work),
            ("threads, plain calls", plain::$work),
        ]
    };
}

fn report(title: &str, operations: fn(&Place) -> usize, rows: &[Row]) {
    let quick = std::env::args().any(|argument| argument == "quick");
    let (place, rounds) = (place(quick), if quick { 3 } else { 5 });
    compare(title, operations(&place), &place, rounds, rows);
}

/// Group commit.
pub fn appends() {
    let rows = rows!(appends, "runtime, fs::Log" => on_runtime::log);
    report("Durable appends of 128 bytes, 64 writers on one file", |place| place.appends, rows);
}

/// Open, read, close.
pub fn small() {
    let rows = rows!(small_files, "runtime, fs::read" => on_runtime::whole_files);
    report("Files of 4 KiB: open, read, close, 64 at a time", |place| place.files, rows);
}

/// Out of the page cache.
pub fn reads() {
    report("Random cached reads of 4 KiB, 64 at a time", |place| place.reads, rows!(cached_reads));
}

/// Into it.
pub fn writes() {
    let rows = rows!(buffered_writes, "runtime, by the ring" => on_runtime::buffered_writes_by_the_ring);
    report("Buffered writes of 4 KiB, 64 tasks on one file", |place| place.reads / 4, rows);
}

/// Where the n-th read is.
fn offset(n: usize) -> u64 {
    (n.wrapping_mul(2_654_435_761) % (LARGE / BLOCK) * BLOCK) as u64
}

/// Empty, for a new round.
fn fresh(path: &Path) {
    let _none = fs::remove_file(path);
    fs::write(path, []).expect("a file");
}
