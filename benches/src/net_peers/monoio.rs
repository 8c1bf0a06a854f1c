//! monoio.

use std::net;

use ::monoio::{
    IoUringDriver, RuntimeBuilder,
    buf::IoBuf,
    io::{AsyncReadRent, AsyncWriteRentExt},
    net::{TcpListener, TcpStream},
};

use super::work::{Answer, MESSAGE_MAX, Work};

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

async fn connection(mut stream: TcpStream, work: Work) -> std::io::Result<()> {
    let (mut session, mut input, mut out) = (work.session(), vec![0; MESSAGE_MAX], Vec::new());
    loop {
        let (count, buf) = stream.read(input).await;
        let count = count?;
        if count == 0 {
            return Ok(());
        }
        input = buf;
        match session.answer(&input[..count], &mut out) {
            Answer::Input => {
                let (sent, buf) = stream.write_all(input.slice(..count)).await;
                sent?;
                input = buf.into_inner();
            }
            Answer::Out => {
                let sent;
                (sent, out) = stream.write_all(out).await;
                sent?;
            }
        }
    }
}

/// Waits without a buffer.
async fn lean(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        stream.readable(false).await?;
        let (count, buf) = stream.read(vec![0; MESSAGE_MAX]).await;
        let count = count?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(buf.slice(..count)).await.0?;
    }
}
