//! The same server on every shard, from the first listener to the last connection.

use std::{error::Error, net::SocketAddr, time::Duration};

use clap::Args;
use runtime::{
    Builder, TaskRun,
    net::TcpListener,
    select,
    signal::unix::{SignalKind, signal},
    sync::{CancellationToken, mpsc},
    task::JoinError,
    time::timeout,
};

use super::listen;

/// How many threads serve, and how they end.
#[derive(Clone, Copy, Debug, Args)]
pub struct Shards {
    /// Threads, each with a ring and a listener of its own. Default: one per CPU.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    shards: Option<u32>,
    /// Seconds that connections may take to end after ctrl-c.
    #[arg(long, default_value_t = 10)]
    drain_seconds: u64,
}

/// What a shard is given to serve.
#[derive(Clone, Debug)]
pub struct Seat {
    address: SocketAddr,
    /// Cancelled when no more connections are to be accepted.
    stop: CancellationToken,
    /// Nothing is sent: each shard drops its end once it listens, or fails.
    begins: mpsc::Sender<()>,
}

impl Seat {
    /// The shard's listener, and the token that says when to stop.
    ///
    /// # Errors
    /// Why it cannot listen.
    pub fn listen(self) -> Result<(TcpListener, CancellationToken), String> {
        let listener = listen::listen(self.address).map_err(|error| error.to_string())?;
        drop(self.begins);
        Ok((listener, self.stop))
    }
}

impl Shards {
    /// How many threads.
    pub fn count(self) -> usize {
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
        self.shards.map_or(cpus, |shards| shards as usize)
    }

    /// Runs `serve` on every shard until ctrl-c and then to its end, but no longer than the drain allows. Prints what
    /// `announce` says once all of them listen.
    ///
    /// # Errors
    /// If the address cannot be had, or a shard fails.
    pub fn serve<F, Fut>(
        self,
        address: SocketAddr,
        announce: impl FnOnce(SocketAddr) -> String,
        serve: F,
    ) -> Result<(), Box<dyn Error>>
    where
        F: FnOnce(usize, Seat) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<(), String>> + 'static,
    {
        let (count, drain) = (self.count(), Duration::from_secs(self.drain_seconds));
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
        // Handlers are short: no completion has to interrupt them, and Defer costs less per request.
        let runtime = Builder::new().shards(count).pin(count <= cpus).task_run(TaskRun::Defer).build()?;
        let result = runtime.block_on(until_interrupted(address, announce, serve, drain));
        let left = runtime.shutdown_graceful(Duration::ZERO);
        if left.tasks_cancelled > 0 {
            eprintln!("{} tasks were cut off after {drain:?}", left.tasks_cancelled);
        }
        result
    }
}

async fn until_interrupted<F, Fut>(
    address: SocketAddr,
    announce: impl FnOnce(SocketAddr) -> String,
    serve: F,
    drain: Duration,
) -> Result<(), Box<dyn Error>>
where
    F: FnOnce(usize, Seat) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<(), String>> + 'static,
{
    // Settles the port, so that 0 means the same one for all. It takes no connection, which would be lost with it.
    let holder = listen::bind(address)?;
    let address = holder.local_addr()?;
    let stop = CancellationToken::new();
    let (begins, mut all_begun) = mpsc::channel::<()>(1);
    let seat = Seat { address, stop: stop.clone(), begins };
    let mut running = std::pin::pin!(runtime::on_each_shard(move |index| serve(index, seat)));
    all_begun.recv().await;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    println!("{}", announce(address));
    drop(holder);
    select! {
        // A shard ends early only if it fails.
        ended = &mut running => return first_error(ended),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop.cancel();
    match timeout(drain, running).await {
        Ok(ended) => first_error(ended),
        // The shutdown cuts off the rest, and says so.
        Err(_) => Ok(()),
    }
}

fn first_error(ended: Vec<Result<Result<(), String>, JoinError>>) -> Result<(), Box<dyn Error>> {
    for shard in ended {
        shard??;
    }
    Ok(())
}
