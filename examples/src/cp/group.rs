//! One group: its reads at the same time, and then one write of them all, from where they were read to.

use std::io;

use runtime::{
    buf::{IoBuf, Slice},
    fs::{File, FixedBuf, FixedBuffers},
    join_all,
};

/// A group of blocks that lie side by side.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    pub offset: u64,
    pub length: usize,
    pub block: usize,
}

/// Which of a group's ops failed.
#[derive(Debug)]
pub enum Failure {
    Read(io::Error),
    Write(io::Error),
}

impl Group {
    /// Copies it.
    ///
    /// The plan is flat, N reads : 1 write, so groups of SQEs serve it, or a gate, with one `io_uring_enter` each; the
    /// staged engine takes two, which all groups in flight share.
    pub async fn copy(self, source: &File, destination: &File, buffers: &FixedBuffers) -> Result<(), Failure> {
        let mut pieces = Vec::with_capacity(self.length.div_ceil(self.block));
        for start in (0..self.length).step_by(self.block) {
            let length = self.block.min(self.length - start);
            let mut buffer = buffers.take().await;
            // A slice is cut from the bytes that are there; the read fills them anew.
            buffer.set_len(length);
            pieces.push((buffer.slice(..length), self.offset + start as u64));
        }
        let reads = pieces.into_iter().map(|(piece, offset)| source.read_exact_at(piece, offset));
        let plan = join_all(reads).then(|loans| destination.write_all_vectored_at(loans, self.offset));
        let (reads, (written, _)) = plan.await;
        // The buffers go back to the pool here.
        let failed = reads.into_iter().find_map(|(result, _): (io::Result<()>, Slice<FixedBuf>)| result.err());
        match (failed, written) {
            (Some(error), _) => Err(Failure::Read(error)),
            (None, Err(error)) => Err(Failure::Write(error)),
            (None, Ok(())) => Ok(()),
        }
    }
}
