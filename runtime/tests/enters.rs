//! What a plan costs: calls of `io_uring_enter`, and that `metrics()` counts as strace does.

mod common;

use std::process::Command;

use common::{run, skipped_where_emulated};
use runtime::{
    IntoResult, Io, Lowering, Metrics,
    fs::{Advice, File},
    join, join_all, metrics, op,
    plan::One,
    spawn,
};

/// A file whose syncs never complete inline: the kernel hands every fsync to a worker thread.
async fn file() -> (tempfile::TempDir, File) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = dir.path().join("f");
    std::fs::write(&path, vec![1; 65_536]).unwrap();
    let file = File::options().read(true).write(true).open(path).await.unwrap();
    (dir, file)
}

/// An op that the kernel hands to a worker thread, and whose errors sever a chain as those of a sync do not.
fn by_worker(file: &File) -> Io<One<op::Advise>> {
    file.fadvise(0..4096, Advice::WillNeed)
}

fn since(before: &Metrics) -> Metrics {
    metrics().since(before)
}

#[test]
fn a_chain_costs_one_enter_whether_or_not_its_ops_complete_inline() {
    run(async {
        let (_dir, file) = file().await;
        for _ in 0..20 {
            let before = metrics();
            let plan = by_worker(&file).then(|_| by_worker(&file)).then(|_| file.sync_all());
            plan.lowering(Lowering::Chain).await.into_result().unwrap();
            assert_eq!((since(&before).enters, since(&before).task_polls), (1, 1), "three ops by workers");
            let before = metrics();
            op::nop().then(|_| op::nop()).lowering(Lowering::Chain).await.into_result().unwrap();
            assert_eq!(since(&before).enters, 1, "two nops inline");
            let before = metrics();
            let several = join!(by_worker(&file).then(|_| op::nop()), op::nop().then(|_| file.sync_data()));
            several.lowering(Lowering::Chain).await.into_result().unwrap();
            assert_eq!(since(&before).enters, 1, "two chains");
        }
    });
}

#[test]
fn a_staged_plan_costs_one_enter_per_level() {
    run(async {
        let (_dir, file) = file().await;
        for _ in 0..20 {
            let before = metrics();
            let plan = join!(file.sync_data(), file.sync_data(), op::nop())
                .then(|_| join_all((0..4).map(|_| file.sync_data())))
                .then(|_| join!(file.sync_data(), op::nop()))
                .then(|_| file.sync_all());
            plan.await.into_result().unwrap();
            assert_eq!((since(&before).enters, since(&before).task_polls), (4, 1), "depth 4, one wake");
            let before = metrics();
            let sequence = file.sync_data().then(|_| op::nop()).then(|_| file.sync_data());
            sequence.lowering(Lowering::Staged).await.into_result().unwrap();
            assert_eq!(since(&before).enters, 3, "a sequence of three");
        }
    });
}

#[test]
fn plans_that_are_ready_together_share_enters() {
    run(async {
        let (_dir, file) = file().await;
        let file = std::rc::Rc::new(file);
        let before = metrics();
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let file = file.clone();
                spawn(async move {
                    let read = || file.read_exact_at(vec![0; 4096], 0);
                    join!(read(), read()).then(|_| join!(read(), read())).await.into_result().map(drop)
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let enters = since(&before).enters;
        println!("100 staged plans of depth 2: {enters} enters");
        assert!(enters <= 20, "{enters}");
    });
}

#[test]
fn one_op_costs_one_enter_and_one_poll() {
    run(async {
        let (_dir, file) = file().await;
        let before = metrics();
        for _ in 0..10 {
            file.sync_data().await.unwrap();
            op::nop().await.unwrap();
        }
        assert_eq!((since(&before).enters, since(&before).task_polls), (20, 20));
    });
}

/// Prints how many enters a mixed workload took by the runtime's own count.
#[test]
#[ignore = "the workload of metrics_agree_with_strace, which runs it under strace"]
fn workload() {
    let runtime = runtime::Builder::new().build().unwrap();
    runtime.block_on(async {
        let (_dir, file) = file().await;
        for round in 0..50 {
            let lowering = if round % 2 == 0 { Lowering::Chain } else { Lowering::Staged };
            by_worker(&file).then(|_| op::nop()).lowering(lowering).await.into_result().unwrap();
            join!(op::nop(), file.sync_data()).then(|_| op::nop()).await.into_result().unwrap();
            runtime::time::sleep(std::time::Duration::from_micros(100)).await;
        }
        let waker = spawn(async { runtime::task::yield_now().await });
        waker.await.unwrap();
    });
    println!("enters={}", runtime.shutdown().enters);
}

#[test]
fn metrics_agree_with_strace() {
    if skipped_where_emulated("nothing is called io_uring_enter") {
        return;
    }
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: strace is not installed");
        return;
    }
    let out = Command::new("strace")
        .args(["-f", "-c", "-e", "trace=io_uring_enter"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "workload", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{stdout}\n{stderr}");
    let counted = stdout.split("enters=").nth(1).and_then(|text| text.split_whitespace().next()).unwrap();
    let line = stderr.lines().find(|line| line.ends_with("io_uring_enter")).expect("strace's table");
    // time, seconds, usecs/call, calls, [errors,] syscall
    let traced = line.split_whitespace().nth(3).unwrap();
    assert_eq!(counted, traced, "metrics() and strace");
}
