//! The end of the log. While a batch is written, the next one gathers.

use std::{error::Error, io, net::Shutdown, rc::Rc, time::Duration};

use runtime::{join_all, sync::local::mpsc};

use crate::{record, session::Client, storage::Storage, wire};

/// How long a client may take to accept its acknowledgements. Then it is cut off: others wait for the same plan.
const SEND_TIME: Duration = Duration::from_secs(1);

/// A record that somebody wants to be safe.
#[derive(Debug)]
pub struct Append {
    pub bytes: Vec<u8>,
    pub client: Rc<Client>,
}

/// Commits batch after batch, until nobody is left to append.
///
/// # Errors
/// If the file cannot be written or synced. What is on the device is not known then: the log has to be opened again.
pub async fn commit(
    mut storage: Storage,
    mut appends: mpsc::Receiver<Append>,
    batch_max: usize,
) -> Result<(), Box<dyn Error>> {
    let mut batch = Vec::new();
    while appends.recv_many(&mut batch, batch_max).await > 0 {
        let position = storage.end;
        let (records, mut acknowledgements) = arrange(&mut storage.end, batch.drain(..));
        let sends = acknowledgements
            .iter_mut()
            .map(|(client, frames, _)| client.stream.send_all(std::mem::take(frames)).timeout(SEND_TIME));
        // N appends → 1 fdatasync → M acknowledgements: no acknowledgement is sent unless all before it is done.
        let ((written, _), synced, sent) = storage
            .file
            .write_all_vectored_at(records, position)
            .then(|_| storage.file.sync_data())
            .then(|_| join_all(sends))
            .await;
        written.map_err(|error| format!("cannot write the log: {error}"))?;
        synced.map_err(|error| format!("cannot sync the log: {error}"))?;
        for ((client, _, count), (result, _)) in acknowledgements.iter().zip(sent) {
            client.answered(*count);
            if let Err(error) = result {
                cut_off(client, &error).await;
            }
        }
    }
    Ok(())
}

type Acknowledgements = Vec<(Rc<Client>, Vec<u8>, usize)>;

/// The records as they go to the file, and for each client of them its acknowledgements, as one piece of bytes.
fn arrange(end: &mut u64, batch: impl Iterator<Item = Append>) -> (Vec<Vec<u8>>, Acknowledgements) {
    let (mut records, mut all) = (Vec::new(), Acknowledgements::new());
    for Append { bytes, client } in batch {
        let record = record::write(*end, &bytes);
        let index = all.iter().position(|(other, ..)| Rc::ptr_eq(other, &client));
        let index = index.unwrap_or_else(|| {
            all.push((client, Vec::new(), 0));
            all.len() - 1
        });
        let (_, frames, count) = &mut all[index];
        wire::write(frames, wire::ACKNOWLEDGED, &[&end.to_le_bytes()]);
        *count += 1;
        *end += record.len() as u64;
        records.push(record);
    }
    (records, all)
}

/// A client that is gone, or takes nothing. Its session sees the end of its bytes.
async fn cut_off(client: &Client, error: &io::Error) {
    if error.kind() == io::ErrorKind::TimedOut {
        eprintln!("log: {} takes no acknowledgements, and is cut off", client.peer);
    }
    let _ = client.stream.shutdown_how(Shutdown::Both).await;
}
