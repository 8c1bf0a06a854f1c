//! One client's connection.

use std::{cell::Cell, io, net::SocketAddr, rc::Rc};

use runtime::{
    IntoResult,
    fs::File,
    net::{BufferPool, TcpStream},
    sync::local::{Notify, mpsc},
};

use crate::{
    committer::Append,
    record::RECORD_MAX,
    storage::Records,
    wire::{self, Frames},
};

/// Bytes of records that are sent at once.
const PIECE: usize = 256 << 10;

/// A client, as the committer knows it.
#[derive(Debug)]
pub struct Client {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    /// Records of this client that are not acknowledged.
    waiting: Cell<usize>,
    /// None are.
    settled: Notify,
}

impl Client {
    pub fn new(stream: TcpStream, peer: SocketAddr) -> Client {
        Client { stream, peer, waiting: Cell::new(0), settled: Notify::new() }
    }

    /// So many of its records have been acknowledged.
    pub fn answered(&self, count: usize) {
        self.waiting.set(self.waiting.get() - count);
        if self.waiting.get() == 0 {
            self.settled.notify_waiters();
        }
    }

    async fn settle(&self) {
        while self.waiting.get() > 0 {
            self.settled.notified().await;
        }
    }
}

/// Serves a client until it has done.
///
/// # Errors
/// Those of the connection, and of a client that does not keep to the protocol.
pub async fn serve(client: Rc<Client>, appends: mpsc::Sender<Append>, file: Rc<File>) -> io::Result<()> {
    let mut bytes = client.stream.recv_stream(&BufferPool::of_shard()?);
    let mut frames = Frames::default();
    while let Some(lease) = bytes.next().await {
        frames.feed(&lease?);
        while let Some((kind, bytes)) = frames.next()? {
            match kind {
                wire::APPEND if bytes.len() <= RECORD_MAX => {
                    client.waiting.set(client.waiting.get() + 1);
                    let append = Append { bytes: bytes.to_vec(), client: client.clone() };
                    // Waits while the committer has enough to do; meanwhile nothing is read from this client.
                    appends.send(append).await.map_err(|_| io::Error::other("the log is closed"))?;
                }
                wire::REPLAY => {
                    let from = wire::position(bytes)?.0;
                    // Nothing else is sent meanwhile.
                    client.settle().await;
                    replay(&client, &file, from).await?;
                }
                _ => return refuse(&client, "no such request").await,
            }
        }
    }
    // The peer may have closed only its side; what it has sent is acknowledged before this one is.
    client.settle().await;
    Ok(())
}

/// Sends what is in the file from a position on. No sync runs for this client's records, so what it has is acknowledged;
/// of others' it may see some that are not yet.
async fn replay(client: &Client, file: &File, from: u64) -> io::Result<()> {
    let end = file.metadata().await?.len();
    let mut records = Records::new(file, from, end);
    let mut out = Vec::with_capacity(PIECE);
    while let Some((position, bytes)) = records.next().await? {
        wire::write(&mut out, wire::RECORD, &[&position.to_le_bytes(), bytes]);
        if out.len() >= PIECE {
            out = client.stream.send_all(out).await.into_result()?;
            out.clear();
        }
    }
    wire::write(&mut out, wire::END, &[]);
    client.stream.send_all(out).await.into_result()?;
    Ok(())
}

async fn refuse(client: &Client, why: &str) -> io::Result<()> {
    client.settle().await;
    let mut out = Vec::new();
    wire::write(&mut out, wire::REFUSED, &[why.as_bytes()]);
    client.stream.send_all(out).await.into_result()?;
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}
