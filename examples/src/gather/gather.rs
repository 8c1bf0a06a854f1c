//! Many into one: N reads, then 1 write of them all.

use std::io;

use runtime::join_all;

use crate::{
    blocks::Batch,
    buffers::{Buffer, Buffers},
    failure::Failure,
    outputs::Output,
    settle::is_short,
};

/// One plan: the reads at the same time, then the write, which takes the bytes from where they were read to. If this is
/// all there is to copy, the sync is the third stage of the plan.
pub async fn plan(batch: &Batch, mut buffers: Buffers, out: &Output) -> Result<Buffers, Failure> {
    let plan = join_all(batch.blocks.iter().map(|block| block.read(buffers.take(block.len))))
        .then(|loans| out.file.write_all_vectored_at(loans, batch.at));
    let (reads, written, synced) = if batch.whole {
        let (reads, (written, _), synced) = plan.then(|_| out.file.sync_data()).await;
        (reads, written, synced)
    } else {
        let (reads, (written, _)) = plan.await;
        (reads, written, Ok(()))
    };
    let mut pieces = Vec::with_capacity(reads.len());
    for (block, read) in batch.blocks.iter().zip(reads) {
        pieces.push(block.bytes(read)?);
    }
    settle(batch, written, pieces, &mut buffers, out).await?;
    out.synced(synced).await?;
    Ok(buffers)
}

/// One chain per block: a chain has no way to say "after several reads".
pub async fn chains(batch: &Batch, mut buffers: Buffers, out: &Output) -> Result<Buffers, Failure> {
    let chains = batch
        .blocks
        .iter()
        .map(|block| block.read(buffers.take(block.len)).then(|loan| out.file.write_all_at(loan, block.at)));
    let results = join_all(chains).await;
    for (block, (read, (written, _))) in batch.blocks.iter().zip(results) {
        let bytes = block.bytes(read)?;
        buffers.put(out.written(written, bytes, block.at).await?);
    }
    Ok(buffers)
}

/// The same, op by op.
pub async fn each(batch: &Batch, mut buffers: Buffers, out: &Output) -> Result<Buffers, Failure> {
    let mut pieces = Vec::with_capacity(batch.blocks.len());
    for block in &batch.blocks {
        pieces.push(block.bytes(block.read(buffers.take(block.len)).await)?);
    }
    if out.is_stream {
        for (block, piece) in batch.blocks.iter().zip(pieces) {
            buffers.put(out.write(piece, block.at).await?);
        }
        return Ok(buffers);
    }
    let (written, pieces) = out.file.write_all_vectored_at(pieces, batch.at).await;
    settle(batch, written, pieces, &mut buffers, out).await?;
    Ok(buffers)
}

/// Takes the result of the vectored write, and finishes a short one piece by piece.
async fn settle(
    batch: &Batch,
    written: io::Result<()>,
    pieces: Vec<Buffer>,
    buffers: &mut Buffers,
    out: &Output,
) -> Result<(), Failure> {
    let short = written.as_ref().is_err_and(is_short);
    if let Err(error) = written.as_ref()
        && !short
    {
        return Err(out.failure(error));
    }
    for (block, piece) in batch.blocks.iter().zip(pieces) {
        buffers.put(if short { out.write(piece, block.at).await? } else { piece });
    }
    Ok(())
}
