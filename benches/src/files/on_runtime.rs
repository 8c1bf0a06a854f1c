//! Ours, and what only it has.

use std::{cell::Cell, path::Path, rc::Rc};

use runtime::{
    BufferedWrites, Builder, IntoResult, IoBuf, Kernel,
    buf::Slice,
    fs::{File, FixedBuffers, Log, OpenOptions},
    join_all,
};

use super::{
    peer::{How, Parts, Peer, owned_buffers},
    place::{BLOCK, PART, Place, RECORD, TASKS, aligned, at, check, random},
    programs::{all, appends, buffered_writes, small_files},
};

pub struct Ours;

thread_local! {
    static WRITES: Cell<BufferedWrites> = const { Cell::new(BufferedWrites::Auto) };
    static KERNEL: Cell<Kernel> = const { Cell::new(Kernel::IoUring) };
}

impl Peer for Ours {
    owned_buffers!(File, OpenOptions);

    type Block = Slice<Vec<u8>>;

    fn run(work: impl Future<Output = ()> + 'static) {
        let runtime = Builder::new().buffered_writes(WRITES.get()).kernel(KERNEL.get()).build();
        runtime.expect("a runtime").block_on(work);
    }

    fn spawn(work: impl Future<Output = ()> + 'static) -> impl Future<Output = ()> {
        let task = runtime::spawn(work);
        async { task.await.expect("no panic") }
    }

    fn block(_: &File, len: usize) -> Self::Block {
        let (memory, range) = aligned(len);
        memory.slice(range)
    }

    fn bytes(block: &Self::Block) -> &[u8] {
        block
    }

    fn bytes_mut(block: &mut Self::Block) -> &mut [u8] {
        block
    }
}

pub fn log(place: &Place) {
    let (path, count) = (place.own(), place.appends);
    Ours::run(async move {
        let log = Log::open(path).await.expect("a log");
        all::<Ours, _>(TASKS, count, |next| {
            let log = log.clone();
            async move {
                while next.take().is_some() {
                    log.append([1; RECORD]).await.expect("an append");
                }
            }
        })
        .await;
    });
}

/// After a round of it.
pub fn all_logged(place: &Place) {
    let (path, count) = (place.own(), place.appends);
    Ours::run(async move {
        let mut records = Log::open(path).await.expect("a log").replay();
        let mut found = 0;
        while let Some(record) = records.next().await {
            assert_eq!(record.expect("a record").1, [1; RECORD]);
            found += 1;
        }
        assert_eq!(found, count, "records");
    });
}

pub fn whole_files(place: &Place) {
    let paths: Rc<Vec<_>> = Rc::new((0..place.files).map(|n| place.small(n)).collect());
    Ours::run(async move {
        all::<Ours, _>(TASKS, paths.len(), |next| {
            let paths = paths.clone();
            async move {
                while let Some(n) = next.take() {
                    check(&runtime::fs::read(&paths[n]).await.expect("a read"), n);
                }
            }
        })
        .await;
    });
}

pub fn buffered_writes_by_the_ring(place: &Place) {
    WRITES.set(BufferedWrites::Worker);
    buffered_writes::<Ours>(place);
    WRITES.set(BufferedWrites::Auto);
}

/// As where io_uring is refused.
pub fn appends_emulated(place: &Place) {
    emulated(appends::<Ours>, place);
}

/// As where io_uring is refused.
pub fn small_files_emulated(place: &Place) {
    emulated(small_files::<Ours>, place);
}

fn emulated(work: fn(&Place), place: &Place) {
    KERNEL.set(Kernel::Emulated);
    work(place);
    KERNEL.set(Kernel::IoUring);
}

/// Into buffers that the kernel knows.
pub fn registered_reads(place: &Place) {
    let (path, count) = (place.large(), place.direct_reads);
    Ours::run(async move {
        let file = Rc::new(Ours::open(&path, How::Direct).await);
        let buffers = FixedBuffers::new(TASKS, BLOCK).expect("buffers");
        all::<Ours, _>(TASKS, count, |next| {
            let (file, buffers) = (file.clone(), buffers.clone());
            async move {
                let mut buffer = buffers.take().await;
                while let Some(n) = next.take().map(random) {
                    buffer = file.read_exact_at(buffer, at(n)).await.into_result().expect("a read");
                    check(&buffer, n);
                }
            }
        })
        .await;
    });
}

pub fn copy_plans(place: &Place) {
    copy_by_plans(place, How::ReadWrite);
}

pub fn copy_plans_direct(place: &Place) {
    copy_by_plans(place, How::Direct);
}

/// Four reads and the write of all four blocks where they lie, as one plan.
fn copy_by_plans(place: &Place, how: How) {
    let (from, to, bytes) = (place.large(), place.own(), place.copied);
    Ours::run(async move {
        let files = Rc::new((Ours::open(&from, how).await, Ours::open(&to, how).await));
        all::<Ours, _>(8, bytes / (4 * PART), |next| {
            let files = files.clone();
            async move {
                let (from, to) = &*files;
                let mut parts: Vec<_> = (0..4).map(|_| Ours::block(from, PART)).collect();
                while let Some(n) = next.take() {
                    let place = |part| (4 * PART * n + part * PART) as u64;
                    let reads = parts.into_iter().enumerate().map(|(i, part)| from.read_exact_at(part, place(i)));
                    let plan = join_all(reads).then(|parts| to.write_all_vectored_at(parts, place(0)));
                    parts = plan.await.into_result().expect("a copy").0;
                }
            }
        })
        .await;
    });
}

pub fn copy(place: &Place) {
    let (from, to, bytes) = (place.huge(), place.own(), place.huge as u64);
    Ours::run(async move { assert_eq!(runtime::fs::copy(from, to).await.expect("a copy"), bytes) });
}
