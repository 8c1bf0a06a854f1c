//! Two tasks of one shard that throw a message to and fro: what a wake, a poll and a channel cost.

use runtime::{Runtime, spawn, sync::local::mpsc};

use crate::{contest::Bench, measure::on, report::Kind};

const ROUND_TRIPS: u32 = 200_000;

pub fn bench() -> Bench {
    let mut bench =
        Bench::new("local-channel", "Tasks", "round trips between two tasks over two kinds of local channels");
    let runtime = || Runtime::new().expect("a runtime");
    bench.add("mpsc::channel(1)", Kind::Ours, move |_| {
        let mut runtime = runtime();
        move || on(&mut runtime, ROUND_TRIPS, |runtime| runtime.block_on(bounded()))
    });
    bench.add("mpsc::unbounded_channel", Kind::Ours, move |_| {
        let mut runtime = runtime();
        move || on(&mut runtime, ROUND_TRIPS, |runtime| runtime.block_on(unbounded()))
    });
    bench
}

async fn bounded() {
    let (ping, mut pings) = mpsc::channel(1);
    let (pong, mut pongs) = mpsc::channel(1);
    let echo = spawn(async move {
        while let Some(message) = pings.recv().await {
            pong.send(message).await.expect("a receiver");
        }
    });
    let player = spawn(async move {
        for message in 0..ROUND_TRIPS {
            ping.send(message).await.expect("a receiver");
            assert_eq!(pongs.recv().await, Some(message));
        }
    });
    player.await.expect("no panic");
    echo.await.expect("no panic");
}

async fn unbounded() {
    let (ping, mut pings) = mpsc::unbounded_channel();
    let (pong, mut pongs) = mpsc::unbounded_channel();
    let echo = spawn(async move {
        while let Some(message) = pings.recv().await {
            pong.send(message).expect("a receiver");
        }
    });
    let player = spawn(async move {
        for message in 0..ROUND_TRIPS {
            ping.send(message).expect("a receiver");
            assert_eq!(pongs.recv().await, Some(message));
        }
    });
    player.await.expect("no panic");
    echo.await.expect("no panic");
}
