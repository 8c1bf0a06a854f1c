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
use examples::serving::{Seat, Shards};
use hyper_util::service::TowerToHyperService;
use tokio_rustls::TlsAcceptor;

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
    #[command(flatten)]
    shards: Shards,
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
    let acceptor = if options.tls { Some(tls::acceptor()?) } else { None };
    let (address, scheme) =
        (SocketAddr::new(options.address, options.port), if options.tls { "https" } else { "http" });
    let announce = |address| format!("{scheme}://{address}");
    options.shards.serve(address, announce, move |_, seat| shard(options, acceptor, seat))
}

async fn shard(options: Options, acceptor: Option<TlsAcceptor>, seat: Seat) -> Result<(), String> {
    match options.service {
        Kind::Hyper => connections::serve(seat, hyper_service::Files::new(options.root), acceptor).await,
        Kind::Axum => {
            let router = TowerToHyperService::new(axum_service::routes(options.root));
            connections::serve(seat, router, acceptor).await
        }
    }
}
