//! The attribute macros on the real runtime.

use runtime::{IntoResult, op};

#[runtime::test]
async fn a_test_runs_in_a_runtime_of_its_own() {
    op::nop().await.unwrap();
}

#[runtime::test(sq_entries = 8, lowering = "gate", task_run = "defer", slots = 0)]
async fn options_reach_the_builder() -> std::io::Result<()> {
    let before = runtime::metrics();
    op::nop().then(|()| op::nop()).await.into_result()?;
    assert_eq!(runtime::metrics().since(&before).plans_gate, 1);
    Ok(())
}

#[runtime::test(flavor = "local", name = "storage")]
async fn a_runtime_has_a_name() {
    assert_eq!(runtime::Handle::current().name(), Some("storage"));
}

#[runtime::test(flavor = "multi_thread", worker_threads = 1)]
#[should_panic(expected = "on purpose")]
async fn other_attributes_stay() {
    panic!("on purpose");
}

#[runtime::main]
async fn entry(number: u8) -> u8 {
    runtime::task::yield_now().await;
    number + 1
}

#[test]
fn main_starts_a_runtime() {
    assert_eq!(entry(6), 7);
}

#[runtime::test(shards = 2)]
async fn a_test_on_two_shards() {
    let places = runtime::on_each_shard(|shard| async move { (shard, runtime::shard::current()) }).await;
    assert_eq!(places.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
}

#[runtime::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokios_words_for_it() {
    assert_eq!(runtime::shard::count(), 2);
}
