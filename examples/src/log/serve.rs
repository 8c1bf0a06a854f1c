//! The server: one end of the log, and a task for each client.

use std::{
    error::Error,
    io,
    net::Ipv4Addr,
    pin::pin,
    rc::Rc,
    time::{Duration, Instant},
};

use runtime::{
    net::TcpListener,
    select,
    signal::unix::{SignalKind, signal},
    sync::local::mpsc,
    task::JoinSet,
    time::sleep,
};

use crate::{
    Serve, committer,
    session::{self, Client},
    storage::Storage,
};

/// Records that may wait for the committer; then clients do.
const QUEUE: usize = 4096;
/// How long no client is accepted after an accept has failed: for want of descriptors, most often.
const PAUSE: Duration = Duration::from_millis(50);

/// How long to wait for a port that is in use.
const PORT_WAIT: Duration = Duration::from_secs(2);

/// Serves until ctrl-c.
///
/// # Errors
/// If the log cannot be opened, or not be written any more.
pub async fn serve(options: Serve) -> Result<(), Box<dyn Error>> {
    let storage = Storage::open(&options.dir).await?;
    let address = (Ipv4Addr::LOCALHOST, options.port);
    let listener = listen(address).await.map_err(|error| format!("cannot listen on {address:?}: {error}"))?;
    let file = Rc::new(storage.file.try_clone().await?);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    println!("{} from byte {}", listener.local_addr()?, storage.end);
    let (appends, queue) = mpsc::channel(QUEUE);
    let mut commits = pin!(committer::commit(storage, queue, options.batch as usize));
    let mut clients = JoinSet::new();
    loop {
        let accepted = select! {
            ended = &mut commits => return ended,
            accepted = listener.accept() => accepted,
            Some(_) = clients.join_next() => continue,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                stream.set_nodelay(true)?;
                let (appends, file) = (appends.clone(), file.clone());
                clients.spawn_local(async move {
                    if let Err(error) = session::serve(Rc::new(Client::new(stream, peer)), appends, file).await {
                        eprintln!("log: {peer}: {error}");
                    }
                });
            }
            Err(error) => {
                eprintln!("log: cannot accept: {error}; trying again in {PAUSE:?}");
                sleep(PAUSE).await;
            }
        }
    }
    // Nothing new is read; what was taken is written and acknowledged.
    drop((listener, appends));
    clients.shutdown().await;
    commits.await
}

/// Listens. A port is free a moment after its last owner was killed: the kernel ends the accept that it had in flight.
async fn listen(address: (Ipv4Addr, u16)) -> io::Result<TcpListener> {
    let end = Instant::now() + PORT_WAIT;
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < end => sleep(PAUSE).await,
            listener => return listener,
        }
    }
}
