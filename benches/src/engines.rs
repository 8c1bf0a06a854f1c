//! Plans of three shapes by each engine, and op by op: where lowering wins, and where it loses.

use std::{cell::Cell, path::Path};

use runtime::{
    IntoResult, Lowering, Runtime,
    buf::{IoBuf, IoBufMut, Slice},
    fs::File,
    join_all,
    op::nop,
};

use crate::{
    contest::{Bench, Scene},
    measure::on,
    report::Kind,
};

const BLOCK: usize = 4096;
const BLOCKS: usize = 1024;
const O_DIRECT: i32 = 0o40000;

#[derive(Clone, Copy)]
enum Shape {
    /// Four reads into memory, then a write of what the first one read.
    FourToOne,
    /// Four reads, then four writes.
    FourToFour,
    /// Three reads, one after the other.
    Deep,
}

/// How files are opened: through the page cache ops end at once, past it they wait for a device.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Cached,
    Direct,
}

type Engine = (&'static str, Option<Lowering>);

const JOINED: &[Engine] = &[
    ("op by op", None),
    ("staged", Some(Lowering::Staged)),
    ("gate", Some(Lowering::Gate)),
    ("groups", Some(Lowering::Groups)),
    ("auto", Some(Lowering::Auto)),
];
const SEQUENCE: &[Engine] = &[
    ("op by op", None),
    ("chain", Some(Lowering::Chain)),
    ("staged", Some(Lowering::Staged)),
    ("groups", Some(Lowering::Groups)),
    ("auto", Some(Lowering::Auto)),
];

pub fn benches() -> impl Iterator<Item = Bench> {
    let shapes = [
        (Shape::FourToOne, "4-to-1", "4 reads, then 1 write", JOINED),
        (Shape::FourToFour, "4-to-4", "4 reads, then 4 writes", JOINED),
        (Shape::Deep, "depth-3", "3 reads, one after the other", SEQUENCE),
    ];
    shapes.into_iter().flat_map(|(shape, name, title, engines)| {
        [(Way::Cached, "cached", "cached"), (Way::Direct, "direct", "O_DIRECT")].into_iter().map(
            move |(way, suffix, word)| {
                let title = format!("{title} of 4 KiB, {word}");
                let mut bench =
                    Bench::new(format!("plan-{name}-{suffix}"), "Plans and op by op", title).prepare(prepare);
                for &(name, lowering) in engines {
                    let kind = if lowering.is_none() { Kind::OpByOp } else { Kind::Ours };
                    bench.add(name, kind, move |scene| {
                        let count = scene.scaled(if way == Way::Cached { 10_000 } else { 1000 });
                        let mut runtime = Runtime::new().expect("a runtime");
                        let files = runtime.block_on(Files::open(&scene.dir, way));
                        move || on(&mut runtime, count, |runtime| runtime.block_on(files.plans(shape, count, lowering)))
                    });
                    if lowering == Some(Lowering::Groups) {
                        bench.only_where(groups_here);
                    }
                }
                bench
            },
        )
    })
}

/// Whether this kernel has SQE groups.
fn groups_here() -> bool {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let plan = join_all([nop(), nop()]).then(|_| nop()).lowering(Lowering::Groups);
        plan.await.into_result().is_ok()
    })
}

fn prepare(scene: &Scene) {
    let blocks: Vec<u8> = (0..BLOCKS).flat_map(|block| [mark(block); BLOCK]).collect();
    std::fs::write(scene.dir.join("in"), blocks).expect("a file");
}

fn mark(block: usize) -> u8 {
    (block % 251) as u8 + 1
}

type Block = Slice<Vec<u8>>;

/// A block whose part from an aligned address on is used.
fn aligned() -> Block {
    let mut memory = vec![0; 2 * BLOCK];
    let start = memory.stable_mut_ptr().align_offset(BLOCK);
    memory.slice(start..start + BLOCK)
}

struct Files {
    input: File,
    output: File,
    next: Cell<usize>,
}

impl Files {
    async fn open(dir: &Path, way: Way) -> Files {
        let flags = if way == Way::Direct { O_DIRECT } else { 0 };
        // A file for each contestant, whose blocks are allocated before it is measured.
        let path = dir.join(format!("out-{}", std::process::id()));
        std::fs::write(&path, [0; 4 * BLOCK]).expect("a file");
        std::fs::File::open(&path).and_then(|file| file.sync_all()).expect("a sync");
        let input = File::options().read(true).custom_flags(flags).open(dir.join("in")).await.expect("an open");
        let output = File::options().write(true).custom_flags(flags).open(path).await.expect("an open");
        Files { input, output, next: Cell::new(0) }
    }

    async fn plans(&self, shape: Shape, count: u32, lowering: Option<Lowering>) {
        for _ in 0..count {
            let at = [(); 4].map(|()| self.next.replace((self.next.get() + 389) % BLOCKS));
            match (shape, lowering) {
                (Shape::FourToOne, None) => {
                    let blocks = self.reads(at).await;
                    self.write(blocks.into_iter().next().expect("four"), 0).await;
                }
                (Shape::FourToFour, None) => {
                    for (i, block) in self.reads(at).await.into_iter().enumerate() {
                        self.write(block, i).await;
                    }
                }
                (Shape::Deep, None) => drop(self.reads([at[0], at[1], at[2]]).await),
                (Shape::FourToOne, Some(lowering)) => self.four_to_one(at, lowering).await,
                (Shape::FourToFour, Some(lowering)) => self.four_to_four(at, lowering).await,
                (Shape::Deep, Some(lowering)) => self.deep(at, lowering).await,
            }
        }
    }

    async fn reads<const N: usize>(&self, at: [usize; N]) -> Vec<Block> {
        let mut blocks = Vec::with_capacity(N);
        for block in at {
            blocks.push(self.input.read_exact_at(aligned(), offset(block)).await.into_result().expect("a read"));
        }
        check(&blocks, &at);
        blocks
    }

    async fn write(&self, block: Block, at: usize) {
        self.output.write_all_at(block, offset(at)).await.into_result().expect("a write");
    }

    async fn four_to_one(&self, at: [usize; 4], lowering: Lowering) {
        let plan = join_all(at.map(|block| self.input.read_exact_at(aligned(), offset(block))))
            .then(|blocks| self.output.write_all_at(blocks[0], 0))
            .lowering(lowering);
        let (blocks, _) = plan.await.into_result().expect("a plan");
        check(&blocks[1..], &at[1..]);
    }

    async fn four_to_four(&self, at: [usize; 4], lowering: Lowering) {
        let plan = join_all(at.map(|block| self.input.read_exact_at(aligned(), offset(block))))
            .then(|blocks| join_all([0, 1, 2, 3].map(|i| self.output.write_all_at(blocks[i], offset(i)))))
            .lowering(lowering);
        plan.await.into_result().expect("a plan");
    }

    async fn deep(&self, at: [usize; 4], lowering: Lowering) {
        let read = |block: usize| self.input.read_exact_at(aligned(), offset(block));
        let plan = read(at[0]).then(|_| read(at[1])).then(|_| read(at[2])).lowering(lowering);
        let blocks = plan.await.into_result().expect("a plan");
        check(&[blocks.0, blocks.1, blocks.2], &at[..3]);
    }
}

fn offset(block: usize) -> u64 {
    (block * BLOCK) as u64
}

fn check(blocks: &[Block], at: &[usize]) {
    assert_eq!(blocks.len(), at.len());
    for (block, at) in blocks.iter().zip(at) {
        assert_eq!([block[0], block[BLOCK - 1]], [mark(*at); 2], "block {at}");
    }
}
