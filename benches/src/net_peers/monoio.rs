//! monoio.

use std::{io, net};

use ::monoio::{
    IoUringDriver, RuntimeBuilder,
    buf::IoBuf,
    io::{AsyncReadRent, AsyncWriteRentExt},
    net::{TcpListener, TcpStream},
};

use super::{
    owned::{Stream, connection},
    work::{MESSAGE_MAX, Work},
};

pub fn serve(listener: net::TcpListener, work: Work) {
    let mut runtime = RuntimeBuilder::<IoUringDriver>::new().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listener");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            match work {
                Work::Lean => drop(::monoio::spawn(lean(stream))),
                _ => drop(::monoio::spawn(connection(stream, work))),
            }
        }
    });
}

impl Stream for TcpStream {
    async fn read(&mut self, buf: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        AsyncReadRent::read(self, buf).await
    }

    async fn write_all(&mut self, buf: Vec<u8>, len: usize) -> (io::Result<()>, Vec<u8>) {
        let (sent, buf) = AsyncWriteRentExt::write_all(self, buf.slice(..len)).await;
        (sent.map(drop), buf.into_inner())
    }
}

/// Waits without a buffer.
async fn lean(mut stream: TcpStream) -> io::Result<()> {
    loop {
        stream.readable(false).await?;
        let (count, buf) = AsyncReadRent::read(&mut stream, vec![0; MESSAGE_MAX]).await;
        let count = count?;
        if count == 0 {
            return Ok(());
        }
        Stream::write_all(&mut stream, buf, count).await.0?;
    }
}
