//! The look back: is every record that was acknowledged where it was said to be, byte by byte?

use std::{collections::HashMap, error::Error, io};

use runtime::{IntoResult, net::BufferPool};

use crate::{
    Load,
    load::{Safe, reach, receive, record},
    wire::{self, Frames},
};

/// Reads the whole log, and looks for `safe`.
///
/// # Errors
/// If one is missing or not what it was; the first one is named.
pub async fn verify(options: &Load, safe: Vec<Safe>) -> Result<(), Box<dyn Error>> {
    let count = safe.len();
    let mut missing: HashMap<u64, (u32, u64)> = HashMap::with_capacity(count);
    for (position, client, number) in safe {
        if let Some(other) = missing.insert(position, (client, number)) {
            return Err(format!(
                "two records were acknowledged at byte {position}: {other:?} and {:?}",
                (client, number)
            )
            .into());
        }
    }
    let stream = reach(options).await?;
    let mut request = Vec::new();
    wire::write(&mut request, wire::REPLAY, &[&0_u64.to_le_bytes()]);
    stream.send_all(request).await.into_result()?;
    let mut bytes = stream.recv_stream(&BufferPool::of_shard()?);
    let (mut frames, mut seen) = (Frames::default(), 0_u64);
    'all: loop {
        receive(&mut bytes, &mut frames).await?;
        while let Some((kind, bytes)) = frames.next()? {
            match kind {
                wire::RECORD => {
                    let (position, bytes) = wire::position(bytes)?;
                    seen += 1;
                    if let Some((client, number)) = missing.remove(&position)
                        && bytes != record(client, number, options.size as usize)
                    {
                        return Err(
                            format!("the record at byte {position} is not number {number} of client {client}").into()
                        );
                    }
                }
                wire::END => break 'all,
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "neither a record nor the end").into()),
            }
        }
    }
    match missing.iter().next() {
        None => {
            println!("{count} acknowledged records, none missing; {seen} in the log");
            Ok(())
        }
        Some((position, (client, number))) => {
            let lost = missing.len();
            Err(format!("{lost} acknowledged records are missing, among them number {number} of client {client} at byte {position}").into())
        }
    }
}
