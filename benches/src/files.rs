//! Files, against other runtimes and plain system calls: the same programs (`files/programs.rs`), in the words of each.
//!
//! Each round has a runtime of its own.

mod on_compio;
mod on_glommio;
mod on_monoio;
mod on_runtime;
mod on_tokio;
mod on_tokio_uring;
pub mod peer;
pub mod place;
mod plain;
mod programs;

use crate::{
    contest::{self, Bench, Sample, Scene},
    report::{Kind, Metric},
};
use place::Place;
pub use programs::{Shape, plan_blocks};

type Work = fn(&Place);

/// A name, what it is, the work, and what is checked after a round.
struct Row {
    name: &'static str,
    kind: Kind,
    work: Work,
    check: Work,
}

const fn row(name: &'static str, kind: Kind, work: Work, check: Work) -> Row {
    Row { name, kind, work, check }
}

/// A program on each runtime.
macro_rules! peers {
    ($program:ident) => {
        [
            ("runtime", Kind::Ours, $crate::files::programs::$program::<$crate::files::on_runtime::Ours>),
            ("tokio", Kind::Peer, $crate::files::programs::$program::<$crate::files::on_tokio::Tokio>),
            ("monoio", Kind::Peer, $crate::files::programs::$program::<$crate::files::on_monoio::Monoio>),
            ("compio", Kind::Peer, $crate::files::programs::$program::<$crate::files::on_compio::Compio>),
            ("glommio", Kind::Peer, $crate::files::programs::$program::<$crate::files::on_glommio::Glommio>),
            ("tokio-uring", Kind::Peer, $crate::files::programs::$program::<$crate::files::on_tokio_uring::TokioUring>),
        ]
    };
}

/// A plan's shape and a way to open files, on each runtime.
pub type Plans = fn(&Place, programs::Shape, peer::How);

/// Other runtimes, whose plans are their `join!`.
pub fn plans() -> impl Iterator<Item = (&'static str, Plans)> {
    let peers: [(_, _, Plans); 6] = peers!(plans);
    peers.into_iter().filter(|(_, kind, _)| *kind == Kind::Peer).map(|(name, _, plans)| (name, plans))
}

/// A bench, without its contestants.
struct Contest {
    name: &'static str,
    title: &'static str,
    /// Once, for all.
    prepare: fn(&Scene),
    /// Before each round, and after it, outside of what is measured.
    before: Work,
    check: Work,
    operations: fn(&Place) -> usize,
}

