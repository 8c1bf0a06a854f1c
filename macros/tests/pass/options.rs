//! Every option reaches the builder's method of its name; those that say nothing here reach none.
#[path = "../stand_in/mod.rs"]
mod stand_in;

#[runtime_macros::main(crate = stand_in)]
async fn none() -> String {
    stand_in::built()
}

#[runtime_macros::main(
    crate = "crate::stand_in",
    sq_entries = 256,
    cq_entries = 1024,
    slots = 0,
    lowering = "staged",
    task_run = "coop",
)]
async fn ours() -> String {
    stand_in::built()
}

#[runtime_macros::main(flavor = "multi_thread", worker_threads = 2, start_paused = true, crate = self::stand_in)]
async fn as_for_tokio() -> String {
    stand_in::built()
}

#[runtime_macros::main(shards = "all", pin = true, crate = stand_in)]
async fn all() -> String {
    stand_in::built()
}

#[runtime_macros::main(shards = 2, crate = stand_in)]
async fn two() -> String {
    stand_in::built()
}

macro_rules! through_a_macro {
    ($entries:literal, $slots:expr, $lowering:literal) => {
        #[runtime_macros::main(crate = $crate::stand_in, sq_entries = $entries, slots = $slots, lowering = $lowering)]
        async fn from_variables() -> String {
            stand_in::built()
        }
    };
}
through_a_macro!(2, 3, "gate");

#[runtime_macros::main(crate = stand_in)]
async fn main() {
    stand_in::yield_now().await;
    assert_eq!(none(), "");
    assert_eq!(ours(), "sq_entries(256) cq_entries(1024) slots(0) lowering(Staged) task_run(Coop)");
    assert_eq!(as_for_tokio(), "worker_threads(2) start_paused(true)");
    assert_eq!(all(), "shards(All) pin(true)");
    assert_eq!(two(), "shards(Count(2))");
    assert_eq!(from_variables(), "sq_entries(2) slots(3) lowering(Gate)");
}
