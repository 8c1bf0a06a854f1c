//! A million tasks that sleep: what each takes, and what they cost the others.

use crate::{
    contest::{Bench, Sample},
    peers,
    report::Metric,
};

const TASKS: u32 = 1_000_000;

pub fn bench() -> Bench {
    let title = "a million tasks that sleep: bytes of each; waits are those of yields among them";
    let mut bench = Bench::new("million", "Memory", title).headline(Metric::Each).once();
    for peer in peers::all() {
        bench.add(peer.name, peer.kind(), move |scene| {
            let tasks = scene.scaled(TASKS);
            move || {
                let mut crowd = (peer.million)(tasks);
                let sample = Sample { operations: tasks.into(), wall: crowd.wall, ..Sample::default() };
                Sample { each: Some(crowd.each), ..sample.waits(&mut crowd.yields) }
            }
        });
    }
    bench
}
