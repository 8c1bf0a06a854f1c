//! The programs, each written once, for all runtimes.

use std::{cell::Cell, rc::Rc};

use super::{
    peer::{How, Peer},
    place::{BLOCK, BLOCKS, PART, PIECE, Place, RECORD, TASKS, at, check, mark, random},
};

/// The numbers that tasks have not taken yet, from 0 on.
#[derive(Clone)]
pub struct Next {
    next: Rc<Cell<usize>>,
    end: usize,
}

impl Next {
    pub fn below(count: usize) -> Next {
        Next { next: Rc::new(Cell::new(0)), end: count }
    }

    pub fn take(&self) -> Option<usize> {
        let n = self.next.get();
        (n < self.end).then(|| self.next.replace(n + 1))
    }
}

/// Tasks that each take the next number until there are no more.
pub async fn all<P: Peer, F>(tasks: usize, count: usize, work: impl Fn(Next) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let next = Next::below(count);
    let tasks: Vec<_> = (0..tasks).map(|_| P::spawn(work(next.clone()))).collect();
    for task in tasks {
        task.await;
    }
}

pub fn appends<P: Peer>(place: &Place) {
    let (path, count) = (place.own(), place.appends);
    P::run(async move {
        let (file, end) = (Rc::new(P::open(&path, How::ReadWrite).await), Rc::new(Cell::new(0)));
        all::<P, _>(TASKS, count, |next| {
            let (file, end) = (file.clone(), end.clone());
            async move {
                let mut record = P::block(&file, RECORD);
                P::bytes_mut(&mut record).fill(1);
                while next.take().is_some() {
                    let place = end.replace(end.get() + RECORD as u64);
                    record = P::write(&file, record, place).await;
                    P::sync(&file).await;
                }
            }
        })
        .await;
    });
}

pub fn buffered_writes<P: Peer>(place: &Place) {
    let (path, count) = (place.own(), place.reads);
    P::run(async move {
        let file = Rc::new(P::open(&path, How::ReadWrite).await);
        all::<P, _>(TASKS, count, |next| {
            let file = file.clone();
            async move {
                let mut block = P::block(&file, BLOCK);
                while let Some(n) = next.take().map(random) {
                    mark(P::bytes_mut(&mut block), n);
                    block = P::write(&file, block, at(n)).await;
                }
            }
        })
        .await;
    });
}

pub fn cached_reads<P: Peer>(place: &Place) {
    random_reads::<P>(place, How::Read, place.reads);
}

pub fn direct_reads<P: Peer>(place: &Place) {
    random_reads::<P>(place, How::Direct, place.direct_reads);
}

fn random_reads<P: Peer>(place: &Place, how: How, count: usize) {
    let path = place.large();
    P::run(async move {
        let file = Rc::new(P::open(&path, how).await);
        all::<P, _>(TASKS, count, |next| {
            let file = file.clone();
            async move {
                let mut block = P::block(&file, BLOCK);
                while let Some(n) = next.take().map(random) {
                    block = P::read(&file, block, at(n)).await;
                    check(P::bytes(&block), n);
                }
            }
        })
        .await;
    });
}

pub fn small_files<P: Peer>(place: &Place) {
    let paths: Rc<Vec<_>> = Rc::new((0..place.files).map(|n| place.small(n)).collect());
    P::run(async move {
        all::<P, _>(TASKS, paths.len(), |next| {
            let paths = paths.clone();
            async move {
                let mut block = None;
                while let Some(n) = next.take() {
                    let file = P::open(&paths[n], How::Read).await;
                    let empty = block.take().unwrap_or_else(|| P::block(&file, BLOCK));
                    let full = P::read(&file, empty, 0).await;
                    check(P::bytes(&full), n);
                    block = Some(full);
                    P::close(file).await;
                }
            }
        })
        .await;
    });
}

/// Four reads, then one write of what they gave, eight times at once.
pub fn copy_four_to_one<P: Peer>(place: &Place) {
    copy_in_fours::<P>(place, How::ReadWrite);
}

