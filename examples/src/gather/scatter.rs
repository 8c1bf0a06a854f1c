//! One into many: 1 read, then M writes of the same bytes.

use runtime::join_all;

use crate::{blocks::Batch, buffers::Buffers, failure::Failure, outputs::Output};

/// One plan: for each block a read and behind it the writes to all outputs, the blocks at the same time. The writes of
/// a block do not wait for other blocks. If this is all there is to copy, the syncs end the plan.
pub async fn plan(batch: &Batch, mut buffers: Buffers, outs: &[Output]) -> Result<Buffers, Failure> {
    let plan = join_all(batch.blocks.iter().map(|block| {
        block
            .read(buffers.take(block.len))
            .then(|loan| join_all(outs.iter().map(|out| out.file.write_all_at(loan, block.at))))
    }));
    let (groups, syncs) = if batch.whole {
        plan.then(|_| join_all(outs.iter().map(|out| out.file.sync_data()))).await
    } else {
        (plan.await, Vec::new())
    };
    for (block, (read, writes)) in batch.blocks.iter().zip(groups) {
        let mut bytes = block.bytes(read)?;
        for (out, (written, _)) in outs.iter().zip(writes) {
            bytes = out.written(written, bytes, block.at).await?;
        }
        buffers.put(bytes);
    }
    for (out, synced) in outs.iter().zip(syncs) {
        out.synced(synced).await?;
    }
    Ok(buffers)
}

/// One chain per block and output: a chain has one op behind another, so the source is read once for each output.
pub async fn chains(batch: &Batch, mut buffers: Buffers, outs: &[Output]) -> Result<Buffers, Failure> {
    let pairs = || batch.blocks.iter().flat_map(|block| outs.iter().map(move |out| (block, out)));
    let chains = pairs()
        .map(|(block, out)| block.read(buffers.take(block.len)).then(|loan| out.file.write_all_at(loan, block.at)));
    let results = join_all(chains).await;
    for ((block, out), (read, (written, _))) in pairs().zip(results) {
        let bytes = block.bytes(read)?;
        buffers.put(out.written(written, bytes, block.at).await?);
    }
    Ok(buffers)
}

/// The same, op by op.
pub async fn each(batch: &Batch, mut buffers: Buffers, outs: &[Output]) -> Result<Buffers, Failure> {
    for block in &batch.blocks {
        let mut bytes = block.bytes(block.read(buffers.take(block.len)).await)?;
        for out in outs {
            bytes = out.write(bytes, block.at).await?;
        }
        buffers.put(bytes);
    }
    Ok(buffers)
}
