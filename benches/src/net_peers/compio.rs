//! compio.

use std::net;

use ::compio::{
    buf::{BufResult, IntoInner, IoBuf},
    io::{AsyncRead, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Runtime, spawn},
};

use super::work::{Answer, MESSAGE_MAX, Work};

pub fn serve(listener: net::TcpListener, work: Work) {
    Runtime::new().expect("a runtime").block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listener");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            spawn(connection(stream, work)).detach();
        }
    });
}

async fn connection(mut stream: TcpStream, work: Work) -> std::io::Result<()> {
    let (mut session, mut input, mut out) = (work.session(), Vec::with_capacity(MESSAGE_MAX), Vec::new());
    loop {
        input.clear();
        let BufResult(count, buf) = stream.read(input).await;
        let count = count?;
        if count == 0 {
            return Ok(());
        }
        input = buf;
        match session.answer(&input[..count], &mut out) {
            Answer::Input => {
                let BufResult(sent, buf) = stream.write_all(input.slice(..count)).await;
                sent?;
                input = buf.into_inner();
            }
            Answer::Out => {
                let sent;
                BufResult(sent, out) = stream.write_all(out).await;
                sent?;
            }
        }
    }
}
