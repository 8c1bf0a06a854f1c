//! Open, read and close a cached file of 4 KiB: each op awaited, as a chain, as stages, and by `fs::read`.

use std::path::PathBuf;

use runtime::{IntoResult, Lowering, Runtime, fs::File};

use crate::{
    contest::{Bench, Scene},
    measure::on,
    report::Kind,
};

const FILES: u32 = 2000;
const TASKS: u32 = 64;

const ENGINES: [(&str, Kind, Option<Lowering>); 3] = [
    ("op by op", Kind::OpByOp, None),
    ("plan, chain", Kind::Ours, Some(Lowering::Chain)),
    ("plan, staged", Kind::Ours, Some(Lowering::Staged)),
];

fn prepare(scene: &Scene) {
    std::fs::write(scene.dir.join("small"), [7; 4096]).expect("a file");
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

pub fn bench() -> Bench {
    let title = "open, read, close of a cached 4 KiB file, one at a time";
    let mut bench = Bench::new("plan-small-files", "Plans and op by op", title).prepare(prepare);
    for (name, kind, lowering) in ENGINES {
        bench.add(name, kind, move |scene| {
            let (path, files, mut runtime) = (scene.dir.join("small"), scene.scaled(FILES), runtime());
            move || on(&mut runtime, files, |runtime| runtime.block_on(one_by_one(&path, files, lowering)))
        });
    }
    bench.add("fs::read", Kind::Ours, |scene| {
        let (path, files, mut runtime) = (scene.dir.join("small"), scene.scaled(FILES), runtime());
        move || on(&mut runtime, files, |runtime| runtime.block_on(whole(&path, files)))
    });
    bench.add("std::fs::read", Kind::Limit, |scene| {
        let (path, files) = (scene.dir.join("small"), scene.scaled(FILES));
        move || {
            crate::contest::Sample::of(files.into(), || {
                for _ in 0..files {
                    assert_eq!(std::fs::read(&path).expect("a read"), [7; 4096]);
                }
            })
        }
    });
    bench
}

async fn one_by_one(path: &PathBuf, files: u32, lowering: Option<Lowering>) {
    let mut buf = vec![0; 4096];
    for _ in 0..files {
        buf = read(path, buf, lowering).await;
        assert_eq!(buf, [7; 4096]);
        buf[4095] = 0;
    }
}

async fn whole(path: &PathBuf, files: u32) {
    for _ in 0..files {
        assert_eq!(runtime::fs::read(path).await.expect("a read"), [7; 4096]);
    }
}

/// The same, 64 tasks at a time: what Auto's limit on plans in flight stands on.
pub fn bench_together() -> Bench {
    let title = "open, read, close of a cached 4 KiB file, 64 tasks at a time";
    let mut bench = Bench::new("plan-small-files-together", "Plans and op by op", title).prepare(prepare);
    for (name, kind, lowering) in ENGINES {
        bench.add(name, kind, move |scene| {
            let (path, each, mut runtime) = (scene.dir.join("small"), scene.scaled(10 * FILES) / TASKS, runtime());
            move || {
                on(&mut runtime, each * TASKS, |runtime| {
                    runtime.block_on(async {
                        let task = |path: PathBuf| async move { one_by_one(&path, each, lowering).await };
                        let tasks: Vec<_> = (0..TASKS).map(|_| runtime::spawn(task(path.clone()))).collect();
                        for task in tasks {
                            task.await.expect("no panic");
                        }
                    });
                })
            }
        });
    }
    bench
}

async fn read(path: &PathBuf, buf: Vec<u8>, lowering: Option<Lowering>) -> Vec<u8> {
    match lowering {
        None => op_by_op(path, buf).await,
        Some(lowering) => plan(path, buf, lowering).await,
    }
}

async fn op_by_op(path: &PathBuf, buf: Vec<u8>) -> Vec<u8> {
    let file = File::open(path).await.expect("an open");
    let (read, buf) = file.read_exact_at(buf, 0).await;
    read.expect("a read");
    file.close().await.expect("a close");
    buf
}

async fn plan(path: &PathBuf, buf: Vec<u8>, lowering: Lowering) -> Vec<u8> {
    let plan = File::open(path).then(|f| f.read_exact_at(buf, 0)).finally(|(f, _)| f.close()).lowering(lowering);
    plan.await.into_result().expect("a plan").1
}
