//! The words that the programs are written in; each runtime says what they mean on it.

use std::{io, path::Path};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Read,
    ReadWrite,
    /// Reads and writes go past the page cache.
    Direct,
}

pub const O_DIRECT: i32 = 0o40000;

impl How {
    /// For `custom_flags`.
    pub fn flags(self) -> i32 {
        if self == How::Direct { O_DIRECT } else { 0 }
    }

    pub fn writes(self) -> bool {
        self != How::Read
    }
}

/// A runtime with files.
pub trait Peer: 'static {
    type File: 'static;
    /// Memory of a length that stays, aligned as O_DIRECT wants it.
    type Block: 'static;

    fn run(work: impl Future<Output = ()> + 'static);
    /// Starts a task at once; the future waits for its end.
    fn spawn(work: impl Future<Output = ()> + 'static) -> impl Future<Output = ()>;

    async fn open(path: &Path, how: How) -> Self::File;
    async fn sync(file: &Self::File);
    async fn close(file: Self::File);

    fn block(file: &Self::File, len: usize) -> Self::Block;
    fn bytes(block: &Self::Block) -> &[u8];
    /// Of one that nothing was read into.
    fn bytes_mut(block: &mut Self::Block) -> &mut [u8];
    /// The whole block.
    async fn read(file: &Self::File, block: Self::Block, at: u64) -> Self::Block;
    async fn write(file: &Self::File, block: Self::Block, at: u64) -> Self::Block;
}

/// A result with its buffer, in whatever form.
pub trait Parts<T, B> {
    fn parts(self) -> (io::Result<T>, B);
}

impl<T, B> Parts<T, B> for (io::Result<T>, B) {
    fn parts(self) -> (io::Result<T>, B) {
        self
    }
}

impl<T, B> Parts<T, B> for compio::BufResult<T, B> {
    fn parts(self) -> (io::Result<T>, B) {
        (self.0, self.1)
    }
}

/// What is the same on runtimes whose files take owned buffers, and answer with them.
macro_rules! owned_buffers {
    ($file:ty, $options:ty) => {
        type File = $file;

        async fn open(path: &Path, how: How) -> $file {
            let mut options = <$options>::new();
            options.read(true).write(how.writes()).custom_flags(how.flags());
            options.open(path).await.expect("an open")
        }

        async fn sync(file: &$file) {
            file.sync_data().await.expect("a sync");
        }

        async fn close(file: $file) {
            file.close().await.expect("a close");
        }

        async fn read(file: &$file, block: Self::Block, at: u64) -> Self::Block {
            let (result, block) = file.read_exact_at(block, at).await.parts();
            result.expect("a read");
            block
        }

        async fn write(file: &$file, block: Self::Block, at: u64) -> Self::Block {
            // Some take a file by value, some a reference to be changed.
            let file = &mut &*file;
            let (result, block) = file.write_all_at(block, at).await.parts();
            result.expect("a write");
            block
        }
    };
}

pub(super) use owned_buffers;
