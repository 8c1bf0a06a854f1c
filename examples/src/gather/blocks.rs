//! Blocks, and the batches of them that become plans.

use std::{io, path::PathBuf, rc::Rc};

use runtime::{
    Io,
    fs::File,
    op::{Exact, Read},
    plan::One,
};

use crate::{
    buffers::{BLOCK, Buffer},
    failure::Failure,
};

/// A file to read, open. It closes with the last block of it.
#[derive(Debug)]
pub struct Source {
    pub path: PathBuf,
    pub file: File,
    pub size: u64,
}

/// A part of a source, and where it goes.
#[derive(Clone, Debug)]
pub struct Block {
    source: Rc<Source>,
    offset: u64,
    pub len: usize,
    /// Where it goes in the output, or in each of them.
    pub at: u64,
}

impl Block {
    /// The block of `source` that begins at `offset`, which is less than its size.
    pub fn cut(source: &Rc<Source>, offset: u64, at: u64) -> Block {
        let len = (source.size - offset).min(BLOCK as u64) as usize;
        Block { source: source.clone(), offset, len, at }
    }

    /// The op that reads it. It fails if the file has become shorter than its size was.
    pub fn read(&self, buffer: Buffer) -> Io<One<Read<Buffer, Exact>>> {
        self.source.file.read_exact_at(buffer, self.offset)
    }

    /// Turns the outcome of [`read`](Block::read) into the bytes.
    pub fn bytes(&self, (result, buffer): (io::Result<()>, Buffer)) -> Result<Buffer, Failure> {
        match result {
            Ok(()) => Ok(buffer),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let Source { path, size, .. } = &*self.source;
                let (path, end) = (path.display(), self.offset + self.len as u64);
                Err(Failure::new(format!(
                    "cannot read {path}: it ended before byte {end} and had {size} bytes when it was opened, so it was \
                     cut while it was read: copy it when nobody writes to it"
                )))
            }
            // The plan does not fit its lowering, and nothing was submitted; its first op is where it is said.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput && error.raw_os_error().is_none() => {
                Err(Failure::new(format!("{error}; or raise --sq-entries")))
            }
            Err(error) => Err(Failure::of("read", &self.source.path, &error)),
        }
    }
}

/// What one plan copies: consecutive blocks of the output.
#[derive(Debug)]
pub struct Batch {
    pub blocks: Vec<Block>,
    /// Where the first block goes.
    pub at: u64,
    /// There is no other batch, and the sync is to be part of this plan.
    pub whole: bool,
}

impl Batch {
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.len as u64).sum()
    }
}
