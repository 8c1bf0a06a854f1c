//! Plans of three shapes by each engine, op by op, and as other runtimes write them: where lowering wins, and where it loses.

use runtime::{
    IntoResult, Lowering, Runtime,
    buf::{IoBuf, Slice},
    fs::File,
    join_all,
    op::nop,
};

use crate::{
    contest::{Bench, Sample},
    files::{
        self, Shape,
        peer::How,
        place::{self, BLOCK, Place, check},
        plan_blocks,
    },
    measure::on,
    report::Kind,
};

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
        [(How::ReadWrite, "cached", "cached"), (How::Direct, "direct", "O_DIRECT")].into_iter().map(
            move |(how, suffix, word)| {
                let title = format!("{title} of 4 KiB, {word}");
                let bench = Bench::new(format!("plan-{name}-{suffix}"), "Plans and op by op", title);
                with_contestants(bench.prepare(place::prepare_large), shape, how, engines)
            },
        )
    })
}

fn with_contestants(mut bench: Bench, shape: Shape, how: How, engines: &'static [Engine]) -> Bench {
    for &(name, lowering) in engines {
        let kind = if lowering.is_none() { Kind::OpByOp } else { Kind::Ours };
        bench.add(name, kind, move |scene| {
            let place = Place::of(scene);
            place::spoil_own(&place);
            let mut runtime = Runtime::new().expect("a runtime");
            let files = runtime.block_on(Files::open(&place, how));
            let count = place.plans(how);
            move || on(&mut runtime, count as u32, |runtime| runtime.block_on(files.plans(shape, count, lowering)))
        });
        if lowering == Some(Lowering::Groups) {
            bench.only_where(groups_here);
        }
    }
    for (name, plans) in files::plans() {
        bench.add(name, Kind::Peer, move |scene| {
            let place = Place::of(scene);
            place::spoil_own(&place);
            move || Sample::of(place.plans(how) as u64, || plans(&place, shape, how))
        });
    }
    bench
}

/// Whether this kernel has SQE groups.
fn groups_here() -> bool {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let plan = join_all([nop(), nop()]).then(|_| nop()).lowering(Lowering::Groups);
        plan.await.into_result().is_ok()
    })
}

type Block = Slice<Vec<u8>>;

fn aligned() -> Block {
    let (memory, range) = place::aligned(BLOCK);
    memory.slice(range)
}

struct Files {
    input: File,
    output: File,
}

impl Files {
    async fn open(place: &Place, how: How) -> Files {
        let mut options = File::options();
        let options = options.read(true).custom_flags(how.flags());
        let input = options.open(place.large()).await.expect("an open");
        let output = options.write(true).open(place.own()).await.expect("an open");
        Files { input, output }
    }

    async fn plans(&self, shape: Shape, count: usize, lowering: Option<Lowering>) {
        for n in 0..count {
            let at = plan_blocks(n);
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
            blocks.push(self.input.read_exact_at(aligned(), place::at(block)).await.into_result().expect("a read"));
        }
        check_all(&blocks, &at);
        blocks
    }

    async fn write(&self, block: Block, at: usize) {
        self.output.write_all_at(block, place::at(at)).await.into_result().expect("a write");
    }

    async fn four_to_one(&self, at: [usize; 4], lowering: Lowering) {
        let plan = join_all(at.map(|block| self.input.read_exact_at(aligned(), place::at(block))))
            .then(|blocks| self.output.write_all_at(blocks[0], 0))
            .lowering(lowering);
        let (blocks, _) = plan.await.into_result().expect("a plan");
        check_all(&blocks[1..], &at[1..]);
    }

    async fn four_to_four(&self, at: [usize; 4], lowering: Lowering) {
        let plan = join_all(at.map(|block| self.input.read_exact_at(aligned(), place::at(block))))
            .then(|blocks| join_all([0, 1, 2, 3].map(|i| self.output.write_all_at(blocks[i], place::at(i)))))
            .lowering(lowering);
        plan.await.into_result().expect("a plan");
    }

    async fn deep(&self, at: [usize; 4], lowering: Lowering) {
        let read = |block: usize| self.input.read_exact_at(aligned(), place::at(block));
        let plan = read(at[0]).then(|_| read(at[1])).then(|_| read(at[2])).lowering(lowering);
        let blocks = plan.await.into_result().expect("a plan");
        check_all(&[blocks.0, blocks.1, blocks.2], &at[..3]);
    }
}

fn check_all(blocks: &[Block], numbers: &[usize]) {
    assert_eq!(blocks.len(), numbers.len());
    blocks.iter().zip(numbers).for_each(|(block, number)| check(block, *number));
}
