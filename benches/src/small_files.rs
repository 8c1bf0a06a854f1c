//! Open, read and close a cached file of 4 KiB: each op awaited, as a chain, as stages, and by `fs::read`.

use std::{path::PathBuf, rc::Rc};

use runtime::{IntoResult, Lowering, Runtime, fs::File};

use crate::measure::Bench;

const FILES: u32 = 2000;

pub fn bench() -> Bench {
    let dir = Rc::new(tempfile::tempdir().expect("a temporary folder"));
    let path = dir.path().join("small");
    std::fs::write(&path, [7; 4096]).expect("a file");
    let mut bench = Bench::new("open, read, close of a cached 4 KiB file, one at a time", FILES);
    let runtime = || Runtime::new().expect("a runtime");
    let mut add = |name, lowering: Option<Lowering>| {
        let (path, dir): (PathBuf, _) = (path.clone(), dir.clone());
        bench.add(name, runtime(), move |runtime| {
            let _keep = &dir;
            runtime.block_on(async {
                let mut buf = vec![0; 4096];
                for _ in 0..FILES {
                    buf = match lowering {
                        None => op_by_op(&path, buf).await,
                        Some(lowering) => plan(&path, buf, lowering).await,
                    };
                    assert_eq!(buf[4095], 7);
                    buf[4095] = 0;
                }
            });
        });
    };
    add("op by op", None);
    add("plan, chain", Some(Lowering::Chain));
    add("plan, staged", Some(Lowering::Staged));
    let (path, dir) = (path.clone(), dir.clone());
    bench.add("fs::read", runtime(), move |runtime| {
        let _keep = &dir;
        runtime.block_on(async {
            for _ in 0..FILES {
                assert_eq!(runtime::fs::read(&path).await.expect("a read").len(), 4096);
            }
        });
    });
    bench
}

/// The same, 64 tasks at a time: what Auto's limit on plans in flight stands on.
pub fn bench_together() -> Bench {
    const TASKS: u32 = 64;
    let dir = Rc::new(tempfile::tempdir().expect("a temporary folder"));
    let path = dir.path().join("small");
    std::fs::write(&path, [7; 4096]).expect("a file");
    let mut bench = Bench::new("the same, 64 tasks at a time", FILES / TASKS * TASKS);
    let engines =
        [("op by op", None), ("plan, chain", Some(Lowering::Chain)), ("plan, staged", Some(Lowering::Staged))];
    for (name, lowering) in engines {
        let (path, dir) = (path.clone(), dir.clone());
        bench.add(name, Runtime::new().expect("a runtime"), move |runtime| {
            let _keep = &dir;
            runtime.block_on(async {
                let task = |path: PathBuf| async move {
                    let mut buf = vec![0; 4096];
                    for _ in 0..FILES / TASKS {
                        buf = match lowering {
                            None => op_by_op(&path, buf).await,
                            Some(lowering) => plan(&path, buf, lowering).await,
                        };
                    }
                    assert_eq!(buf[4095], 7);
                };
                let tasks: Vec<_> = (0..TASKS).map(|_| runtime::spawn(task(path.clone()))).collect();
                for task in tasks {
                    task.await.expect("no panic");
                }
            });
        });
    }
    bench
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
