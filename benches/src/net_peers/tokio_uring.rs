//! tokio-uring.

use std::net;

use ::tokio_uring::{
    buf::BoundedBuf,
    net::{TcpListener, TcpStream},
};

use super::work::{Answer, MESSAGE_MAX, Work};

pub fn serve(listener: net::TcpListener, work: Work) {
    ::tokio_uring::start(async {
        let listener = TcpListener::from_std(listener);
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            drop(::tokio_uring::spawn(connection(stream, work)));
        }
    });
}

async fn connection(stream: TcpStream, work: Work) -> std::io::Result<()> {
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
