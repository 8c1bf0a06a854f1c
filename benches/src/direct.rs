//! Four O_DIRECT reads, then one write: each op awaited, against a join.

use std::rc::Rc;

use runtime::{IntoResult, Lowering, Runtime, buf::IoBufMut, fs::File, join_all};

use crate::measure::Bench;

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

pub fn bench() -> Bench {
    let here = std::env::current_dir().expect("a working directory");
    let dir = Rc::new(tempfile::tempdir_in(here).expect("a temporary folder here, on a device"));
    std::fs::write(dir.path().join("in"), vec![7; BLOCK * BLOCKS]).expect("a file");
    std::fs::write(dir.path().join("out"), vec![0; BLOCK]).expect("a file");
    let mut bench = Bench::new("4 O_DIRECT reads of 4 KiB, then 1 O_DIRECT write", PLANS);
    for (name, lowering) in [("op by op", None), ("join(4).then(1), staged", Some(Lowering::Staged))] {
        let dir = dir.clone();
        let mut at = 0;
        bench.add(name, Runtime::new().expect("a runtime"), move |runtime| {
            let dir = dir.clone();
            runtime.block_on(async {
                let direct = |write: bool| {
                    let mut options = File::options();
                    options.read(!write).write(write).custom_flags(O_DIRECT);
                    options
                };
                let input = direct(false).open(dir.path().join("in")).await.expect("an open");
                let output = direct(true).open(dir.path().join("out")).await.expect("an open");
                for _ in 0..PLANS {
                    let offsets = [0, 1, 2, 3].map(|i| ((at + i * 511) % BLOCKS * BLOCK) as u64);
                    at = (at + 1) % BLOCKS;
                    match lowering {
                        None => op_by_op(&input, &output, offsets).await,
                        Some(lowering) => plan(&input, &output, offsets, lowering).await,
                    }
                }
            });
        });
    }
    bench
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
