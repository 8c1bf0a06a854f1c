//! A TCP proxy whose bytes never come to user space: plans of poll → splice → splice, one wake per 64 KiB.
//!
//! ```sh
//! cargo run --release -p examples --bin proxy -- --listen 127.0.0.1:9000 --to 127.0.0.1:8080
//! curl -i http://127.0.0.1:9000/
//! ```

#![forbid(unsafe_code)]

mod connection;
mod direction;

use std::{error::Error, net::SocketAddr, process::ExitCode, rc::Rc};

use clap::Parser;
use examples::serving::{Seat, Shards, accept};

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
    #[command(flatten)]
    shards: Shards,
    /// Seconds that connecting may take.
    #[arg(long, default_value_t = 5)]
    connect_seconds: u64,
    /// Connections per shard; more wait in the listener's backlog. Each has six descriptors: two sockets, two pipes.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let (listen, shards) = (options.listen, options.shards);
    let announce = |address| format!("{address} to {} on {} shards", options.to, shards.count());
    shards.serve(listen, announce, {
        let options = options.clone();
        move |_, seat| shard(options, seat)
    })
}

/// The proxy on one shard: a listener of its own, and a task for each connection.
async fn shard(options: Options, seat: Seat) -> Result<(), String> {
    let (listener, stop) = seat.listen()?;
    let (most, options) = (options.connections, Rc::new(options));
    let pass = |client| {
        let options = options.clone();
        async move {
            if let Err(error) = connection::pass(client, &options).await {
                eprintln!("proxy: {error}");
            }
        }
    };
    accept(listener, most, &stop, pass).await;
    Ok(())
}