impl Contest {
    fn bench(self, programs: [(&'static str, Kind, Work); 6], others: Vec<Row>) -> Bench {
        let mut bench = Bench::new(self.name, "Files", self.title).headline(Metric::Cpu);
        bench = bench.prepare(self.prepare).count_calls();
        let mut rows: Vec<Row> =
            programs.into_iter().map(|(name, kind, work)| row(name, kind, work, self.check)).collect();
        // Ours beside ours, the limit last.
        for other in others {
            let place = if other.kind == Kind::Limit { rows.len() } else { 1 };
            rows.insert(place, other);
        }
        let (before, operations) = (self.before, self.operations);
        for Row { name, kind, work, check } in rows {
            bench.add(name, kind, move |scene| {
                let place = Place::of(scene);
                move || {
                    // These calls are not the work's; files of earlier rounds serve.
                    let alone = contest::counts_calls();
                    if !alone {
                        before(&place);
                    }
                    let sample = Sample::of(operations(&place) as u64, || work(&place));
                    if !alone {
                        check(&place);
                    }
                    sample
                }
            });
        }
        bench
    }
}

/// Where reads were checked as they came.
fn nothing(_: &Place) {}

fn no_file(_: &Scene) {}

/// The limit.
const PLAIN: &str = "threads, plain calls";

pub fn benches() -> Vec<Bench> {
    let mut benches = vec![appends(), small_files()];
    benches.extend(random_accesses());
    benches.extend(copies());
    benches
}

fn appends() -> Bench {
    let contest = Contest {
        name: "files-appends",
        title: "durable appends of 128 bytes, 64 writers on one file",
        prepare: no_file,
        before: place::empty_own,
        check: place::all_appended,
        operations: |place| place.appends,
    };
    let others = vec![
        row("runtime, no io_uring", Kind::Ours, on_runtime::appends_emulated, place::all_appended),
        row("runtime, fs::Log", Kind::Ours, on_runtime::log, on_runtime::all_logged),
        row(PLAIN, Kind::Limit, plain::appends, place::all_appended),
    ];
    contest.bench(peers!(appends), others).headline(Metric::Rate)
}

fn small_files() -> Bench {
    let contest = Contest {
        name: "files-small",
        title: "files of 4 KiB: open, read, close, 64 at a time",
        prepare: place::prepare_small,
        before: nothing,
        check: nothing,
        operations: |place| place.files,
    };
    let others = vec![
        row("runtime, no io_uring", Kind::Ours, on_runtime::small_files_emulated, nothing),
        row("runtime, fs::read", Kind::Ours, on_runtime::whole_files, nothing),
        row(PLAIN, Kind::Limit, plain::small_files, nothing),
    ];
    contest.bench(peers!(small_files), others)
}

fn random_accesses() -> [Bench; 3] {
    let reads = |name, title, operations| Contest {
        name,
        title,
        prepare: place::prepare_large,
        before: nothing,
        check: nothing,
        operations,
    };
    let cached = reads("files-reads", "random cached reads of 4 KiB, 64 at a time", |place| place.reads);
    let direct =
        reads("files-reads-direct", "random O_DIRECT reads of 4 KiB, 64 at a time", |place| place.direct_reads);
    let writes = Contest {
        name: "files-writes",
        title: "buffered writes of 4 KiB, 64 tasks on one file",
        prepare: no_file,
        before: place::spoil_own,
        check: place::all_written,
        operations: |place| place.reads,
    };
    let by_the_ring = on_runtime::buffered_writes_by_the_ring;
    [
        cached.bench(peers!(cached_reads), vec![row(PLAIN, Kind::Limit, plain::cached_reads, nothing)]),
        direct.bench(
            peers!(direct_reads),
            vec![
                row("runtime, registered buffers", Kind::Ours, on_runtime::registered_reads, nothing),
                row(PLAIN, Kind::Limit, plain::direct_reads, nothing),
            ],
        ),
        writes.bench(
            peers!(buffered_writes),
            vec![
                row("runtime, by the ring", Kind::Ours, by_the_ring, place::all_written),
                row(PLAIN, Kind::Limit, plain::buffered_writes, place::all_written),
            ],
        ),
    ]
}

fn copies() -> [Bench; 3] {
    let in_fours = |name, title| Contest {
        name,
        title,
        prepare: place::prepare_large,
        before: place::spoil_own,
        check: place::part_copied,
        operations: |place| place.copied >> 20,
    };
    let cached = in_fours("files-copy-4-to-1", "copy, 4 reads of 16 KiB : 1 write of 64 KiB, cached, per MiB");
    let direct = in_fours("files-copy-4-to-1-direct", "copy, 4 reads of 16 KiB : 1 write of 64 KiB, O_DIRECT, per MiB");
    let whole = Contest {
        name: "files-copy",
        title: "copy of a file, per MiB: by fs::copy, or reads and writes of 128 KiB, 8 at a time",
        prepare: place::prepare_huge,
        before: place::remove_own,
        check: place::huge_copied,
        operations: |place| place.huge >> 20,
    };
    let copied = |name, kind, work| row(name, kind, work, place::part_copied);
    [
        cached.bench(
            peers!(copy_four_to_one),
            vec![
                copied("runtime, plans", Kind::Ours, on_runtime::copy_plans),
                copied(PLAIN, Kind::Limit, plain::copy_four_to_one),
            ],
        ),
        direct.bench(
            peers!(copy_four_to_one_direct),
            vec![
                copied("runtime, plans", Kind::Ours, on_runtime::copy_plans_direct),
                copied(PLAIN, Kind::Limit, plain::copy_four_to_one_direct),
            ],
        ),
        whole.bench(
            peers!(copy_pieces),
            vec![
                row("tokio, fs::copy", Kind::Peer, on_tokio::copy, place::huge_copied),
                row("runtime, fs::copy", Kind::Ours, on_runtime::copy, place::huge_copied),
                row("std::fs::copy", Kind::Limit, plain::copy, place::huge_copied),
            ],
        ),
    ]
}
