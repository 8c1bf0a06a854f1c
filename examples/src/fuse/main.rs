//! A passthrough file system: what is in a folder appears at another place, every call served by the runtime.
//!
//! ```sh
//! cargo run --release -p examples --bin fuse -- /usr/share /mnt
//! ls /mnt
//! ```
//!
//! Where to begin: `queue` takes requests from rings, or `device` from `/dev/fuse`; `operations` carries them out; `protocol`
//! reads and writes the bytes (without I/O); `inodes` knows the files.

#![forbid(unsafe_code)]

mod device;
mod file_system;
mod handles;
mod inodes;
mod mount;
mod operations;
mod protocol;
mod queue;
mod rings;
mod room;

use std::{error::Error, io, path::PathBuf, pin::pin, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use runtime::{
    Builder, Interface, TaskRun,
    fuse::Device,
    select,
    signal::unix::{SignalKind, signal},
    task::JoinError,
    time::timeout,
};
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit, umask};

use self::{file_system::FileSystem, mount::Mount};

/// Shows a folder at another place, by FUSE-over-io_uring (Linux 6.14), or else through /dev/fuse.
#[derive(Clone, Debug, Parser)]
#[command(name = "fuse")]
struct Options {
    /// Folder whose files appear.
    source: PathBuf,
    /// Folder where they appear. Ctrl-c, or `umount`, ends that.
    mountpoint: PathBuf,
    /// Read requests from /dev/fuse, even where the kernel can put them into rings.
    #[arg(long)]
    no_uring: bool,
    /// Requests per core that are served at once. Each has a buffer of 256 KiB.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    queue_depth: u16,
}

/// How long the end of the connection, and then the kernel's last word on each entry, is waited for.
const END: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fuse: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    // The kernel has taken the caller's umask off, and each file that it remembers is a descriptor here.
    umask(rustix::fs::Mode::empty());
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
    let rings = !options.no_uring && rings::are_enabled();
    // Operations are short: no completion has to interrupt them, and Defer costs less per request.
    let runtime = Builder::new()
        .shards(cpus)
        .pin(true)
        .wide_sqes(rings)
        .task_run(TaskRun::Defer)
        .shutdown_timeout(END)
        .build()?;
    runtime.block_on(serve(options, cpus, rings))
}

async fn serve(options: Options, shards: usize, rings: bool) -> Result<(), Box<dyn Error>> {
    let explain = |path: &PathBuf, error| format!("{}: {error}", path.display());
    let (source, point) = (&options.source, &options.mountpoint);
    let emulated = rings && runtime::metrics().kernel != Interface::IoUring;
    if emulated {
        eprintln!("fuse: no rings, but /dev/fuse: they are a part of io_uring");
    }
    let rings = rings && !emulated;
    let fs = Arc::new(FileSystem::open(source, geteuid().is_root()).map_err(|error| explain(source, error))?);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (mut mount, device) = Mount::new(source, point).await.map_err(|error| explain(point, error))?;
    let rings = device::begin(&device, rings).await?;
    let depth = usize::from(options.queue_depth);
    let way = if rings { format!("{} queues of {depth}", rings::count()) } else { "/dev/fuse".to_owned() };
    println!("{} on {} by {way}", source.display(), point.display());
    let mut running = pin!(runtime::on_each_shard(move |index| serve_shard(fs, device, rings, index, shards, depth)));
    select! {
        ended = &mut running => {
            // Unmounted by somebody else; after an error the mount's drop does it.
            first_error(ended)?;
            mount.is_gone();
            return Ok(());
        }
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    mount.unmount().await?;
    match timeout(END, &mut running).await {
        Ok(ended) => first_error(ended),
        Err(_) => {
            eprintln!("fuse: still in use elsewhere; what is open there fails with the end of this process");
            Ok(())
        }
    }
}

/// The queues of the CPUs that fall to this shard. What comes through the device falls to all where there are no rings.
async fn serve_shard(
    fs: Arc<FileSystem>,
    device: Device,
    rings: bool,
    index: usize,
    shards: usize,
    depth: usize,
) -> Result<(), String> {
    let mut serving = Vec::new();
    if !rings || index == 0 {
        serving.push(runtime::spawn(device::serve(fs.clone(), device.clone(), depth)));
    }
    if rings {
        for queue in (index..rings::count()).step_by(shards) {
            serving.push(runtime::spawn(queue::serve(fs.clone(), device.clone(), queue as u16, depth)));
        }
    }
    for task in serving {
        task.await.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn first_error(ended: Vec<Result<Result<(), String>, JoinError>>) -> Result<(), Box<dyn Error>> {
    for shard in ended {
        shard??;
    }
    Ok(())
}
