//! compio.

use std::path::Path;

use compio::{
    buf::{IoBuf, Slice},
    fs::{File, OpenOptions},
    io::{AsyncReadAtExt, AsyncWriteAtExt},
};

use super::{
    peer::{How, Parts, Peer, owned_buffers},
    place::aligned,
};

pub struct Compio;

impl Peer for Compio {
    owned_buffers!(File, OpenOptions);

    type Block = Slice<Vec<u8>>;

    fn run(work: impl Future<Output = ()> + 'static) {
        compio::runtime::Runtime::new().expect("a runtime").block_on(work);
    }

    fn spawn(work: impl Future<Output = ()> + 'static) -> impl Future<Output = ()> {
        let task = compio::runtime::spawn(work);
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
