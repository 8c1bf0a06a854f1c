//! Web servers of others' making on this runtime, one on each shard: a service of hyper's, or a router of axum's, over TCP
//! or, by rustls, over TLS.
//!
//! ```sh
//! cargo run --release -p examples --features ecosystem --bin hyper -- --service axum --root /tmp --tls
//! curl -k --upload-file notes https://127.0.0.1:8080/files/notes
//! curl -k -H 'Content-Type: application/json' -d '[1, 2, 3]' https://127.0.0.1:8080/sum
//! ```

#![forbid(unsafe_code)]

mod axum_service;
mod connections;
mod hyper_service;
mod tls;

use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, ValueEnum};
use hyper_util::service::TowerToHyperService;
use runtime::{
    Builder, TaskRun,
    net::{TcpListener, TcpSocket},
    select,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

/// Connections that wait for `accept`.
const BACKLOG: u32 = 1024;

/// Serves the files of a folder by hyper or axum, on each shard.
#[derive(Clone, Debug, Parser)]
#[command(name = "hyper")]
struct Options {
    /// Port to listen on; 0 chooses one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Address to listen on. The default is reachable from this machine only.
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// Where the files are.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// Threads, each with a ring and a listener of its own. Default: one per CPU.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    shards: Option<u32>,
    /// What answers.
    #[arg(long, value_enum, default_value_t = Kind::Hyper)]
    service: Kind,
    /// Speak TLS, with a certificate made for this run.
    #[arg(long)]
    tls: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// `/` says hello, all else is a file.
    Hyper,
    /// Files that can be put there at `/files/NAME`, and JSON at `/shard` and `/sum`.
    Axum,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hyper: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
    let shards = options.shards.map_or(cpus, |shards| shards as usize);
    // Handlers are short: no completion has to interrupt them, and Defer costs less per request.
    let mut builder = Builder::new();
    builder.shards(shards).pin(shards <= cpus).task_run(TaskRun::Defer);
    builder.build()?.block_on(everywhere(options))
}

async fn everywhere(options: Options) -> Result<(), Box<dyn Error>> {
    let acceptor = if options.tls { Some(tls::acceptor()?) } else { None };
    // Settles the port, so that 0 means the same one for all. It takes no connection, which would be lost with it.
    let place = bind(SocketAddr::new(options.address, options.port))?;
    let address = place.local_addr()?;
    // Nothing is sent: each shard drops its end once it listens, or fails.
    let (begins, mut all_begun) = mpsc::channel::<()>(1);
    let scheme = if options.tls { "https" } else { "http" };
    let serving = runtime::on_each_shard(move |_| shard(options, address, acceptor, begins));
    all_begun.recv().await;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    println!("{scheme}://{address}");
    select! {
        // A shard ends only if it fails.
        ended = serving => ended.into_iter().try_for_each(|shard| shard?.map_err(Into::into)),
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn shard(
    options: Options,
    address: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    begins: mpsc::Sender<()>,
) -> Result<(), String> {
    let listener = listen(address).map_err(|error| error.to_string())?;
    drop(begins);
    match options.service {
        Kind::Hyper => match connections::serve(&listener, hyper_service::Files::new(options.root), acceptor).await {},
        Kind::Axum => {
            let router = TowerToHyperService::new(axum_service::routes(options.root));
            match connections::serve(&listener, router, acceptor).await {}
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    bind(address)?.listen(BACKLOG)
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    let explain = |error| std::io::Error::other(format!("cannot listen on {address}: {error}"));
    socket.bind(address).map_err(explain)?;
    Ok(socket)
}
