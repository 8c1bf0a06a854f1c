//! A TCP proxy whose bytes never come to user space: plans of poll → splice → splice, one wake per 64 KiB.
//!
//! ```sh
//! cargo run --release -p examples --bin proxy -- --listen 127.0.0.1:9000 --to 127.0.0.1:8080
//! curl -i http://127.0.0.1:9000/
//! ```

#![forbid(unsafe_code)]

mod connection;
mod direction;
mod shard;

use std::{error::Error, net::SocketAddr, process::ExitCode, time::Duration};

use clap::Parser;
use runtime::{
    Builder, TaskRun, select,
    signal::unix::{SignalKind, signal},
    sync::{CancellationToken, mpsc},
    time::timeout,
};

/// Passes TCP connections on to another address.
#[derive(Clone, Debug, Parser)]
#[command(name = "proxy")]
struct Options {
    /// Where to listen; port 0 chooses one.
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// Where connections go: HOST:PORT. A name is looked up for each connection.
    #[arg(long)]
    to: String,
    /// Threads, each with a ring and a listener of its own. Default: one per CPU.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    shards: Option<u32>,
    /// Seconds that connecting may take.
    #[arg(long, default_value_t = 5)]
    connect_seconds: u64,
    /// Connections per shard; more wait in the listener's backlog. Each has six descriptors: two sockets, two pipes.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Seconds that connections may go on after ctrl-c.
    #[arg(long, default_value_t = 10)]
    drain_seconds: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
    let shards = options.shards.map_or(cpus, |shards| shards as usize);
    // Handlers are short: no completion has to interrupt them, and Defer costs less per request.
    let runtime = Builder::new().shards(shards).pin(shards <= cpus).task_run(TaskRun::Defer).build()?;
    let result = runtime.block_on(serve(options.clone(), shards));
    let left = runtime.shutdown_graceful(Duration::ZERO);
    if left.tasks_cancelled > 0 {
        eprintln!("proxy: {} tasks were cut off after {} s", left.tasks_cancelled, options.drain_seconds);
    }
    result
}

async fn serve(options: Options, shards: usize) -> Result<(), Box<dyn Error>> {
    // Settles the port, so that 0 means the same one for all. It takes no connection, which would be lost with it.
    let place = shard::bind(options.listen)?;
    let address = place.local_addr()?;
    let stop = CancellationToken::new();
    // Nothing is sent: each shard drops its end once it listens, or fails.
    let (begins, mut all_begun) = mpsc::channel::<()>(1);
    let start = {
        let (stop, options) = (stop.clone(), options.clone());
        move |_| shard::run(Options { listen: address, ..options }, stop, begins)
    };
    let mut running = std::pin::pin!(runtime::on_each_shard(start));
    all_begun.recv().await;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    println!("{address} to {} on {shards} shards", options.to);
    select! {
        // A shard ends early only if it fails.
        ended = &mut running => return first_error(ended),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop.cancel();
    match timeout(Duration::from_secs(options.drain_seconds), running).await {
        Ok(ended) => first_error(ended),
        // The shutdown cuts off the rest, and says so.
        Err(_) => Ok(()),
    }
}

fn first_error(ended: Vec<Result<Result<(), String>, runtime::task::JoinError>>) -> Result<(), Box<dyn Error>> {
    for shard in ended {
        shard??;
    }
    Ok(())
}
