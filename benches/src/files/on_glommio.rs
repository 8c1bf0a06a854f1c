//! glommio, which owns its buffers.

use std::{path::Path, rc::Rc};

use glommio::{
    LocalExecutorBuilder, Placement,
    io::{BufferedFile, DmaBuffer, DmaFile, OpenOptions, ReadResult},
};

use super::peer::{How, Peer};

pub struct Glommio;

pub enum File {
    Buffered(BufferedFile),
    Direct(DmaFile),
}

pub enum Block {
    /// For buffered writes.
    Bytes(Vec<u8>),
    /// For direct ones.
    Aligned(Rc<DmaBuffer>),
    Read(ReadResult),
}

impl Peer for Glommio {
    type File = File;
    type Block = Block;

    fn run(work: impl Future<Output = ()> + 'static) {
        LocalExecutorBuilder::new(Placement::Unbound).make().expect("an executor").run(work);
    }

    fn spawn(work: impl Future<Output = ()> + 'static) -> impl Future<Output = ()> {
        glommio::spawn_local(work)
    }

    async fn open(path: &Path, how: How) -> File {
        let mut options = OpenOptions::new();
        options.read(true).write(how.writes());
        match how {
            How::Direct => File::Direct(options.dma_open(path).await.expect("an open")),
            How::Read | How::ReadWrite => File::Buffered(options.buffered_open(path).await.expect("an open")),
        }
    }

    async fn sync(file: &File) {
        match file {
            File::Buffered(file) => file.fdatasync().await.expect("a sync"),
            File::Direct(file) => file.fdatasync().await.expect("a sync"),
        }
    }

    async fn close(file: File) {
        match file {
            File::Buffered(file) => file.close().await.expect("a close"),
            File::Direct(file) => file.close().await.expect("a close"),
        }
    }

    fn block(file: &File, len: usize) -> Block {
        match file {
            File::Buffered(_) => Block::Bytes(vec![0; len]),
            File::Direct(file) => Block::Aligned(Rc::new(file.alloc_dma_buffer(len))),
        }
    }

    fn bytes(block: &Block) -> &[u8] {
        match block {
            Block::Bytes(bytes) => bytes,
            Block::Aligned(bytes) => bytes.as_bytes(),
            Block::Read(bytes) => bytes,
        }
    }

    fn bytes_mut(block: &mut Block) -> &mut [u8] {
        match block {
            Block::Bytes(bytes) => bytes,
            Block::Aligned(bytes) => Rc::get_mut(bytes).expect("no write is under way").as_bytes_mut(),
            Block::Read(_) => panic!("the bytes of a read are glommio's own"),
        }
    }

    async fn read(file: &File, block: Block, at: u64) -> Block {
        let len = Glommio::bytes(&block).len();
        let read = match file {
            File::Buffered(file) => file.read_at(at, len).await,
            File::Direct(file) => file.read_at_aligned(at, len).await,
        };
        let read = read.expect("a read");
        assert_eq!(read.len(), len, "a short read");
        Block::Read(read)
    }

    async fn write(file: &File, block: Block, at: u64) -> Block {
        match file {
            File::Buffered(file) => {
                // It keeps what it writes.
                let bytes = Glommio::bytes(&block).to_vec();
                assert_eq!(file.write_at(bytes, at).await.expect("a write"), Glommio::bytes(&block).len());
            }
            File::Direct(file) => {
                let bytes = match &block {
                    Block::Aligned(bytes) => bytes.clone(),
                    // What it has read can be read only.
                    Block::Bytes(_) | Block::Read(_) => {
                        let mut bytes = file.alloc_dma_buffer(Glommio::bytes(&block).len());
                        bytes.as_bytes_mut().copy_from_slice(Glommio::bytes(&block));
                        Rc::new(bytes)
                    }
                };
                assert_eq!(file.write_rc_at(bytes, at).await.expect("a write"), Glommio::bytes(&block).len());
            }
        }
        block
    }
}
