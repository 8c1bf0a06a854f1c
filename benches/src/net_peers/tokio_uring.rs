//! tokio-uring.

use std::{io, net};

use ::tokio_uring::{
    buf::BoundedBuf,
    net::{TcpListener, TcpStream},
};

use super::{
    owned::{Stream, connection},
    work::Work,
};

pub fn serve(listener: net::TcpListener, work: Work) {
    ::tokio_uring::start(async {
        let listener = TcpListener::from_std(listener);
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            drop(::tokio_uring::spawn(connection(stream, work)));
        }
    });
}

impl Stream for TcpStream {
    async fn read(&mut self, buf: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        TcpStream::read(self, buf).await
    }

    async fn write_all(&mut self, buf: Vec<u8>, len: usize) -> (io::Result<()>, Vec<u8>) {
        let (sent, buf) = TcpStream::write_all(self, buf.slice(..len)).await;
        (sent, buf.into_inner())
    }
}
