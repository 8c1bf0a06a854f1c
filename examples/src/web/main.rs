//! A web server of others' making on this runtime: a router of axum on hyper, over TCP or, by rustls, over TLS.
//!
//! ```sh
//! cargo run --release -p examples --features ecosystem --bin web -- --folder /tmp --tls
//! curl -k --upload-file notes https://127.0.0.1:8080/files/notes
//! curl -k https://127.0.0.1:8080/files/notes
//! ```

#![forbid(unsafe_code)]

mod routes;
mod serve;
mod tls;

use std::{error::Error, net::SocketAddr, path::PathBuf};

use clap::Parser;
use runtime::{net::TcpListener, select, signal};

/// Serves the files of a folder: GET and PUT /files/NAME.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen; port 0 chooses one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: SocketAddr,
    /// Where the files are.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// Speak TLS, with a certificate made for this run.
    #[arg(long)]
    tls: bool,
}

#[runtime::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let listener = TcpListener::bind(options.address).await?;
    let acceptor = if options.tls { Some(tls::acceptor()?) } else { None };
    let scheme = if options.tls { "https" } else { "http" };
    println!("{scheme}://{}", listener.local_addr()?);
    select! {
        never = serve::serve(&listener, routes::routes(options.folder), acceptor) => match never {},
        stop = signal::ctrl_c() => Ok(stop?),
    }
}
