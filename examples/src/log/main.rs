//! A durable log over TCP: a record is acknowledged once it is safe on the device. And a client that tests just that.
//!
//! ```sh
//! cargo run --release -p examples --bin log -- serve --dir /tmp/records --port 7000
//! cargo run --release -p examples --bin log -- load --port 7000 --clients 64 --records 100000 --verify
//! ```
//!
//! What to read first: `committer`, where N appends → 1 fdatasync → M acknowledgements are one plan.

#![forbid(unsafe_code)]

mod committer;
mod load;
mod record;
mod serve;
mod session;
mod storage;
mod verify;
mod wire;

use std::{error::Error, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

/// A durable log over TCP.
#[derive(Debug, Parser)]
#[command(name = "log")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keeps a log in a folder, and serves it.
    Serve(Serve),
    /// Appends records, many clients at once, and reports.
    Load(Load),
}

#[derive(Clone, Debug, Args)]
struct Serve {
    /// Folder of the log; it is made if it is not there.
    #[arg(long)]
    dir: PathBuf,
    /// Port to listen on, on 127.0.0.1; 0 chooses one.
    #[arg(long, default_value_t = 7000)]
    port: u16,
    /// Most records of one write and sync.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1000))]
    batch: u32,
}

#[derive(Clone, Debug, Args)]
struct Load {
    /// Port of the server, on 127.0.0.1.
    #[arg(long, default_value_t = 7000)]
    port: u16,
    /// Connections.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: u32,
    /// Records in all.
    #[arg(long, default_value_t = 100_000)]
    records: u64,
    /// Bytes of a record.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(24..=1_000_000))]
    size: u32,
    /// Records that a client sends before it waits for the first acknowledgement.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pipeline: u32,
    /// Seconds to wait for a server that has gone away to come back.
    #[arg(long, default_value_t = 10)]
    patience: u64,
    /// Read the log back at the end, and look for every record that was acknowledged.
    #[arg(long)]
    verify: bool,
}

impl Load {
    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }
}

fn main() -> ExitCode {
    let result = match Options::parse().command {
        Command::Serve(options) => run(serve::serve(options)),
        Command::Load(options) => run(load::load(options)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("log: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs on one shard: a log has one end, and whoever appends there does so from one place.
fn run(work: impl Future<Output = Result<(), Box<dyn Error>>>) -> Result<(), Box<dyn Error>> {
    runtime::Runtime::new()?.block_on(work)
}
