//! Many tasks that sleep: what each takes, and that the others do not pay for them. The full million is a bench.

mod common;

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use runtime::{Runtime, spawn, task::yield_now, time::sleep};

const TASKS: usize = 100_000;
const YIELDS: u64 = 1000;

/// Memory of this process that is resident now, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// The shortest of a few times that a task takes to yield; what else the machine does makes it longer, never shorter.
async fn yields() -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..30 {
        let start = Instant::now();
        for _ in 0..YIELDS {
            yield_now().await;
        }
        least = least.min(start.elapsed());
    }
    least
}

#[test]
fn idle_tasks_are_small_and_cost_the_others_nothing() {
    let _alone = common::alone();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let alone = spawn(yields()).await.unwrap();
        let (before, start) = (resident(), runtime::metrics());
        let tasks: Vec<_> = (0..TASKS).map(|_| spawn(sleep(Duration::from_secs(3600)))).collect();
        // Each pass polls a part of them.
        while runtime::metrics().since(&start).task_polls < TASKS as u64 {
            yield_now().await;
        }
        // The handles are the test's own.
        let each = (resident() - before).saturating_sub(size_of_val(&tasks[..])) / TASKS;
        assert!(each < 320, "{each} bytes for a task and its timer");

        let start = runtime::metrics();
        let crowded = spawn(yields()).await.unwrap();
        let polls = runtime::metrics().since(&start).task_polls;
        assert!(polls < 31 * YIELDS, "{polls} polls: of tasks that have nothing to do");
        // A pass that looked at each of them would take thousands of times as long.
        assert!(crowded < alone * 4 + Duration::from_millis(1), "{crowded:?} beside {alone:?}");
        tasks.iter().for_each(|task| task.abort());
        for task in tasks {
            assert!(task.await.unwrap_err().is_cancelled());
        }
    });
    common::assert_clean(&runtime.shutdown());
}

/// Nothing in the drop of a runtime depends on how many tasks there are but the drops themselves.
#[test]
fn idle_tasks_are_dropped_with_the_runtime() {
    let _alone = common::alone();
    let dropped = Rc::new(());
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        for _ in 0..TASKS {
            let dropped = dropped.clone();
            drop(spawn(async move {
                let _dropped = dropped;
                std::future::pending::<()>().await;
            }));
        }
        yield_now().await;
    });
    drop(runtime);
    assert_eq!(Rc::strong_count(&dropped), 1);
}
