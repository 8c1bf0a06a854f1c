//! One into many, checked: 1 read, then M writes, then M reads of what was written, compared with the source.

use std::io;

use runtime::{is_not_run, join_all};

use crate::{
    blocks::{Batch, Block},
    buffers::{Buffer, Buffers},
    failure::Failure,
    outputs::Output,
};

/// One plan of depth 3 for each block, the blocks at the same time: read, writes, reads back. If this is all there is
/// to copy, the syncs end the plan.
pub async fn plan(batch: &Batch, mut buffers: Buffers, outs: &[Output]) -> Result<Buffers, Failure> {
    let plan = join_all(batch.blocks.iter().map(|block| {
        block
            .read(buffers.take(block.len))
            .then(|loan| join_all(outs.iter().map(|out| out.file.write_all_at(loan, block.at))))
            .then(|_| join_all(outs.iter().map(|out| out.file.read_exact_at(buffers.take(block.len), block.at))))
    }));
    let (groups, syncs) = if batch.whole {
        plan.then(|_| join_all(outs.iter().map(|out| out.file.sync_data()))).await
    } else {
        (plan.await, Vec::new())
    };
    for (block, (read, writes, reads_back)) in batch.blocks.iter().zip(groups) {
        let mut bytes = block.bytes(read)?;
        for (out, (written, _)) in outs.iter().zip(writes) {
            bytes = out.written(written, bytes, block.at).await?;
        }
        for (out, read_back) in outs.iter().zip(reads_back) {
            buffers.put(compare(block, &bytes, out, read_back).await?);
        }
        buffers.put(bytes);
    }
    for (out, synced) in outs.iter().zip(syncs) {
        out.synced(synced).await?;
    }
    Ok(buffers)
}

/// One chain of three ops per block and output; the source is read once for each output.
pub async fn chains(batch: &Batch, mut buffers: Buffers, outs: &[Output]) -> Result<Buffers, Failure> {
    let pairs = || batch.blocks.iter().flat_map(|block| outs.iter().map(move |out| (block, out)));
    let chains = pairs().map(|(block, out)| {
        block
            .read(buffers.take(block.len))
            .then(|loan| out.file.write_all_at(loan, block.at))
            .then(|_| out.file.read_exact_at(buffers.take(block.len), block.at))
    });
    let results = join_all(chains).await;
    for ((block, out), (read, (written, _), read_back)) in pairs().zip(results) {
        let bytes = block.bytes(read)?;
        let bytes = out.written(written, bytes, block.at).await?;
        buffers.put(compare(block, &bytes, out, read_back).await?);
        buffers.put(bytes);
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
        for out in outs {
            let read_back = out.file.read_exact_at(buffers.take(block.len), block.at).await;
            buffers.put(compare(block, &bytes, out, read_back).await?);
        }
        buffers.put(bytes);
    }
    Ok(buffers)
}

/// Compares what was read back, and gives its buffer back. It was not read if a short write had to be finished first.
async fn compare(
    block: &Block,
    bytes: &[u8],
    out: &Output,
    (result, mut read_back): (io::Result<()>, Buffer),
) -> Result<Buffer, Failure> {
    let failure = |error: io::Error| Failure::of("read back", &out.path, &error);
    match result {
        Err(error) if is_not_run(&error) => {
            let again;
            (again, read_back) = out.file.read_exact_at(read_back, block.at).await;
            again.map_err(failure)?;
        }
        result => result.map_err(failure)?,
    }
    match first_difference(bytes, &read_back) {
        None => Ok(read_back),
        Some(index) => {
            let (path, at) = (out.path.display(), block.at + index as u64);
            Err(Failure::new(format!(
                "{path} differs from the source at byte {at}: what was written is not what is read; nothing was \
                 replaced; check the device"
            )))
        }
    }
}

fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    if a == b {
        return None;
    }
    // Where one is the other's beginning, they differ where it ends.
    Some(a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(first_difference(b"abc", b"abc"), None);
        assert_eq!(first_difference(b"", b""), None);
        assert_eq!(first_difference(b"abc", b"axx"), Some(1));
        assert_eq!(first_difference(b"abc", b"ab"), Some(2));
        assert_eq!(first_difference(b"", b"a"), Some(0));
    }
}
