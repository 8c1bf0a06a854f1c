//! Four O_DIRECT reads, then one write: each op awaited, against a join.

use runtime::{IntoResult, Lowering, Runtime, buf::IoBufMut, fs::File, join_all};

use crate::{
    contest::{Bench, Scene},
    measure::on,
    report::Kind,
};

const BLOCK: usize = 4096;
const BLOCKS: usize = 2048;
const PLANS: u32 = 300;
const O_DIRECT: i32 = 0o40000;

/// A block whose part from an aligned address on is used.
fn aligned() -> runtime::buf::Slice<Vec<u8>> {
    use runtime::IoBuf;
    let mut memory = vec![0; 2 * BLOCK];
    let start = memory.stable_mut_ptr().align_offset(BLOCK);
    memory.slice(start..start + BLOCK)
}

fn prepare(scene: &Scene) {
    std::fs::write(scene.dir.join("in"), vec![7; BLOCK * BLOCKS]).expect("a file");
    std::fs::write(scene.dir.join("out"), vec![0; BLOCK]).expect("a file");
}

pub fn bench() -> Bench {
    let title = "4 O_DIRECT reads of 4 KiB, then 1 O_DIRECT write";
    let mut bench = Bench::new("plan-direct", "Plans and op by op", title).prepare(prepare);
    for (name, kind, lowering) in [
        ("op by op", Kind::OpByOp, None),
        ("join(4).then(1), staged", Kind::Ours, Some(Lowering::Staged)),
        ("join(4).then(1), gate", Kind::Ours, Some(Lowering::Gate)),
    ] {
        bench.add(name, kind, move |scene| {
            let (dir, plans) = (scene.dir.clone(), scene.scaled(PLANS));
            let (mut runtime, mut at) = (Runtime::new().expect("a runtime"), 0);
            move || on(&mut runtime, plans, |runtime| runtime.block_on(run(&dir, &mut at, plans, lowering)))
        });
    }
    bench
}

async fn run(dir: &std::path::Path, at: &mut usize, plans: u32, lowering: Option<Lowering>) {
    let direct = |write: bool| {
        let mut options = File::options();
        options.read(!write).write(write).custom_flags(O_DIRECT);
        options
    };
    let input = direct(false).open(dir.join("in")).await.expect("an open");
    let output = direct(true).open(dir.join("out")).await.expect("an open");
    for _ in 0..plans {
        let offsets = [0, 1, 2, 3].map(|i| ((*at + i * 511) % BLOCKS * BLOCK) as u64);
        *at = (*at + 1) % BLOCKS;
        match lowering {
            None => op_by_op(&input, &output, offsets).await,
            Some(lowering) => plan(&input, &output, offsets, lowering).await,
        }
    }
    assert_eq!(std::fs::read(dir.join("out")).expect("a read"), [7; BLOCK]);
}

async fn op_by_op(input: &File, output: &File, offsets: [u64; 4]) {
    let mut last = None;
    for offset in offsets {
        last = Some(input.read_exact_at(aligned(), offset).await.into_result().expect("a read"));
    }
    let block = last.expect("four reads");
    assert_eq!(block[BLOCK - 1], 7);
    output.write_all_at(block, 0).await.into_result().expect("a write");
}

async fn plan(input: &File, output: &File, offsets: [u64; 4], lowering: Lowering) {
    let plan = join_all(offsets.map(|offset| input.read_exact_at(aligned(), offset)))
        .then(|blocks| output.write_all_at(blocks[3], 0))
        .lowering(lowering);
    let (blocks, _) = plan.await.into_result().expect("a plan");
    assert_eq!(blocks[3][BLOCK - 1], 7);
}
