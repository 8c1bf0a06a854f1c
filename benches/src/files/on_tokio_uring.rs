//! tokio-uring.

use std::{os::unix::fs::OpenOptionsExt, path::Path};

use tokio_uring::{
    buf::{BoundedBuf, Slice},
    fs::{File, OpenOptions},
};

use super::{
    peer::{How, Parts, Peer, owned_buffers},
    place::aligned,
};

pub struct TokioUring;

impl Peer for TokioUring {
    owned_buffers!(File, OpenOptions);

    type Block = Slice<Vec<u8>>;

    fn run(work: impl Future<Output = ()> + 'static) {
        tokio_uring::start(work);
    }

    fn spawn(work: impl Future<Output = ()> + 'static) -> impl Future<Output = ()> {
        let task = tokio_uring::spawn(work);
        async { task.await.expect("no panic") }
    }

    fn block(_: &File, len: usize) -> Self::Block {
        let (memory, range) = aligned(len);
        memory.slice(range)
    }

    fn bytes(block: &Self::Block) -> &[u8] {
        block
    }

    fn bytes_mut(block: &mut Self::Block) -> &mut [u8] {
        block
    }
}
