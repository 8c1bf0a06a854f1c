//! A web server on all CPUs: static files, an echo, and a page that shows what the rings do meanwhile.
//!
//! ```sh
//! cargo run --release -p examples --bin http -- --root . --shards 2
//! curl -i http://127.0.0.1:8080/README.md
//! ```
//!
//! Where to begin: `server` accepts, `connection` serves one connection, `protocol` reads requests (without I/O), `files`
//! answers with files by two plans.

#![forbid(unsafe_code)]

mod access_log;
mod connection;
mod files;
mod limits;
mod metrics;
mod protocol;
mod range;
mod reply;
mod request;
mod server;
mod shard;
mod status;

use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use clap::Parser;
use runtime::{
    Builder, TaskRun, select,
    signal::unix::{SignalKind, signal},
    sync::{CancellationToken, mpsc},
};

use self::{
    access_log::AccessLog,
    files::Folder,
    limits::Limits,
    shard::{Shard, Totals},
};

/// Serves the files of a folder over HTTP/1.1, with `/` (a live page), `/metrics` (Prometheus) and POST `/echo`.
#[derive(Clone, Debug, Parser)]
#[command(name = "http")]
struct Options {
    /// Port to listen on; 0 chooses one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Address to listen on. The default is reachable from this machine only.
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// Folder whose files are served.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// Threads, each with a ring and a listener of its own. Default: one per CPU.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    shards: Option<u32>,
    /// Follow symbolic links that lead out of the folder.
    #[arg(long)]
    follow_links: bool,
    /// Write no access log.
    #[arg(long)]
    quiet: bool,
    /// Connections per shard.
    #[arg(long, default_value_t = Limits::default().connections as u32, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Longest body of a request, in bytes.
    #[arg(long, default_value_t = Limits::default().body)]
    max_body: u64,
    /// Seconds that a client may take to send the head of a request.
    #[arg(long, default_value_t = Limits::default().head_time.as_secs())]
    head_seconds: u64,
    /// Seconds that a connection may stay open without a request.
    #[arg(long, default_value_t = Limits::default().idle_time.as_secs())]
    idle_seconds: u64,
    /// Seconds that requests under way may take to end after ctrl-c.
    #[arg(long, default_value_t = 10)]
    drain_seconds: u64,
}

impl Options {
    fn limits(&self) -> Limits {
        Limits {
            body: self.max_body,
            head_time: Duration::from_secs(self.head_seconds),
            idle_time: Duration::from_secs(self.idle_seconds),
            connections: self.connections as usize,
            ..Limits::default()
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http: {error}");
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
    let left = runtime.shutdown_graceful(Duration::from_secs(options.drain_seconds));
    if left.tasks_cancelled > 0 {
        eprintln!("http: {} tasks were cut off after {} s", left.tasks_cancelled, options.drain_seconds);
    }
    result
}

async fn serve(options: Options, shards: usize) -> Result<(), Box<dyn Error>> {
    // Settles the port, so that 0 means the same one for all. It takes no connection, which would be lost with it.
    let first = server::bind(SocketAddr::new(options.address, options.port))?;
    let address = first.local_addr()?;
    let totals: Arc<[Totals]> = (0..shards).map(|_| Totals::default()).collect();
    let stop = CancellationToken::new();
    // Nothing is sent: each shard drops its end once it listens, or fails.
    let (begins, mut all_begun) = mpsc::channel::<()>(1);
    let start = {
        let (stop, options) = (stop.clone(), options.clone());
        move |index: usize| serve_shard(options, index, address, totals, stop, begins)
    };
    let running = runtime::on_each_shard(start);
    all_begun.recv().await;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    println!("http://{address} on {shards} shards");
    drop(first);
    let mut running = std::pin::pin!(running);
    select! {
        // A shard ends early only if it fails.
        ended = &mut running => return first_error(ended),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop.cancel();
    let drain = Duration::from_secs(options.drain_seconds);
    match runtime::time::timeout(drain, running).await {
        Ok(ended) => first_error(ended),
        // The shutdown says what it cuts off.
        Err(_) => Ok(()),
    }
}

async fn serve_shard(
    options: Options,
    index: usize,
    address: SocketAddr,
    totals: Arc<[Totals]>,
    stop: CancellationToken,
    begins: mpsc::Sender<()>,
) -> Result<(), String> {
    let folder = Folder::open(options.root.clone(), options.follow_links).await;
    let folder = folder.map_err(|error| format!("cannot open {}: {error}", options.root.display()))?;
    let listener = server::listen(address).map_err(|error| error.to_string())?;
    drop(begins);
    let shard = Shard::new(index, totals, options.limits(), folder, AccessLog::new(!options.quiet));
    server::run(Rc::new(shard), listener, stop).await;
    Ok(())
}

fn first_error(ended: Vec<Result<Result<(), String>, runtime::task::JoinError>>) -> Result<(), Box<dyn Error>> {
    for shard in ended {
        shard??;
    }
    Ok(())
}
