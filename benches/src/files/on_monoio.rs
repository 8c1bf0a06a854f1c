//! monoio.

use std::path::Path;

use monoio::{
    buf::{IoBufMut, SliceMut},
    fs::{File, OpenOptions},
};

use std::os::unix::fs::OpenOptionsExt;

use super::{
    peer::{How, Parts, Peer, owned_buffers},
    place::aligned,
};

pub struct Monoio;

impl Peer for Monoio {
    owned_buffers!(File, OpenOptions);

    type Block = SliceMut<Vec<u8>>;

    fn run(work: impl Future<Output = ()> + 'static) {
        monoio::RuntimeBuilder::<monoio::IoUringDriver>::new().build().expect("a runtime").block_on(work);
    }

    fn spawn(work: impl Future<Output = ()> + 'static) -> impl Future<Output = ()> {
        monoio::spawn(work)
    }

    fn block(_: &File, len: usize) -> Self::Block {
        let (memory, range) = aligned(len);
        memory.slice_mut(range)
    }

    fn bytes(block: &Self::Block) -> &[u8] {
        block
    }

    fn bytes_mut(block: &mut Self::Block) -> &mut [u8] {
        let range = block.begin()..block.end();
        &mut block.get_mut()[range]
    }
}
