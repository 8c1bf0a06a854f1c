//! compio.

use std::{io, net};

use ::compio::{
    buf::{BufResult, IntoInner, IoBuf},
    io::{AsyncRead, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Runtime, spawn},
};

use super::{
    owned::{Stream, connection},
    work::Work,
};

pub fn serve(listener: net::TcpListener, work: Work) {
    Runtime::new().expect("a runtime").block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listener");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            spawn(connection(stream, work)).detach();
        }
    });
}

impl Stream for TcpStream {
    async fn read(&mut self, mut buf: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        buf.clear();
        let BufResult(count, buf) = AsyncRead::read(self, buf).await;
        (count, buf)
    }

    async fn write_all(&mut self, buf: Vec<u8>, len: usize) -> (io::Result<()>, Vec<u8>) {
        let BufResult(sent, buf) = AsyncWriteExt::write_all(self, buf.slice(..len)).await;
        (sent, buf.into_inner())
    }
}
