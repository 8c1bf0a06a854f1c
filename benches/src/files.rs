//! Files, against other runtimes and plain system calls: the same programs (`files/work.rs`), compiled once for each.
//!
//! Each round has a runtime of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    contest::{Bench, Sample, Scene},
    report::{Kind, Metric},
};

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
    dir: PathBuf,
    files: usize,
    reads: usize,
    appends: usize,
}

impl Place {
    fn small(&self, n: usize) -> PathBuf {
        self.dir.join(format!("small/{n}"))
    }

    fn large(&self) -> PathBuf {
        self.dir.join("large")
    }

    fn log(&self) -> PathBuf {
        // One for each process, so that a contestant finds its own.
        self.dir.join(format!("log-{}", std::process::id()))
    }
}

/// So many bytes that cached reads are spread over.
const LARGE: usize = 64 << 20;

type Work = fn(&Place);
type Row = (&'static str, Kind, Work);

fn place(scene: &Scene) -> Place {
    let count = |count| scene.scaled(count) as usize;
    Place { dir: scene.dir.clone(), files: count(20_000), reads: count(400_000), appends: count(20_000) }
}

fn prepare_small(scene: &Scene) {
    let place = place(scene);
    fs::create_dir(place.dir.join("small")).expect("a directory");
    for n in 0..place.files {
        fs::write(place.small(n), [7; BLOCK]).expect("a file");
    }
}

fn prepare_large(scene: &Scene) {
    fs::write(place(scene).large(), vec![7; LARGE]).expect("a file");
}

macro_rules! rows {
    ($work:ident $(, $name:literal => $own:expr)*) => {
        &[
            ("runtime", Kind::Ours, on_runtime::$work as Work),
            $(($name, Kind::Ours, $own as Work),)*
            ("tokio", Kind::Peer, on_tokio::$work),
            ("monoio", Kind::Peer, on_monoio::$work),
            ("compio", Kind::Peer, on_compio::$work),
            ("glommio", Kind::Peer, on_glommio::$work),
            ("tokio-uring", Kind::Peer, on_tokio_uring::$work),
            ("threads, plain calls", Kind::Limit, plain::$work),
        ]
    };
}

fn bench(name: &str, title: &str, prepare: fn(&Scene), operations: fn(&Place) -> usize, rows: &'static [Row]) -> Bench {
    let mut bench = Bench::new(name, "Files", title).headline(Metric::Rate).prepare(prepare).count_calls();
    for &(name, kind, work) in rows {
        bench.add(name, kind, move |scene| {
            let place = place(scene);
            move || Sample::of(operations(&place) as u64, || work(&place))
        });
    }
    bench
}

pub fn benches() -> [Bench; 4] {
    [
        bench(
            "files-appends",
            "durable appends of 128 bytes, 64 writers on one file",
            |_| {},
            |place| place.appends,
            rows!(appends, "runtime, fs::Log" => on_runtime::log),
        ),
        bench(
            "files-small",
            "files of 4 KiB: open, read, close, 64 at a time",
            prepare_small,
            |place| place.files,
            rows!(small_files, "runtime, fs::read" => on_runtime::whole_files),
        ),
        bench(
            "files-reads",
            "random cached reads of 4 KiB, 64 at a time",
            prepare_large,
            |place| place.reads,
            rows!(cached_reads),
        ),
        bench(
            "files-writes",
            "buffered writes of 4 KiB, 64 tasks on one file",
            prepare_large,
            |place| place.reads / 4,
            rows!(buffered_writes, "runtime, by the ring" => on_runtime::buffered_writes_by_the_ring),
        ),
    ]
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
