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
use examples::serving::{Seat, Shards};

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
    #[command(flatten)]
    shards: Shards,
    /// Follow symbolic links that lead out of the folder.
    #[arg(long)]
    follow_links: bool,
    /// Write no access log.
    #[arg(long)]
    quiet: bool,
    /// Connections per shard.
    #[arg(long, default_value_t = Limits::default().connections, value_parser = clap::value_parser!(u32).range(1..))]
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
}

impl Options {
    fn limits(&self) -> Limits {
        Limits {
            body: self.max_body,
            head_time: Duration::from_secs(self.head_seconds),
            idle_time: Duration::from_secs(self.idle_seconds),
            connections: self.connections,
            ..Limits::default()
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let (address, shards) = (SocketAddr::new(options.address, options.port), options.shards);
    let totals: Arc<[Totals]> = (0..shards.count()).map(|_| Totals::default()).collect();
    let announce = |address| format!("http://{address} on {} shards", shards.count());
    shards.serve(address, announce, move |index, seat| serve_shard(options, index, totals, seat))
}

async fn serve_shard(options: Options, index: usize, totals: Arc<[Totals]>, seat: Seat) -> Result<(), String> {
    let folder = Folder::open(options.root.clone(), options.follow_links).await;
    let folder = folder.map_err(|error| format!("cannot open {}: {error}", options.root.display()))?;
    let shard = Shard::new(index, totals, options.limits(), folder, AccessLog::new(!options.quiet));
    server::run(Rc::new(shard), seat).await
}