pub fn copy_four_to_one_direct<P: Peer>(place: &Place) {
    copy_in_fours::<P>(place, How::Direct);
}

fn copy_in_fours<P: Peer>(place: &Place, how: How) {
    let (from, to, bytes) = (place.large(), place.own(), place.copied);
    P::run(async move {
        let files = Rc::new((P::open(&from, how).await, P::open(&to, how).await));
        all::<P, _>(8, bytes / (4 * PART), |next| {
            let files = files.clone();
            async move {
                let (from, to) = &*files;
                let block = || P::block(from, PART);
                let (mut parts, mut whole) = ([block(), block(), block(), block()], P::block(to, 4 * PART));
                while let Some(n) = next.take() {
                    let place = |part| (4 * PART * n + part * PART) as u64;
                    let [a, b, c, d] = parts;
                    parts = tokio::join!(
                        P::read(from, a, place(0)),
                        P::read(from, b, place(1)),
                        P::read(from, c, place(2)),
                        P::read(from, d, place(3)),
                    )
                    .into();
                    for (to, part) in P::bytes_mut(&mut whole).chunks_exact_mut(PART).zip(&parts) {
                        to.copy_from_slice(P::bytes(part));
                    }
                    whole = P::write(to, whole, place(0)).await;
                }
            }
        })
        .await;
    });
}

/// A whole file by reads and writes, eight at once.
pub fn copy_pieces<P: Peer>(place: &Place) {
    let (from, to, bytes) = (place.huge(), place.own(), place.huge);
    std::fs::write(&to, []).expect("a file");
    P::run(async move {
        let files = Rc::new((P::open(&from, How::Read).await, P::open(&to, How::ReadWrite).await));
        all::<P, _>(8, bytes / PIECE, |next| {
            let files = files.clone();
            async move {
                let (from, to) = &*files;
                let mut piece = P::block(from, PIECE);
                while let Some(n) = next.take() {
                    piece = P::read(from, piece, (n * PIECE) as u64).await;
                    piece = P::write(to, piece, (n * PIECE) as u64).await;
                }
            }
        })
        .await;
    });
}

/// What ops depend on what.
#[derive(Clone, Copy)]
pub enum Shape {
    /// Four reads into memory, then a write of what the first one read.
    FourToOne,
    /// Four reads, then four writes.
    FourToFour,
    /// Three reads, one after the other.
    Deep,
}

/// Plans as runtimes without plans write them: ops that may run at the same time in a `join!`.
pub fn plans<P: Peer>(place: &Place, shape: Shape, how: How) {
    let (from, to, count) = (place.large(), place.own(), place.plans(how));
    P::run(async move {
        let (from, to) = (&P::open(&from, how).await, &P::open(&to, how).await);
        let block = || P::block(from, BLOCK);
        let mut blocks = [block(), block(), block(), block()];
        for n in 0..count {
            let numbers = plan_blocks(n);
            let [a, b, c, d] = blocks;
            let read = |block, number| P::read(from, block, at(number));
            let [p, q, r, s] = numbers;
            if matches!(shape, Shape::Deep) {
                blocks = [read(a, p).await, read(b, q).await, read(c, r).await, d];
                (0..3).for_each(|i| check(P::bytes(&blocks[i]), numbers[i]));
                continue;
            }
            blocks = tokio::join!(read(a, p), read(b, q), read(c, r), read(d, s)).into();
            (0..4).for_each(|i| check(P::bytes(&blocks[i]), numbers[i]));
            let [a, b, c, d] = blocks;
            let write = |block, number| P::write(to, block, at(number));
            blocks = match shape {
                Shape::FourToOne => [write(a, 0).await, b, c, d],
                _ => tokio::join!(write(a, 0), write(b, 1), write(c, 2), write(d, 3)).into(),
            };
        }
    });
}

/// The blocks that the n-th plan reads.
pub fn plan_blocks(n: usize) -> [usize; 4] {
    [0, 1, 2, 3].map(|i| (4 * n + i) * 389 % BLOCKS)
}
